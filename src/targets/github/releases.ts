import type { Io } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type Digest, hashing } from "../../lib/hash.ts";
import type { HttpResponse } from "../../lib/http.ts";
import { bounded } from "../../lib/http-answer.ts";
import { type Api, hasStatus, unexpected } from "./api.ts";

/** A release, as far as it is used here (docs.github.com/rest/releases/releases). */
export interface GithubRelease {
  id: number;
  tag: string;
  draft: boolean;
  prerelease: boolean;
  /** Published while the repository had immutable releases on: assets and tag stay as they are. */
  immutable: boolean;
  body: string;
  name: string;
  uploadUrl: string;
  /** Null for drafts. */
  publishedAt: Date | null;
}

/** A release asset (docs.github.com/rest/releases/assets). */
export interface Asset {
  id: number;
  name: string;
  /** bytes */
  size: number;
  /** `starter`: an upload that broke off; it keeps the name taken until it is deleted. */
  state: string;
  /** Null on servers before June 2025. */
  digest: Digest | null;
}

/** A release with its assets, at one moment. */
export interface Snapshot {
  release: GithubRelease;
  assets: Asset[];
}

export async function releaseById(api: Api, id: string, io: Io): Promise<Snapshot | null> {
  return await readRelease(api, `/releases/${releaseId(id)}`, io);
}

/** Published releases only: GitHub leaves drafts out of this one. */
export async function releaseByTag(api: Api, tag: string, io: Io): Promise<Snapshot | null> {
  const found = await readRelease(api, `/releases/tags/${encodeURIComponent(tag)}`, io);
  return found?.release.draft ? null : found;
}

/** GitHub's latest release, or null. */
export async function latestRelease(api: Api, io: Io): Promise<GithubRelease | null> {
  return (await readRelease(api, "/releases/latest", io))?.release ?? null;
}

/** Every release that the token may see; drafts too where it may write. */
export async function listReleases(api: Api, io: Io): Promise<GithubRelease[]> {
  return (await api.pages("/releases", io)).map((value) => asRelease(value, "the list of releases"));
}

/** A release with all its assets, which GitHub gives along, however many there are (gh downloads a release by them). */
async function readRelease(api: Api, path: string, io: Io): Promise<Snapshot | null> {
  try {
    const response = await api.send({ path, headers: { "cache-control": "no-cache" } }, io);
    const value: unknown = await response.json();
    const release = asRelease(value, path);
    const { assets } = value as { assets?: unknown };
    if (!Array.isArray(assets)) throw unexpected(path, "a release with its assets");
    return { release, assets: assets.map((asset) => asAsset(asset, path)) };
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}

/** An id as it may stand in an address; ids come from seals, which anybody with push rights can write. */
export function releaseId(id: string): string {
  if (!/^[1-9]\d{0,18}$/.test(id)) {
    throw new ReleaseError("REGISTRY", `not the id of a GitHub release: ${JSON.stringify(id)}`, {
      hint: "the seal was not written by twotier; read it with `git show TAG`",
    });
  }
  return id;
}

/** Downloads an asset by the API, with the credential, and hands its bytes to `take`. Returns their digest. */
export async function downloadAsset(
  api: Api,
  asset: Asset,
  io: Io,
  take?: (chunk: Uint8Array) => Promise<void> | void,
): Promise<Digest> {
  const path = `/releases/assets/${asset.id}`;
  // GitHub answers with the bytes or with a redirect to its storage, which gets no credential (lib/http.ts).
  const response = await api.send({ path, headers: { accept: "application/octet-stream" } }, io);
  const { size, digest } = await digestOfBody(response, asset.name, take);
  if (size !== asset.size) {
    throw new ReleaseError("REGISTRY", `the download of ${asset.name} doesn't have the size that GitHub states`, {
      facts: { expected: asset.size, found: size },
      retryable: true,
    });
  }
  return digest;
}

/** Reads an answer to its end. @throws ReleaseError NETWORK (retryable) when it breaks off */
export async function digestOfBody(
  response: HttpResponse,
  name: string,
  take?: (chunk: Uint8Array) => Promise<void> | void,
): Promise<{ size: number; digest: Digest }> {
  const counter = hashing(["sha256"]);
  try {
    for await (const chunk of bounded(response.body, name)) {
      counter.update(chunk);
      await take?.(chunk);
    }
  } catch (cause) {
    if (cause instanceof ReleaseError) throw cause;
    throw new ReleaseError("NETWORK", `the download of ${name} broke off`, {
      cause,
      retryable: true,
      hint: "run the same command again",
    });
  }
  const { size, digests } = counter.end();
  return { size, digest: digests.sha256 as Digest };
}

export function asRelease(value: unknown, where: string): GithubRelease {
  const release = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const { id, tag_name: tag, draft, prerelease, immutable, body, name, upload_url: uploadUrl } = release;
  const published = typeof release.published_at === "string" ? new Date(release.published_at) : null;
  if (!Number.isSafeInteger(id) || typeof tag !== "string" || typeof draft !== "boolean") {
    throw unexpected(where, "a release");
  }
  return {
    id: id as number,
    tag,
    draft,
    prerelease: prerelease === true,
    immutable: immutable === true,
    body: typeof body === "string" ? body : "",
    name: typeof name === "string" ? name : "",
    uploadUrl: typeof uploadUrl === "string" ? uploadUrl : "",
    publishedAt: published !== null && Number.isNaN(published.getTime()) ? null : published,
  };
}

export function asAsset(value: unknown, where: string): Asset {
  const asset = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const { id, name, size, state, digest } = asset;
  if (!Number.isSafeInteger(id) || typeof name !== "string" || typeof size !== "number") {
    throw unexpected(where, "a release asset");
  }
  return {
    id: id as number,
    name,
    size,
    state: typeof state === "string" ? state : "uploaded",
    digest: typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest) ? (digest as Digest) : null,
  };
}
