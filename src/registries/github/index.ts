import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import { HttpError, type Registry, type RegistryOptions, send, serve } from "../server.ts";
import { type Admin, createAdmin } from "./admin.ts";
import { serveGit } from "./backend.ts";
import { type Auth, apiError, type Context, standardHeaders } from "./context.ts";
import { initBare, iso } from "./git.ts";
import { createRateLimiter } from "./rate.ts";
import { findRoute } from "./routes.ts";
import { Store } from "./store.ts";
import { author } from "./users.ts";

export interface GithubOptions extends RegistryOptions {
  /** Tokens that may read only. */
  readOnlyTokens?: readonly string[];
  /** Requests an hour, anonymous ones 1/80 of it as at GitHub (5,000 and 60). Default: no limit that one could reach. */
  rateLimit?: number;
  /** New repositories' releases are immutable once they are published. Default false. */
  immutableReleases?: boolean;
  /** Milliseconds until a new release turns up in listings. Default 0. */
  listLag?: number;
}

export interface Github extends Registry {
  /** Remotes are `GIT/OWNER/REPO.git`. */
  git: string;
  /** What tests and rehearsals set that GitHub's API can't. */
  admin: Admin;
}

/**
 * GitHub on this machine: releases, assets, refs and downloads (REST, `/` and `/api/v3`), some GraphQL, git over smart HTTP.
 * Protocol: https://docs.github.com/rest (API version 2022-11-28), gitprotocol-http(5).
 *
 * A repository is made by the first push to it. Any credential may write, unless `token` says which one.
 */
export async function startGithub(options: GithubOptions = {}): Promise<Github> {
  let admin: Admin | undefined;
  const children = new Set<ChildProcess>();
  const now = options.now ?? (() => new Date());
  const registry = await serve(options, (_base, state) => {
    const store = new Store(state);
    const limiter = createRateLimiter(options.rateLimit ?? 1_000_000_000, now);
    const createRepository = async (owner: string, name: string) => {
      const repository = await store.create(owner, name, iso(now()), initBare);
      if (options.immutableReleases) admin?.setImmutableReleases(repository.fullName, true);
      return repository;
    };
    admin = createAdmin(store, createRepository);
    admin.setListLag(options.listLag ?? 0);
    const settings = admin.settings;
    return async (request, response, url) => {
      const secure = (request.socket as Partial<TLSSocket>).encrypted === true;
      const web = `${secure ? "https" : "http"}://${request.headers.host ?? url.host}`;
      const context: Context = {
        request,
        response,
        url,
        params: {},
        web,
        api: web,
        auth: null,
        store,
        rate: {},
        now,
        createRepository,
        listLag: settings.listLag,
        children,
      };
      let isRest = true;
      try {
        const segments = decodePath(url.pathname);
        const gitPath = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(
          url.pathname,
        );
        isRest = !gitPath;
        context.auth = authenticate(request.headers.authorization, options);
        if (gitPath) return await serveGit(context, ...(gitPath.slice(1) as [string, string, string]));
        const enterprise = segments[0] === "api" && segments[1] === "v3";
        if (enterprise) context.api = `${web}/api/v3`;
        if (segments[0] === "api" && segments[1] === "uploads") context.api = `${web}/api/v3`;
        const found = findRoute(request.method ?? "GET", enterprise ? segments.slice(2) : segments, enterprise);
        context.rate = limiter(context.auth?.token);
        if (!found) throw apiError(404, "Not Found");
        context.params = found.params;
        await found.route(context);
      } catch (error) {
        if (!(error instanceof HttpError) || response.headersSent) throw error;
        const headers = isRest ? { ...standardHeaders(context), ...error.headers } : error.headers;
        send(response, error.status, error.body, headers);
        request.resume();
      }
    };
  });
  const close = async () => {
    for (const child of children) {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    }
    await registry.close();
  };
  return { ...registry, close, git: registry.url, admin: admin as unknown as Admin };
}

function decodePath(pathname: string): string[] {
  try {
    return pathname.slice(1).split("/").map(decodeURIComponent);
  } catch {
    throw apiError(400, "Bad Request");
  }
}

/**
 * Who shows which credential: `token T`, `Bearer T`, or Basic with the token as password (or as user, without a password).
 *
 * @throws HttpError 401 for another token than the one that is taken.
 */
function authenticate(header: string | undefined, options: GithubOptions): Auth | null {
  if (header === undefined) return null;
  const [, scheme = "", value = ""] = /^(\S+)\s+(.*)$/.exec(header) ?? [];
  let token = value.trim();
  if (scheme.toLowerCase() === "basic") {
    const [user = "", ...password] = Buffer.from(token, "base64").toString("utf8").split(":");
    token = password.join(":") || user;
  }
  const readOnly = options.readOnlyTokens?.includes(token) ?? false;
  if (token === "" || (options.token !== undefined && token !== options.token && !readOnly)) {
    throw apiError(401, "Bad credentials");
  }
  return { token, login: author, readOnly };
}
