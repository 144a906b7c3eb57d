import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Context } from "./context.ts";
import type { Asset } from "./store.ts";

/** Where an asset's bytes are: an address of its own that needs no credential, as GitHub's signed storage addresses. */
export function storageUrl(context: Context, asset: Asset): string {
  return `${context.web}/_storage/${asset.key}`;
}

/** Sends a file, or the part of it that a single `Range: bytes=` asks for (RFC 9110, section 14). */
export async function sendFile(context: Context, file: string, headers: Record<string, string>): Promise<void> {
  const { request, response } = context;
  const { size } = await stat(file);
  const range = parseRange(request.headers.range, size);
  const all = { ...headers, "accept-ranges": "bytes" };
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...all, "content-range": `bytes */${size}`, "content-length": "0" }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.writeHead(range ? 206 : 200, {
    ...all,
    "content-length": String(end - start + 1),
    ...(range ? { "content-range": `bytes ${start}-${end}/${size}` } : {}),
  });
  if (request.method === "HEAD" || size === 0) response.end();
  else await pipeline(createReadStream(file, { start, end, highWaterMark: 1 << 20 }), response);
}

function parseRange(header: string | undefined, size: number): { start: number; end: number } | "unsatisfiable" | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return null;
  const last = size - 1;
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? last : Math.min(Number(match[2]), last);
  return start > last || start > end ? "unsatisfiable" : { start, end };
}
