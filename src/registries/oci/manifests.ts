import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type http from "node:http";
import { readBody, send } from "../server.ts";
import { ociError } from "./errors.ts";
import { algorithmOf, isDigest, isTag } from "./reference.ts";
import type { ManifestRecord, Repository, Store } from "./store.ts";

interface Descriptor {
  mediaType?: string;
  digest?: unknown;
  size?: number;
  urls?: string[];
}

interface Document {
  schemaVersion?: number;
  mediaType?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
  subject?: Descriptor;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
}

const images = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
] as const;
const indexes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
] as const;

/** bytes; "at least 4 megabytes" is what the specification wants registries to take */
const limit = 4 << 20;

/** `GET` and `HEAD manifests/REFERENCE`: the very bytes that were pushed. */
export async function readManifest(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  store: Store,
  repository: Repository,
  reference: string,
): Promise<void> {
  const digest = isDigest(reference) ? reference : repository.tags.get(reference);
  const record = digest === undefined ? undefined : repository.manifests.get(digest);
  if (digest === undefined || record === undefined) {
    throw ociError("MANIFEST_UNKNOWN", `${repository.name} has no manifest ${reference}`);
  }
  const headers = { "content-type": record.mediaType, "docker-content-digest": digest, etag: `"${digest}"` };
  if (request.headers["if-none-match"] === headers.etag) return send(response, 304, undefined, headers);
  send(response, 200, await readFile(store.blobPath(digest)), headers);
}

/** `PUT manifests/REFERENCE`, stored exactly as it came. */
export async function putManifest(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  store: Store,
  repository: Repository,
  reference: string,
  immutable: (tag: string) => boolean,
): Promise<void> {
  if (!isDigest(reference) && !isTag(reference))
    throw ociError("MANIFEST_INVALID", `neither a tag nor a digest: ${reference}`);
  // Docker Hub's immutable tags refuse the push even of the same image: https://github.com/docker/hub-feedback/issues/2466
  if (repository.tags.has(reference) && immutable(reference)) {
    throw ociError("DENIED", `tag ${reference} of ${repository.name} is immutable`);
  }
  const bytes = await readBody(request, limit).catch((error) => {
    throw request.complete ? error : ociError("MANIFEST_INVALID", "a manifest has at most 4 MiB", { status: 413 });
  });
  const algorithm = isDigest(reference) ? algorithmOf(reference) : "sha256";
  const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
  if (isDigest(reference) && reference !== digest) {
    throw ociError("DIGEST_INVALID", `the manifest has the digest ${digest}, not ${reference}`);
  }
  const document = parse(bytes);
  const record = describe(document, bytes.length, request.headers["content-type"]);
  checkReferences(document, repository);

  await store.writeBlob(digest, bytes);
  repository.manifests.set(digest, record);
  if (!isDigest(reference)) repository.tags.set(reference, digest);
  await store.save(repository);
  send(response, 201, undefined, {
    location: `/v2/${repository.name}/manifests/${digest}`,
    "docker-content-digest": digest,
    ...(record.subject === undefined ? {} : { "oci-subject": record.subject }),
  });
}

/** `DELETE manifests/REFERENCE`: a tag alone, or by digest the manifest with all tags on it. */
export async function deleteManifest(
  response: http.ServerResponse,
  store: Store,
  repository: Repository,
  reference: string,
): Promise<void> {
  const known = isDigest(reference) ? repository.manifests.delete(reference) : repository.tags.delete(reference);
  if (!known) throw ociError("MANIFEST_UNKNOWN", `${repository.name} has no manifest ${reference}`);
  if (isDigest(reference)) {
    for (const [tag, digest] of repository.tags) if (digest === reference) repository.tags.delete(tag);
  }
  await store.save(repository);
  if (isDigest(reference)) await store.collect(reference);
  send(response, 202);
}

/** `GET referrers/DIGEST?artifactType=`: an index of the manifests whose `subject` it is; an empty one for what isn't there. */
export function listReferrers(
  response: http.ServerResponse,
  repository: Repository | undefined,
  subject: string,
  artifactType: string | null,
): void {
  const manifests = [...(repository?.manifests ?? [])]
    .filter(([, record]) => record.subject === subject)
    .filter(([, record]) => artifactType === null || record.artifactType === artifactType)
    .map(([digest, record]) => ({
      mediaType: record.mediaType,
      digest,
      size: record.size,
      artifactType: record.artifactType,
      annotations: record.annotations,
    }));
  send(
    response,
    200,
    { schemaVersion: 2, mediaType: indexes[0], manifests },
    { "content-type": indexes[0], ...(artifactType === null ? {} : { "oci-filters-applied": "artifactType" }) },
  );
}

function parse(bytes: Buffer): Document {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // said below
  }
  throw ociError("MANIFEST_INVALID", "the manifest isn't a JSON object");
}

function describe(document: Document, size: number, contentType = ""): ManifestRecord {
  const mediaType = contentType.replace(/;.*$/, "").trim() || document.mediaType || "";
  const known: readonly string[] = [...images, ...indexes];
  if (!known.includes(mediaType)) throw ociError("MANIFEST_INVALID", `not a manifest's media type: ${mediaType}`);
  if (document.mediaType !== undefined && document.mediaType !== mediaType) {
    throw ociError("MANIFEST_INVALID", `the manifest says ${document.mediaType}, the request ${mediaType}`);
  }
  if (document.schemaVersion !== 2) throw ociError("MANIFEST_INVALID", "schemaVersion must be 2");
  const isIndex = (indexes as readonly string[]).includes(mediaType);
  if (isIndex ? !Array.isArray(document.manifests) : !document.config || !Array.isArray(document.layers)) {
    throw ociError(
      "MANIFEST_INVALID",
      isIndex ? "an index needs manifests" : "an image manifest needs config and layers",
    );
  }
  return {
    mediaType,
    size,
    subject: document.subject === undefined ? undefined : digestOf(document.subject),
    // OCI distribution specification 1.1, "Listing referrers": without an artifactType it is the config's media type.
    artifactType: document.artifactType || (isIndex ? undefined : document.config?.mediaType),
    annotations: document.annotations,
  };
}

function checkReferences(document: Document, repository: Repository): void {
  const content = [document.config, ...(document.layers ?? [])].filter((part) => part !== undefined);
  for (const part of content) {
    const digest = digestOf(part);
    // Foreign layers are fetched from their own addresses.
    if (!repository.blobs.has(digest) && !part.urls?.length) {
      throw ociError("MANIFEST_BLOB_UNKNOWN", `${repository.name} has no blob ${digest}`, { detail: { digest } });
    }
  }
  for (const child of document.manifests ?? []) {
    const digest = digestOf(child);
    if (!repository.manifests.has(digest) && !repository.blobs.has(digest)) {
      throw ociError("MANIFEST_BLOB_UNKNOWN", `${repository.name} has no manifest ${digest}`, { detail: { digest } });
    }
  }
}

function digestOf(descriptor: Descriptor): string {
  if (typeof descriptor?.digest === "string" && isDigest(descriptor.digest)) return descriptor.digest;
  throw ociError("MANIFEST_INVALID", "a descriptor has no valid digest");
}
