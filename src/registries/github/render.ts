import type { Context } from "./context.ts";
import type { Asset, Release, Repository } from "./store.ts";
import { author, nodeId, simpleUser } from "./users.ts";

/** Base of a repository's API addresses. */
export function repositoryUrl(context: Context, repository: Repository): string {
  return `${context.api}/repos/${repository.fullName}`;
}

/** The tag in web addresses; a draft's stays hidden behind `untagged-...`. */
export function webTag(release: Release): string {
  return encodeURIComponent(release.draft ? release.untagged : release.tag);
}

export function releasePage(context: Context, repository: Repository, release: Release): string {
  return `${context.web}/${repository.fullName}/releases/tag/${webTag(release)}`;
}

export function downloadUrl(context: Context, repository: Repository, release: Release, asset: Asset): string {
  const base = `${context.web}/${repository.fullName}/releases/download`;
  return `${base}/${webTag(release)}/${encodeURIComponent(asset.name)}`;
}

/** A release as the API shows it (OpenAPI component `release`). */
export function renderRelease(context: Context, repository: Repository, release: Release): Record<string, unknown> {
  const url = `${repositoryUrl(context, repository)}/releases/${release.id}`;
  const archive = (kind: string) =>
    release.draft ? null : `${repositoryUrl(context, repository)}/${kind}/refs/tags/${encodeURI(release.tag)}`;
  return {
    url,
    assets_url: `${url}/assets`,
    upload_url: `${uploadsBase(context)}/repos/${repository.fullName}/releases/${release.id}/assets{?name,label}`,
    html_url: releasePage(context, repository, release),
    id: release.id,
    author: simpleUser(context, author),
    node_id: nodeId("Release", release.id),
    tag_name: release.tag,
    target_commitish: release.target,
    name: release.name,
    draft: release.draft,
    immutable: release.immutable,
    prerelease: release.prerelease,
    created_at: release.createdAt,
    updated_at: release.updatedAt,
    published_at: release.publishedAt,
    assets: release.assets.map((asset) => renderAsset(context, repository, release, asset)),
    tarball_url: archive("tarball"),
    zipball_url: archive("zipball"),
    body: release.body,
  };
}

/** An asset as the API shows it (OpenAPI component `release-asset`). */
export function renderAsset(
  context: Context,
  repository: Repository,
  release: Release,
  asset: Asset,
): Record<string, unknown> {
  return {
    url: `${repositoryUrl(context, repository)}/releases/assets/${asset.id}`,
    id: asset.id,
    node_id: nodeId("ReleaseAsset", asset.id),
    name: asset.name,
    label: asset.label,
    uploader: simpleUser(context, author),
    content_type: asset.contentType,
    state: asset.state,
    size: asset.size,
    digest: asset.digest,
    download_count: asset.downloads,
    created_at: asset.createdAt,
    updated_at: asset.updatedAt,
    browser_download_url: downloadUrl(context, repository, release, asset),
  };
}

/** Uploads have their own address: uploads.github.com, or `/api/uploads` on GitHub Enterprise Server. */
function uploadsBase(context: Context): string {
  return `${context.web}/api/uploads`;
}
