import type { Io } from "../../core/target.ts";
import { excerpt, ReleaseError } from "../../lib/errors.ts";
import { type Digest, digestOf } from "../../lib/hash.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http.ts";
import { linksOf } from "../../lib/link.ts";
import { retryAfterOf, secondsUntil } from "../../lib/retry-after.ts";
import { Authority, type Credentials } from "./auth.ts";
import { isDigest, parseRegistry, type Registry } from "./reference.ts";

/** A manifest as the registry keeps it. */
export interface Manifest {
  digest: Digest;
  mediaType: string;
  bytes: Buffer;
}

/** What is read of a manifest or index (image-spec). */
export interface ManifestContent {
  mediaType?: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
  annotations?: Record<string, string>;
}

export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** bytes */
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
  annotations?: Record<string, string>;
  urls?: string[];
}

export const ociIndex = "application/vnd.oci.image.index.v1+json";
export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const dockerTypes = [
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const accept = [ociIndex, ociManifest, ...dockerTypes].join(", ");

export type OciRequest = Omit<HttpRequest, "url" | "signal"> & {
  /** Below the registry, or a whole address that it gave. */
  path: string;
  repository: string;
  /** Other repositories that are read too (mounts). */
  from?: string;
};

/** A registry's API (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md). */
export class OciClient {
  readonly registry: Registry;
  readonly #authority: Authority;
  /** The first request, which shows how the registry wants to be asked: others wait for it, lest each be refused as well. */
  #first: Promise<unknown> | undefined;

  /** @param host as in twotier.yaml; without credentials everything is asked anonymously */
  constructor(host: string, credentials?: Credentials) {
    this.registry = parseRegistry(host);
    this.#authority = new Authority(this.registry, credentials);
  }

  /** `repo` with the host, as users write it. */
  nameOf(repository: string): string {
    return `${this.registry.host}/${repository}`;
  }

  /** Sends a request; any status but an unanswerable 401 is an answer. */
  async send(io: Io, request: OciRequest): Promise<HttpResponse> {
    if (this.#first) {
      await this.#first;
      return this.#send(io, request);
    }
    const response = this.#send(io, request);
    this.#first = response.catch(() => {});
    return response;
  }

  async #send(io: Io, { path, repository, from, ...request }: OciRequest): Promise<HttpResponse> {
    // As it was given: a `Location` may carry a state that mustn't be written anew
    const address = path.startsWith("/") ? `${this.registry.base}${path}` : path;
    if (!URL.canParse(address)) {
      throw new ReleaseError("REGISTRY", `${this.registry.host} names an address that is none`, { facts: { path } });
    }
    const url = new URL(address);
    if (url.username !== "" || url.password !== "") {
      throw new ReleaseError("REGISTRY", `${this.registry.host} names an address with a user in it`, {
        facts: { host: url.host },
      });
    }
    const own = url.host === new URL(this.registry.base).host;
    if (this.registry.base.startsWith("https:") && url.protocol !== "https:") {
      throw new ReleaseError("REGISTRY", `${this.registry.host} leads from https to ${url.origin}`);
    }
    const actions = this.#authority.anonymous ? "pull" : "pull,push";
    const scopes = [`repository:${repository}:${actions}`, ...(from ? [`repository:${from}:pull`] : [])].join(" ");
    const once = (authorization: string | undefined) =>
      io.http({
        ...request,
        url: address,
        signal: io.signal,
        headers: { ...request.headers, ...(own && authorization ? { authorization } : {}) },
      });
    const first = own ? await this.#authority.header(scopes, io) : undefined;
    const response = await once(first);
    if (response.status !== 401 || !own) return response;
    // Read before the token is asked for: refusals that nobody reads could hold all connections that it has to come by.
    const said = await response.bytes(1 << 20).catch(() => Buffer.alloc(0));
    const again = await this.#authority.answer(response.headers["www-authenticate"], scopes, first, io);
    if (again !== undefined) return once(again);
    return { ...response, bytes: async () => said, text: async () => said.toString("utf8"), discard: () => {} };
  }

  /** Digest that a tag or digest has; null where there is none. */
  async head(repository: string, reference: string, io: Io): Promise<Digest | null> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const response = await this.send(io, { path, repository, method: "HEAD", headers: { accept } });
    response.discard();
    if (response.status === 404) return null;
    if (response.status !== 200) throw await this.failure(response, `${this.nameOf(repository)} for ${reference}`, io);
    const told = response.headers["docker-content-digest"] ?? "";
    if (isDigest(told)) return told;
    return (await this.manifest(repository, reference, io))?.digest ?? null;
  }

  /**
   * A manifest's bytes; null where there is none.
   *
   * @throws ReleaseError REGISTRY when a digest answers with other bytes
   */
  async manifest(repository: string, reference: string, io: Io): Promise<Manifest | null> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const response = await this.send(io, { path, repository, headers: { accept } });
    if (response.status === 404) {
      response.discard();
      return null;
    }
    if (response.status !== 200) throw await this.failure(response, `${this.nameOf(repository)} for ${reference}`, io);
    const bytes = await response.bytes(8 << 20);
    const digest = digestOf(bytes);
    if (reference.includes(":") && reference !== digest) {
      throw new ReleaseError("REGISTRY", `${this.nameOf(repository)} gives other bytes for ${reference}`, {
        facts: { found: digest },
        hint: "something between here and the registry changes what it serves, or its disk is broken; run the same command again when it is well",
      });
    }
    return { digest, bytes, mediaType: response.headers["content-type"] ?? ociIndex };
  }

  /** Stores a manifest under a tag or its digest, its bytes as they are. */
  async putManifest(repository: string, reference: string, manifest: Manifest, io: Io): Promise<void> {
    const response = await this.send(io, {
      path: `/v2/${repository}/manifests/${reference}`,
      repository,
      method: "PUT",
      headers: { "content-type": manifest.mediaType },
      body: manifest.bytes,
    });
    if (response.status !== 201 && response.status !== 200) {
      throw await this.failure(response, `${this.nameOf(repository)} to take ${reference}`, io);
    }
    response.discard();
  }

  async hasBlob(repository: string, digest: Digest, io: Io): Promise<boolean> {
    const response = await this.send(io, { path: `/v2/${repository}/blobs/${digest}`, repository, method: "HEAD" });
    response.discard();
    if (response.status === 404) return false;
    if (response.status !== 200) throw await this.failure(response, `${this.nameOf(repository)} for ${digest}`, io);
    return true;
  }

  /** All tags, page after page; none where the repository doesn't exist yet. */
  async tags(repository: string, io: Io): Promise<string[]> {
    const tags: string[] = [];
    const asked = new Set<string>();
    let path = `/v2/${repository}/tags/list?n=1000`;
    while (asked.size < 1000 && !asked.has(path)) {
      asked.add(path);
      const response = await this.send(io, { path, repository });
      if (response.status === 404) {
        response.discard();
        return tags;
      }
      if (response.status !== 200) throw await this.failure(response, `the tags of ${this.nameOf(repository)}`, io);
      const answer = await response.json<{ tags?: unknown }>();
      for (const tag of Array.isArray(answer?.tags) ? answer.tags : []) if (typeof tag === "string") tags.push(tag);
      const next = linksOf(response.headers.link).get("next");
      if (next === undefined) return tags;
      if (!URL.canParse(next, response.url)) break;
      path = new URL(next, response.url).href;
    }
    throw new ReleaseError("REGISTRY", `the tags of ${this.nameOf(repository)} don't end`);
  }

  /** An answer that isn't what was asked for, as an error. */
  async failure(response: HttpResponse, what: string, io: Io): Promise<ReleaseError> {
    const { status, headers } = response;
    const said = await errorsOf(response);
    const facts = { status, registry: this.registry.host, answer: said.text || undefined };
    if (status === 429 || said.codes.includes("TOOMANYREQUESTS")) {
      // Docker Hub: X-Retry-After is a unix time (registry-facts.md, OCI)
      const at = Number(headers["x-retry-after"]);
      const seconds = at > 1e9 ? secondsUntil(at * 1000, headers, io.now()) : undefined;
      return new ReleaseError("RATE_LIMITED", `${this.registry.host} asks to wait`, {
        facts: { ...facts, asked: what },
        retryable: true,
        retryAfter: retryAfterOf(headers, io.now()) ?? seconds,
        hint: "run the same command again later; it goes on where it stopped",
      });
    }
    if (status === 401 || status === 403 || said.codes.includes("DENIED")) {
      return new ReleaseError("AUTH", `${this.registry.host} refused: ${what}`, {
        facts,
        hint: "check DOCKERHUB_USERNAME and DOCKERHUB_TOKEN, that the token may read and write, and that the repository is yours",
      });
    }
    const later = status >= 500 || status === 408;
    return new ReleaseError("REGISTRY", `${this.registry.host} answered ${status}: ${what}`, {
      facts,
      retryable: later,
      hint: later ? "run the same command again" : "the lines above say what the registry objects to",
    });
  }
}

/**
 * Reads a manifest or index.
 *
 * @throws ReleaseError REGISTRY when it is none, or names something by anything but its sha256
 */
export function contentOf(bytes: Buffer, where: string): ManifestContent {
  let content: ManifestContent | null | undefined;
  try {
    content = JSON.parse(bytes.toString("utf8"));
  } catch {
    content = undefined;
  }
  const lists = [content?.manifests ?? [], content?.layers ?? []];
  const parts = lists.every(Array.isArray) ? [...lists.flat(), ...(content?.config ? [content.config] : [])] : [null];
  if (typeof content === "object" && content !== null && parts.every((part) => isDigest(String(part?.digest))))
    return content;
  throw new ReleaseError("REGISTRY", `${where} is no manifest of an image`, {
    hint: "somebody pushed something else under that name; look at it with `docker buildx imagetools inspect`",
  });
}

async function errorsOf(response: HttpResponse): Promise<{ codes: string[]; text: string }> {
  const text = await response.text(1 << 20).catch(() => "");
  try {
    const { errors } = JSON.parse(text) as { errors: { code?: string; message?: string }[] };
    const lines = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": "));
    return { codes: errors.map(({ code }) => String(code)), text: excerpt(lines.join("; "), 500) };
  } catch {
    return { codes: [], text: excerpt(text.trim(), 200) };
  }
}
