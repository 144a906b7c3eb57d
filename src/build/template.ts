import type { BuildOptions } from "./types.ts";

/** `{version}`, `{commit}` and `{date}` (RFC 3339, UTC, the source commit's) in ldflags and labels. */
export function expand(
  text: string,
  release: Pick<BuildOptions, "version" | "pythonVersion" | "tag" | "commit" | "epoch">,
): string {
  const values: Record<string, string> = {
    version: release.version,
    pythonVersion: release.pythonVersion,
    tag: release.tag,
    commit: release.commit,
    date: isoDate(release.epoch),
  };
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

/** `2026-11-22T10:00:00Z` */
export function isoDate(epoch: number): string {
  return new Date(epoch * 1000).toISOString().replace(".000Z", "Z");
}
