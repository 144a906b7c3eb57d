import type { Io, Seen } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { ManifestContent, OciClient } from "./client.ts";
import { blobsOf } from "./layout.ts";

/**
 * Reads an image the way `docker pull` does, for all its platforms: the manifests' bytes, and that each blob is there.
 *
 * @throws ReleaseError REGISTRY (retryable) when the tag is there, but a part of it isn't
 */
export async function verifyImage(client: OciClient, repository: string, reference: string, io: Io): Promise<Seen> {
  const index = await client.manifest(repository, reference, io);
  if (!index) return { state: "absent" };
  const seen = new Set<string>();
  const walk = async (bytes: Buffer, platform: string): Promise<void> => {
    const content = JSON.parse(bytes.toString("utf8")) as ManifestContent;
    const blobs = blobsOf(content).filter(({ digest, urls }) => !urls?.length && !seen.has(digest));
    for (const { digest } of blobs) seen.add(digest);
    await Promise.all(
      blobs.map(async ({ digest }) => {
        if (!(await client.hasBlob(repository, digest, io))) throw missing(`${digest} (${platform})`);
      }),
    );
    for (const child of content.manifests ?? []) {
      const { os = "?", architecture = "?" } = child.platform ?? {};
      const found = await client.manifest(repository, child.digest, io);
      if (!found) throw missing(`${child.digest} (${os}/${architecture})`);
      await walk(found.bytes, `${os}/${architecture}`);
    }
  };
  const missing = (part: string) =>
    new ReleaseError("REGISTRY", `${client.nameOf(repository)} holds ${reference}, but not its part ${part}`, {
      retryable: true,
      hint: "run the same command again: it pushes what is missing",
    });
  await walk(index.bytes, "image");
  return { state: "present", digest: index.digest };
}
