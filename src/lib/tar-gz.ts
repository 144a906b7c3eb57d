import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { ReadableStream, ReadableWritablePair } from "node:stream/web";
import { createGunzip } from "node:zlib";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";

/**
 * Reads some members of a `.tar.gz` file without unpacking it; the rest streams by.
 *
 * @param wanted true for the members to read, by their path in the archive
 * @param enough stops early once it is true of what was found so far
 * @param limit bytes that one member may have (default 16 MiB); a longer one is cut off there
 * @throws Error when the file can't be read or isn't a gzipped tar
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
  const entries = Readable.toWeb(source.pipe(gunzip)).pipeThrough(
    createTarDecoder() as unknown as ReadableWritablePair<ParsedTarEntry, Uint8Array>,
  );
  const found = new Map<string, Buffer>();
  try {
    for await (const { header, body } of entries) {
      if (header.type === "file" && wanted(header.name) && !found.has(header.name)) {
        found.set(header.name, await collect(body as ReadableStream<Uint8Array>, limit));
        if (enough(found)) break;
      } else await body.cancel();
    }
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  return found;
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
