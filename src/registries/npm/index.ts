import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import type http from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import semver from "semver";
import { HttpError, type Registry, type RegistryOptions, send, serve } from "../server.ts";
import { api, bodyOf } from "./api.ts";
import { readDocument } from "./document.ts";
import { removeTarball, unpublishAll, unpublishVersions, update } from "./edit.ts";
import { abbreviated, packument, tarballName, versionDocument, visibleTags } from "./packages.ts";
import { publish } from "./publish.ts";
import { type SeedPackage, seedTarball } from "./seed.ts";
import { openShelf, type Shelf } from "./shelf.ts";
import { type ExchangedTokens, exchangedTokens, type TrustedPublishing, type Use } from "./trusted.ts";

export type { SeedPackage } from "./seed.ts";

export interface NpmOptions extends RegistryOptions {
  /** Whom every token belongs to. Default `twotier`. */
  user?: string;
  /** Milliseconds that npm's malware scan takes: till then a version was accepted, but answers 404. Default 0. */
  scanDelay?: number;
  /** True while a version is being scanned, whatever `scanDelay` says. */
  pending?: (name: string, version: string) => boolean;
  /** Seconds that clients may keep a packument. Default 300, as npm's. */
  maxAge?: number;
  /** Left out: it has none. */
  trusted?: TrustedPublishing;
}

export interface NpmRegistry extends Registry {
  /** Puts a version there as if it had been published long ago. */
  seed(pkg: SeedPackage): Promise<void>;
  /** Adds a signed statement to a version, as npm has it after `npm publish --provenance`. */
  attest(name: string, version: string, attestation: { predicateType: string; bundle: unknown }): Promise<void>;
}

/**
 * An npm registry: publish, packuments, tarballs, dist-tags, deprecate, unpublish, by npm's own rules.
 * Sources: npm's registry API docs (github.com/npm/registry), libnpmpublish, and what npm 11 sends.
 */
export async function startNpm(options: NpmOptions = {}): Promise<NpmRegistry> {
  const now = options.now ?? (() => new Date());
  const delay = options.scanDelay ?? 0;
  let shelf: Shelf | undefined;
  const registry = await serve(options, async (base, state) => {
    const open = await openShelf(state, {
      user: options.user ?? "twotier",
      now,
      hidden: (name, version, published) =>
        options.pending?.(name, version) || now().getTime() - published.getTime() < delay,
    });
    shelf = open;
    const exchanged = exchangedTokens(new URL(base).hostname, now, options.trusted);
    return (request, response, url) => route(open, { ...options, exchanged }, base, request, response, url);
  });
  return {
    ...registry,
    seed: (pkg) => seed(shelf as Shelf, pkg),
    async attest(name, version, attestation) {
      await (shelf as Shelf).change(name, (known) => {
        const held = known.versions[version];
        if (!held) throw new Error(`no version ${name}@${version}`);
        const attestations = [...(held.attestations ?? []), attestation];
        return { ...known, versions: { ...known.versions, [version]: { ...held, attestations } } };
      });
    },
  };
}

async function seed(shelf: Shelf, pkg: SeedPackage): Promise<void> {
  const { name, version } = pkg;
  const file = tarballName(name, version);
  const bytes = pkg.tarball ?? seedTarball({ ...pkg.manifest, name, version });
  const shasum = createHash("sha1").update(bytes).digest("hex");
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const home = shelf.tarball(name, shasum);
  await mkdir(path.dirname(home), { recursive: true });
  await writeFile(home, bytes);
  const manifest = { ...pkg.manifest, name, version, _id: `${name}@${version}`, dist: { shasum, integrity } };
  await shelf.change(name, (known) => ({
    ...known,
    owner: pkg.owner ?? known.owner,
    versions: { ...known.versions, [version]: { manifest, file, sha1: shasum, downloads: pkg.downloads ?? 0 } },
    tags: { latest: version, ...known.tags, ...Object.fromEntries((pkg.tags ?? []).map((tag) => [tag, version])) },
    time: { ...known.time, [version]: (pkg.publishedAt ?? shelf.now()).toISOString() },
  }));
}

type Options = NpmOptions & { exchanged: ExchangedTokens };

async function route(
  shelf: Shelf,
  options: Options,
  base: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  url: URL,
): Promise<void> {
  const method = request.method ?? "GET";
  const parts = url.pathname.split("/").slice(1).map(decoded);
  const write = (use: Use, name = "") => authorize(options, request, use, name);
  if (parts[0] === "-" && parts.slice(1, 6).join("/") === "npm/v1/oidc/token/exchange" && method === "POST") {
    const name = parts.slice(7).join("/");
    const pkg = shelf.get(name);
    return options.exchanged.exchange(name, pkg !== undefined && !pkg.unpublished, request, response);
  }
  if (parts[0] === "-") return api(shelf, method, parts.slice(1), request, response, url, write);

  const scoped = parts[0]?.startsWith("@") && !parts[0].includes("/");
  const name = scoped ? `${parts[0]}/${parts[1]}` : (parts[0] ?? "");
  const rest = parts.slice(scoped ? 2 : 1);
  if (method === "GET" || method === "HEAD") {
    if (rest[0] === "-" && rest.length >= 2) return sendTarball(shelf, name, rest.at(-1) as string, response);
    return sendPackage(shelf, options, base, name, rest[0], request, response, url);
  }
  const publishing = method === "PUT" && rest.length === 0;
  write(publishing ? "publish" : "other", name);
  const owner = shelf.get(name)?.owner;
  if (owner !== undefined && owner !== shelf.user) {
    const error = `You do not have permission to publish "${name}". Are you logged in as the correct user?`;
    throw new HttpError(403, { error });
  }
  if (publishing) {
    const inbox = shelf.inbox();
    try {
      const received = await readDocument(request, inbox.folder);
      if (received.attachments.size > 0) await publish(shelf, name, received);
      else {
        write("other", name);
        await update(shelf, name, received.document);
      }
    } finally {
      await inbox.done();
    }
    return send(response, 200, { ok: true, success: true, id: name, rev: String(shelf.get(name)?.rev) });
  }
  if (method === "PUT" && rest[0] === "-rev") {
    await unpublishVersions(shelf, name, rest[1] ?? "", await bodyOf(request));
    return send(response, 201, { ok: true });
  }
  if (method === "DELETE" && rest[0] === "-rev") {
    await unpublishAll(shelf, name, rest[1] ?? "");
    return send(response, 200, { ok: true });
  }
  if (method === "DELETE" && rest[0] === "-" && rest.at(-2) === "-rev") {
    removeTarball(shelf, name, rest.at(-1) as string, rest.at(-3) as string);
    return send(response, 200, { ok: true });
  }
  throw new HttpError(405, { error: "method not allowed" });
}

function sendPackage(
  shelf: Shelf,
  options: NpmOptions,
  base: string,
  name: string,
  selector: string | undefined,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  url: URL,
): void {
  const pkg = shelf.get(name);
  const hidden = (version: string) => shelf.hidden(name, version);
  if (!pkg || (!pkg.unpublished && Object.keys(pkg.versions).every(hidden))) {
    throw new HttpError(404, { error: "Not found" });
  }
  if (selector !== undefined) {
    const tags = visibleTags(pkg, hidden);
    const version = (Object.hasOwn(tags, selector) ? tags[selector] : semver.clean(selector)) ?? "";
    if (!Object.hasOwn(pkg.versions, version) || hidden(version)) {
      throw new HttpError(404, `version not found: ${selector}`);
    }
    send(response, 200, versionDocument(pkg, version, base));
    return;
  }
  const full = packument(pkg, base, hidden);
  const short = (request.headers.accept ?? "").includes("application/vnd.npm.install-v1+json") && !pkg.unpublished;
  const bytes = Buffer.from(JSON.stringify(short ? abbreviated(full) : full));
  const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
  const write = url.searchParams.get("write") === "true";
  const headers = {
    "content-type": short ? "application/vnd.npm.install-v1+json" : "application/json",
    "cache-control": write ? "no-store" : `public, max-age=${options.maxAge ?? 300}`,
    vary: "accept-encoding, accept",
    "last-modified": new Date(pkg.time.modified ?? 0).toUTCString(),
    etag,
  };
  if (request.headers["if-none-match"] === etag) send(response, 304, undefined, headers);
  else send(response, 200, bytes, headers);
}

async function sendTarball(shelf: Shelf, name: string, file: string, response: http.ServerResponse): Promise<void> {
  const pkg = shelf.get(name);
  const [version, held] = Object.entries(pkg?.versions ?? {}).find(([, one]) => one.file === file) ?? [];
  if (!held || !version || shelf.hidden(name, version)) throw new HttpError(404, { error: "Not found" });
  const at = shelf.tarball(name, held.sha1);
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": String((await stat(at)).size),
    "cache-control": "public, immutable, max-age=31557600",
  });
  if (response.req.method === "HEAD") return void response.end();
  held.downloads++;
  await pipeline(createReadStream(at, { highWaterMark: 1 << 18 }), response);
}

function authorize(options: Options, request: http.IncomingMessage, use: Use, name: string): void {
  const [scheme, value] = (request.headers.authorization ?? "").split(" ");
  const basic = scheme?.toLowerCase() === "basic" ? Buffer.from(value ?? "", "base64").toString("utf8") : undefined;
  const token = basic === undefined ? value : basic.slice(basic.indexOf(":") + 1);
  const allowed = options.exchanged.allows(token ?? "", name, use);
  const known = allowed ?? (options.token === undefined || token === options.token);
  if (!token || !known) {
    const headers: Record<string, string> = { "www-authenticate": "Bearer" };
    if (token) headers["npm-notice"] = "Access token expired or revoked. Please try logging in again.";
    throw new HttpError(401, { error: "Unauthorized" }, headers);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpError(400, { error: "malformed address" });
  }
}
