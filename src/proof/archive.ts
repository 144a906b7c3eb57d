import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import type { ReadableWritablePair } from "node:stream/web";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { openPromise } from "yauzl";
import { readChunks } from "../lib/file.ts";
import { type Digest, hashing } from "../lib/hash.ts";
import { webStreamOf } from "../lib/web-stream.ts";

/** An entry of an archive, without its contents. */
export interface Entry {
  name: string;
  /** Everything that is no content, as words: type, mode, date, owner, link. Unlike where they differ. */
  facts: Record<string, string>;
  /** bytes */
  size: number;
  digest: Digest;
  /** The first bytes: they tell what kind of file it is. */
  head: Buffer;
}

/** What a release file consists of; a file that is no archive is one entry, called "". */
export interface Contents {
  /** By name; the second of two with one name is called `NAME (2)`. */
  entries: Map<string, Entry>;
  /** Reads whole entries. @throws Error when one of them is longer than `limit` bytes */
  read(names: ReadonlySet<string>): Promise<Map<string, Buffer>>;
}

/** Contents are compared as bytes in memory up to this size. */
export const limit = 256 << 20;
/** Entries of an archive: a few MiB may hold as many as fill the memory with their names. */
const most = 1_000_000;

/** Opens a wheel or any zip, a tar with or without compression, or a plain file. @throws Error when it is damaged */
export async function openContents(file: string, signal?: AbortSignal): Promise<Contents> {
  const head = await beginning(file);
  if (head.subarray(0, 4).equals(Buffer.from("PK\x03\x04"))) return collect(() => zipEntries(file), signal);
  const gzipped = head[0] === 0x1f && head[1] === 0x8b;
  if (isTar(head) || (gzipped && isTar(await beginning(file, true)))) return collect(() => tarEntries(file), signal);
  return collect(() => wholeFile(file), signal);
}

/** An entry whose contents stream by; they must be read before the next one is asked for. */
export interface Streamed {
  name: string;
  facts: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
}

/** Digests all entries in one pass; contents are read again when they are asked for. */
export async function collect(open: () => AsyncIterable<Streamed>, signal?: AbortSignal): Promise<Contents> {
  const entries = new Map<string, Entry>();
  for await (const { name, facts, body } of named(open())) {
    signal?.throwIfAborted();
    const counter = hashing(["sha256"]);
    let head: Buffer = Buffer.alloc(0);
    for await (const chunk of body) {
      counter.update(chunk);
      if (head.length < 16) head = Buffer.concat([head, chunk.subarray(0, 16)]).subarray(0, 16);
    }
    const { size, digests } = counter.end();
    if (entries.size === most) throw new Error(`it holds more than ${most} entries`);
    entries.set(name, { name, facts, size, digest: digests.sha256 as Digest, head });
  }
  return {
    entries,
    async read(names) {
      const found = new Map<string, Buffer>();
      if (names.size === 0) return found;
      for await (const { name, body } of named(open())) {
        signal?.throwIfAborted();
        const kept: Uint8Array[] = [];
        if (names.has(name) && (entries.get(name)?.size ?? 0) > limit) throw new Error(`${name} is over 256 MiB`);
        for await (const chunk of body) if (names.has(name)) kept.push(Buffer.from(chunk));
        if (names.has(name)) found.set(name, Buffer.concat(kept));
      }
      return found;
    },
  };
}

async function* named(entries: AsyncIterable<Streamed>): AsyncGenerator<Streamed> {
  const seen = new Map<string, number>();
  for await (const entry of entries) {
    const count = (seen.get(entry.name) ?? 0) + 1;
    seen.set(entry.name, count);
    yield count === 1 ? entry : { ...entry, name: `${entry.name} (${count})` };
  }
}

async function* wholeFile(file: string): AsyncGenerator<Streamed> {
  yield { name: "", facts: {}, body: readChunks(file) };
}

async function* zipEntries(file: string): AsyncGenerator<Streamed> {
  const archive = await openPromise(file, { autoClose: false });
  try {
    for await (const entry of archive.eachEntry()) {
      const body = (await archive.openReadStreamPromise(entry)) as AsyncIterable<Uint8Array>;
      const facts = {
        mode: (entry.externalFileAttributes >>> 16).toString(8),
        date: entry.getLastModDate({ forceDosFormat: true, timezone: "UTC" }).toISOString(),
      };
      yield { name: entry.fileName as string, facts, body };
    }
  } finally {
    archive.close();
  }
}

/** Entries of a tar file: plain, gzip or zstd, as its first bytes say. Contents that aren't read are passed over. */
export async function* tarEntries(file: string, passing?: (chunk: Uint8Array) => void): AsyncGenerator<Streamed> {
  const head = await beginning(file);
  const source = createReadStream(file, { highWaterMark: 1 << 18 });
  const unpack =
    head[0] === 0x1f && head[1] === 0x8b
      ? createGunzip({ chunkSize: 1 << 18 })
      : head.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))
        ? createZstdDecompress()
        : undefined;
  if (unpack) source.on("error", (error) => unpack.destroy(error));
  const plain: Readable = unpack ? source.pipe(unpack) : source;
  async function* watched() {
    for await (const chunk of plain) {
      passing?.(chunk as Buffer);
      yield chunk as Buffer;
    }
  }
  try {
    const decoded = webStreamOf(watched()).pipeThrough(
      createTarDecoder() as unknown as ReadableWritablePair<ParsedTarEntry, Uint8Array>,
    );
    for await (const { header, body } of decoded) {
      const owner = [header.uid ?? 0, header.gid ?? 0, header.uname ?? "", header.gname ?? ""].join(":");
      const facts = {
        type: header.type ?? "file",
        mode: (header.mode ?? 0).toString(8),
        date: dateOf(header.mtime),
        owner,
        ...(header.linkname ? { link: header.linkname } : {}),
        ...attributesOf(header.pax),
      };
      const contents = body as unknown as AsyncIterable<Uint8Array>;
      yield { name: header.name, facts, body: contents };
      // What nobody has read stands before the next entry.
      for await (const _ of contents);
    }
  } finally {
    source.destroy();
    unpack?.destroy();
  }
}

/** A pax record may say a date that no calendar has. */
function dateOf(date: Date | undefined): string {
  return date === undefined || Number.isNaN(date.getTime()) ? "none" : date.toISOString();
}

/** What a pax header says beside what every entry has: extended attributes, vendors' records. */
function attributesOf(pax: Record<string, string> = {}): Record<string, string> {
  const usual = /^(path|linkpath|size|mtime|atime|ctime|uid|gid|uname|gname)$/;
  return Object.fromEntries(Object.entries(pax).filter(([key]) => !usual.test(key)));
}

/** `ustar` at 257 (POSIX.1-2017, pax, "ustar Interchange Format"). */
function isTar(head: Buffer): boolean {
  return head.subarray(257, 262).toString("latin1") === "ustar";
}

async function beginning(file: string, gzipped = false): Promise<Buffer> {
  const source = createReadStream(file, { end: (1 << 16) - 1 });
  const chunks: Buffer[] = [];
  try {
    const stream = gzipped ? source.pipe(createGunzip()) : source;
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      if (Buffer.concat(chunks).length >= 512) break;
    }
  } catch {
    // A piece of a gzip file ends too early; what came before it is what is asked for.
  } finally {
    source.destroy();
  }
  return Buffer.concat(chunks);
}
