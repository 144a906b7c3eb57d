import { createHash, randomFillSync } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { crc32, createGzip } from "node:zlib";
import { type Digest, digestFile, digestOf } from "../../src/lib/hash.ts";
import { run } from "../measure.ts";

/** What the benches send: nothing in it can be compressed. */
function* randomBytes(size: number): Generator<Buffer> {
  const block = Buffer.alloc(1 << 20);
  for (let left = size; left > 0; left -= block.length) {
    randomFillSync(block);
    yield Buffer.from(block.subarray(0, Math.min(left, block.length)));
  }
}

export async function randomFile(file: string, size: number): Promise<void> {
  await pipeline(randomBytes(size), createWriteStream(file));
}

/** A wheel of one large stored member and its METADATA (APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16). */
export async function wheel(folder: string, size: number): Promise<{ file: string; digest: Digest }> {
  const file = path.join(folder, "bench_package-1.0.0-py3-none-any.whl");
  const out = await open(file, "w");
  const digest = createHash("sha256");
  const directory: Buffer[] = [];
  let at = 0;
  const write = async (bytes: Buffer) => {
    digest.update(bytes);
    await out.write(bytes);
    at += bytes.length;
  };
  const member = async (name: string, length: number, content: () => Iterable<Buffer>) => {
    let crc = 0;
    for (const block of content()) crc = crc32(block, crc);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt16LE(0x21, 8); // 1980-01-01
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(length, 14);
    common.writeUInt32LE(length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const where = Buffer.alloc(14);
    where.writeUInt32LE(at, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\0", "latin1"), common, where, Buffer.from(name));
    await write(Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, Buffer.from(name)]));
    for (const block of content()) await write(block);
  };
  const text = (content: string) => [Buffer.from(content)];
  // The same blocks for the checksum and for the file.
  const pattern = [...randomBytes(1 << 20)][0] as Buffer;
  const data = function* () {
    for (let left = size; left > 0; left -= pattern.length) yield pattern.subarray(0, Math.min(left, pattern.length));
  };
  const metadata = "Metadata-Version: 2.1\nName: bench-package\nVersion: 1.0.0\nSummary: large\n";
  const info = "bench_package-1.0.0.dist-info";
  const wheelText = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
  await member("bench_package/data", size, data);
  await member(`${info}/WHEEL`, wheelText.length, () => text(wheelText));
  await member(`${info}/METADATA`, metadata.length, () => text(metadata));
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(3, 8);
  end.writeUInt16LE(3, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  await write(Buffer.concat([central, end]));
  await out.close();
  return { file, digest: `sha256:${digest.digest("hex")}` };
}

/** What `npm pack` makes of a package with one large file. */
export async function tarball(folder: string, size: number): Promise<{ file: string; digest: Digest }> {
  const dir = path.join(folder, "package");
  await mkdir(dir);
  await writeFile(path.join(dir, "package.json"), JSON.stringify({ name: "bench-package", version: "1.0.0" }));
  await randomFile(path.join(dir, "data"), size);
  const file = path.join(folder, "bench-package-1.0.0.tgz");
  await run("tar", ["-czf", file, "-C", folder, "package"]);
  return { file, digest: (await digestFile(file, ["sha512"])).digests.sha512 as Digest };
}

/** A folder with an OCI image of gzipped layers (image-spec, image-layout.md). Returns the digest of its index. */
export async function layout(dir: string, layers: number, size: number): Promise<Digest> {
  const blobs = path.join(dir, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const blob = async (content: Buffer | string) => {
    const digest = digestOf(content);
    await writeFile(path.join(blobs, digest.slice("sha256:".length)), content);
    return { digest, size: Buffer.byteLength(content) };
  };
  const json = (mediaType: string, value: object) =>
    blob(JSON.stringify({ ...value })).then((one) => ({ mediaType, ...one }));
  const made = [];
  const diffIds: Digest[] = [];
  for (let index = 0; index < layers; index++) {
    const tar = path.join(dir, `layer-${index}`);
    await randomFile(`${tar}.data`, size);
    await run("tar", ["-cf", tar, "-C", dir, `layer-${index}.data`]);
    diffIds.push((await digestFile(tar)).digests.sha256 as Digest);
    const zipped = `${tar}.gz`;
    const source = await open(tar);
    await pipeline(source.createReadStream(), createGzip({ level: 1 }), createWriteStream(zipped));
    const digest = (await digestFile(zipped)).digests.sha256 as Digest;
    await run("mv", [zipped, path.join(blobs, digest.slice("sha256:".length))]);
    await run("rm", [tar, `${tar}.data`]);
    const bytes = (await stat(path.join(blobs, digest.slice("sha256:".length)))).size;
    made.push({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: bytes });
  }
  const platform = { os: "linux", architecture: "amd64" };
  const config = await json("application/vnd.oci.image.config.v1+json", {
    ...platform,
    config: {},
    rootfs: { type: "layers", diff_ids: diffIds },
  });
  const manifestType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await json(manifestType, { schemaVersion: 2, mediaType: manifestType, config, layers: made });
  const indexType = "application/vnd.oci.image.index.v1+json";
  const manifests = [{ ...manifest, platform }];
  const index = await json(indexType, { schemaVersion: 2, mediaType: indexType, manifests });
  await writeFile(path.join(dir, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(path.join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [index] }));
  return index.digest;
}
