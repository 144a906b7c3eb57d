import type { Change, ReleaseFlags } from "../core/plan.ts";
import type { Commit } from "../git/commits.ts";
import { ReleaseError } from "../lib/errors.ts";
import { componentOf, parseCommit } from "../version/conventional.ts";
import { readVersionFile, type Used } from "../version/numbering.ts";
import { pythonLabels } from "../version/pep440.ts";
import { isOwn, pathMatcher } from "../version/trigger.ts";
import { compareLines, follows, formatVersion, type LineComponent, type Version, zero } from "../version/version.ts";
import { type Facts, stampedPaths } from "./facts.ts";
import { versionText } from "./standing.ts";

/** Commits as changes: without the product's own, and without merges that change nothing themselves. */
export function changesOf(facts: Pick<Facts, "config" | "standing">, commits: readonly Commit[]): Change[] {
  const matches = pathMatcher(facts.config.trigger.paths);
  const stamped = stampedPaths(facts.config);
  const isTag = (tag: string) => facts.standing.find(tag) !== null;
  return commits
    .filter((commit) => !isOwn(commit, isTag, stamped) && !(commit.parents.length > 1 && commit.paths.length === 0))
    .map(({ sha, message, paths, author }) => {
      const { breaking } = parseCommit(message);
      const authors = author === undefined ? {} : { authors: [author, ...coAuthors(message)] };
      const change = { sha, subject: message.split("\n", 1)[0] ?? "", triggers: paths.some(matches), ...authors };
      return breaking === null ? change : { ...change, breaking };
    });
}

/** Names in `Co-authored-by: NAME <MAIL>` (docs.github.com, "Creating a commit with multiple authors"). */
function coAuthors(message: string): string[] {
  return [...message.matchAll(/^co-authored-by:\s*([^<\n]+?)\s*</gim)].map((match) => match[1] as string);
}

/** What the VERSION file says; null without one. @throws ReleaseError CONFIG when it isn't a version */
export function versionOfFile(facts: Facts): { line: Version; candidate: Version | null } | null {
  const { versionText: text, config } = facts;
  if (text === null) return null;
  const read = readVersionFile(text);
  if (read) return read;
  const file = config.version.file ?? "VERSION";
  throw new ReleaseError("CONFIG", `${file} isn't a version`, {
    facts: { file: `${file}:1`, found: JSON.stringify(text.slice(0, 60)) },
    hint: `write X.Y.Z into it, for example ${formatVersion(facts.standing.stable?.version ?? { ...zero, patch: 1 })}`,
  });
}

/** Everything that has taken a number: tags, locks, retractions, module tags, registries, the VERSION file. */
export function usedBy(facts: Facts): Used[] {
  const { standing, registries } = facts;
  const own = versionOfFile(facts)?.candidate;
  return [
    ...standing.candidates.map(({ version, tag, tagObject, lock }) => ({
      version,
      by: tagObject ? `tag ${tag}` : lock ? `the lock of ${tag}` : `the retraction of ${tag}`,
    })),
    ...standing.modules.map(({ version, tag }) => ({ version, by: `tag ${tag}` })),
    ...registries,
    ...(own ? [{ version: own, by: facts.config.version.file ?? "VERSION" }] : []),
  ];
}

/** The component that was asked for, `auto` worked out. */
export function componentAsked(facts: Facts, flags: ReleaseFlags): LineComponent {
  if (flags.component !== "auto") return flags.component ?? "patch";
  const { stable } = facts.standing;
  const stamped = stampedPaths(facts.config);
  const commits = (stable ? facts.sinceStable : facts.since).filter(
    (commit) => !isOwn(commit, (tag) => facts.standing.find(tag) !== null, stamped),
  );
  return componentOf(
    commits.map((commit) => commit.message),
    stable?.version ?? zero,
  );
}

/** @throws ReleaseError USAGE, REFUSED when a candidate can't have this label */
export function checkLabel(facts: Facts, label: string): void {
  if (!/^[a-z]+$/.test(label)) {
    throw new ReleaseError("USAGE", `the label ${JSON.stringify(label)} isn't made of lower-case letters`, {
      hint: "use rc, beta or alpha",
    });
  }
  if (facts.config.targets.pypi && !pythonLabels.includes(label)) {
    throw new ReleaseError("REFUSED", `PyPI can't spell a version with the label ${label}`, {
      hint: `use one of ${pythonLabels.join(", ")} (PEP 440)`,
    });
  }
}

/**
 * Rule 5: once there is a stable version, the next line is it with exactly one component bumped.
 *
 * @param opened what asks for the line, for the message
 * @throws ReleaseError REFUSED
 */
export function checkGap(facts: Facts, flags: ReleaseFlags, line: Version, opened: string): void {
  const { stable } = facts.standing;
  if (!stable || flags.allowGap || facts.config.version.gaps === "allow" || follows(line, stable.version)) return;
  throw new ReleaseError(
    "REFUSED",
    `${formatVersion(line)} doesn't follow ${versionText(stable)}: versions would be left out`,
    {
      facts: { "last stable": stable.tag, line: `${formatVersion(line)} (${opened})` },
      hint: `the next line is ${versionText(stable)} with one component bumped; correct ${opened}, or run it again with --allow-gap`,
    },
  );
}

/** A registry holds the stable version of a line, and no tag says from which commit. @throws ReleaseError REFUSED */
export function checkStableFree(facts: Facts, line: Version): void {
  const holders = [
    ...facts.registries,
    ...facts.standing.modules.map(({ tag, version }) => ({ version, by: `tag ${tag}` })),
  ]
    .filter(({ version }) => version.label === null && compareLines(version, line) === 0)
    .map(({ by }) => by);
  if (holders.length === 0) return;
  const tag = facts.standing.names.format(line);
  const who = [...new Set(holders)].join(" and ");
  throw new ReleaseError(
    "REFUSED",
    `${who} already ${holders.length > 1 ? "hold" : "holds"} ${formatVersion(line)}, but there is no tag ${tag}`,
    {
      hint: `tag the commit that it was made from: git tag ${tag} COMMIT && git push ${facts.remote ?? "origin"} ${tag}`,
    },
  );
}
