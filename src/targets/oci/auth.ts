import type { Io } from "../../core/target.ts";
import { excerpt, ReleaseError, registerSecret } from "../../lib/errors.ts";
import { mayAuthenticate, type Registry } from "./reference.ts";

export interface Credentials {
  username: string;
  token: string;
}

/** As a header carries it (RFC 6750, section 2.1). */
export const isToken = (text: string) => /^[\x21-\x7e]+$/.test(text);

/** What a 401 asks for. */
interface Challenge {
  scheme: "bearer" | "basic";
  realm: string;
  service?: string;
  scope?: string;
}

/** Reads a `WWW-Authenticate` header (RFC 9110, section 11.6.1); of several challenges the first that is known. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const match = /\b(bearer|basic)\s+(.*)$/i.exec(header ?? "");
  if (!match) return undefined;
  const parameters: Record<string, string> = {};
  for (const [, key = "", quoted, plain] of (match[2] ?? "").matchAll(
    /([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi,
  )) {
    parameters[key.toLowerCase()] ??= (quoted ?? plain ?? "").replace(/\\(.)/g, "$1");
  }
  const { realm = "", service, scope } = parameters;
  return { scheme: (match[1] as string).toLowerCase() as Challenge["scheme"], realm, service, scope };
}

/**
 * Who we are, for each scope: Basic, or Bearer tokens that are fetched when a registry asks and renewed when they run out
 * (https://distribution.github.io/distribution/spec/auth/token/).
 */
export class Authority {
  readonly #registry: Registry;
  readonly #credentials: Credentials | undefined;
  readonly #tokens = new Map<string, { value: Promise<string>; until: number }>();
  #basic = false;
  /** What the registry asked for last: tokens for its other repositories are fetched before it has to ask. */
  #challenge: Challenge | undefined;

  /** Without credentials: anonymous, as users pull. */
  constructor(registry: Registry, credentials?: Credentials) {
    this.#registry = registry;
    this.#credentials = credentials;
  }

  get anonymous(): boolean {
    return this.#credentials === undefined;
  }

  /** The `authorization` header to begin with; undefined where nothing is known yet. */
  async header(scope: string, io: Io): Promise<string | undefined> {
    if (this.#basic) return this.#basicHeader();
    const held = this.#tokens.get(scope);
    if (held && held.until > io.now().getTime()) return `Bearer ${await held.value}`;
    return this.#challenge && (await this.#renew({ ...this.#challenge, scope: undefined }, scope, io));
  }

  /**
   * What to answer to a 401: the `authorization` header for another try.
   *
   * @param refused the header that was refused: a token that ran out mid-push is fetched anew, a password isn't tried twice
   * @returns undefined where there is nothing (else) to try
   * @throws ReleaseError AUTH when the token server refuses, or isn't to be trusted with the credentials
   */
  async answer(
    header: string | undefined,
    scope: string,
    refused: string | undefined,
    io: Io,
  ): Promise<string | undefined> {
    const challenge = parseChallenge(header);
    if (challenge?.scheme === "basic") {
      if (this.anonymous || refused?.startsWith("Basic ")) return undefined;
      this.#basic = true;
      return this.#basicHeader();
    }
    if (challenge?.scheme !== "bearer") return undefined;
    const held = this.#tokens.get(scope);
    const current = held && `Bearer ${await held.value.catch(() => "")}`;
    if (current !== undefined && current !== refused && held && held.until > io.now().getTime()) return current;
    const renewed = await this.#renew(challenge, scope, io);
    this.#challenge = challenge;
    return renewed;
  }

  /** Fetches a token for the scope that is needed, and the one that was asked for: one for both. */
  async #renew(challenge: Challenge, scope: string, io: Io): Promise<string> {
    const scopes = merged(`${scope} ${challenge.scope ?? ""}`);
    const entry = { value: Promise.resolve(""), until: Number.POSITIVE_INFINITY };
    entry.value = this.#fetch(challenge, scopes, io).then(({ token, seconds }) => {
      entry.until = io.now().getTime() + Math.max(1, seconds - 5) * 1000;
      return token;
    });
    this.#tokens.set(scope, entry);
    try {
      return `Bearer ${await entry.value}`;
    } catch (error) {
      this.#tokens.delete(scope);
      throw error;
    }
  }

  #basicHeader(): string | undefined {
    const { username, token } = this.#credentials ?? { username: "", token: "" };
    return this.anonymous ? undefined : `Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`;
  }

  async #fetch(challenge: Challenge, scopes: string[], io: Io): Promise<{ token: string; seconds: number }> {
    const { host, base } = this.#registry;
    let realm: URL;
    try {
      realm = new URL(challenge.realm, base);
    } catch (cause) {
      throw new ReleaseError("REGISTRY", `${host} names no usable token server`, {
        cause,
        facts: { realm: challenge.realm },
      });
    }
    realm.username = "";
    realm.password = "";
    const authorization = this.#basicHeader();
    if (authorization && !mayAuthenticate(realm, new URL(base))) {
      throw new ReleaseError("AUTH", `${host} wants its credentials sent to ${realm.origin}`, {
        facts: { registry: host, realm: realm.href },
        hint: "nothing was sent there; use a registry whose token server is under its own domain",
      });
    }
    if (challenge.service) realm.searchParams.set("service", challenge.service);
    for (const scope of scopes) realm.searchParams.append("scope", scope);
    const headers: Record<string, string> = authorization ? { authorization } : {};
    const response = await io.http({ url: realm.href, headers, signal: io.signal, redirect: "manual" });
    if (response.status !== 200) {
      const said = excerpt(await response.text(1 << 20).catch(() => ""), 200);
      const refused = response.status === 401 || response.status === 403;
      throw new ReleaseError(refused ? "AUTH" : "REGISTRY", `${realm.host} gave no token for ${host}`, {
        facts: { status: response.status, scope: scopes.join(" "), answer: said || undefined },
        retryable: response.status >= 500 || response.status === 429,
        hint: refused
          ? "check DOCKERHUB_USERNAME and DOCKERHUB_TOKEN, and that the token may read and write"
          : "run the same command again",
      });
    }
    const answer = await response.json<{ token?: string; access_token?: string; expires_in?: number }>(1 << 20);
    const token = answer?.token ?? answer?.access_token;
    if (typeof token !== "string" || !isToken(token))
      throw new ReleaseError("REGISTRY", `${realm.host} answered without a token`);
    registerSecret(token);
    return { token, seconds: typeof answer.expires_in === "number" ? answer.expires_in : 60 };
  }
}

/** Scopes with each repository once: a token server may take the last one that names it (the token spec says nothing of two). */
function merged(scopes: string): string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of scopes.split(" ").filter(Boolean)) {
    const at = scope.lastIndexOf(":") + 1;
    const all = actions.get(scope.slice(0, at)) ?? new Set();
    for (const action of scope.slice(at).split(",")) all.add(action);
    actions.set(scope.slice(0, at), all);
  }
  return [...actions].map(([resource, all]) => resource + [...all].join(","));
}
