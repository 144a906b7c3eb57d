import type { Plan, PlannedItem, PlanStep, ReleaseFlags } from "../core/plan.ts";
import { pythonVersion } from "../version/pep440.ts";
import { compareLines, formatVersion, lineOf, type Version, zero } from "../version/version.ts";
import type { Facts } from "./facts.ts";
import { decideProduction } from "./production.ts";
import { versionOfFile } from "./rules.ts";
import { decideStaging } from "./staging.ts";
import { type Release, versionText } from "./standing.ts";

/** What staging and production decide; the rest of a plan follows from it. */
export interface Decision {
  reason: string;
  warnings: string[];
  /** The version to release; null: nothing to do. */
  version: Version | null;
  /** The release that an earlier run began. */
  resume: Release | null;
  candidate: Release | null;
  /** Sha and date of the commit that is released, where it isn't the one that was asked for. */
  source?: { sha: string; epoch: number };
  changes: Plan["changes"];
  notInRelease: Plan["notInRelease"];
  /** Line that the next candidate would be of. */
  line: Version;
}

/**
 * What would be released, and why. Pure: the same facts and flags give the same plan.
 *
 * @param items what targets expect of the version (the engine fills them in once the version is known)
 * @throws ReleaseError REFUSED, CONFIG, USAGE (exit 2), each with the command that helps; LOST
 * @see two-tier.md, "Versions" and "Trigger"
 */
export function decide(
  facts: Facts,
  flags: ReleaseFlags,
  expected: { items?: PlannedItem[]; steps?: PlanStep[] } = {},
): Plan {
  const decision = flags.tier === "staging" ? decideStaging(facts, flags) : decideProduction(facts, flags);
  const { version, resume, candidate, line } = decision;
  const { standing } = facts;
  const source = decision.source ?? facts.source;
  const stable = resume?.version.label === null ? standing.below(resume.version, "stable") : standing.stable;
  const previous = version ? standing.below(version, "any") : standing.newest;
  const candidateDetail = candidate ? facts.details.get(candidate.tag) : undefined;
  return {
    schema: 1,
    release: version !== null,
    tier: flags.tier,
    version: version && formatVersion(version),
    tag: version && standing.names.format(version),
    pythonVersion: version && pythonVersion(version),
    previous: previous && versionText(previous),
    lastStable: stable && versionText(stable),
    line: formatVersion(version ? lineOf(version) : line),
    source: source.sha,
    candidate: candidate?.tag ?? null,
    resume: resume !== null,
    reason: decision.reason,
    changes: decision.changes,
    notInRelease: decision.notInRelease,
    items: expected.items ?? [],
    steps: expected.steps ?? [],
    conditions: [],
    ignoredTags: standing.ignored,
    warnings: [...facts.warnings, ...generalWarnings(facts), ...decision.warnings],
    lineTag: standing.names.format(version ? lineOf(version) : line),
    remote: facts.remote,
    branch: facts.branch,
    epoch: source.epoch,
    candidateCommit: candidate?.commit ?? null,
    candidateSealed: candidate ? (candidateDetail?.manifest ?? null) !== null : null,
    releaseCommit: resume?.commit ?? null,
    lock: resume?.lock
      ? { sha: resume.lock, commit: resume.commit, run: facts.details.get(resume.tag)?.run ?? null }
      : null,
    sealed: resume ? (facts.details.get(resume.tag)?.manifest ?? null) !== null : false,
    acceptDifferences: flags.acceptDifferences ?? null,
  };
}

function generalWarnings(facts: Facts): string[] {
  const { standing, config } = facts;
  const warnings: string[] = [];
  const file = versionOfFile(facts);
  if (file && standing.stable && compareLines(file.line, standing.stable.version) < 0) {
    warnings.push(
      `${config.version.file ?? "VERSION"} says ${formatVersion(file.line)}, below the last stable version ${versionText(standing.stable)}: it is ignored`,
    );
  }
  const top = standing.open ?? standing.stable?.version ?? zero;
  const higher = facts.registries.filter(({ version }) => version.label === null && compareLines(version, top) > 0);
  for (const by of new Set(higher.map((one) => one.by))) {
    const versions = higher.filter((one) => one.by === by).map((one) => formatVersion(one.version));
    warnings.push(`${by} holds stable versions that no tag names: ${versions.slice(0, 5).join(", ")}`);
  }
  if (facts.truncated)
    warnings.push(`there is no release yet: only the newest ${facts.since.length} commits are listed`);
  const branchMoved =
    standing.newest !== null && facts.choice.since === standing.newest && leftBehind(facts, standing.newest);
  if (branchMoved) {
    warnings.push(
      `${standing.newest?.tag} isn't in the history of ${facts.source.sha.slice(0, 12)} (was ${facts.branch} force-pushed?): changes are listed since their common ancestor`,
    );
  }
  return warnings;
}

/**
 * True when a release's source is no ancestor of ours: then no commit of the range since it has it, or its release
 * commit, for a parent.
 */
function leftBehind(facts: Facts, release: Release): boolean {
  if (facts.since.length === 0 || facts.choice.upTo) return false;
  const source = facts.details.get(release.tag)?.source;
  return !facts.since.some(({ parents }) => parents.some((parent) => parent === release.commit || parent === source));
}
