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

/** An upload that was opened. */
interface Session {
  location: string;
  /** Bytes that the registry has. */
  start: number;
}

/** Times that a cut upload is taken up again. */
const resumptions = 3;

/**
 * Brings a blob into a repository: nothing to do where it is, mounted where another repository of the registry holds it,
 * else sent in one PUT from disk. A connection that is cut is taken up where the registry says it stands (PATCH), or begun
 * again where the registry forgot it (Debian's docker-registry does).
 *
 * @param options.mount a repository that is known to hold it
 * @param options.onSent called with the bytes on their way so far
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
  const done = () => options.onSent?.(size);
  if (await client.hasBlob(repository, digest, io)) return done();
  let session: Session | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      session ??= await begin(client, repository, digest, options.mount, io);
      if (session) await send(client, repository, blob, session, io, options.onSent);
      return done();
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code !== "NETWORK" || attempt === resumptions) throw error;
      const seconds = 0.25 * 2 ** attempt;
      io.emit({ type: "retry", what: `uploading ${digest}`, attempt: attempt + 1, because: error.message, seconds });
      await io.sleep(seconds * 1000);
      if (await client.hasBlob(repository, digest, io)) return done(); // only the answer was lost
      if (session) session = await standing(client, repository, session, size, io);
    }
  }
}

/** Opens an upload; undefined where the blob was mounted instead. */
async function begin(
  client: OciClient,
  repository: string,
  digest: Digest,
  mount: string | undefined,
  io: Io,
): Promise<Session | undefined> {
  const from = mount === undefined ? "" : `?mount=${digest}&from=${encodeURIComponent(mount)}`;
  const path = `/v2/${repository}/blobs/uploads/${from}`;
  const response = await client.send(io, { path, repository, from: mount, method: "POST" });
  if (response.status !== 201 && response.status !== 202) {
    throw await client.failure(response, `an upload to ${client.nameOf(repository)}`, io);
  }
  response.discard();
  return response.status === 201 ? undefined : { location: locationOf(response, client), start: 0 };
}

/** Sends what the registry hasn't got yet, and ends the upload. */
async function send(
  client: OciClient,
  repository: string,
  blob: Blob,
  session: Session,
  io: Io,
  onSent?: (bytes: number) => void,
): Promise<void> {
  const { digest, size } = blob;
  const headers = { "content-type": "application/octet-stream" };
  if (session.start > 0 && session.start < size) {
    const patched = await client.send(io, {
      ...{ path: session.location, repository, method: "PATCH" },
      headers: { ...headers, "content-range": `${session.start}-${size - 1}` },
      ...bodyOf(blob, session.start, onSent),
    });
    if (patched.status !== 202) throw await client.failure(patched, `the rest of ${digest}`, io);
    patched.discard();
    session.location = locationOf(patched, client);
    session.start = size;
  }
  const { location } = session;
  const put = await client.send(io, {
    path: `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`,
    ...{ repository, method: "PUT", headers },
    ...(session.start === size ? {} : bodyOf(blob, 0, onSent)),
  });
  if (put.status !== 201 && put.status !== 204) {
    throw await client.failure(put, `${client.nameOf(repository)} to take ${digest}`, io);
  }
  put.discard();
}

/** How far the registry says an upload is; undefined where it has forgotten it. */
async function standing(
  client: OciClient,
  repository: string,
  session: Session,
  size: number,
  io: Io,
): Promise<Session | undefined> {
  const response = await client.send(io, { path: session.location, repository });
  response.discard();
  const range = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.range ?? "");
  if (response.status !== 204 || !range) return undefined;
  const location = response.headers.location ? locationOf(response, client) : session.location;
  // `0-0` is what registries say of an empty upload, too; one byte isn't worth telling them apart
  const last = Number(range[1]);
  return { location, start: last === 0 ? 0 : Math.min(size, last + 1) };
}

/** Where an upload goes on: as given, made absolute. Relative ones and ones with a query are usual. */
export function locationOf(response: HttpResponse, client: OciClient): string {
  const location = response.headers.location;
  if (!location) throw new ReleaseError("REGISTRY", `${client.registry.host} opened an upload without saying where`);
  if (/^https?:\/\//i.test(location)) return location;
  if (location.startsWith("/")) return new URL(response.url).origin + location;
  if (URL.canParse(location, response.url)) return new URL(location, response.url).href;
  throw new ReleaseError("REGISTRY", `${client.registry.host} opened an upload at no address`, { facts: { location } });
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
