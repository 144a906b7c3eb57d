import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import type http from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { clean } from "@renovatebot/pep440";
import { HttpError, type Registry, type RegistryOptions, send, serve } from "../server.ts";
import { htmlType, jsonType, negotiate, projectJson, simpleHtml, simpleJson, simpleList } from "./answers.ts";
import { readForm } from "./form.ts";
import { type Index, openIndex } from "./projects.ts";
import { normalizedName, refuse } from "./rules.ts";
import { type MintedTokens, mintedTokens, type TrustedPublishing } from "./trusted.ts";
import { deleteFiles, takeUpload } from "./upload.ts";

export interface PypiOptions extends RegistryOptions {
  /** Whom every token belongs to. Default `twotier`. */
  user?: string;
  /** Seconds that clients may keep a project's page. Default 600, as PyPI's. */
  maxAge?: number;
  /** Bytes that a file may have. Default 100 MiB as on PyPI; more where an owner was given more. */
  fileLimit?: number;
  /** Left out: it has none. */
  trusted?: TrustedPublishing;
}

export interface PypiRegistry extends Registry {
  /** What PyPI has no API for: its owners do it on the web (registry-facts.md, PyPI). Versions in any PEP 440 spelling. */
  admin: {
    yank(name: string, version: string, reason?: string): Promise<void>;
    unyank(name: string, version: string): Promise<void>;
    /** All files of a release, or one. The names are spent. */
    delete(name: string, version: string, filename?: string): Promise<void>;
    /** Gives a file its provenance object (PEP 740), as trusted publishing does. */
    attest(name: string, version: string, filename: string, provenance: unknown): Promise<void>;
    /** Gives a project, there or not, to somebody else. */
    giveTo(name: string, owner: string): Promise<void>;
    /** Makes a release that much older, in milliseconds. */
    age(name: string, version: string, by: number): Promise<void>;
  };
}

interface Context {
  index: Index;
  options: PypiOptions;
  user: string;
  base: string;
  now: () => Date;
  /** A folder for what is being received. */
  inbox: () => string;
  minted: MintedTokens;
}

/**
 * A Python package index: legacy upload, Simple API (HTML and JSON), PyPI's JSON API and downloads, by Warehouse's rules.
 * Sources: PEP 503, 592, 629, 658, 691, 700; warehouse forklift/legacy.py; what twine, uv and pip send.
 */
export async function startPypi(options: PypiOptions = {}): Promise<PypiRegistry> {
  const user = options.user ?? "twotier";
  const now = options.now ?? (() => new Date());
  let index: Index | undefined;
  const registry = await serve(options, async (base, state) => {
    const inboxes = path.join(state, "inbox");
    await rm(inboxes, { recursive: true, force: true }); // left by a process that was killed
    let received = 0;
    index = await openIndex(state);
    const inbox = () => path.join(inboxes, String(received++));
    const minted = mintedTokens(now, options.trusted);
    const context: Context = { index, options, user, base, now, inbox, minted };
    return async (request, response, url) => {
      try {
        await route(context, request, response, url);
      } catch (error) {
        if (error instanceof HttpError && "reason" in error) response.statusMessage = String(error.reason);
        throw error;
      }
    };
  });
  return { ...registry, admin: adminOf(() => index as Index, user) };
}

function adminOf(index: () => Index, user: string): PypiRegistry["admin"] {
  const releaseOf = (name: string, version: string) => {
    const spelled = clean(version) ?? version;
    const project = index().get(name);
    const release = project?.releases[spelled];
    if (!project || !release) throw new Error(`no release ${name} ${version}`);
    return { project, release, spelled };
  };
  const edit = async (name: string, version: string, change: object) => {
    const { spelled } = releaseOf(name, version);
    await index().change(name, user, (known) => {
      const release = { ...(known.releases[spelled] as (typeof known.releases)[string]), ...change };
      return { ...known, releases: { ...known.releases, [spelled]: release } };
    });
  };
  return {
    yank: (name, version, reason = "") => edit(name, version, { yanked: reason }),
    unyank: (name, version) => edit(name, version, { yanked: null }),
    delete: (name, version, filename) => deleteFiles(index(), name, releaseOf(name, version).spelled, filename),
    async attest(name, version, filename, provenance) {
      const files = releaseOf(name, version).release.files;
      await edit(name, version, {
        files: files.map((file) => (file.filename === filename ? { ...file, provenance } : file)),
      });
    },
    async giveTo(name, owner) {
      await index().change(name, owner, (known) => ({ ...known, owner }));
    },
    age(name, version, by) {
      const { release } = releaseOf(name, version);
      const earlier = (date: string) => new Date(Date.parse(date) - by).toISOString();
      const files = release.files.map((file) => ({ ...file, uploaded: earlier(file.uploaded) }));
      return edit(name, version, { created: earlier(release.created), files });
    },
  };
}

async function route(
  context: Context,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  url: URL,
): Promise<void> {
  const parts = url.pathname.split("/").slice(1);
  const [first, second = ""] = parts;
  const read = request.method === "GET" || request.method === "HEAD";
  if (first === "legacy") {
    if (parts.length === 1) return send(response, 308, undefined, { location: `/legacy/${url.search}` });
    if (request.method !== "POST") throw refuse(405, "Method Not Allowed");
    return upload(context, request, response);
  }
  if (first === "_" && (await context.minted.route(request, response, url.pathname))) return;
  if (!read) throw refuse(405, "Method Not Allowed");
  if (first === "simple") return simple(context, parts.slice(1), request, response);
  if (first === "pypi" && parts.at(-1) === "json" && (parts.length === 3 || parts.length === 4)) {
    const project = context.index.get(second);
    const asked = parts.length === 4 ? (clean(parts[2]) ?? parts[2]) : undefined;
    const document = project && projectJson(project, context.base, asked);
    if (!document) throw new HttpError(404, { message: "Not Found" });
    return cached(context, request, response, JSON.stringify(document), "application/json", project.serial);
  }
  if (first === "integrity" && parts.length === 5 && parts[4] === "provenance") {
    const [, , version = "", filename = ""] = parts.map(decodeURIComponent);
    const files = context.index.get(second)?.releases[clean(version) ?? version]?.files ?? [];
    const provenance = files.find((file) => file.filename === filename)?.provenance;
    if (provenance === undefined) throw new HttpError(404, { message: `No provenance available for ${filename}` });
    return send(response, 200, provenance, { "content-type": "application/vnd.pypi.integrity.v1+json" });
  }
  if (first === "packages") return download(context, parts.slice(1), request, response);
  throw new HttpError(404, "Not Found");
}

async function upload(context: Context, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const token = authorize(context, request);
  const folder = context.inbox();
  await mkdir(folder, { recursive: true });
  try {
    const form = await readForm(request, folder, context.options.fileLimit ?? 100 << 20);
    await takeUpload(context.index, form, context.user, context.now(), (project) => {
      if (context.minted.allows(token, project) !== false) return;
      throw refuse(403, `Invalid API Token: OIDC scoped token is not valid for project '${project}'`);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  send(response, 200, "");
}

/** @returns the token */
function authorize({ options, minted }: Context, request: http.IncomingMessage): string {
  const [scheme, value] = (request.headers.authorization ?? "").split(" ");
  const text = scheme?.toLowerCase() === "basic" ? Buffer.from(value ?? "", "base64").toString("utf8") : "";
  const [user, password] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (text && user !== "__token__") {
    throw refuse(
      403,
      "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers instead.",
    );
  }
  const allowed = minted.allows(password, null);
  if (allowed === false) throw refuse(403, "Invalid API Token: token is expired");
  if (!password || (allowed === undefined && options.token !== undefined && password !== options.token)) {
    throw refuse(
      403,
      "Invalid or non-existent authentication information. See https://pypi.org/help/#invalid-auth for more information.",
    );
  }
  return password;
}

async function simple(context: Context, parts: string[], request: http.IncomingMessage, response: http.ServerResponse) {
  const type = negotiate(request.headers.accept);
  if (!type) throw new HttpError(406, "Not Acceptable");
  const { index, base } = context;
  const [asked = ""] = parts;
  if (asked === "") {
    if (parts.length === 0) return send(response, 301, undefined, { location: "/simple/" });
    const { html, json } = simpleList(index);
    return cached(context, request, response, type === jsonType ? JSON.stringify(json) : html, type, index.serial());
  }
  const name = normalizedName(decodeURIComponent(asked));
  if (asked !== name || parts.length === 1) return send(response, 301, undefined, { location: `/simple/${name}/` });
  const project = index.get(name);
  if (!project || parts.length > 2 || parts[1] !== "") throw new HttpError(404, "404 Not Found");
  const body = type === jsonType ? JSON.stringify(simpleJson(project, base)) : simpleHtml(project, base);
  cached(context, request, response, body, type, project.serial);
}

function cached(
  context: Context,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  body: string,
  type: string,
  serial: number,
): void {
  const etag = `"${createHash("md5").update(body).digest("base64url")}"`;
  const headers = {
    "content-type": type === jsonType || type === htmlType ? type : `${type}; charset=UTF-8`,
    "cache-control": `max-age=${context.options.maxAge ?? 600}, public`,
    vary: "Accept, Accept-Encoding",
    "x-pypi-last-serial": String(serial),
    etag,
  };
  if (request.headers["if-none-match"] === etag) send(response, 304, undefined, headers);
  else send(response, 200, body, headers);
}

async function download(
  context: Context,
  parts: string[],
  request: http.IncomingMessage,
  response: http.ServerResponse,
) {
  const sha256 = parts.slice(0, 3).join("");
  const filename = decodeURIComponent(parts[3] ?? "");
  if (!/^[0-9a-f]{64}$/.test(sha256) || !filename) throw new HttpError(404, "404 Not Found");
  const at = context.index.pathOf(sha256, filename);
  const size = await stat(at).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );
  if (size === undefined) throw new HttpError(404, "404 Not Found");
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? ""); // pip's and uv's lazy reading of wheels
  const from = range ? (range[1] ? Number(range[1]) : Math.max(0, size - Number(range[2]))) : 0;
  const to = range?.[1] && range[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
  if (from > to && size > 0) throw new HttpError(416, "", { "content-range": `bytes */${size}` });
  response.writeHead(range ? 206 : 200, {
    "content-type": "application/octet-stream",
    "content-length": String(to - from + 1),
    "accept-ranges": "bytes",
    etag: `"${sha256}"`,
    "cache-control": "max-age=365000000, immutable, public",
    ...(range ? { "content-range": `bytes ${from}-${to}/${size}` } : {}),
  });
  if (request.method === "HEAD" || size === 0) return void response.end();
  await pipeline(createReadStream(at, { start: from, end: to, highWaterMark: 1 << 18 }), response);
}
