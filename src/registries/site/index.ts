import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import type http from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { HttpError, type Registry, type RegistryOptions, readBody, send, serve } from "../server.ts";

export interface SiteOptions extends RegistryOptions {
  /** Seconds that clients may keep a file. Default 600, as GitHub Pages has it. */
  maxAge?: number;
}

export interface Site extends Registry {
  /** Files put here are served. */
  folder: string;
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".xml": "application/xml",
  ".sh": "text/plain; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".md": "text/plain; charset=utf-8",
  "": "text/plain; charset=utf-8",
};

/** Bytes that a file which is put may have. */
const limit = 16 << 20;

/**
 * A static web site: the files of its state folder, with the caching headers that pages' hosts send. Who has the token puts
 * files, on conditions if they like (RFC 9110, section 13.1), and gets a folder as JSON where that is all they accept (as
 * nginx's autoindex_format has it).
 */
export async function startSite(options: SiteOptions = {}): Promise<Site> {
  let folder = "";
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: a condition holds until the file is there. */
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.catch(() => {}).then(run);
    last = next;
    return next;
  };
  const site = await serve(options, async (_base, state) => {
    folder = path.resolve(state);
    await mkdir(folder, { recursive: true });
    return async (request, response, url) => {
      if (request.method === "PUT") {
        const to = inFolder(folder, url.pathname);
        checkToken(request, options.token);
        const body = await readBody(request, limit);
        const made = await inTurn(() => put(to, body, request.headers));
        return send(response, made ? 201 : 204, undefined, { etag: etagOf(body) });
      }
      if (request.method !== "GET" && request.method !== "HEAD") {
        throw new HttpError(405, "a static site takes GET, HEAD and PUT", { allow: "GET, HEAD, PUT" });
      }
      if (request.headers.accept === "application/json" && url.pathname.endsWith("/")) {
        return send(response, 200, Buffer.from(JSON.stringify(await list(inFolder(folder, url.pathname)))), {
          "content-type": "application/json",
        });
      }
      const file = await find(folder, url.pathname);
      if (typeof file === "string") return send(response, 301, undefined, { location: file + url.search });
      const headers = {
        etag: etagOf(await readFile(file.path)),
        "last-modified": new Date(file.mtimeMs).toUTCString(),
        "cache-control": `max-age=${options.maxAge ?? 600}`,
        "access-control-allow-origin": "*",
      };
      if (request.headers["if-none-match"] === headers.etag) return send(response, 304, undefined, headers);
      response.writeHead(200, {
        ...headers,
        "content-type": types[path.extname(file.path)] ?? "application/octet-stream",
        "content-length": file.size,
      });
      if (request.method === "HEAD") return void response.end();
      await pipeline(createReadStream(file.path), response).catch(() => response.destroy());
    };
  });
  return { ...site, folder };
}

/** Of the bytes: times are too coarse to tell two writes apart. */
function etagOf(bytes: Buffer): string {
  return `"${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}"`;
}

function checkToken(request: http.IncomingMessage, wanted: string | undefined): void {
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) throw new HttpError(401, "files are put with a token", { "www-authenticate": "Bearer" });
  if (wanted !== undefined && token !== wanted) throw new HttpError(403, "this token may not put files");
}

/** Replaces a file by a rename. True: it wasn't there. @throws HttpError 412 when a condition doesn't hold */
async function put(to: string, body: Buffer, headers: http.IncomingHttpHeaders): Promise<boolean> {
  const found = await stat(to).catch(() => undefined);
  if (found && !found.isFile()) throw new HttpError(409, "there is a folder of that name");
  const etag = found ? etagOf(await readFile(to)) : undefined;
  const match = headers["if-match"];
  const matches = match === undefined || (etag !== undefined && (match === "*" || match === etag));
  const none = headers["if-none-match"];
  const differs = none === undefined || (none === "*" ? etag === undefined : none !== etag);
  if (!matches || !differs) throw new HttpError(412, "the file isn't as it was expected");
  await mkdir(path.dirname(to), { recursive: true });
  const part = path.join(path.dirname(to), `.${randomUUID()}.part`);
  await writeFile(part, body);
  await rename(part, to);
  return found === undefined;
}

async function list(folder: string): Promise<{ name: string; type: "directory" | "file"; mtime: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => {
    throw new HttpError(404, "not found");
  });
  return Promise.all(
    entries.map(async (entry) => ({
      name: entry.name,
      type: entry.isDirectory() ? "directory" : "file",
      mtime: (await stat(path.join(folder, entry.name))).mtime.toUTCString(),
    })),
  );
}

/** Where a path of the site is in its folder. @throws HttpError 400, 404 outside of it */
function inFolder(folder: string, pathname: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    throw new HttpError(400, "not a path");
  }
  const at = path.join(folder, path.posix.normalize(`/${decoded}`)).replace(/\/$/, "");
  const inside = (at === folder || at.startsWith(folder + path.sep)) && !decoded.includes("\0");
  if (!inside) throw new HttpError(404, "not found");
  return at;
}

/** The file for a path, or where a folder without its slash redirects to. @throws HttpError 404 */
async function find(
  folder: string,
  pathname: string,
): Promise<{ path: string; size: number; mtimeMs: number } | string> {
  const at = inFolder(folder, pathname);
  let found = await stat(at).catch(() => undefined);
  if (found?.isDirectory() && !pathname.endsWith("/")) return `${pathname}/`;
  const file = found?.isDirectory() ? path.join(at, "index.html") : at;
  if (found?.isDirectory()) found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || pathname.endsWith("/") === (file === at)) throw new HttpError(404, "not found");
  return { path: file, size: found.size, mtimeMs: found.mtimeMs };
}
