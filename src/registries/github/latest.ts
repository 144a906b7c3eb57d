import semver from "semver";
import type { Release, Repository } from "./store.ts";

/** Follows `make_latest`. Drafts and prereleases are never the latest; "legacy" leaves it to date and version. */
export function mark(repository: Repository, release: Release, makeLatest: string): void {
  const { data } = repository;
  const eligible = !release.draft && !release.prerelease;
  if (eligible && makeLatest === "true") data.latest = release.id;
  else if (data.latest === release.id && (!eligible || makeLatest === "false")) data.latest = null;
  else if (eligible && makeLatest === "legacy") data.latest = byDateAndVersion(repository)[0]?.id ?? null;
}

/** The marked release; without one the newest by its commit's date, then by version. */
export function latestRelease(repository: Repository): Release | undefined {
  const candidates = byDateAndVersion(repository);
  return candidates.find((one) => one.id === repository.data.latest) ?? candidates[0];
}

function byDateAndVersion(repository: Repository): Release[] {
  const version = (one: Release) => semver.coerce(one.tag) ?? new semver.SemVer("0.0.0");
  return repository.data.releases
    .filter((one) => !one.draft && !one.prerelease)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt) || semver.compare(version(b), version(a)) || b.id - a.id);
}

/** All releases, newest commit first. */
export function sorted(repository: Repository): Release[] {
  return [...repository.data.releases].sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id - a.id);
}

export function publishedByTag(repository: Repository, tag: string): Release | undefined {
  return repository.data.releases.find((one) => !one.draft && one.tag === tag);
}
