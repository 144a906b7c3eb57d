import path from "node:path";
import type { ReleaseFile } from "../core/manifest.ts";
import { type Algorithm, type Digest, digestFile } from "../lib/hash.ts";

/** Digests a kind of file needs: npm reports sha512 and sha1 of a tarball (dist.integrity, dist.shasum). */
export function algorithmsOf(kind: ReleaseFile["kind"]): Algorithm[] {
  return kind === "npm" ? ["sha256", "sha512", "sha1"] : ["sha256"];
}

/** A ReleaseFile from what a pass over its bytes found. */
export function releaseFile(
  about: Omit<ReleaseFile, "size" | "sha256" | "sha512" | "sha1">,
  read: { size: number; digests: Partial<Record<Algorithm, Digest>> },
): ReleaseFile {
  const { name, kind, ...rest } = about;
  const { sha256, sha512, sha1 } = read.digests;
  return {
    name,
    size: read.size,
    sha256: sha256 as Digest,
    ...(kind === "npm" ? { sha512, sha1 } : {}),
    kind,
    ...rest,
  };
}

/** Reads a built file once. */
export async function describeFile(
  folder: string,
  about: Omit<ReleaseFile, "size" | "sha256" | "sha512" | "sha1">,
  signal?: AbortSignal,
): Promise<ReleaseFile> {
  return releaseFile(about, await digestFile(path.join(folder, about.name), algorithmsOf(about.kind), signal));
}
