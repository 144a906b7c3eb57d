import type { Io } from "../../core/target.ts";
import { excerpt, ReleaseError } from "../../lib/errors.ts";
import { type Digest, fromIntegrity } from "../../lib/hash.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http.ts";
import { retryAfterOf } from "../../lib/retry-after.ts";
import { sharedRequests } from "../../lib/shared-requests.ts";

/**
 * Gives the token for a package: the same for all, or one a package (trusted publishing exchanges one for each).
 *
 * @param refused one that the registry took no more: another one is wanted, where there is one
 */
export type TokenProvider = (packageName: string, io: Io, refused?: string) => Promise<string | undefined>;

/** What we read of a packument. */
export interface Packument {
  name?: string;
  "dist-tags"?: Record<string, string>;
  versions?: Record<string, PackedVersion>;
  /** Times of versions, unpublished ones included, and `created`, `modified`, `unpublished`. */
  time?: Record<string, unknown> & { unpublished?: { versions?: string[] } };
}

export interface PackedVersion {
  deprecated?: string | boolean;
  dist?: { integrity?: string; shasum?: string; tarball?: string; attestations?: unknown };
}

type RequestOptions = Omit<HttpRequest, "url"> & { token?: boolean };

export interface NpmClientOptions {
  /** The tokens are exchanged ones (trusted publishing), which may publish, and what else the package's publisher is allowed. */
  keyless?: boolean;
  /** Everybody may read the packages: an exchanged token isn't for reading, and none is gotten for it. */
  public?: boolean;
}

/** npm's registry API (https://github.com/npm/registry/tree/main/docs), as npm's own client uses it. */
export class NpmClient {
  readonly base: string;
  readonly keyless: boolean;
  readonly #token: TokenProvider;
  readonly #openReads: boolean;
  readonly #share = sharedRequests();

  /** @param registry its address, e.g. `https://registry.npmjs.org` */
  constructor(registry: string, token: TokenProvider, options: NpmClientOptions = {}) {
    this.base = registry.replace(/\/+$/, "");
    this.#token = token;
    this.keyless = options.keyless ?? false;
    this.#openReads = this.keyless && (options.public ?? false);
  }

  get host(): string {
    return new URL(this.base).host;
  }

  /**
   * The packument; null where the registry has none.
   *
   * @param fresh past the caches, from the primary copy, as npm reads before it writes
   * @throws ReleaseError AUTH, RATE_LIMITED, NETWORK, REGISTRY
   */
  async packument(name: string, io: Io, how: { fresh: boolean; token: boolean }): Promise<Packument | null> {
    const accept = how.fresh ? "application/json" : "application/vnd.npm.install-v1+json";
    const response = await this.send(name, `/${escapeName(name)}${how.fresh ? "?write=true" : ""}`, io, {
      headers: { accept, "cache-control": "no-cache" },
      token: how.token,
    });
    if (response.status === 404) {
      response.discard();
      return null;
    }
    if (response.status !== 200) throw await this.failure(response, `reading ${name}`, io);
    const packument: unknown = await response.json(64 << 20);
    if (isPackument(packument)) return packument;
    throw new ReleaseError("REGISTRY", `${this.base} answered with something that isn't the packument of ${name}`, {
      hint: "check the registry's address, and TWOTIER_NPM_REGISTRY",
    });
  }

  /** dist-tag -> version; null where the registry has no such package. Read once for all pointers of a package. */
  distTags(name: string, io: Io): Promise<Record<string, string> | null> {
    return this.#share(name, () => this.#distTags(name, io));
  }

  async #distTags(name: string, io: Io): Promise<Record<string, string> | null> {
    const response = await this.send(name, `/-/package/${escapeName(name)}/dist-tags`, io, {
      headers: { "cache-control": "no-cache" },
      token: true,
    });
    if (response.status === 404) {
      response.discard();
      return null;
    }
    if (response.status !== 200) throw await this.failure(response, `reading the dist-tags of ${name}`, io);
    const tags = await response.json<Record<string, unknown>>();
    return Object.fromEntries(
      Object.entries(tags ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  }

  async setTag(name: string, tag: string, version: string, io: Io): Promise<void> {
    const response = await this.send(name, `/-/package/${escapeName(name)}/dist-tags/${encodeURIComponent(tag)}`, io, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(version),
      token: true,
    });
    if (response.status >= 300) {
      const remedy = `allow it to move dist-tags at ${accessPage(name)}, or set NPM_TOKEN, and run the same command again; or do it as an owner: npm dist-tag add ${name}@${version} ${tag}`;
      throw await this.failure(response, `setting ${name}@${tag} to ${version}`, io, undefined, remedy);
    }
    response.discard();
  }

  /** Removes a dist-tag; one that isn't there is fine. */
  removeTag(name: string, tag: string, io: Io): Promise<void> {
    return this.#share(`${name} ${tag}`, () => this.#removeTag(name, tag, io));
  }

  async #removeTag(name: string, tag: string, io: Io): Promise<void> {
    const response = await this.send(name, `/-/package/${escapeName(name)}/dist-tags/${encodeURIComponent(tag)}`, io, {
      method: "DELETE",
      token: true,
    });
    if (response.status >= 300 && response.status !== 404) {
      const remedy = `allow it to move dist-tags at ${accessPage(name)}, or set NPM_TOKEN, and run the same command again; or do it as an owner: npm dist-tag rm ${name} ${tag}`;
      throw await this.failure(response, `removing the dist-tag ${name}@${tag}`, io, undefined, remedy);
    }
    response.discard();
  }

  /** Sends a request below the registry's address; any status is an answer. */
  async send(name: string, path: string, io: Io, request: RequestOptions = {}): Promise<HttpResponse> {
    const { token, headers, ...rest } = request;
    const ask = (secret: string | undefined) =>
      io.http({
        ...rest,
        url: `${this.base}${path}`,
        signal: io.signal,
        headers: { ...headers, ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }) },
      });
    if (!token || (this.#openReads && (rest.method ?? "GET") === "GET")) return ask(undefined);
    const secret = await this.#token(name, io);
    const response = await ask(secret);
    if (response.status !== 401 || secret === undefined) return response;
    const other = await this.#token(name, io, secret);
    if (other === undefined || other === secret) return response;
    response.discard();
    return ask(other);
  }

  /**
   * An answer that isn't what was asked for, as an error.
   *
   * @param keyless what to do where a trusted publisher may not do it
   */
  async failure(
    response: HttpResponse,
    what: string,
    io: Io,
    message?: string,
    keyless = "set NPM_TOKEN and run the same command again",
  ): Promise<ReleaseError> {
    const { status, headers } = response;
    const text = message ?? (await messageOf(response));
    const facts = { status, registry: this.base, npm: text || undefined };
    if (status === 429) {
      return new ReleaseError("RATE_LIMITED", `npm asks to wait (${what})`, {
        facts,
        retryable: true,
        retryAfter: retryAfterOf(headers, io.now()),
        hint: "run the same command again later; it goes on where it stopped",
      });
    }
    if (status === 401 || status === 403) {
      const otp = /otp/i.test(headers["www-authenticate"] ?? "") || /one-time pass/i.test(text);
      return new ReleaseError("AUTH", `npm refused ${what}: ${text || response.statusText}`, {
        facts,
        hint: otp
          ? "the account wants a one-time password: use a granular token with bypass 2FA, or trusted publishing"
          : this.keyless
            ? `a trusted publisher may do no more than its page allows: ${keyless}`
            : "check that NPM_TOKEN is valid and may read and write this package",
      });
    }
    // 409: two writes met in one packument, as when two dist-tags of a package move at once.
    const later = status >= 500 || status === 408 || status === 409;
    return new ReleaseError("REGISTRY", `npm answered ${status} to ${what}: ${text || response.statusText}`, {
      facts,
      retryable: later,
      hint: later ? "run the same command again" : "the lines above say what npm objects to",
    });
  }
}

/** Where an owner of a package says who may publish it, and whom npm trusts to. */
export function accessPage(name: string): string {
  return `https://www.npmjs.com/package/${name}/access`;
}

/** True where everything that is read of a packument has the type that it should have. */
function isPackument(value: unknown): value is Packument {
  if (!isRecord(value)) return false;
  const { versions = {}, "dist-tags": tags = {}, time = {} } = value;
  if (!isRecord(versions) || !isRecord(tags) || !isRecord(time)) return false;
  const { unpublished = {} } = time;
  const gone = isRecord(unpublished) ? (unpublished.versions ?? []) : null;
  return (
    Array.isArray(gone) &&
    gone.every((version) => typeof version === "string") &&
    Object.values(tags).every((version) => typeof version === "string") &&
    Object.values(versions).every((version) => isRecord(version) && hasDist(version.dist ?? {}))
  );
}

function hasDist(dist: unknown): boolean {
  const texts = isRecord(dist) ? [dist.integrity, dist.shasum, dist.tarball] : [null];
  return texts.every((text) => text === undefined || typeof text === "string");
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `@scope/name` as npm writes it in an address: the slash escaped, the `@` not. */
export function escapeName(name: string): string {
  return encodeURIComponent(name).replace(/^%40/, "@");
}

/** What an error answer says, in npm's, Verdaccio's and other registries' forms. */
export async function messageOf(response: HttpResponse): Promise<string> {
  const text = await response.text(1 << 20).catch(() => "");
  try {
    const { error, reason, message } = JSON.parse(text) as Record<string, unknown>;
    const said = [error, reason, message].filter((part) => typeof part === "string" && part !== "");
    if (said.length > 0) return excerpt(said.join(": "), 500);
  } catch {
    // no JSON: the text itself
  }
  return excerpt(text.trim(), 200);
}

/** The sha512 that a packument tells of a version. */
export function digestOfVersion(version: PackedVersion): Digest | undefined {
  return fromIntegrity(version.dist?.integrity ?? "").find((digest) => digest.startsWith("sha512:"));
}

/** `NAME@VERSION` taken apart. */
export function splitId(id: string): { name: string; version: string } {
  const at = id.lastIndexOf("@");
  return { name: id.slice(0, at), version: id.slice(at + 1) };
}
