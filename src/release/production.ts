import type { ReleaseFlags } from "../core/plan.ts";
import { ReleaseError } from "../lib/errors.ts";
import { componentOf } from "../version/conventional.ts";
import { nextLine } from "../version/numbering.ts";
import { bump, compareLines, formatVersion, lineOf, parseVersion, type Version, zero } from "../version/version.ts";
import { openCandidates } from "./choice.ts";
import type { Detail, Facts } from "./facts.ts";
import type { Decision } from "./plan.ts";
import { changesOf, checkGap, checkStableFree, componentAsked, versionOfFile } from "./rules.ts";
import { type Release, type Standing, versionText } from "./standing.ts";

/** Production: which candidate is finalised, which release is finished, or why there is nothing to do (two-tier.md, rule 4). */
export function decideProduction(facts: Facts, flags: ReleaseFlags): Decision {
  const { standing, choice } = facts;
  const stable = standing.stable?.version ?? null;
  const component = flags.component === undefined ? "patch" : componentAsked(facts, flags);
  const file = versionOfFile(facts)?.line ?? null;
  const line = nextLine({ stable, open: standing.open, component, file });
  const waiting = changesOf(facts, choice.kind === "nothing" ? facts.since : facts.after).filter(
    (change) => change.triggers,
  );
  const base: Decision = {
    reason: "",
    warnings: [],
    version: null,
    resume: null,
    candidate: null,
    changes: [],
    notInRelease: waiting,
    line,
  };
  switch (choice.kind) {
    case "resume":
      return { ...base, ...finish(facts, flags, choice.release as Release) };
    case "released":
      return { ...base, reason: alreadyFrom(facts, choice.release as Release, choice.candidate as Release) };
    case "finalise":
      return { ...base, ...finalise(facts, flags, choice.candidate as Release) };
    case "head":
      return { ...base, ...untested(facts, flags, line), notInRelease: [] };
    default:
      return { ...base, reason: whyNothing(facts, waiting.length, flags) };
  }
}

function finish(facts: Facts, flags: ReleaseFlags, release: Release): Partial<Decision> {
  const detail = facts.details.get(release.tag);
  const candidate = candidateOf(facts, release, detail);
  const asked = flags.candidate === undefined ? null : namedBy(facts.standing, flags.candidate);
  if (asked && candidate && asked.tag !== candidate.tag && compareLines(asked.version, release.version) === 0) {
    throw new ReleaseError("LOST", `${release.tag} is being released from ${candidate.tag}`, {
      facts: { asked: asked.tag, run: detail?.run ?? undefined },
      hint: "if that run has died, finish its release: twotier release --tier production",
    });
  }
  if (candidate && !detail?.manifest) checkDifferences(facts, flags, candidate);
  return {
    reason: `${release.tag} was begun${detail?.run ? ` by ${detail.run}` : ""}, and isn't finished`,
    warnings:
      asked && asked.tag !== candidate?.tag
        ? [`${release.tag} is finished first; run it again for ${flags.candidate}`]
        : [],
    version: release.version,
    resume: release,
    candidate,
    source: sourceOf(release, detail),
    changes: changesOf(facts, facts.since),
  };
}

/** The release that a tag or a version names. */
function namedBy({ names, find }: Standing, text: string): Release | null {
  const version = names.version(text) ?? parseVersion(text.replace(/^v/, ""));
  return version && find(names.format(version));
}

/** The candidate that a stable release came from: as its manifest says, else the highest of its line with the same source. */
function candidateOf({ standing, details }: Facts, release: Release, detail: Detail | undefined): Release | null {
  if (detail?.manifest) return detail.manifest.candidate ? standing.find(detail.manifest.candidate.tag) : null;
  const line = standing.candidatesOf(release.version);
  return line.find((one) => one.tagObject !== null && details.get(one.tag)?.source === detail?.source) ?? null;
}

/** @throws ReleaseError REFUSED when nothing is known of the candidate that could be compared with */
function checkDifferences(facts: Facts, flags: ReleaseFlags, candidate: Release): void {
  if (facts.details.get(candidate.tag)?.manifest || flags.acceptDifferences !== undefined) return;
  throw new ReleaseError(
    "REFUSED",
    `${candidate.tag} was released by another tool: it has no manifest to compare with`,
    {
      hint: 'make a candidate with twotier (twotier release --tier staging --force), or run it again with --accept-differences "REASON"',
    },
  );
}

function finalise(facts: Facts, flags: ReleaseFlags, candidate: Release): Partial<Decision> {
  const { standing, details } = facts;
  const detail = details.get(candidate.tag);
  const version = lineOf(candidate.version);
  checkComponent(facts, flags, version);
  checkGap(facts, flags, version, `the candidate ${candidate.tag}`);
  checkStableFree(facts, version);
  if (facts.offBranch) {
    throw new ReleaseError("REFUSED", `the source of ${candidate.tag} isn't on branch ${facts.branch} any more`, {
      facts: { source: detail?.source, branch: facts.branch },
      hint: "make a candidate of what is there now: twotier release --tier staging",
    });
  }
  checkDifferences(facts, flags, candidate);
  const higher = openCandidates(standing).filter(
    (one) => one.lock !== null && one.version.n > candidate.version.n && one.version.label === candidate.version.label,
  );
  return {
    reason: `${candidate.tag} is ${flags.candidate ? "the candidate that was asked for" : "the highest complete candidate"} of the line ${formatVersion(version)}`,
    warnings: higher.map((one) => `${one.tag} isn't complete, and is left out`),
    version,
    candidate,
    source: sourceOf(candidate, detail),
    changes: changesOf(facts, facts.since),
  };
}

/** A component above the open line has to open its own line first. @throws ReleaseError REFUSED */
function checkComponent(facts: Facts, flags: ReleaseFlags, version: Version): void {
  if (flags.component === undefined) return;
  const stable = facts.standing.stable?.version ?? zero;
  const messages = facts.since.map((commit) => commit.message);
  const component = flags.component === "auto" ? componentOf(messages, stable) : flags.component;
  const asked = bump(stable, component);
  if (compareLines(asked, version) <= 0) return;
  throw new ReleaseError(
    "REFUSED",
    `--component ${component} asks for ${formatVersion(asked)}, but the candidates are of ${formatVersion(version)}`,
    {
      hint: `open that line first: twotier release --tier staging --component ${component}`,
    },
  );
}

function untested(facts: Facts, flags: ReleaseFlags, line: Version): Partial<Decision> {
  const { stable } = facts.standing;
  const changes = changesOf(facts, facts.since);
  if (stable && facts.since.length === 0 && !flags.force)
    return { reason: `this commit is released in ${stable.tag}`, changes };
  checkGap(
    facts,
    flags,
    line,
    flags.component ? `--component ${flags.component}` : (facts.config.version.file ?? "VERSION"),
  );
  checkStableFree(facts, line);
  return {
    reason: "--allow-untested: the commit is released without a candidate",
    warnings: [`nobody has tested ${formatVersion(line)}: it has had no candidate`],
    version: line,
    changes,
  };
}

/** @throws ReleaseError LOST when the line went stable from another candidate */
function alreadyFrom(facts: Facts, release: Release, candidate: Release): string {
  const [stable, asked] = [facts.details.get(release.tag), facts.details.get(candidate.tag)];
  const from = stable?.manifest?.candidate?.tag ?? null;
  if (from === candidate.tag || (from === null && stable?.source === asked?.source)) {
    return `${candidate.tag} is released as ${release.tag}`;
  }
  throw new ReleaseError(
    "LOST",
    `${versionText(release)} is released already, ${from ? `from ${from}` : `not from ${candidate.tag}`}`,
    {
      facts: { asked: candidate.tag, released: release.tag },
      hint: "make the next candidate: twotier release --tier staging",
    },
  );
}

function whyNothing(facts: Facts, waiting: number, flags: ReleaseFlags): string {
  const { stable } = facts.standing;
  const above = stable ? ` above ${stable.tag}` : "";
  const component = flags.component ? ` --component ${flags.component}` : "";
  if (waiting === 0)
    return stable
      ? `everything is released: ${stable.tag} is complete`
      : "there is no candidate, and nothing that triggers one";
  const commits = `${waiting} ${waiting === 1 ? "commit waits" : "commits wait"}`;
  return `there is no candidate${above}; ${commits} for one: twotier release --tier staging${component}`;
}

function sourceOf(release: Release, detail: Detail | undefined): { sha: string; epoch: number } {
  return { sha: detail?.source ?? release.commit, epoch: detail?.epoch ?? 0 };
}
