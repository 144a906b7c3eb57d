import type { IgnoredTag } from "../core/plan.ts";
import { lockRef, retractedRef } from "../git/lock.ts";
import type { Refs } from "../git/refs.ts";
import type { TagNames } from "../version/tags.ts";
import { compareLines, compareVersions, formatVersion, lineOf, lower, type Version } from "../version/version.ts";

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
const prefixes = [lockRef(""), retractedRef("")];
const prefixOf = (ref: string): string | undefined =>
  ref.startsWith(tagPrefix) ? tagPrefix : prefixes.find((prefix) => ref.startsWith(prefix));

/** Reads refs (two-tier.md, "Versions", rules 1 and 2). Pure, and made for 50,000 tags: only those above S are kept. */
export function standingOf(refs: Refs, names: TagNames): Standing {
  const modules: Standing["modules"] = [];
  const ignored: IgnoredTag[] = [];
  const found = new Map<string, Version>();
  const marks = new Set<string>();
  let top: Version | null = null;
  for (const ref of refs.names()) {
    const prefix = prefixOf(ref);
    if (prefix === undefined) continue;
    const version = names.version(ref, prefix.length, top);
    if (version === lower && prefix === tagPrefix) continue;
    const tag = ref.slice(prefix.length);
    if (prefix !== tagPrefix) marks.add(tag);
    if (version && version !== lower) {
      found.set(tag, version);
      if (version.label === null) top = version;
    } else if (version === null && prefix === tagPrefix) {
      const meaning = names.meaning(tag);
      if (meaning.kind === "module") modules.push({ tag, version: meaning.version });
      else if (meaning.kind === "ignored") ignored.push({ tag, reason: meaning.reason });
    }
  }

  const find = (tag: string): Release | null => {
    const version = names.version(tag);
    const [tagRef, lock, retraction] = [`${tagPrefix}${tag}`, lockRef(tag), retractedRef(tag)];
    const commit = refs.commit(tagRef) ?? refs.commit(lock) ?? refs.commit(retraction);
    if (!version || commit === undefined) return null;
    const retracted = refs.get(retraction) !== undefined;
    return { tag, version, tagObject: refs.get(tagRef) ?? null, commit, lock: refs.get(lock) ?? null, retracted };
  };
  const releases = (tags: Iterable<string>): Release[] =>
    [...tags].flatMap((tag) => find(tag) ?? []).sort((a, b) => compareVersions(b.version, a.version));

  const stable = top && find(names.format(top));
  const candidates = releases(
    [...found].filter(([, it]) => it.label !== null && (!top || compareLines(it, top) > 0)).map(([tag]) => tag),
  );
  /** Tags and versions of all releases that aren't retracted: for the few questions about what is below S. */
  const all = (fits: (version: Version) => boolean): string[] => {
    const tags = new Map<string, Version>();
    for (const ref of refs.names()) {
      const prefix = prefixOf(ref);
      const version = prefix === undefined ? null : names.version(ref, prefix.length);
      if (version && fits(version)) tags.set(ref.slice(prefix?.length), version);
    }
    return [...tags.keys()].filter((tag) => refs.get(retractedRef(tag)) === undefined);
  };
  const highest = (tags: readonly string[]): Release | null => {
    const best = tags
      .map((tag) => names.version(tag) as Version)
      .reduce<Version | null>((a, b) => (a && compareVersions(a, b) >= 0 ? a : b), null);
    return best && find(names.format(best));
  };
  const above = stable ? [...candidates, stable] : candidates;
  const live = above.filter((release) => !release.retracted);
  const opening = live.find((release) => release.version.label !== null);
  return {
    names,
    stable,
    candidates,
    open: opening ? lineOf(opening.version) : null,
    newest: live[0] ?? highest(all(() => true)),
    locked: releases(marks).filter((release) => release.lock !== null),
    modules,
    ignored: ignored.sort((a, b) => (a.tag < b.tag ? -1 : 1)),
    find,
    candidatesOf: (line) => releases(all((it) => it.label !== null && compareLines(it, line) === 0)),
    below(version, kind) {
      const fits = (it: Version) => compareVersions(it, version) < 0 && (kind === "any" || it.label === null);
      return live.find((release) => fits(release.version)) ?? highest(all(fits));
    },
  };
}

/** `X.Y.Z` or `X.Y.Z-LABEL.N` of a release. */
export function versionText(release: Release): string {
  return formatVersion(release.version);
}
