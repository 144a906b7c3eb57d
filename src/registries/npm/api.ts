import type http from "node:http";
import { HttpError, readBody, send } from "../server.ts";
import { removeTag, setTag } from "./edit.ts";
import { type Package, visibleTags } from "./packages.ts";
import type { Shelf } from "./shelf.ts";
import type { Use } from "./trusted.ts";

/** Everything below `/-/`: who one is, dist-tags, search, rights, advisories. `write` refuses who may not write. */
export async function api(
  shelf: Shelf,
  method: string,
  parts: string[],
  request: http.IncomingMessage,
  response: http.ServerResponse,
  url: URL,
  write: (use: Use, name?: string) => void,
): Promise<void> {
  const at = parts.join("/");
  if (at === "ping") return send(response, 200, {});
  if (at === "whoami") {
    write("other");
    return send(response, 200, { username: shelf.user });
  }
  if (at.startsWith("npm/v1/security/")) {
    request.resume();
    // bulk: advisories by name; audits/quick: a report. There are none here.
    if (at.endsWith("advisories/bulk")) return send(response, 200, {});
    const vulnerabilities = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 };
    return send(response, 200, { actions: [], advisories: {}, muted: [], metadata: { vulnerabilities } });
  }
  if (at.startsWith("npm/v1/attestations/") && method === "GET") {
    const [, name = "", version = ""] = /^npm\/v1\/attestations\/(.+)@([^@]+)$/.exec(at) ?? [];
    const attestations = shelf.get(name)?.versions[version]?.attestations;
    if (!attestations || shelf.hidden(name, version)) throw new HttpError(404, { error: "Not found" });
    return send(response, 200, { attestations });
  }
  if (at === "v1/search") {
    const text = (url.searchParams.get("text") ?? "").toLowerCase();
    const found = shelf.names().filter((name) => name.includes(text) && tagsOf(shelf, name).latest);
    const objects = found.map((name) => {
      const pkg = shelf.get(name) as Package;
      const version = tagsOf(shelf, name).latest as string;
      const manifest: Record<string, unknown> = pkg.versions[version]?.manifest ?? {};
      const { description, keywords } = manifest;
      const person = { username: pkg.owner, email: `${pkg.owner}@localhost` };
      const one = { name, version, description, keywords, date: pkg.time[version], links: {}, publisher: person };
      return { package: { ...one, maintainers: [person] }, score: { final: 1, detail: {} }, searchScore: 1 };
    });
    return send(response, 200, { objects, total: objects.length, time: shelf.now().toISOString() });
  }
  if (parts[0] === "user" && parts[2] === "package") {
    const mine = shelf.names().filter((name) => shelf.get(name)?.owner === parts[1]);
    return send(response, 200, Object.fromEntries(mine.map((name) => [name, "write"])));
  }
  if (parts[0] === "package" && parts[1]) {
    // `@scope%2fname` is one part; some clients send the slash as it is
    const split = parts[1].startsWith("@") && !parts[1].includes("/");
    const name = split ? `${parts[1]}/${parts[2]}` : parts[1];
    const [what, tag] = parts.slice(split ? 3 : 2);
    const pkg = shelf.get(name);
    if (!pkg || pkg.unpublished) throw new HttpError(404, { error: "Not found" });
    if (what === "dist-tags") return distTags(shelf, method, pkg, tag, request, response, write);
    if (what === "visibility") return send(response, 200, { public: true });
    if (what === "collaborators") return send(response, 200, { [pkg.owner]: "write" });
    if (what === "access" && method === "POST") {
      write("other", name);
      request.resume();
      return send(response, 200, {});
    }
  }
  throw new HttpError(404, { error: "Not found" });
}

async function distTags(
  shelf: Shelf,
  method: string,
  pkg: Package,
  tag: string | undefined,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  write: (use: Use, name?: string) => void,
): Promise<void> {
  if (method === "GET") return send(response, 200, pkg.tags, { "cache-control": "no-store" });
  write("dist-tag", pkg.name);
  if (tag && pkg.owner !== shelf.user) throw new HttpError(403, { error: "Forbidden" });
  if (tag && (method === "PUT" || method === "POST")) await setTag(shelf, pkg.name, tag, await bodyOf(request));
  else if (tag && method === "DELETE") await removeTag(shelf, pkg.name, tag);
  else throw new HttpError(405, { error: "method not allowed" });
  send(response, 201, { ok: true });
}

function tagsOf(shelf: Shelf, name: string): Record<string, string> {
  return visibleTags(shelf.get(name) as Package, (version) => shelf.hidden(name, version));
}

/** A JSON body. @throws HttpError 400 when it isn't JSON */
export async function bodyOf(request: http.IncomingMessage): Promise<Record<string, unknown>> {
  try {
    return JSON.parse((await readBody(request)).toString("utf8"));
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, { error: "unable to parse the request's body as JSON" });
  }
}
