import { createReadStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { HttpError, type Registry, type RegistryOptions, send, serve } from "../server.ts";

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

/** A static web site: the files of its state folder, with the caching headers that pages' hosts send. */
export async function startSite(options: SiteOptions = {}): Promise<Site> {
  let folder = "";
  const site = await serve(options, async (_base, state) => {
    folder = path.resolve(state);
    await mkdir(folder, { recursive: true });
    return async (request, response, url) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        throw new HttpError(405, "a static site is read only", { allow: "GET, HEAD" });
      }
      const file = await find(folder, url.pathname);
      if (typeof file === "string") return send(response, 301, undefined, { location: file + url.search });
      const headers = {
        etag: `"${file.size.toString(16)}-${Math.floor(file.mtimeMs).toString(16)}"`,
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

/** The file for a path, or where a folder without its slash redirects to. @throws HttpError 404 */
async function find(
  folder: string,
  pathname: string,
): Promise<{ path: string; size: number; mtimeMs: number } | string> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    throw new HttpError(400, "not a path");
  }
  const at = path.join(folder, path.posix.normalize(`/${decoded}`));
  const inside = (at === folder || at.startsWith(folder + path.sep)) && !decoded.includes("\0");
  let found = inside ? await stat(at).catch(() => undefined) : undefined;
  if (found?.isDirectory() && !pathname.endsWith("/")) return `${pathname}/`;
  const file = found?.isDirectory() ? path.join(at, "index.html") : at;
  if (found?.isDirectory()) found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new HttpError(404, "not found");
  return { path: file, size: found.size, mtimeMs: found.mtimeMs };
}
