import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ReleaseError } from "../../lib/errors.ts";
import { type Digest, digestOf, hexOf } from "../../lib/hash.ts";
import { type Descriptor, type Manifest, type ManifestContent, ociIndex, ociManifest } from "./client.ts";
import { isDigest } from "./reference.ts";
import type { Blob } from "./upload.ts";

/** What an image is made of: blobs first, then manifests in the order they can be stored, the index last. */
export interface Image {
  blobs: Blob[];
  manifests: Manifest[];
}

/**
 * Reads an image from an OCI layout folder (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).
 *
 * @param digest of its index
 * @throws ReleaseError IO when something isn't there, or isn't what its name says
 */
export async function readImage(folder: string, digest: Digest): Promise<Image> {
  const blobs = new Map<string, Blob>();
  const manifests = new Map<string, Manifest>();
  const at = (one: Digest) => {
    if (!isDigest(one)) throw broken(folder, `${String(one)} isn't a sha256 digest`);
    return path.join(folder, "blobs/sha256", hexOf(one));
  };
  const read = async (one: Digest, mediaType?: string): Promise<void> => {
    if (manifests.has(one)) return;
    const bytes = await readFile(at(one)).catch((cause) => {
      throw broken(folder, `the manifest ${one} isn't there`, cause);
    });
    if (digestOf(bytes) !== one) throw broken(folder, `the manifest ${one} has other bytes`);
    const content = JSON.parse(bytes.toString("utf8")) as ManifestContent;
    for (const child of content.manifests ?? []) await read(child.digest, child.mediaType);
    for (const descriptor of blobsOf(content)) {
      const file = at(descriptor.digest);
      const found = await stat(file).catch(() => undefined);
      if (!found && descriptor.urls?.length) continue; // kept elsewhere on purpose
      if (found?.size !== descriptor.size)
        throw broken(folder, `the blob ${descriptor.digest} isn't there or was cut off`);
      blobs.set(descriptor.digest, { digest: descriptor.digest, size: descriptor.size, from: file });
    }
    const type = content.mediaType ?? mediaType ?? (content.manifests ? ociIndex : ociManifest);
    manifests.set(one, { digest: one, mediaType: type, bytes });
  };
  await read(digest);
  return { blobs: [...blobs.values()], manifests: [...manifests.values()] };
}

/** Config and layers of a manifest; none of an index. */
export function blobsOf(content: ManifestContent): Descriptor[] {
  return content.config ? [content.config, ...(content.layers ?? [])] : [];
}

function broken(folder: string, message: string, cause?: unknown): ReleaseError {
  return new ReleaseError("IO", `${path.basename(folder)} is no complete OCI layout: ${message}`, {
    cause,
    facts: { folder },
    hint: "build the image again",
  });
}
