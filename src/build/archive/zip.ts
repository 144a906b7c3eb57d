import { open, rename, rm } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { Deflate } from "fflate";
import { type Entry, openPromise } from "yauzl";
import { type Algorithm, digestFile } from "../../lib/hash.ts";
import { inBlocks } from "./gzip.ts";
import { compareBytes, type Normalised, readLimit } from "./tar.ts";

export interface NormaliseZip {
  /** Seconds since the epoch for every entry; zip knows 1980 to 2107. */
  mtime: number;
  /** Where an entry comes: sorted by this number, then by name bytewise. */
  rank: (name: string) => number;
  /** Text of the entries (at most 4 MiB) whose name it matches is returned. */
  read: RegExp;
  algorithms: readonly Algorithm[];
  signal?: AbortSignal;
}

/** Archives of 4 GiB and more, and with more entries than this, would need zip64. No index takes such wheels. */
const limit = 0xffff_fffe;

/**
 * Rewrites a zip file with order, dates, modes (644 or 755), extra fields and compression made equal everywhere.
 * File contents stay byte for byte. Sizes stand in the local headers, without data descriptors, so that every reader
 * sees the same archive (https://blog.pypi.org/posts/2025-08-07-wheel-archive-confusion-attacks/).
 *
 * @throws Error when `from` is no readable archive, holds a name twice, or is over 4 GiB.
 */
export async function normaliseZip(from: string, to: string, options: NormaliseZip): Promise<Normalised> {
  const archive = await openPromise(from, { autoClose: false, strictFileNames: true });
  const part = `${to}.part`;
  const out = await open(part, "w", 0o644);
  const texts = new Map<string, string>();
  try {
    const entries: Entry[] = [];
    for await (const entry of archive.eachEntry()) entries.push(entry);
    const name = (entry: Entry) => entry.fileName as string;
    entries.sort((a, b) => options.rank(name(a)) - options.rank(name(b)) || compareBytes(name(a), name(b)));
    const directory: Buffer[] = [];
    let position = 0;
    const write = async (data: Uint8Array, at: number) => {
      for (let sent = 0; sent < data.length; ) {
        sent += (await out.write(data, sent, data.length - sent, at + sent)).bytesWritten;
      }
    };
    for (const [index, entry] of entries.entries()) {
      options.signal?.throwIfAborted();
      if (index > 0 && name(entries[index - 1] as Entry) === name(entry))
        throw new Error(`it holds ${name(entry)} twice`);
      const start = position;
      const file = Buffer.from(name(entry), "utf8");
      position += 30 + file.length;
      const kept: Uint8Array[] | undefined =
        entry.uncompressedSize <= readLimit && options.read.test(name(entry)) ? [] : undefined;
      let crc = 0;
      let size = 0;
      async function* contents() {
        for await (const chunk of await archive.openReadStreamPromise(entry)) {
          crc = crc32(chunk as Buffer, crc);
          size += (chunk as Buffer).length;
          kept?.push(chunk as Buffer);
          yield chunk as Buffer;
        }
      }
      const stored = entry.compressionMethod === 0;
      for await (const chunk of stored ? contents() : deflate(contents())) {
        await write(chunk, position);
        position += chunk.length;
      }
      if (crc !== entry.crc32) throw new Error(`${name(entry)}: its checksum is wrong`);
      if (position > limit || size > limit) throw new Error("it is over 4 GiB");
      const packed = position - start - 30 - file.length;
      const shared = fields(file, stored ? 0 : 8, options.mtime, crc, packed, size);
      await write(Buffer.concat([u32(0x04034b50), shared, file]), start);
      const runs = ((entry.externalFileAttributes >>> 16) & 0o100) !== 0;
      const folder = name(entry).endsWith("/");
      const mode = folder ? 0o40755 : runs ? 0o100755 : 0o100644;
      directory.push(
        Buffer.concat([
          ...[u32(0x02014b50), u16(0x0314), shared], // made by: Unix, version 2.0
          ...[u16(0), u16(0), u16(0), u32(((mode << 16) | (folder ? 0x10 : 0)) >>> 0), u32(start), file],
        ]),
      );
      if (kept !== undefined) texts.set(name(entry), Buffer.concat(kept).toString("utf8"));
    }
    const central = Buffer.concat(directory);
    if (position + central.length > limit || entries.length >= 0xffff)
      throw new Error("it is too large for a zip file");
    const count = u16(entries.length);
    const tail = [u32(0x06054b50), u16(0), u16(0), count, count, u32(central.length), u32(position), u16(0)];
    await write(Buffer.concat([central, ...tail]), position);
    await out.close();
    await rename(part, to);
    return { ...(await digestFile(to, options.algorithms, options.signal)), texts, names: entries.map(name) };
  } finally {
    archive.close();
    await out.close().catch(() => {});
    await rm(part, { force: true });
  }
}

/** What the local header and the directory's entry have in common (APPNOTE.TXT 4.3.7, 4.3.12), version needed to extra length. */
function fields(file: Buffer, method: number, mtime: number, crc: number, packed: number, size: number): Buffer {
  const utf8 = file.some((byte) => byte > 0x7f) ? 0x800 : 0;
  const date = new Date(Math.min(Math.max(mtime, 315_532_800), 4_354_819_198) * 1000);
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  const head = [u16(20), u16(utf8), u16(method), u16(time), u16(day), u32(crc), u32(packed), u32(size)];
  return Buffer.concat([...head, u16(file.length), u16(0)]);
}

async function* deflate(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const out: Uint8Array[] = [];
  const stream = new Deflate({ level: 6 }, (chunk) => out.push(chunk));
  for await (const chunk of inBlocks(data)) {
    stream.push(chunk);
    yield* out.splice(0);
  }
  stream.push(new Uint8Array(0), true);
  yield* out;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
