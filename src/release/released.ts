import { lockRef, retractedRef } from "../git/lock.ts";
import type { Refs } from "../git/refs.ts";
import type { TagNames } from "../version/tags.ts";
import { compareVersions, formatVersion, type Version } from "../version/version.ts";

/**
 * The versions that users may have, as refs alone tell: tagged, not in progress, not taken back. Highest first; the first of
 * each tier is where its channel is.
 */
export function releasedVersions(
  refs: Refs,
  names: TagNames,
): { production: string | null; staging: string | null; versions: string[] } {
  const found: Version[] = [];
  for (const ref of refs.names()) {
    if (!ref.startsWith("refs/tags/")) continue;
    const tag = ref.slice("refs/tags/".length);
    const version = names.version(tag);
    if (!version || refs.get(lockRef(tag)) !== undefined || refs.get(retractedRef(tag)) !== undefined) continue;
    found.push(version);
  }
  found.sort((a, b) => compareVersions(b, a));
  const first = (stable: boolean) => {
    const version = found.find((one) => (one.label === null) === stable);
    return version ? formatVersion(version) : null;
  };
  return { production: first(true), staging: first(false), versions: found.map(formatVersion) };
}
