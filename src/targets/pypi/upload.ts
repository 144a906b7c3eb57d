import { randomUUID } from "node:crypto";
import type { Files, Io, Item } from "../../core/target.ts";
import { excerpt, ReleaseError } from "../../lib/errors.ts";
import { readChunks } from "../../lib/file.ts";
import { hexOf } from "../../lib/hash.ts";
import type { HttpResponse } from "../../lib/http.ts";
import { retryAfterOf } from "../../lib/retry-after.ts";
import { type Fields, readFields } from "./metadata.ts";

export interface UploadOptions {
  /** The upload address, e.g. `https://upload.pypi.org/legacy/` */
  upload: string;
  username: string;
  token: string;
}

/** What an index says to an upload. */
export interface Answer {
  status: number;
  /** Reason phrase and text of the body: Warehouse explains itself in both. */
  message: string;
  response: HttpResponse;
}

/** Sends a distribution by the legacy upload API, streamed from disk; any status is an answer. */
export async function uploadFile(options: UploadOptions, item: Item, files: Files, io: Io): Promise<Answer> {
  const local = await files(item.file);
  const wheel = item.file.endsWith(".whl");
  const fields: Fields = [
    [":action", "file_upload"],
    ["protocol_version", "1"],
    ["filetype", wheel ? "bdist_wheel" : "sdist"],
    ["pyversion", wheel ? (item.file.split("-").at(-3) ?? "") : "source"],
    ["sha256_digest", hexOf(item.digest)],
    ...(await readFields(local.path, item.file)),
  ];
  const form = multipart(fields, { field: "content", name: item.file, path: local.path, size: local.size });
  return post(options, form, io, (sent) => {
    const share = Math.min(1, sent / form.length);
    io.emit({ type: "progress", target: "pypi", id: item.id, sent: Math.round(share * local.size), total: local.size });
  });
}

/**
 * Sends an upload without a file, which no index takes: the answer shows whether it knows the credential, since Warehouse
 * looks at that before it looks at the form (warehouse forklift/legacy.py, `file_upload`).
 */
export function probe(options: UploadOptions, io: Io): Promise<Answer> {
  const fields: Fields = [
    [":action", "file_upload"],
    ["protocol_version", "1"],
  ];
  return post(options, multipart(fields), io);
}

async function post(
  { upload, username, token }: UploadOptions,
  form: ReturnType<typeof multipart>,
  io: Io,
  onSent?: (bytes: number) => void,
): Promise<Answer> {
  const response = await io.http({
    url: upload,
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`,
      "content-type": `multipart/form-data; boundary=${form.boundary}`,
      accept: "text/plain, */*;q=0.1",
    },
    body: form.open,
    length: form.length,
    signal: io.signal,
    idleTimeout: 300_000,
    onSent,
  });
  const text = await response.text(1 << 20).catch(() => "");
  // A page of any length has said enough by then.
  const readable = excerpt(text, 8192)
    .replace(/<(style|script|title)\b[\s\S]*?<\/\1>/gi, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  const reason = response.statusText.replace(/^\d+ /, "");
  const message = readable.includes(reason) ? readable : [reason, readable].filter(Boolean).join(": ");
  return { status: response.status, message: excerpt(message, 500), response };
}

interface Part {
  field: string;
  name: string;
  path: string;
  /** bytes */
  size: number;
}

/** A form (RFC 7578) of known length whose file is read while it is sent. */
function multipart(fields: Fields, file?: Part) {
  const boundary = randomUUID();
  const quoted = (text: string) => text.replace(/["\r\n]/g, (found) => encodeURIComponent(found));
  const head = fields
    .map(
      ([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
    )
    .join("");
  const start = file
    ? `${head}--${boundary}\r\ncontent-disposition: form-data; name="${file.field}"; filename="${quoted(file.name)}"\r\ncontent-type: application/octet-stream\r\n\r\n`
    : head;
  const end = `${file ? "\r\n" : ""}--${boundary}--\r\n`;
  async function* open() {
    yield Buffer.from(start);
    if (file) yield* readChunks(file.path);
    yield Buffer.from(end);
  }
  return { boundary, length: Buffer.byteLength(start) + (file?.size ?? 0) + Buffer.byteLength(end), open };
}

/** An upload's refusal as an error; what it means for a file that is there already is for the caller to find out. */
export function refusal(
  { status, message, response }: Answer,
  what: string,
  upload: string,
  io: Io,
  rightsHint = "set PYPI_TOKEN to a token that is valid and may upload to this project",
): ReleaseError {
  const facts = { status, index: upload, answer: message };
  if (status === 429) {
    return new ReleaseError("RATE_LIMITED", `the Python index asks to wait (${what})`, {
      facts,
      retryable: true,
      retryAfter: retryAfterOf(response.headers, io.now()),
      hint: "run the same command again later; it goes on where it stopped",
    });
  }
  if (status === 401 || status === 403) {
    return new ReleaseError("AUTH", `the Python index refused ${what}: ${message}`, {
      facts,
      hint: rightsHint,
    });
  }
  if (status >= 300 && status < 400) {
    return new ReleaseError("REGISTRY", `${upload} redirects, which loses an upload`, {
      facts: { ...facts, location: response.headers.location },
      hint: "set targets.pypi.upload to the address it redirects to (PyPI's ends in /legacy/, with the slash)",
    });
  }
  if (/previously (been )?used by a file that has since been deleted/i.test(message)) {
    return new ReleaseError("CONFLICT", `${what}: the name was used by a file that has since been deleted`, {
      facts,
      hint: "PyPI never takes a file name twice: release the next number (`twotier plan` shows it)",
    });
  }
  if (/older than 14 days/i.test(message)) {
    return new ReleaseError("REFUSED", `${what}: ${message}`, {
      facts,
      hint: "PyPI takes files of a release for 14 days after its first one: release the next version",
    });
  }
  return new ReleaseError("REGISTRY", `the Python index answered ${status} to ${what}: ${message}`, {
    facts,
    retryable: status >= 500,
    hint: status >= 500 ? "run the same command again" : "the answer says what the index objects to",
  });
}
