import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createTarDecoder, createTarPacker, type TarHeader } from "modern-tar";
import { type Algorithm, type Digest, hashing } from "../../lib/hash.ts";
import { webStreamOf } from "../../lib/web-stream.ts";
import { gunzipFile, gzip } from "./gzip.ts";

/** An entry to write: owner, dates and modes come from `pack`'s caller, never from a file system. */
export interface TarEntry {
  /** Folders end in `/`. */
  name: string;
  type: "file" | "directory" | "symlink" | "link";
  /** Permission bits, e.g. 0o755 */
  mode: number;
  /** Seconds since the epoch. */
  mtime: number;
  /** bytes */
  size: number;
  linkname?: string;
  body?: AsyncIterable<Uint8Array>;
}

/** A tar archive (POSIX ustar with pax records where a name needs one) of these entries in this order, owned by 0:0. */
export async function* pack(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const feeding = (async () => {
    try {
      for await (const entry of entries) {
        const writer = controller.add(headerOf(entry)).getWriter();
        for await (const chunk of entry.body ?? []) await writer.write(chunk);
        await writer.close();
      }
      controller.finalize();
    } catch (error) {
      controller.error(error);
    }
  })();
  yield* readable;
  await feeding;
}

function headerOf(entry: TarEntry): TarHeader {
  const { name, type, mode, size, linkname } = entry;
  const plain = (text: string) => /^[\x20-\x7e]*$/.test(text);
  const pax: Record<string, string> = {};
  // A ustar name has no character set; pax records are UTF-8 (POSIX.1-2017, pax, "Extended Header").
  if (!plain(name)) pax.path = name;
  if (linkname !== undefined && !plain(linkname)) pax.linkpath = linkname;
  return {
    ...{ name, type, mode, size, uid: 0, gid: 0, uname: "", gname: "" },
    ...(linkname === undefined ? {} : { linkname }),
    mtime: new Date(entry.mtime * 1000),
    ...(Object.keys(pax).length > 0 ? { pax } : {}),
  };
}

export interface NormaliseTar {
  /** Seconds since the epoch for every entry; left out: each keeps its own. */
  mtime?: number;
  /** True: entries sorted by name, bytewise. False: as they are. */
  sort: boolean;
  rename?: (name: string) => string;
  /** Text of the entries (at most 4 MiB) whose name it matches is returned. */
  read: RegExp;
  algorithms: readonly Algorithm[];
  signal?: AbortSignal;
}

export interface Normalised {
  size: number;
  digests: Partial<Record<Algorithm, Digest>>;
  /** Name -> text of the entries that were asked for. */
  texts: Map<string, string>;
  names: string[];
}

/** Bytes of an entry whose text is returned. */
export const readLimit = 4 << 20;
/** Bytes that an archive may hold, and entries: a few MiB may say that they are terabytes. */
const [largest, most] = [8 * 2 ** 30, 1_000_000];

/**
 * Rewrites a .tar.gz with what says nothing about its contents made equal everywhere: order, dates, owners, modes
 * (644, or 755 for what its owner may run), the gzip header and the compression. File contents stay byte for byte.
 * Memory stays bounded: entries go through a file beside `to`. What stood at `to` is replaced, and only by a whole archive.
 *
 * @throws Error when `from` is no readable archive.
 */
export async function normaliseTarGz(from: string, to: string, options: NormaliseTar): Promise<Normalised> {
  const spool = `${to}.spool`;
  const part = `${to}.part`;
  const file = await open(spool, "w+");
  try {
    const { entries, texts } = await unpack(from, spool, options);
    if (options.sort) entries.sort((a, b) => order(a) - order(b) || compareBytes(a.name, b.name));
    const packed = pack(
      entries.map((entry) => ({
        ...entry,
        ...(entry.size > 0 ? { body: readPart(spool, entry.start, entry.size) } : {}),
      })),
    );
    const counter = hashing(options.algorithms);
    await pipeline(
      gzip(packed),
      async function* (source) {
        for await (const chunk of source) {
          counter.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(part, { mode: 0o644 }),
      { signal: options.signal },
    );
    await rename(part, to);
    return { ...counter.end(), texts, names: entries.map((entry) => entry.name) };
  } finally {
    await file.close();
    await rm(spool, { force: true });
    await rm(part, { force: true });
  }
}

interface Spooled extends TarEntry {
  /** Where its body starts in the spool file. */
  start: number;
}

async function unpack(from: string, spool: string, options: NormaliseTar) {
  const entries: Spooled[] = [];
  const texts = new Map<string, string>();
  let position = 0;
  const archive = gunzipFile(from, options.signal);
  const decoded = webStreamOf(archive).pipeThrough(
    createTarDecoder({ strict: true }) as unknown as ReadableWritablePair<Decoded, unknown>,
  );
  await pipeline(
    async function* () {
      for await (const { header, body } of decoded) {
        const entry = entryOf(header, position, options);
        if (entry !== undefined) entries.push(entry);
        if (entries.length > most) throw new Error(`it holds more than ${most} entries`);
        const kept: Uint8Array[] | undefined =
          entry !== undefined && entry.size <= readLimit && options.read.test(entry.name) ? [] : undefined;
        for await (const chunk of body) {
          position += chunk.length;
          if (position > largest) throw new Error("it holds more than 8 GiB");
          kept?.push(chunk);
          yield chunk;
        }
        if (kept !== undefined) texts.set((entry as Spooled).name, Buffer.concat(kept).toString("utf8"));
      }
    },
    createWriteStream(spool, { flags: "r+" }),
  );
  return { entries, texts };
}

type Decoded = { header: TarHeader; body: AsyncIterable<Uint8Array> };
type ReadableWritablePair<R, W> = {
  readable: import("node:stream/web").ReadableStream<R>;
  writable: WritableStream<W>;
};

function entryOf(header: TarHeader, start: number, options: NormaliseTar): Spooled | undefined {
  const type = header.type ?? "file";
  if (type !== "file" && type !== "directory" && type !== "symlink" && type !== "link") {
    throw new Error(`${header.name}: a ${type} can't be in a package`);
  }
  for (const name of type === "link" ? [header.name, header.linkname ?? ""] : [header.name]) {
    if (leadsOut(name)) throw new Error(`${JSON.stringify(name)}: a name that leads out of the package`);
  }
  if (header.name.includes("\ufffd")) throw new Error(`${header.name}: a name that isn't UTF-8`);
  if (Number.isNaN(header.mtime?.getTime())) throw new Error(`${header.name}: a date that is none`);
  const rename = options.rename ?? ((name: string) => name);
  const runs = ((header.mode ?? 0) & 0o100) !== 0;
  return {
    name: rename(type === "directory" && !header.name.endsWith("/") ? `${header.name}/` : header.name),
    type,
    mode: type === "symlink" ? 0o777 : type === "directory" || runs ? 0o755 : 0o644,
    mtime: options.mtime ?? Math.floor((header.mtime?.getTime() ?? 0) / 1000),
    size: header.size,
    // A hard link names an entry of the archive, a symbolic link names a path.
    ...(header.linkname ? { linkname: type === "link" ? rename(header.linkname) : header.linkname } : {}),
    start,
  };
}

/** Such as no installer unpacks (PEP 721; npm's tar): absolute, with `..`, with what ends a name elsewhere. */
function leadsOut(name: string): boolean {
  return name === "" || /^([/\\]|[A-Za-z]:)|[\0\n\r]/.test(name) || name.split(/[/\\]/).includes("..");
}

/** Hard links come last: what they name has to be there. */
function order(entry: TarEntry): number {
  return entry.type === "link" ? 1 : 0;
}

export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function readPart(file: string, start: number, size: number): AsyncIterable<Uint8Array> {
  return createReadStream(file, { start, end: start + size - 1, highWaterMark: 1 << 18 });
}
