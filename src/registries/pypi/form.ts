import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import type http from "node:http";
import path from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { refuse } from "./rules.ts";

/** An upload as it came in. */
export interface Form {
  fields: Map<string, string[]>;
  /** The part named `content`. */
  content?: { filename: string; type: string; path: string; size: number; sha256: string; md5?: string };
}

/**
 * Reads a multipart upload; the file goes to `folder` and is digested as it comes, with the digests that the form tells.
 *
 * @param limit bytes that the file may have; of a larger one the rest is read and thrown away, so that the answer arrives
 * @throws HttpError 400
 */
export async function readForm(request: http.IncomingMessage, folder: string, limit: number): Promise<Form> {
  const fields = new Map<string, string[]>();
  let content: NonNullable<Form["content"]> | undefined;
  let file: Readable | undefined;
  let writing: Promise<void> | undefined;
  const stopped = new AbortController();
  const busboy = parserFor(request);
  busboy.on("field", (name, value) => {
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  });
  let tooMany = false;
  busboy.on("fieldsLimit", () => {
    tooMany = true;
  });
  busboy.on("file", (name, stream, filename, _encoding, type) => {
    if (name !== "content" || content) return void stream.resume(); // gpg_signature: taken and thrown away
    const sha256 = createHash("sha256");
    const md5 = fields.get("md5_digest")?.[0] ? createHash("md5") : undefined;
    const received = {
      filename,
      type,
      path: path.join(folder, "content"),
      size: 0,
      sha256: "",
      md5: undefined as string | undefined,
    };
    content = received;
    file = stream;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        received.size += chunk.length;
        if (received.size > limit) return done();
        sha256.update(chunk);
        md5?.update(chunk);
        done(null, chunk);
      },
      flush(done) {
        received.sha256 = sha256.digest("hex");
        received.md5 = md5?.digest("hex");
        done();
      },
    });
    writing = pipeline(stream, meter, createWriteStream(received.path, { highWaterMark: 1 << 20 }));
    writing.catch((error) => stopped.abort(error)); // a full disk: nobody reads the rest any more
  });
  try {
    await pipeline(request, busboy, { signal: stopped.signal });
  } catch {
    file?.destroy(new Error("cut off"));
    await writing?.catch(() => {});
    if (stopped.signal.aborted && !request.destroyed) throw stopped.signal.reason;
    throw refuse(400, "Upload payload is cut off or malformed.");
  }
  await writing;
  if (tooMany) throw refuse(400, "Too many fields in the form.");
  if (content && content.size > limit) throw refuse(400, `File too large. Limit is ${Math.round(limit / 2 ** 20)} MB.`);
  if (content && !content.md5 && fields.get("md5_digest")?.[0]) content.md5 = await md5Of(content.path);
  return { fields, content };
}

function parserFor(request: http.IncomingMessage): BusboyInstance {
  try {
    return new Busboy({
      headers: request.headers as { "content-type": string },
      preservePath: true,
      limits: { fieldSize: 32 * 2 ** 20, fields: 10_000, files: 2 },
      // twine sends `content` as application/octet-stream; what makes it a file is its name
      isPartAFile: (_field, _type, filename) => filename !== undefined,
    });
  } catch {
    throw refuse(400, "Upload payload is not multipart/form-data.");
  }
}

/** For the rare form whose md5_digest comes after the file. */
async function md5Of(file: string): Promise<string> {
  const md5 = createHash("md5");
  for await (const chunk of createReadStream(file)) md5.update(chunk as Buffer);
  return md5.digest("hex");
}
