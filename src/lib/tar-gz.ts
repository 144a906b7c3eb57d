import { createReadStream } from "node:fs";
import type { ReadableStream, ReadableWritablePair } from "node:stream/web";
import { createGunzip } from "node:zlib";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { webStreamOf } from "./web-stream.ts";

/**
 * Reads some members of a `.tar.gz` file without unpacking it; the rest streams by.
 *
 * @param wanted true for the members to read, by their path in the archive
 * @param enough stops early once it is true of what was found so far
 * @param limit bytes that one member may have (default 16 MiB); a longer one is cut off there
 * @throws Error when the file can't be read, isn't a gzipped tar, or holds much more than was wanted
 */
export async function readTarGz(
  file: string,
  wanted: (path: string) => boolean,
  enough: (found: ReadonlyMap<string, Buffer>) => boolean = () => false,
  limit = 16 << 20,
): Promise<Map<string, Buffer>> {
  const source = createReadStream(file, { highWaterMark: 1 << 16 });
  const gunzip = createGunzip({ chunkSize: 1 << 16 });
  source.on("error", (error) => gunzip.destroy(error));
  const entries = webStreamOf(source.pipe(gunzip)).pipeThrough(
    createTarDecoder() as unknown as ReadableWritablePair<ParsedTarEntry, Uint8Array>,
  );
  const found = new Map<string, Buffer>();
  let total = 0;
  try {
    for await (const { header, body } of entries) {
      if (header.type === "file" && wanted(header.name) && !found.has(header.name)) {
        const read = await collect(body as ReadableStream<Uint8Array>, limit);
        total += read.length;
        if (total > 4 * limit || found.size === 1000) throw new Error(`${file} holds more of that than can be read`);
        found.set(header.name, read);
        if (enough(found)) break;
      } else await pass(body as ReadableStream<Uint8Array>);
    }
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  return found;
}

/**
 * Reads what nobody wants. Not `cancel`: of an entry that has come whole, while the next one already comes, it takes that
 * one's contents away, and whoever reads them waits for ever (modern-tar 0.8.6).
 */
async function pass(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}

async function collect(stream: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (size < limit) chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
