import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import path from "node:path";
import { HttpError } from "../server.ts";

/** An attachment of a publish document, decoded to a file. */
export interface Attachment {
  path: string;
  /** bytes */
  size: number;
  /** hex */
  sha1: string;
  /** base64, as in `integrity` */
  sha512: string;
}

const quote = 0x22;

/**
 * Reads a publish document (JSON) and writes each `_attachments.NAME.data` (base64) to a file as it comes,
 * so that a tarball is never in memory. In the returned document `data` is "".
 *
 * @throws HttpError 400 when it isn't such a document, 413 when all but the attachments is over 64 MiB
 */
export async function readDocument(
  body: AsyncIterable<Buffer>,
  folder: string,
): Promise<{ document: Record<string, unknown>; attachments: Map<string, Attachment> }> {
  await mkdir(folder, { recursive: true });
  const scanner = pathScanner();
  const attachments = new Map<string, Attachment>();
  const kept: Buffer[] = [];
  let keptSize = 0;
  let sink: Awaited<ReturnType<typeof base64File>> | undefined;
  const keep = (part: Buffer) => {
    keptSize += part.length;
    if (keptSize > 64 << 20) throw new HttpError(413, { error: "Request entity too large" });
    kept.push(part);
  };
  try {
    for await (const chunk of body) {
      let from = 0;
      let at = 0;
      while (at < chunk.length) {
        if (sink) {
          const end = chunk.indexOf(quote, at);
          await sink.write(chunk.subarray(at, end < 0 ? undefined : end));
          from = at = end < 0 ? chunk.length : end;
          if (end < 0) continue;
          attachments.set(scanner.path()[1] as string, await sink.end());
          sink = undefined;
        }
        const opened = scanner.push(chunk[at++] as number);
        const where = opened ? scanner.path() : [];
        if (where.length === 3 && where[0] === "_attachments" && where[2] === "data") {
          keep(chunk.subarray(from, at));
          sink = await base64File(path.join(folder, String(attachments.size)));
        }
      }
      if (!sink) keep(chunk.subarray(from));
    }
  } finally {
    await sink?.abandon();
  }
  let document: unknown;
  try {
    document = JSON.parse(Buffer.concat(kept).toString("utf8"));
  } catch {
    throw new HttpError(400, { error: "unable to parse the request's body as JSON" });
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new HttpError(400, { error: "the request's body must be an object" });
  }
  return { document: document as Record<string, unknown>, attachments };
}

/** Follows JSON byte by byte; `push` is true when the byte opened a string that is a value. */
function pathScanner() {
  const stack: { array: boolean; key: string; wantsKey: boolean }[] = [];
  let inString = false;
  let escaped = false;
  let key: number[] | undefined;
  return {
    path: () => stack.map((level) => level.key),
    push(byte: number): boolean {
      const top = stack.at(-1);
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === 0x5c) escaped = true;
        else if (byte === quote) {
          inString = false;
          if (key && top) top.key = unquoted(key);
          key = undefined;
          return false;
        }
        key?.push(byte);
        return false;
      }
      if (byte === quote) {
        inString = true;
        if (top?.wantsKey) key = [];
        return !key;
      }
      if (byte === 0x7b || byte === 0x5b) {
        if (stack.length > 500) throw new HttpError(400, { error: "nested too deeply" });
        stack.push({ array: byte === 0x5b, key: "", wantsKey: byte === 0x7b });
      } else if (byte === 0x7d || byte === 0x5d) stack.pop();
      else if (byte === 0x3a && top) top.wantsKey = false;
      else if (byte === 0x2c && top) top.wantsKey = !top.array;
      return false;
    },
  };
}

function unquoted(bytes: number[]): string {
  try {
    return JSON.parse(`"${Buffer.from(bytes).toString("utf8")}"`) as string;
  } catch {
    return ""; // JSON.parse of the whole will say what is wrong
  }
}

async function base64File(file: string) {
  const handle: FileHandle = await open(file, "w");
  const sha1 = createHash("sha1");
  const sha512 = createHash("sha512");
  let size = 0;
  let rest = "";
  const put = async (text: string) => {
    const bytes = Buffer.from(text, "base64");
    sha1.update(bytes);
    sha512.update(bytes);
    size += bytes.length;
    await handle.write(bytes);
  };
  return {
    async write(part: Buffer) {
      let text = part.toString("latin1");
      if (text.includes("\\")) text = text.replaceAll("\\", ""); // "\/" is a way to write "/"
      text = rest + text;
      const whole = text.length - (text.length % 4);
      rest = text.slice(whole);
      if (whole > 0) await put(text.slice(0, whole));
    },
    async end(): Promise<Attachment> {
      if (rest) await put(rest);
      await handle.close();
      return { path: file, size, sha1: sha1.digest("hex"), sha512: sha512.digest("base64") };
    },
    abandon: () => handle.close().catch(() => {}),
  };
}
