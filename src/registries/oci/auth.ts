import { randomUUID } from "node:crypto";
import type http from "node:http";
import { send } from "../server.ts";
import { ociError } from "./errors.ts";

export interface AuthOptions {
  /**
   * `none`: everybody may do everything. `bearer`: a 401 names `/token`, which hands out tokens for Basic credentials, and to nobody in
   * particular for pulling (Docker Hub, GHCR). `basic`: Basic credentials with each request.
   */
  mode: "none" | "bearer" | "basic";
  /** The only password taken; left out: any. */
  password?: string;
  /** Pulling without credentials. */
  anonymousPull: boolean;
  /** Lifetime of a bearer token in seconds. */
  tokenSeconds: number;
  now: () => Date;
}

export type Action = "pull" | "push" | "delete";

interface Grant {
  /** ms since the epoch */
  expires: number;
  /** Repository -> actions */
  scopes: Map<string, Set<string>>;
}

const service = "twotier registry";

/** Token authentication as Docker's registries do it: https://distribution.github.io/distribution/spec/auth/token/ */
export class Auth {
  readonly #options: AuthOptions;
  readonly #grants = new Map<string, Grant>();

  constructor(options: AuthOptions) {
    this.#options = options;
  }

  /** Answers `GET /token?service=&scope=&scope=`. @throws HttpError 401 for wrong credentials */
  token(request: http.IncomingMessage, response: http.ServerResponse, url: URL): void {
    // Clients that try OAuth2 with POST first go on with GET after a 405 (containerd, docker).
    if (request.method !== "GET") throw ociError("UNSUPPORTED", "tokens are got with GET");
    const known = this.#basic(request);
    if (known === false) throw ociError("UNAUTHORIZED", "wrong user name or password");
    const scopes = new Map<string, Set<string>>();
    for (const scope of url.searchParams.getAll("scope").flatMap((text) => text.split(" "))) {
      const match = /^repository:(.+):([a-z*,]+)$/.exec(scope);
      if (!match) continue;
      const asked = (match[2] as string)
        .split(",")
        .flatMap((action) => (action === "*" ? ["pull", "push", "delete"] : [action]));
      scopes.set(
        match[1] as string,
        new Set(asked.filter((action) => known || (action === "pull" && this.#options.anonymousPull))),
      );
    }
    const token = randomUUID();
    const now = this.#options.now();
    this.#grants.set(token, { expires: now.getTime() + this.#options.tokenSeconds * 1000, scopes });
    send(response, 200, {
      token,
      access_token: token,
      expires_in: this.#options.tokenSeconds,
      issued_at: now.toISOString(),
    });
  }

  /** @throws HttpError 401 with a challenge when the request may not do it */
  require(request: http.IncomingMessage, url: URL, repository: string | null, action: Action): void {
    if (!this.allows(request, repository, action)) throw this.#challenge(request, url, repository, action);
  }

  allows(request: http.IncomingMessage, repository: string | null, action: Action): boolean {
    const { mode, anonymousPull, now } = this.#options;
    if (mode === "none") return true;
    if (mode === "basic") {
      const known = this.#basic(request);
      return known === true || (known === undefined && anonymousPull && action === "pull" && repository !== null);
    }
    const grant = this.#grants.get(/^bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "");
    if (grant === undefined || grant.expires <= now().getTime()) return false;
    return repository === null || (grant.scopes.get(repository)?.has(action) ?? false);
  }

  /** True for right, false for wrong, undefined for no Basic credentials. */
  #basic(request: http.IncomingMessage): boolean | undefined {
    const match = /^basic (.+)$/i.exec(request.headers.authorization ?? "");
    if (!match) return undefined;
    const password = Buffer.from(match[1] as string, "base64")
      .toString("utf8")
      .replace(/^[^:]*:/, "");
    return this.#options.password === undefined ? password !== "" : password === this.#options.password;
  }

  #challenge(request: http.IncomingMessage, url: URL, repository: string | null, action: Action) {
    if (this.#options.mode === "basic") {
      return ociError("UNAUTHORIZED", "authentication required", {
        headers: { "www-authenticate": `Basic realm="${service}"` },
      });
    }
    const actions = action === "push" ? "pull,push" : action;
    const scope = repository === null ? "" : `,scope="repository:${repository}:${actions}"`;
    const presented = /^bearer /i.test(request.headers.authorization ?? "");
    const error = presented ? `,error="${repository === null ? "invalid_token" : "insufficient_scope"}"` : "";
    const challenge = `Bearer realm="${url.origin}/token",service="${service}"${scope}${error}`;
    return ociError("UNAUTHORIZED", "authentication required", { headers: { "www-authenticate": challenge } });
  }
}
