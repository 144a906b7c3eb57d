import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openPromise } from "yauzl";
import { digestFile } from "../../lib/hash.ts";
import { gunzipFile, gzip } from "./gzip.ts";
import { normaliseTarGz, pack } from "./tar.ts";
import { normaliseZip } from "./zip.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-archive-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function collect(data: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of data) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function* cut(data: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

/** Compressible, and longer than the compressor's window. */
function sample(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0, state = 1; at < size; at++) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    bytes[at] = at % 7 === 0 ? state >> 16 : 97 + (at % 11);
  }
  return bytes;
}

test("gzip gives the same bytes however its input is cut, and zlib reads them", async () => {
  const data = sample(700_001);
  const whole = await collect(gzip([data]));
  expect(gunzipSync(whole).equals(data)).toBe(true);
  for (const size of [1000, 65_536, 100_000]) {
    expect((await collect(gzip(cut(data, size)))).equals(whole)).toBe(true);
  }
  expect(whole.length).toBeLessThan(data.length / 2);
  // no name, no date (RFC 1952, 2.3.1)
  expect(whole.subarray(3, 8).every((byte) => byte === 0)).toBe(true);
});

test("gzip's bytes are these, on every Node and every machine", async () => {
  await writeFile(path.join(folder, "a"), await collect(gzip([sample(300_000)])));
  const { digests } = await digestFile(path.join(folder, "a"));
  expect(digests.sha256).toMatchInlineSnapshot(
    `"sha256:30a04ff2fb50a7e2c1b501a074659fdabec2a65e81f18c3ac9e26b27d8bbbe87"`,
  );
});

test("gunzipFile fails for a file that isn't there", async () => {
  await expect(collect(gunzipFile(path.join(folder, "none")))).rejects.toThrow("ENOENT");
});

test("tar reads what was packed: long, non-ASCII names, links, and nothing of the machine", async () => {
  const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(120)}.txt`;
  const archive = await collect(
    pack([
      { name: "p/", type: "directory", mode: 0o755, mtime: 1e9, size: 0 },
      { name: "p/ä.txt", type: "file", mode: 0o644, mtime: 1e9, size: 2, body: once("hi") },
      { name: long, type: "file", mode: 0o755, mtime: 1e9, size: 3, body: once("abc") },
      { name: "p/link", type: "symlink", mode: 0o777, mtime: 1e9, size: 0, linkname: "ä.txt" },
    ]),
  );
  await writeFile(path.join(folder, "a.tar"), archive);
  const listing = execFileSync("tar", ["--numeric-owner", "--quoting-style=literal", "-tvf", "a.tar"], {
    cwd: folder,
    env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" },
  });
  expect(listing.toString().replace(/ +/g, " ")).toBe(
    [
      "drwxr-xr-x 0/0 0 2001-09-09 01:46 p/",
      "-rw-r--r-- 0/0 2 2001-09-09 01:46 p/ä.txt",
      `-rwxr-xr-x 0/0 3 2001-09-09 01:46 ${long}`,
      "lrwxrwxrwx 0/0 0 2001-09-09 01:46 p/link -> ä.txt\n",
    ].join("\n"),
  );
});

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** The same tree twice, packed by GNU tar and gzip in ways that differ wherever they can. */
async function tarTwice(): Promise<[string, string]> {
  const tree = path.join(folder, "pkg-1.0");
  await mkdir(path.join(tree, "sub"), { recursive: true });
  for (const [name, text] of Object.entries({
    "b.txt": "b",
    "a.txt": "a",
    "sub/run.sh": "#!/bin/sh\n",
    "sub.txt": "",
  })) {
    await writeFile(path.join(tree, name), text);
  }
  await chmod(path.join(tree, "sub/run.sh"), 0o755);
  const tar = (name: string, args: string[]) =>
    execFileSync("tar", ["-czf", path.join(folder, name), ...args, "pkg-1.0"], { cwd: folder });
  tar("one.tar.gz", ["--format=pax", "--sort=name"]);
  for (const name of ["a.txt", "b.txt"]) await utimes(path.join(tree, name), 5, 5);
  await chmod(path.join(tree, "a.txt"), 0o600);
  await chmod(path.join(tree, "sub"), 0o700);
  await chmod(path.join(tree, "sub/run.sh"), 0o700);
  tar("two.tar.gz", ["--format=gnu", "--owner=someone:1234", "--group=others:99", "--sort=none"]);
  return [path.join(folder, "one.tar.gz"), path.join(folder, "two.tar.gz")];
}

const sdist = { mtime: 1e9, sort: true, read: /PKG-INFO$/, algorithms: ["sha256"] as const };

test("a tarball packed on another machine, by another user, in another order becomes the same bytes", async () => {
  const [one, two] = await tarTwice();
  const a = await normaliseTarGz(one, path.join(folder, "a"), sdist);
  const b = await normaliseTarGz(two, path.join(folder, "b"), sdist);
  expect(a.digests.sha256).not.toBe((await digestFile(one)).digests.sha256);
  expect(b).toEqual(a);
  expect((await digestFile(path.join(folder, "a"))).digests).toEqual(a.digests);
  expect(a.names).toEqual([
    "pkg-1.0/",
    "pkg-1.0/a.txt",
    "pkg-1.0/b.txt",
    "pkg-1.0/sub.txt",
    "pkg-1.0/sub/",
    "pkg-1.0/sub/run.sh",
  ]);
});

test("a hard link comes after the file that it names, under its new name", async () => {
  const tree = path.join(folder, "pkg");
  await mkdir(tree);
  await writeFile(path.join(tree, "z"), "zz");
  execFileSync("ln", ["z", "y"], { cwd: tree });
  execFileSync("tar", ["-czf", "in.tar.gz", "pkg/z", "pkg/y"], { cwd: folder });
  const rename = (name: string) => name.replace("pkg", "renamed");
  const made = await normaliseTarGz(path.join(folder, "in.tar.gz"), path.join(folder, "out.tar.gz"), {
    ...sdist,
    rename,
  });
  expect(made.names).toEqual(["renamed/z", "renamed/y"]);
  execFileSync("tar", ["-xzf", "out.tar.gz"], { cwd: folder });
  expect(await readFile(path.join(folder, "renamed/y"), "utf8")).toBe("zz");
});

test("what is no tarball, or one that was cut off, is refused and leaves no spool behind", async () => {
  const [one] = await tarTwice();
  const whole = await readFile(one);
  await writeFile(path.join(folder, "none"), "no archive");
  await writeFile(path.join(folder, "cut"), whole.subarray(0, whole.length - 40));
  await writeFile(path.join(folder, "short"), gzipSync(gunzipSync(whole).subarray(0, 1000)));
  for (const name of ["none", "cut", "short"]) {
    await expect(normaliseTarGz(path.join(folder, name), path.join(folder, `${name}.out`), sdist)).rejects.toThrow();
    await expect(readFile(path.join(folder, `${name}.out.spool`))).rejects.toThrow("ENOENT");
  }
});

const zipScript = `
import sys, time, zipfile
name, seed = sys.argv[1], int(sys.argv[2])
files = [("pkg/__init__.py", b"x = 1\\n" * 500), ("pkg/b\\u00e4.txt", b""), ("pkg-1.dist-info/METADATA", b"Name: pkg\\nVersion: 1\\n"), ("pkg-1.dist-info/RECORD", b"")]
if seed: files.reverse()
with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED, compresslevel=9 if seed else 1) as archive:
    for file, data in files:
        info = zipfile.ZipInfo(file, (2000 + seed, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (0o100600 if seed else 0o100664) << 16
        archive.writestr(info, data)
`;
const wheel = {
  mtime: 1_700_000_000,
  rank: (name: string) => (name.includes(".dist-info/") ? (name.endsWith("RECORD") ? 2 : 1) : 0),
  read: /METADATA$/,
  algorithms: ["sha256"] as const,
};

test("a wheel zipped in another order, at another time, more or less tightly becomes the same bytes", async () => {
  for (const seed of [0, 1]) execFileSync("python3", ["-c", zipScript, path.join(folder, `${seed}.zip`), String(seed)]);
  const a = await normaliseZip(path.join(folder, "0.zip"), path.join(folder, "a.zip"), wheel);
  const b = await normaliseZip(path.join(folder, "1.zip"), path.join(folder, "b.zip"), wheel);
  expect(b).toEqual(a);
  expect(a.names).toEqual(["pkg/__init__.py", "pkg/bä.txt", "pkg-1.dist-info/METADATA", "pkg-1.dist-info/RECORD"]);
  expect(a.texts.get("pkg-1.dist-info/METADATA")).toBe("Name: pkg\nVersion: 1\n");
  // Python's own reader finds every file, its date and its checksum
  const check = `import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1]); assert archive.testzip() is None
assert archive.read("pkg/__init__.py") == b"x = 1\\n" * 500
print({entry.date_time for entry in archive.infolist()}, {oct(entry.external_attr >> 16) for entry in archive.infolist()}, {entry.flag_bits for entry in archive.infolist()})`;
  expect(execFileSync("python3", ["-c", check, path.join(folder, "a.zip")]).toString()).toBe(
    "{(2023, 11, 14, 22, 13, 20)} {'0o100644'} {0, 2048}\n",
  );
});

test("a wheel that holds a name twice, or a damaged file, is refused", async () => {
  const twice = `import sys, warnings, zipfile
warnings.simplefilter("ignore")
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    archive.writestr("a", "1"); archive.writestr("a", "2")`;
  execFileSync("python3", ["-c", twice, path.join(folder, "twice.zip")]);
  await expect(normaliseZip(path.join(folder, "twice.zip"), path.join(folder, "out.zip"), wheel)).rejects.toThrow(
    "a twice",
  );
  execFileSync("python3", ["-c", zipScript, path.join(folder, "good.zip"), "0"]);
  const bytes = await readFile(path.join(folder, "good.zip"));
  const archive = await openPromise(path.join(folder, "good.zip"));
  archive.close();
  const at = bytes.indexOf("Name: pkg");
  expect(at).toBe(-1); // deflated: damage the stored checksum instead
  const central = bytes.indexOf(Buffer.from("504b0102", "hex"));
  bytes[central + 16] = (bytes[central + 16] as number) ^ 0xff;
  await writeFile(path.join(folder, "bad.zip"), bytes);
  await expect(normaliseZip(path.join(folder, "bad.zip"), path.join(folder, "bad.out"), wheel)).rejects.toThrow(
    "checksum",
  );
});
