import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { type Digest, digestOf, hashing, hexOf } from "../lib/hash.ts";

/** OCI image layout 1.0 (https://github.com/opencontainers/image-spec/blob/main/image-layout.md). */

export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

export interface Platform {
  architecture: string;
  os: string;
  variant?: string;
}

export interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number;
  platform?: Platform;
  annotations?: Record<string, string>;
}

export interface ImageManifest {
  schemaVersion: 2;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
}

export interface ImageIndex {
  schemaVersion: 2;
  mediaType?: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
}

/** `linux/amd64` as the specification writes it. */
export function ociPlatform(platform: string): Platform {
  const [os = "", architecture = "", variant] = platform.split("/");
  return variant === undefined ? { architecture, os } : { architecture, os, variant };
}

/** True where an image for `platform` is what is asked for; arm64 without a variant is v8. */
export function samePlatform(a: Platform | undefined, b: Platform): boolean {
  const variant = ({ architecture, variant }: Platform) => variant ?? (architecture === "arm64" ? "v8" : "");
  return a !== undefined && a.os === b.os && a.architecture === b.architecture && variant(a) === variant(b);
}

function blobPath(layout: string, digest: Digest): string {
  return path.join(layout, "blobs", digest.slice(0, digest.indexOf(":")), hexOf(digest));
}

/** Makes an empty layout. */
export async function createLayout(layout: string): Promise<void> {
  await mkdir(path.join(layout, "blobs/sha256"), { recursive: true, mode: 0o755 });
  await writeFile(path.join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
}

/** Stores a JSON document as a blob. Key order and so the digest are the object's own. */
export async function writeJson(layout: string, mediaType: string, value: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = digestOf(bytes);
  await writeFile(blobPath(layout, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

/** Stores a stream as a blob, digested as it is written. */
export async function writeStream(
  layout: string,
  mediaType: string,
  data: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<Descriptor> {
  const part = path.join(layout, "blobs", `part-${process.pid}-${counter++}`);
  const count = hashing(["sha256"]);
  try {
    await pipeline(
      async function* () {
        for await (const chunk of data) {
          count.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(part, { flags: "wx", mode: 0o644 }),
      { signal },
    );
    const { size, digests } = count.end();
    const digest = digests.sha256 as Digest;
    await rename(part, blobPath(layout, digest));
    return { mediaType, digest, size };
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
let counter = 0;

/** Reads a JSON blob of a layout. @throws Error when it isn't there or its bytes don't have that digest */
export async function readJson<T>(layout: string, digest: Digest): Promise<T> {
  const bytes = await readFile(blobPath(layout, digest));
  if (digestOf(bytes) !== digest) throw new Error(`${blobPath(layout, digest)} doesn't hold what its name says`);
  return JSON.parse(bytes.toString("utf8")) as T;
}

/** Copies a blob from one layout into another. @throws Error when its bytes don't have that digest */
export async function copyBlob(from: string, to: string, blob: Descriptor): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(blobPath(from, blob.digest))) hash.update(chunk as Buffer);
  if (`sha256:${hash.digest("hex")}` !== blob.digest) throw new Error(`${blob.digest} in ${from} is damaged`);
  await copyFile(blobPath(from, blob.digest), blobPath(to, blob.digest));
}

/** All image manifests of a layout, those in nested indexes included. */
export async function listManifests(layout: string): Promise<Descriptor[]> {
  const walk = async (manifests: Descriptor[]): Promise<Descriptor[]> => {
    const found: Descriptor[] = [];
    for (const entry of manifests) {
      if (entry.mediaType === mediaTypes.manifest) found.push({ ...entry, platform: await platformOf(layout, entry) });
      else if (entry.mediaType === mediaTypes.index) {
        found.push(...(await walk((await readJson<ImageIndex>(layout, entry.digest)).manifests)));
      } else throw new Error(`${entry.digest} in ${layout} has media type ${entry.mediaType}, not OCI's`);
    }
    return found;
  };
  const top = JSON.parse(await readFile(path.join(layout, "index.json"), "utf8")) as ImageIndex;
  return walk(top.manifests);
}

/** A manifest's own word where the index, as it may, says nothing. */
async function platformOf(layout: string, entry: Descriptor): Promise<Platform> {
  if (entry.platform !== undefined) return entry.platform;
  const { config } = await readJson<ImageManifest>(layout, entry.digest);
  const { os, architecture, variant } = await readJson<Platform>(layout, config.digest);
  return variant === undefined ? { architecture, os } : { architecture, os, variant };
}

/**
 * Stores the image index over `manifests`, in their order, and makes index.json name it and nothing else.
 * Blobs that nothing names any more are removed.
 *
 * @returns digest of the index, and size of all blobs in bytes
 */
export async function writeIndex(
  layout: string,
  manifests: Descriptor[],
  annotations: Record<string, string>,
): Promise<{ digest: Digest; size: number }> {
  const content: ImageIndex = { schemaVersion: 2, mediaType: mediaTypes.index, manifests, annotations };
  const index = await writeJson(layout, mediaTypes.index, content);
  const named = new Map<Digest, number>([[index.digest, index.size]]);
  for (const entry of manifests) {
    named.set(entry.digest, entry.size);
    const manifest = await readJson<ImageManifest>(layout, entry.digest);
    for (const blob of [manifest.config, ...manifest.layers]) {
      const { size } = await stat(blobPath(layout, blob.digest));
      if (size !== blob.size) throw new Error(`${blob.digest} has ${size} bytes, not ${blob.size}`);
      named.set(blob.digest, blob.size);
    }
  }
  for (const file of await readdir(path.join(layout, "blobs/sha256"))) {
    if (!named.has(`sha256:${file}`)) await rm(path.join(layout, "blobs/sha256", file));
  }
  const top = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [index] };
  await writeFile(path.join(layout, "index.json"), JSON.stringify(top));
  return { digest: index.digest, size: [...named.values()].reduce((sum, size) => sum + size, 0) };
}
