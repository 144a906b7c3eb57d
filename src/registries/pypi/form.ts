import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import type http from "node:http";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { refuse } from "./rules.ts";

/** An upload as it came in. */
export interface Form {
  fields: Map<string, string[]>;
  /** The part named `content`. */
  content?: { filename: string; type: string; path: string; size: number; sha256: string; md5?: string };
}

/** Reads a multipart upload; the file goes to `folder` and is digested as it comes, with the digests that the form tells. */
export async function readForm(request: http.IncomingMessage, folder: string, limit: number): Promise<Form> {
  const fields = new Map<string, string[]>();
  let content: Form["content"];
  let writing: Promise<void> | undefined;
  let busboy: BusboyInstance;
  try {
    busboy = new Busboy({
      headers: request.headers as { "content-type": string },
      preservePath: true,
      limits: { fieldSize: 32 << 20, files: 2 },
      // twine sends `content` as application/octet-stream; what makes it a file is its name
      isPartAFile: (_field, _type, filename) => filename !== undefined,
    });
  } catch {
    throw refuse(400, "Upload payload is not multipart/form-data.");
  }
  busboy.on("field", (name, value) => void fields.set(name, [...(fields.get(name) ?? []), value]));
  busboy.on("file", (name, stream, filename, _encoding, type) => {
    if (name !== "content" || content) return void stream.resume(); // gpg_signature: taken and thrown away
    const sha256 = createHash("sha256");
    const md5 = fields.get("md5_digest")?.[0] ? createHash("md5") : undefined;
    const received = { filename, type, path: path.join(folder, "content"), size: 0, sha256: "" };
    content = received;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        received.size += chunk.length;
        sha256.update(chunk);
        md5?.update(chunk);
        done(received.size > limit ? refuse(400, `File too large. Limit is ${limit >> 20}MB.`) : null, chunk);
      },
      flush(done) {
        received.sha256 = sha256.digest("hex");
        if (md5) Object.assign(received, { md5: md5.digest("hex") });
        done();
      },
    });
    writing = pipeline(stream, meter, createWriteStream(received.path, { highWaterMark: 1 << 20 })).catch((error) => {
      stream.resume();
      throw error;
    });
    writing.catch(() => {}); // awaited below
  });
  try {
    await pipeline(request, busboy);
  } catch {
    await writing?.catch(() => {});
    throw refuse(400, "Upload payload is cut off or malformed.");
  }
  await writing;
  if (content && !content.md5 && fields.get("md5_digest")?.[0]) content.md5 = await md5Of(content.path);
  return { fields, content };
}

/** For the rare form whose md5_digest comes after the file. */
async function md5Of(file: string): Promise<string> {
  const md5 = createHash("md5");
  for await (const chunk of createReadStream(file)) md5.update(chunk as Buffer);
  return md5.digest("hex");
}
