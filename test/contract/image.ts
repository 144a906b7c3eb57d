import { createCipheriv, createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type Digest, digestOf, hexOf } from "../../src/lib/hash.ts";

export interface LayoutOptions {
  folder: string;
  version: string;
  /** Another one: other bytes. */
  salt?: string;
  platforms?: string[];
  /** Bytes of each layer; by default two small ones, of which the first is the same in all images. */
  layers?: number[];
}

const ociType = (kind: string) => `application/vnd.oci.image.${kind}.v1`;

/** Writes an OCI layout with one index over one image a platform, as a build makes it. Returns the digest of the index. */
export async function writeLayout(options: LayoutOptions): Promise<Digest> {
  const { folder, version, salt = "", platforms = ["linux/amd64", "linux/arm64"], layers = [700, 3000] } = options;
  const blobs = path.join(folder, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const put = async (mediaType: string, content: object | Buffer) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    await writeFile(path.join(blobs, hexOf(digest)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = [];
  for (const platform of platforms) {
    const [os, architecture] = platform.split("/");
    const packed = [];
    const diffs = [];
    for (const [at, size] of layers.entries()) {
      const tar = layerTar(at === 0 ? "shared" : `${platform} ${version} ${salt} ${at}`, size);
      diffs.push(digestOf(tar));
      packed.push(await put(`${ociType("layer")}.tar+gzip`, gzipSync(tar, { level: 0 })));
    }
    const config = await put(`${ociType("config")}+json`, {
      ...{ architecture, os, rootfs: { type: "layers", diff_ids: diffs } },
      config: { Labels: { "org.opencontainers.image.version": version } },
    });
    const mediaType = `${ociType("manifest")}+json`;
    const manifest = await put(mediaType, { schemaVersion: 2, mediaType, config, layers: packed });
    manifests.push({ ...manifest, platform: { os, architecture } });
  }
  const mediaType = `${ociType("index")}+json`;
  const index = await put(mediaType, { schemaVersion: 2, mediaType, manifests });
  await writeFile(path.join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(path.join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, mediaType, manifests: [index] }));
  return index.digest;
}

/** A tar with one file of `size` bytes that follow from `seed`. */
function layerTar(seed: string, size: number): Buffer {
  const key = createHash("sha256").update(seed).digest();
  const body = createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
  const header = Buffer.alloc(512);
  header.write(createHash("sha256").update(seed).digest("hex").slice(0, 16), 0);
  header.write("0000644\x000000000\x000000000\0", 100, "latin1");
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        0", 148);
  header.write("ustar\x0000", 257, "latin1");
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return Buffer.concat([header, body, Buffer.alloc(((512 - (size % 512)) % 512) + 1024)]);
}
