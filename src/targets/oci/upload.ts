import type { Io } from "../../core/target.ts";
import { asReleaseError, ReleaseError } from "../../lib/errors.ts";
import { readChunks } from "../../lib/file.ts";
import type { Digest } from "../../lib/hash.ts";
import type { HttpResponse } from "../../lib/http.ts";
import type { OciClient } from "./client.ts";

/** A blob on disk, or in memory. */
export interface Blob {
  digest: Digest;
  /** bytes */
  size: number;
  from: string | Uint8Array;
}

/** Times that a cut upload is taken up again. */
const resumptions = 3;

/**
 * Brings a blob into a repository: nothing to do where it is, mounted where another repository of the registry holds it,
 * else sent in one PUT from disk. A connection that is cut is taken up where the registry says it stands (PATCH).
 *
 * @param mount a repository that is known to hold it
 * @param onSent called with the bytes on their way so far
 * @throws ReleaseError as the client does; NETWORK when it was cut too often
 */
export async function uploadBlob(
  client: OciClient,
  repository: string,
  blob: Blob,
  io: Io,
  options: { mount?: string; onSent?: (bytes: number) => void } = {},
): Promise<void> {
  const { digest, size } = blob;
  const { mount, onSent } = options;
  if (await client.hasBlob(repository, digest, io)) return onSent?.(size);
  const opened = await client.send(io, {
    path: `/v2/${repository}/blobs/uploads/${mount ? `?mount=${digest}&from=${encodeURIComponent(mount)}` : ""}`,
    repository,
    from: mount,
    method: "POST",
  });
  opened.discard();
  if (opened.status === 201) return onSent?.(size);
  if (opened.status !== 202) throw await client.failure(opened, `an upload to ${client.nameOf(repository)}`, io);
  let location = locationOf(opened, client);
  let start = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      if (start > 0 && start < size) {
        const patched = await client.send(io, {
          path: location,
          repository,
          method: "PATCH",
          headers: { "content-type": "application/octet-stream", "content-range": `${start}-${size - 1}` },
          ...bodyOf(blob, start, onSent),
        });
        patched.discard();
        if (patched.status !== 202) throw await client.failure(patched, `the rest of ${digest}`, io);
        location = locationOf(patched, client);
        start = size;
      }
      const put = await client.send(io, {
        path: `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`,
        repository,
        method: "PUT",
        headers: { "content-type": "application/octet-stream" },
        ...(start === size ? {} : bodyOf(blob, 0, onSent)),
      });
      if (put.status !== 201 && put.status !== 204)
        throw await client.failure(put, `${client.nameOf(repository)} to take ${digest}`, io);
      put.discard();
      return onSent?.(size);
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code !== "NETWORK" || attempt === resumptions) throw error;
      const seconds = 0.25 * 2 ** attempt;
      io.emit({ type: "retry", what: `uploading ${digest}`, attempt: attempt + 1, because: error.message, seconds });
      await io.sleep(seconds * 1000);
      if (await client.hasBlob(repository, digest, io)) return onSent?.(size); // only the answer was lost
      const status = await client.send(io, { path: location, repository });
      status.discard();
      const range = /^(?:bytes=)?0-(\d+)$/.exec(status.headers.range ?? "");
      if (status.status !== 204 || !range) throw error; // the session is gone: the engine begins again
      // `0-0` is what registries say of an empty upload, too; one byte isn't worth telling them apart
      start = Number(range[1]) === 0 ? 0 : Math.min(size, Number(range[1]) + 1);
      if (status.headers.location) location = locationOf(status, client);
    }
  }
}

/** Where an upload goes on: as given, made absolute. Relative ones and ones with a query are usual. */
export function locationOf(response: HttpResponse, client: OciClient): string {
  const location = response.headers.location;
  if (!location) throw new ReleaseError("REGISTRY", `${client.registry.host} opened an upload without saying where`);
  if (/^https?:\/\//i.test(location)) return location;
  return location.startsWith("/") ? new URL(response.url).origin + location : new URL(location, response.url).href;
}

function bodyOf(blob: Blob, start: number, onSent?: (bytes: number) => void) {
  const { from, size } = blob;
  const length = size - start;
  if (typeof from !== "string") return { body: from.subarray(start), length };
  return {
    body: () => readChunks(from, { start, end: size }),
    length,
    onSent: (bytes: number) => onSent?.(start + bytes),
  };
}
