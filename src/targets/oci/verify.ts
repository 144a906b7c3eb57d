import type { Io, Seen } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Digest } from "../../lib/hash.ts";
import { contentOf, type OciClient } from "./client.ts";
import { blobsOf } from "./layout.ts";

/** What was walked through already, or is being: `repo@digest` -> done. The version tag has the same contents as its digest. */
export type Walked = Map<string, Promise<void>>;

/**
 * Reads an image the way `docker pull` does, for all its platforms: the manifests' bytes, and that each blob is there.
 *
 * @param walked contents that needn't be looked at twice: Docker Hub counts each manifest as a pull (100 in six hours)
 * @throws ReleaseError REGISTRY (retryable) when the tag is there, but a part of it isn't
 */
export async function verifyImage(
  client: OciClient,
  repository: string,
  reference: string,
  walked: Walked,
  io: Io,
): Promise<Seen> {
  const digest = await client.head(repository, reference, io);
  if (digest === null) return { state: "absent" };
  const key = `${repository}@${digest}`;
  const walk = walked.get(key) ?? walkImage(client, repository, reference, digest, io);
  walked.set(key, walk);
  try {
    await walk;
  } catch (error) {
    walked.delete(key);
    throw error;
  }
  return { state: "present", digest };
}

async function walkImage(
  client: OciClient,
  repository: string,
  reference: string,
  digest: Digest,
  io: Io,
): Promise<void> {
  const missing = (part: string) =>
    new ReleaseError("REGISTRY", `${client.nameOf(repository)} holds ${reference}, but not its part ${part}`, {
      retryable: true,
      hint: "run the same command again: it pushes what is missing",
    });
  const seen = new Set<string>();
  // Digests can't go round in a circle; names could.
  const manifests = new Set<Digest>();
  const walk = async (one: Digest, platform: string): Promise<void> => {
    // One that is named a thousand times, by one that is named a thousand times, is read once.
    if (manifests.has(one)) return;
    manifests.add(one);
    const manifest = await client.manifest(repository, one, io);
    if (!manifest) throw missing(`${one} (${platform})`);
    const content = contentOf(manifest.bytes, `${client.nameOf(repository)}@${one}`);
    const blobs = blobsOf(content).filter((blob) => !blob.urls?.length && !seen.has(blob.digest));
    for (const blob of blobs) seen.add(blob.digest);
    await Promise.all(
      blobs.map(async (blob) => {
        if (!(await client.hasBlob(repository, blob.digest, io))) throw missing(`${blob.digest} (${platform})`);
      }),
    );
    for (const child of content.manifests ?? []) {
      const { os = "?", architecture = "?" } = child.platform ?? {};
      await walk(child.digest, `${os}/${architecture}`);
    }
  };
  await walk(digest, "index");
}
