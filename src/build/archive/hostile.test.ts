import { readdirSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { zipSync } from "fflate";
import { packTar, type TarEntry } from "modern-tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReleaseError } from "../../lib/errors.ts";
import { readTarGz } from "../../lib/tar-gz.ts";
import { readZipEntry } from "../../lib/zip.ts";
import { openContents } from "../../proof/archive.ts";
import { compareFiles } from "../../proof/compare.ts";
import { copyFromImage } from "../../release/install/image-file.ts";
import { publishDocument } from "../../targets/npm/document.ts";
import { readFields } from "../../targets/pypi/metadata.ts";
import { readPackageName } from "./read.ts";
import { normaliseTarGz } from "./tar.ts";
import { normaliseZip } from "./zip.ts";

fc.configureGlobal({ seed: 20261123 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-hostile-archive-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const metadata = "Metadata-Version: 2.1\nName: fast\nVersion: 1.0.0\n";
const entry = (name: string, body: string, more: Partial<TarEntry["header"]> = {}): TarEntry => ({
  header: { name, size: Buffer.byteLength(body), mtime: new Date(0), ...more },
  body,
});
const tarOf = async (entries: TarEntry[]) => Buffer.from(await packTar(entries));
const put = (name: string, bytes: Uint8Array): string => {
  writeFileSync(path.join(folder, name), bytes);
  return path.join(folder, name);
};
const sdist = { sort: true, mtime: 0, read: /PKG-INFO$/, algorithms: ["sha256"] as const };
const wheel = { mtime: 0, rank: () => 0, read: /METADATA$/, algorithms: ["sha256"] as const };
const wanted = { artifact: "a", version: "1.0.0", pythonVersion: "1.0.0" };

describe("an archive with anything changed in it", () => {
  const readers = (file: string): [string, () => Promise<unknown>][] => {
    const to = path.join(folder, "to");
    const npm = {
      name: "fast",
      version: "1.0.0",
      size: 1,
      sha512: "sha512:00",
      tag: "x",
      registry: "http://x",
    } as const;
    return [
      ["normaliseTarGz", () => normaliseTarGz(file, to, sdist)],
      ["normaliseZip", () => normaliseZip(file, to, wheel)],
      ["openContents", async () => (await openContents(file)).read(new Set(["a", "b"]))],
      ["readTarGz", () => readTarGz(file, () => true)],
      ["readZipEntry", () => readZipEntry(file, /./)],
      ["readFields of a wheel", () => readFields(file, "x.whl")],
      ["readFields of an sdist", () => readFields(file, "x.tar.gz")],
      ["readPackageName of a wheel", () => readPackageName(file, "wheel", wanted)],
      ["readPackageName of a tarball", () => readPackageName(file, "npm", wanted)],
      ["publishDocument", () => publishDocument({ ...npm, path: file, access: "public" })],
      ["copyFromImage", () => copyFromImage([file], "/a", to)],
    ];
  };

  it("is read, or refused in words; nothing hangs, and nothing is left of what was begun", async () => {
    const pax = { pax: { path: "ü/x", comment: "c", mtime: "12.5" } };
    const tar = await tarOf([
      ...[entry("fast-1.0.0/PKG-INFO", metadata), entry("a", "a".repeat(700), pax), entry("ü".repeat(120), "long")],
      ...[
        entry("l", "", { type: "symlink", linkname: "a", size: 0 }),
        entry("h", "", { type: "link", linkname: "a", size: 0 }),
      ],
      entry("package/package.json", '{"name":"fast","version":"1.0.0"}'),
    ]);
    const zip = Buffer.from(
      zipSync({
        "fast-1.0.0.dist-info/METADATA": Buffer.from(metadata),
        a: Buffer.alloc(900, "a"),
        "b/": Buffer.alloc(0),
      }),
    );
    const odd = fc.constantFrom(
      "\0",
      "\xff",
      "PK\x05\x06",
      "PK\x01\x02",
      "../../x",
      "9".repeat(11),
      "\x80",
      "ustar\x0000",
      "x",
      "g",
      "L",
      " ",
      "=\n",
    );
    const change = fc.tuple(fc.nat(), fc.nat(8), fc.oneof(odd, fc.string({ maxLength: 4 })));
    const whole = fc.constantFrom<[string, Buffer]>(["tar", tar], ["zip", zip], ["gz", gzipSync(tar)]);
    const property = fc.asyncProperty(
      whole,
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async ([kind, bytes], changes) => {
        let changed = bytes;
        for (const [at, length, by] of changes) {
          const start = at % changed.length;
          changed = Buffer.concat([
            changed.subarray(0, start),
            Buffer.from(by, "latin1"),
            changed.subarray(start + length),
          ]);
        }
        const file = put("in", kind === "tar" ? gzipSync(changed) : changed);
        for (const [name, read] of readers(file)) {
          let timer: NodeJS.Timeout | undefined;
          const late = new Promise<never>((_, reject) => {
            timer = setTimeout(() => reject(new TypeError(`${name} hangs`)), 20_000);
          });
          try {
            await Promise.race([read(), late]);
          } catch (error) {
            const words =
              error instanceof Error &&
              error.message !== "" &&
              !(error instanceof TypeError || error instanceof RangeError);
            if (!words) throw new Error(name, { cause: error });
          } finally {
            clearTimeout(timer);
          }
        }
        expect(readdirSync(folder).filter((one) => one !== "in" && one !== "to")).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: 80 });
  });
});

describe("a package", () => {
  it.each(["../x", "a/../../x", "/etc/x", "C:\\x", "a\\..\\..\\x", "a\nb", "\\\\host\\x"])(
    "can't have an entry called %j",
    async (name) => {
      const file = put("in.tar.gz", gzipSync(await tarOf([entry("a", "a", { pax: { path: name } })])));
      await expect(normaliseTarGz(file, path.join(folder, "to"), sdist)).rejects.toThrow("leads out of the package");
      if (name.includes("\n")) return;
      const zip = put("in.zip", zipSync({ [name]: Buffer.from("a") }));
      await expect(normaliseZip(zip, path.join(folder, "to"), wheel)).rejects.toThrow();
    },
  );

  it("can't have a hard link to a file outside, nor a date that is none", async () => {
    const linked = await tarOf([entry("h", "", { type: "link", linkname: "../../etc/passwd", size: 0 })]);
    const late = await tarOf([entry("a", "a", { pax: { mtime: "1e300" } })]);
    for (const [bytes, message] of [
      [linked, "leads out"],
      [late, "a date that is none"],
    ] as const) {
      await expect(normaliseTarGz(put("in", gzipSync(bytes)), path.join(folder, "to"), sdist)).rejects.toThrow(message);
    }
    expect([...(await openContents(put("in", gzipSync(late)))).entries.values()][0]?.facts.date).toBe("none");
  });
});

describe("a small archive that holds much", () => {
  const zeros = Buffer.alloc(24 << 20);

  it("gives no more of its metadata than metadata may have", async () => {
    const tar = put("in.tar.gz", gzipSync(await tarOf([entry("fast-1/PKG-INFO", zeros.toString("latin1"))])));
    expect((await readTarGz(tar, () => true)).get("fast-1/PKG-INFO")?.length).toBe(16 << 20);
    const zip = Buffer.from(zipSync({ "fast-1.dist-info/METADATA": zeros }, { level: 1 }));
    const bomb = put("in.whl", zip);
    await expect(readZipEntry(bomb, /METADATA$/)).rejects.toThrow("longer than 16777216 bytes");
    await expect(readFields(bomb, "in.whl")).rejects.toMatchObject({ code: "BUILD" });
    // It says that it is short, and isn't.
    const directory = zip.lastIndexOf(Buffer.from("PK\x01\x02"));
    zip.writeUInt32LE(100, directory + 24);
    await expect(readZipEntry(put("in.whl", zip), /METADATA$/)).rejects.toThrow();
    const lied = await normaliseZip(put("in.whl", zip), path.join(folder, "to"), wheel).catch((error: Error) => error);
    expect(lied).toBeInstanceOf(Error);
  });

  it("isn't in memory while it is compared", async () => {
    const file = put(
      "in.tar.gz",
      gzipSync(await tarOf(["a", "b"].map((name) => entry(name, zeros.toString("latin1"))))),
    );
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 5);
    const { entries } = await openContents(file);
    clearInterval(timer);
    expect([...entries.values()].map((one) => one.size)).toEqual([zeros.length, zeros.length]);
    expect(most).toBeLessThan(40 << 20);
  });

  it("of more readmes than anybody reads is no package", async () => {
    const many = Array.from({ length: 1001 }, (_, at) => entry(`d${at}/readme`, ""));
    await expect(readTarGz(put("in", gzipSync(await tarOf(many))), () => true)).rejects.toThrow("more of that");
  });

  it("with a version that is none is refused by name", async () => {
    const odd = metadata.replace("1.0.0", "1.0-from~me");
    const file = put("in.whl", zipSync({ "fast-1.dist-info/METADATA": Buffer.from(odd) }));
    await expect(readPackageName(file, "wheel", wanted)).rejects.toThrow("has version 1.0-from~me, not 1.0.0");
  });

  it("or is damaged, can't be compared, and the error says which", async () => {
    const good = gzipSync(await tarOf([entry("a", "a"), entry("b", "b".repeat(9999))]));
    put("good.tar.gz", good);
    put("bad.tar.gz", good.subarray(0, good.length - 20));
    const named = (name: string) => ({ name, size: 1, sha256: `sha256:${name}`, kind: "file", artifact: "a" }) as const;
    const options = { spellings: [], stamped: new Map(), reproduced: () => false };
    const error = await compareFiles(folder, named("good.tar.gz"), folder, named("bad.tar.gz"), options).catch(
      (one) => one,
    );
    expect(error).toBeInstanceOf(ReleaseError);
    expect(error).toMatchObject({ code: "BUILD" });
    expect(error.message).toContain("good.tar.gz and bad.tar.gz can't be compared");
    expect((await readFile(path.join(folder, "good.tar.gz"))).equals(good)).toBe(true);
  });
});
