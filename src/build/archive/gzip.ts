import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Gzip } from "fflate";

const block = 1 << 16;

/**
 * Compresses to gzip (RFC 1952) with the same bytes on every machine: no name, no date, and a compressor written in
 * JavaScript. zlib promises no equal output between its versions, and Node's is Chromium's fork, which has its own.
 */
export async function* gzip(data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const out: Uint8Array[] = [];
  const stream = new Gzip({ level: 6, mtime: 0 }, (chunk) => out.push(chunk));
  for await (const chunk of inBlocks(data)) {
    stream.push(chunk);
    yield* out.splice(0);
  }
  stream.push(new Uint8Array(0), true);
  yield* out;
}

/** The same bytes in pieces of 64 KiB: what a streaming compressor makes depends on where its input is cut. */
export async function* inBlocks(
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let pending = new Uint8Array(block);
  let filled = 0;
  for await (const chunk of data) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + block - filled);
      pending.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === block) {
        yield pending;
        pending = new Uint8Array(block);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield pending.subarray(0, filled);
}

/** The bytes inside a gzip file. */
export function gunzipFile(file: string, signal?: AbortSignal): Readable {
  const out = createGunzip();
  const source = createReadStream(file, { highWaterMark: 1 << 20, signal });
  source.on("error", (error) => out.destroy(error));
  out.on("close", () => source.destroy());
  return source.pipe(out);
}
