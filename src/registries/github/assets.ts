import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { hashStream } from "../../lib/hash.ts";
import {
  apiError,
  type Context,
  invalid,
  jsonBody,
  mayWrite,
  notFound,
  page,
  reply,
  repositoryOf,
  requireWrite,
  standardHeaders,
} from "./context.ts";
import { sendFile, storageUrl } from "./files.ts";
import { iso } from "./git.ts";
import { releaseOf } from "./releases.ts";
import { renderAsset } from "./render.ts";
import { type Asset, newKey, type Release, type Repository } from "./store.ts";

const maxSize = 2 * 2 ** 30;
const maxAssets = 1000;

export async function listAssets(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const release = releaseOf(context, repository);
  const { items, headers } = page(context, release.assets);
  reply(
    context,
    200,
    items.map((asset) => renderAsset(context, repository, release, asset)),
    headers,
  );
}

/** JSON, or with `Accept: application/octet-stream` the bytes, by a redirect to where they are stored. */
export async function getAsset(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const { release, asset } = assetOf(context, repository);
  if (!String(context.request.headers.accept ?? "").includes("application/octet-stream")) {
    return reply(context, 200, renderAsset(context, repository, release, asset));
  }
  if (asset.state !== "uploaded") throw notFound();
  reply(context, 302, undefined, { location: storageUrl(context, asset) });
}

/** The stored bytes; the key in the address is the right to read them. */
export async function getStored(context: Context): Promise<void> {
  const found = context.store.assetByKey(context.params.key ?? "");
  if (found?.asset.state !== "uploaded") throw notFound();
  const { repository, asset } = found;
  if (context.request.method === "GET") {
    asset.downloads += 1;
    repository.save();
  }
  await sendFile(context, repository.assetFile(asset.id), {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename=${asset.name}`,
    etag: `"${asset.digest}"`,
    "last-modified": new Date(asset.updatedAt).toUTCString(),
  });
}

/**
 * `POST uploads.../releases/{id}/assets?name=&label=`: the body is the file. It goes to disk and through sha256 as it comes.
 * An upload that breaks off leaves the asset behind in state `starter` (GitHub's docs), and its name taken.
 */
export async function uploadAsset(context: Context): Promise<void> {
  const { request } = context;
  requireWrite(context);
  const repository = repositoryOf(context);
  const release = releaseOf(context, repository);
  if (release.immutable) throw apiError(422, "Cannot upload assets to an immutable release.");
  const asked = context.url.searchParams.get("name") ?? "";
  const length = request.headers["content-length"];
  if (asked === "") {
    throw apiError(400, "Invalid name for request");
  }
  // Chunked and empty bodies are refused: the length must be known before the first byte.
  if (length === undefined || length === "0") throw apiError(400, `Bad Content-Length: ${length ?? ""}`);
  if (Number(length) >= maxSize) {
    throw invalid({ resource: "ReleaseAsset", code: "custom", field: "size", message: `size must be < ${maxSize}` });
  }
  const name = storedName(asked);
  if (release.assets.some((one) => one.name === name)) {
    throw invalid({ resource: "ReleaseAsset", code: "already_exists", field: "name" });
  }
  if (release.assets.length >= maxAssets) {
    throw invalid({
      resource: "ReleaseAsset",
      code: "custom",
      field: "assets",
      message: `a release has at most ${maxAssets}`,
    });
  }
  const now = iso(context.now());
  const asset: Asset = {
    id: context.store.nextId(repository),
    name,
    label: context.url.searchParams.get("label") ?? "",
    contentType: request.headers["content-type"] ?? "application/octet-stream",
    state: "starter",
    size: 0,
    digest: null,
    downloads: 0,
    createdAt: now,
    updatedAt: now,
    key: newKey(),
  };
  release.assets.push(asset);
  repository.save();
  const hash = hashStream(["sha256"]);
  try {
    // 4 MiB of chunks wait and go to disk in one writev: an eighth less time of the processor than 16 KiB.
    await pipeline(request, hash, createWriteStream(repository.assetFile(asset.id), { highWaterMark: 4 << 20 }));
  } catch {
    await rm(repository.assetFile(asset.id), { force: true });
    throw apiError(502, "Bad Gateway");
  }
  const { size, digests } = hash.result();
  Object.assign(asset, { state: "uploaded", size, digest: digests.sha256, updatedAt: iso(context.now()) });
  repository.save();
  const rendered = renderAsset(context, repository, release, asset);
  reply(context, 201, rendered, { location: rendered.url as string });
}

export async function updateAsset(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const { release, asset } = assetOf(context, repository);
  const body = await jsonBody(context, { name: "string", label: "text", state: "string" });
  if (release.immutable) throw apiError(422, "Cannot update assets of an immutable release.");
  if (typeof body.name === "string") {
    const name = storedName(body.name);
    if (release.assets.some((one) => one !== asset && one.name === name)) {
      throw invalid({ resource: "ReleaseAsset", code: "already_exists", field: "name" });
    }
    asset.name = name;
  }
  if (body.label !== undefined) asset.label = body.label as string | null;
  asset.updatedAt = iso(context.now());
  repository.save();
  reply(context, 200, renderAsset(context, repository, release, asset));
}

export async function deleteAsset(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const { release, asset } = assetOf(context, repository);
  if (release.immutable) throw apiError(422, "Cannot delete assets of an immutable release.");
  release.assets = release.assets.filter((one) => one !== asset);
  repository.save();
  await rm(repository.assetFile(asset.id), { force: true });
  context.response.writeHead(204, standardHeaders(context)).end();
}

function assetOf(context: Context, repository: Repository): { release: Release; asset: Asset } {
  for (const release of repository.data.releases) {
    const asset = release.assets.find((one) => String(one.id) === context.params.id);
    if (asset && (!release.draft || mayWrite(context))) return { release, asset };
  }
  throw notFound();
}

/**
 * The name that GitHub gives a file: accents are taken off, runs of other special characters become one period, periods
 * at the ends go (docs: "special characters, non-alphanumeric characters, and leading or trailing periods"; which ones:
 * travis-ci/dpl#821, softprops/action-gh-release#159, electron/forge#1761, rest-api-description#2968).
 */
export function storedName(name: string): string {
  const plain = name
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .replace(/[^\w+@-]+/g, ".")
    .replace(/\.+$/, "");
  return plain.startsWith(".") ? `default${plain}` : plain || "default";
}
