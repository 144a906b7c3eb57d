import { createReadStream } from "node:fs";
import type http from "node:http";
import { pipeline } from "node:stream/promises";
import { send } from "../server.ts";
import { ociError } from "./errors.ts";
import type { Repository, Store } from "./store.ts";

/** `GET` and `HEAD` of a blob, whole or one byte range (RFC 9110, section 14). */
export async function readBlob(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  store: Store,
  repository: Repository,
  digest: string,
): Promise<void> {
  const size = repository.blobs.has(digest) ? await store.sizeOf(digest) : undefined;
  if (size === undefined) throw ociError("BLOB_UNKNOWN", `${repository.name} has no blob ${digest}`);
  const headers: Record<string, string> = {
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    etag: `"${digest}"`,
    "cache-control": "max-age=31536000",
  };
  const range = request.method === "GET" ? parseRange(request.headers.range, size) : undefined;
  if (range === "unsatisfiable") {
    throw ociError("SIZE_INVALID", `the blob has ${size} bytes`, {
      status: 416,
      headers: { "content-range": `bytes */${size}` },
    });
  }
  const [start, end] = range ?? [0, size - 1];
  headers["content-length"] = String(end - start + 1);
  if (range) headers["content-range"] = `bytes ${start}-${end}/${size}`;
  response.writeHead(range ? 206 : 200, headers);
  if (request.method === "HEAD" || size === 0) {
    response.end();
    return;
  }
  const source = createReadStream(store.blobPath(digest), { start, end, highWaterMark: 1 << 20 });
  // A client that has read enough closes the connection; that is no failure here.
  await pipeline(source, response).catch(() => response.destroy());
}

/** First and last byte of a single range; undefined where the header is absent, or of a kind that may be ignored. */
export function parseRange(header: string | undefined, size: number): [number, number] | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const length = Number(match[2]);
    return length === 0 || size === 0 ? "unsatisfiable" : [Math.max(0, size - length), size - 1];
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < start) return undefined;
  return start >= size ? "unsatisfiable" : [start, end];
}

/** `POST uploads/?mount=DIGEST&from=NAME`: true when the blob is now seen here too, false where an upload has to do. */
export async function mountBlob(
  response: http.ServerResponse,
  store: Store,
  repository: Repository,
  digest: string,
  sources: Iterable<Repository>,
): Promise<boolean> {
  for (const source of sources) {
    if (!source.blobs.has(digest)) continue;
    repository.blobs.add(digest);
    await store.save(repository);
    send(response, 201, undefined, {
      location: `/v2/${repository.name}/blobs/${digest}`,
      "docker-content-digest": digest,
    });
    return true;
  }
  return false;
}

export async function deleteBlob(
  response: http.ServerResponse,
  store: Store,
  repository: Repository,
  digest: string,
): Promise<void> {
  if (!repository.blobs.delete(digest)) throw ociError("BLOB_UNKNOWN", `${repository.name} has no blob ${digest}`);
  await store.save(repository);
  await store.collect(digest);
  send(response, 202);
}
