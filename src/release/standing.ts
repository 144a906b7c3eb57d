import type { IgnoredTag } from "../core/plan.ts";
import { lockRef, retractedRef } from "../git/lock.ts";
import type { Refs } from "../git/refs.ts";
import type { TagNames } from "../version/tags.ts";
import { compareLines, compareVersions, formatVersion, lineOf, type Version } from "../version/version.ts";

/** A version that refs know of: released, in progress, or retracted. */
export interface Release {
  tag: string;
  version: Version;
  /** Sha that the tag's ref names (the tag object of an annotated one); null while there is only a lock or a retraction. */
  tagObject: string | null;
  /** Sha of the commit that the tag, else the lock, else the retraction is over. */
  commit: string;
  /** Sha that the lock's ref names; null where there is no lock: then the release isn't in progress. */
  lock: string | null;
  retracted: boolean;
}

/** Where a product stands, from its refs alone. */
export interface Standing {
  names: TagNames;
  /** The highest stable version, in progress and retracted ones included: its number is taken. */
  stable: Release | null;
  /** Candidates above it, highest first. */
  candidates: Release[];
  /** The line of the highest candidate that isn't retracted. */
  open: Version | null;
  /** The highest release of either kind that isn't retracted. */
  newest: Release | null;
  /** Releases in progress. */
  locked: Release[];
  /** Versions that Go module tags have taken. */
  modules: { tag: string; version: Version }[];
  ignored: IgnoredTag[];
  /** The release of a tag. */
  find(tag: string): Release | null;
  /** Candidates of any line that aren't retracted, highest first. */
  candidatesOf(line: Version): Release[];
  /** The highest release below a version that isn't retracted. */
  below(version: Version, kind: "stable" | "any"): Release | null;
}

const tagPrefix = "refs/tags/";
const lockPrefix = lockRef("");
const retractedPrefix = retractedRef("");

/** Reads refs (two-tier.md, "Versions", rules 1 and 2). Pure, and made for 50,000 tags. */
export function standingOf(refs: Refs, names: TagNames): Standing {
  const tags: string[] = [];
  const versions: Version[] = [];
  const modules: Standing["modules"] = [];
  const ignored: IgnoredTag[] = [];
  const marks = new Set<string>();
  for (const name of refs.names()) {
    if (name.startsWith(tagPrefix)) {
      const tag = name.slice(tagPrefix.length);
      const version = names.version(tag);
      if (version) {
        tags.push(tag);
        versions.push(version);
      } else {
        const meaning = names.meaning(tag);
        if (meaning.kind === "module") modules.push({ tag, version: meaning.version });
        else if (meaning.kind === "ignored") ignored.push({ tag, reason: meaning.reason });
      }
    } else if (name.startsWith(lockPrefix)) marks.add(name.slice(lockPrefix.length));
    else if (name.startsWith(retractedPrefix)) marks.add(name.slice(retractedPrefix.length));
  }
  for (const tag of marks) {
    const version = names.version(tag);
    if (!version || refs.get(`${tagPrefix}${tag}`) !== undefined) continue;
    tags.push(tag);
    versions.push(version);
  }

  const find = (tag: string): Release | null => {
    const version = names.version(tag);
    const [tagRef, lock, retraction] = [`${tagPrefix}${tag}`, lockRef(tag), retractedRef(tag)];
    const commit = refs.commit(tagRef) ?? refs.commit(lock) ?? refs.commit(retraction);
    if (!version || commit === undefined) return null;
    const retracted = refs.get(retraction) !== undefined;
    return { tag, version, tagObject: refs.get(tagRef) ?? null, commit, lock: refs.get(lock) ?? null, retracted };
  };
  const live = (tag: string) => !marks.has(tag) || refs.get(retractedRef(tag)) === undefined;
  const at = (index: number) => (index < 0 ? null : find(tags[index] as string));
  const highest = (fits: (version: Version, tag: string) => boolean): Release | null => {
    let best = -1;
    for (let i = 0; i < versions.length; i++) {
      const version = versions[i] as Version;
      if (best >= 0 && compareVersions(version, versions[best] as Version) <= 0) continue;
      if (fits(version, tags[i] as string)) best = i;
    }
    return at(best);
  };
  const sorted = (fits: (version: Version, tag: string) => boolean): Release[] => {
    const found: number[] = [];
    for (let i = 0; i < versions.length; i++) {
      const version = versions[i] as Version;
      if (version.label !== null && fits(version, tags[i] as string)) found.push(i);
    }
    found.sort((a, b) => compareVersions(versions[b] as Version, versions[a] as Version));
    return found.map((index) => at(index) as Release);
  };

  const stable = highest((version) => version.label === null);
  const candidates = sorted((version) => stable === null || compareLines(version, stable.version) > 0);
  const opening = candidates.find((candidate) => !candidate.retracted);
  return {
    names,
    stable,
    candidates,
    open: opening ? lineOf(opening.version) : null,
    newest: opening ?? highest((_, tag) => live(tag)),
    locked: [...marks].flatMap((tag) => find(tag) ?? []).filter((release) => release.lock !== null),
    modules,
    ignored: ignored.sort((a, b) => (a.tag < b.tag ? -1 : 1)),
    find,
    candidatesOf: (line) => sorted((version, tag) => compareLines(version, line) === 0 && live(tag)),
    below: (version, kind) =>
      highest((it, tag) => (kind === "any" || it.label === null) && compareVersions(it, version) < 0 && live(tag)),
  };
}

/** `X.Y.Z` or `X.Y.Z-LABEL.N` of a release. */
export function versionText(release: Release): string {
  return formatVersion(release.version);
}
