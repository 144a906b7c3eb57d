import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { signAdHoc } from "../../scripts/sign.ts";

const end = 10_000;

/** A program with __TEXT, __LINKEDIT and a signature of 64 bytes that fits nothing. */
function program(): Buffer {
  const file = Buffer.alloc(end + 64, 7);
  file.fill(0, 0, 512);
  file.writeUInt32LE(0xfeedfacf, 0);
  file.writeUInt32LE(3, 16); // ncmds
  const segment = (at: number, name: string, offset: number, size: number) => {
    file.writeUInt32LE(0x19, at);
    file.writeUInt32LE(72, at + 4);
    file.write(name, at + 8, "latin1");
    file.writeBigUInt64LE(BigInt(offset), at + 40);
    file.writeBigUInt64LE(BigInt(size), at + 48);
  };
  segment(32, "__TEXT", 0, 4096);
  segment(104, "__LINKEDIT", 8192, end + 64 - 8192);
  file.writeUInt32LE(0x1d, 176);
  file.writeUInt32LE(16, 180);
  file.writeUInt32LE(end, 184);
  file.writeUInt32LE(64, 188);
  return file;
}

describe("signAdHoc", () => {
  const signed = signAdHoc(program(), "twotier");
  const directory = signed.subarray(end + 20);
  const word = (at: number) => directory.readUInt32BE(at);

  test("the last load command and the last segment cover the signature, to the end of the file", () => {
    expect(signed.readUInt32LE(184) + signed.readUInt32LE(188)).toBe(signed.length);
    expect(Number(signed.readBigUInt64LE(104 + 40) + signed.readBigUInt64LE(104 + 48))).toBe(signed.length);
    expect(Number(signed.readBigUInt64LE(104 + 32)) % 0x4000).toBe(0);
  });

  test("each page has its sha256, the load commands that were changed among them", () => {
    expect(word(0)).toBe(0xfade0c02);
    expect(word(4)).toBe(directory.length);
    expect([word(28), word(32)]).toEqual([3, end]);
    for (let page = 0; page < 3; page++) {
      const bytes = signed.subarray(page * 4096, Math.min((page + 1) * 4096, end));
      const at = word(16) + 32 * page;
      expect(directory.subarray(at, at + 32)).toEqual(createHash("sha256").update(bytes).digest());
    }
  });

  test("it is ad hoc, made by a linker, for a main program called as asked", () => {
    expect(word(12)).toBe(0x20002);
    expect(directory.toString("latin1", word(20), word(16))).toBe("twotier\0");
    expect(directory.readBigUInt64BE(72)).toBe(4096n);
    expect(directory.readBigUInt64BE(80)).toBe(1n);
  });

  test("signing twice is the same as once", () => {
    expect(signAdHoc(signed, "twotier")).toEqual(signed);
  });

  test("what is no such program is refused", () => {
    expect(() => signAdHoc(Buffer.from("#!/bin/sh\n"), "twotier")).toThrow("no 64-bit Mach-O program");
    const bare = program();
    bare.writeUInt32LE(2, 16);
    expect(() => signAdHoc(bare, "twotier")).toThrow("no place for a signature");
  });
});
