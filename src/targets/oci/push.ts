import type { Io } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Digest } from "../../lib/hash.ts";
import type { Manifest, OciClient } from "./client.ts";
import { readImage } from "./layout.ts";
import { type Blob, uploadBlob } from "./upload.ts";

/** Blobs of one image on their way at once. */
const parallel = 5;

/**
 * Pushes an image by digest: blobs side by side, then manifests, children before their index. No tag is touched.
 *
 * @param held digest -> repositories of this registry that hold that blob; grows with what is pushed
 * @returns the index
 */
export async function pushImage(
  client: OciClient,
  image: { repository: string; digest: Digest; folder: string; id: string },
  held: Map<Digest, string>,
  io: Io,
): Promise<Manifest> {
  const { repository, digest, folder, id } = image;
  const { blobs, manifests } = await readImage(folder, digest);
  const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
  const sent = new Map<Digest, number>();
  await inParallel(blobs, parallel, async (blob) => {
    const mount = held.get(blob.digest);
    await uploadBlob(client, repository, blob, io, {
      mount: mount === repository ? undefined : mount,
      onSent(bytes) {
        sent.set(blob.digest, bytes);
        const all = [...sent.values()].reduce((sum, one) => sum + one, 0);
        io.emit({ type: "progress", target: "docker", id, sent: all, total });
      },
    });
    held.set(blob.digest, repository);
  });
  for (const manifest of manifests) {
    if (manifest.digest === digest) continue;
    await client.putManifest(repository, manifest.digest, manifest, io);
  }
  const index = manifests.find((manifest) => manifest.digest === digest);
  if (!index) throw new ReleaseError("INTERNAL", `${id}: the layout was read without its index`);
  await client.putManifest(repository, digest, index, io);
  return index;
}

/** Largest first; after a failure no further one is begun, and those on their way are waited for. */
async function inParallel(blobs: readonly Blob[], limit: number, work: (blob: Blob) => Promise<void>): Promise<void> {
  const queue = [...blobs].sort((a, b) => b.size - a.size);
  let failed = false;
  let failure: unknown;
  const worker = async () => {
    for (let blob = queue.shift(); blob && !failed; blob = queue.shift()) {
      try {
        await work(blob);
      } catch (error) {
        failure ??= error;
        failed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, queue.length) }, worker));
  if (failed) throw failure;
}
