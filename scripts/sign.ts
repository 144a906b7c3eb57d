import { createHash } from "node:crypto";

/** Constants of <mach-o/loader.h> and of xnu's osfmk/kern/cs_blobs.h. */
const machO64 = 0xfeedfacf;
const segment64 = 0x19;
const codeSignature = 0x1d;
const superBlob = 0xfade0cc0;
const codeDirectory = 0xfade0c02;
/** CS_ADHOC and CS_LINKER_SIGNED, as Apple's and LLVM's linkers set them. */
const flags = 0x20002;
const pageSize = 4096;

/**
 * A Mach-O program with a new ad-hoc signature in the place of its old one: sha256 of each page of 4 KiB, no
 * certificate. Bun signs so what it compiles for arm64, where macOS runs nothing unsigned, but leaves its own signature on
 * what it compiles for x64, and that no longer fits the bytes.
 *
 * @param program 64-bit, little endian, with LC_CODE_SIGNATURE at its end
 * @throws Error where it isn't
 */
export function signAdHoc(program: Buffer, identifier: string): Buffer {
  if (program.readUInt32LE(0) !== machO64) throw new Error("this is no 64-bit Mach-O program");
  let signature: number | undefined;
  let linkedit: number | undefined;
  let text = 0n;
  for (let at = 32, left = program.readUInt32LE(16); left > 0; left--) {
    const command = program.readUInt32LE(at);
    const segment = command === segment64 ? program.toString("latin1", at + 8, at + 24).replace(/\0.*$/, "") : "";
    if (segment === "__TEXT") text = program.readBigUInt64LE(at + 48);
    if (segment === "__LINKEDIT") linkedit = at;
    if (command === codeSignature) signature = at;
    at += program.readUInt32LE(at + 4);
  }
  if (signature === undefined || linkedit === undefined) throw new Error("the program has no place for a signature");
  const end = program.readUInt32LE(signature + 8);
  const pages = Math.ceil(end / pageSize);
  const name = Buffer.from(`${identifier}\0`);
  const hashes = 88 + name.length;
  const length = hashes + 32 * pages;

  const signed = Buffer.concat([program.subarray(0, end), Buffer.alloc(20 + length)]);
  signed.writeUInt32LE(20 + length, signature + 12);
  const from = signed.readBigUInt64LE(linkedit + 40);
  const size = BigInt(signed.length) - from;
  signed.writeBigUInt64LE(size, linkedit + 48);
  const page = 0x4000n; // Apple silicon's: the larger of the two
  signed.writeBigUInt64LE(((size + page - 1n) / page) * page, linkedit + 32);

  // CS_SuperBlob with one CS_CodeDirectory of version 0x20400, all in big endian.
  const head = [superBlob, 20 + length, 1, 0, 20];
  const directory = [codeDirectory, length, 0x20400, flags, hashes, 88, 0, pages, end, (32 << 24) | (2 << 16) | 12];
  for (const [index, word] of [...head, ...directory].entries()) signed.writeUInt32BE(word >>> 0, end + 4 * index);
  signed.writeBigUInt64BE(text, end + 20 + 72); // execSegLimit; execSegBase is 0
  signed.writeBigUInt64BE(1n, end + 20 + 80); // CS_EXECSEG_MAIN_BINARY
  name.copy(signed, end + 20 + 88);
  for (let index = 0; index < pages; index++) {
    const page = signed.subarray(index * pageSize, Math.min((index + 1) * pageSize, end));
    createHash("sha256")
      .update(page)
      .digest()
      .copy(signed, end + 20 + hashes + 32 * index);
  }
  return signed;
}
