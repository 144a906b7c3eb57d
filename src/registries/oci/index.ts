import type http from "node:http";
import { type Registry, type RegistryOptions, send, serve } from "../server.ts";
import { Auth, type AuthOptions } from "./auth.ts";
import { deleteBlob, mountBlob, readBlob } from "./blobs.ts";
import { ociError } from "./errors.ts";
import { deleteManifest, listReferrers, putManifest, readManifest } from "./manifests.ts";
import { checkDigest, checkName, isDigest } from "./reference.ts";
import { type Repository, Store } from "./store.ts";
import { Uploads } from "./uploads.ts";

export interface OciOptions extends RegistryOptions {
  /** How clients prove who they are. Default: `bearer` where a token is given, else `none`. */
  auth?: AuthOptions["mode"];
  /** Pulling without credentials. Default true. */
  anonymousPull?: boolean;
  /** Lifetime of a bearer token in seconds. Default 300. */
  tokenSeconds?: number;
  /** Deleting of tags, manifests and blobs; Docker Hub and GHCR answer 405. Default true. */
  delete?: boolean;
  /** Tags that can't be moved once they are set, as Docker Hub's setting has it. Default none. */
  immutableTags?: (repository: string, tag: string) => boolean;
  /** Mounting blobs from other repositories; false answers `mount=` with an ordinary upload. Default true. */
  mount?: boolean;
}

/** An OCI distribution registry (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md) on this machine. */
export function startOci(options: OciOptions = {}): Promise<Registry> {
  return serve(options, async (_base, state) => {
    const store = await Store.open(state);
    const uploads = new Uploads(store);
    const auth = new Auth({
      mode: options.auth ?? (options.token === undefined ? "none" : "bearer"),
      password: options.token,
      anonymousPull: options.anonymousPull ?? true,
      tokenSeconds: options.tokenSeconds ?? 300,
      now: options.now ?? (() => new Date()),
    });
    return async (request, response, url) => {
      response.setHeader("docker-distribution-api-version", "registry/2.0");
      if (url.pathname === "/token") return auth.token(request, response, url);
      await route({ request, response, url, store, uploads, auth, options });
    };
  });
}

interface Call {
  request: http.IncomingMessage;
  response: http.ServerResponse;
  url: URL;
  store: Store;
  uploads: Uploads;
  auth: Auth;
  options: OciOptions;
}

async function route(call: Call): Promise<void> {
  const { request, response, url, store, auth } = call;
  if (url.pathname === "/v2" || url.pathname === "/v2/") {
    auth.require(request, url, null, "pull");
    return send(response, 200, {});
  }
  if (url.pathname === "/v2/_catalog") {
    auth.require(request, url, null, "pull");
    const known = [...store.repositories.values()].filter(holdsAnything).map(({ name }) => name);
    return sendList(call, "repositories", {}, known);
  }
  const match = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|referrers|tags)(?:\/([^/]*))?$/.exec(url.pathname);
  if (!match)
    return send(response, 404, { errors: [{ code: "UNSUPPORTED", message: "no such endpoint", detail: null }] });
  const name = checkName(decode(match[1] as string));
  const rest = decode(match[3] ?? "");
  const method = request.method ?? "";
  const reading = method === "GET" || method === "HEAD";
  auth.require(
    request,
    url,
    name,
    match[2] === "blobs/uploads" || method === "PUT" ? "push" : reading ? "pull" : "delete",
  );

  switch (match[2]) {
    case "blobs/uploads":
      return upload(call, name, rest);
    case "blobs":
      checkDigest(rest);
      if (reading) return readBlob(request, response, store, known(store, name), rest);
      if (method === "DELETE") return deleteBlob(response, store, deletable(call, name), rest);
      break;
    case "manifests":
      if (rest.includes(":")) checkDigest(rest);
      if (reading) return readManifest(request, response, store, known(store, name), rest);
      if (method === "DELETE") return deleteManifest(response, store, deletable(call, name), rest);
      if (method === "PUT") {
        const immutable = (tag: string) => !isDigest(tag) && (call.options.immutableTags?.(name, tag) ?? false);
        return putManifest(request, response, store, store.repository(name), rest, immutable);
      }
      break;
    case "referrers":
      if (reading) {
        const repository = store.repositories.get(name);
        return listReferrers(response, repository, checkDigest(rest), url.searchParams.get("artifactType"));
      }
      break;
    case "tags":
      if (reading && rest === "list") return sendList(call, "tags", { name }, [...known(store, name).tags.keys()]);
  }
  throw ociError("UNSUPPORTED", `${method} isn't for ${url.pathname}`);
}

async function upload(call: Call, name: string, id: string): Promise<void> {
  const { request, response, url, store, uploads } = call;
  const repository = store.repository(name);
  if (id === "" && request.method === "POST") {
    const mount = url.searchParams.get("mount");
    if (mount === null) return uploads.start(request, response, url, repository);
    const digest = checkDigest(mount);
    if ((call.options.mount ?? true) && (await mountBlob(response, store, repository, digest, sources(call)))) return;
    const plain = new URL(url);
    plain.searchParams.delete("digest");
    return uploads.start(request, response, plain, repository);
  }
  switch (request.method) {
    case "PATCH":
      return uploads.append(request, response, repository, id);
    case "PUT":
      return uploads.finish(request, response, url, repository, id);
    case "GET":
      return uploads.status(response, repository, id);
    case "DELETE":
      return uploads.cancel(response, repository, id);
  }
  throw ociError("UNSUPPORTED", `${request.method} isn't for uploads`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw ociError("NAME_INVALID", `not a percent-encoded path: ${text}`);
  }
}

/** Where a mount may come from: the named repository, or without a name any that the client may read. */
function sources({ request, url, store, auth }: Call): Repository[] {
  const from = url.searchParams.get("from");
  return [...store.repositories.values()].filter(
    ({ name }) => (from === null || name === from) && auth.allows(request, name, "pull"),
  );
}

function known(store: Store, name: string): Repository {
  const repository = store.repositories.get(name);
  if (repository === undefined || !holdsAnything(repository)) throw ociError("NAME_UNKNOWN", `no repository ${name}`);
  return repository;
}

function deletable(call: Call, name: string): Repository {
  if (call.options.delete === false) throw ociError("UNSUPPORTED", "deleting is switched off");
  return known(call.store, name);
}

function holdsAnything({ blobs, manifests }: Repository): boolean {
  return blobs.size > 0 || manifests.size > 0;
}

/** A sorted listing with `n`, `last` and a `Link` to the next page. */
function sendList({ response, url }: Call, key: string, fields: Record<string, string>, entries: string[]): void {
  const last = url.searchParams.get("last");
  const n = url.searchParams.get("n");
  if (n !== null && !/^\d{1,9}$/.test(n)) throw ociError("SIZE_INVALID", `n isn't a number: ${n}`);
  const after = entries.sort().filter((entry) => last === null || entry > last);
  const page = n === null ? after : after.slice(0, Number(n));
  const headers: Record<string, string> = {};
  const end = page.at(-1);
  if (end !== undefined && page.length < after.length) {
    headers.link = `<${url.pathname}?n=${n}&last=${encodeURIComponent(end)}>; rel="next"`;
  }
  send(response, 200, { ...fields, [key]: page }, headers);
}
