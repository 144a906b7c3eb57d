import type { Item, Phase, TargetName } from "./target.ts";

/** A release is staging (automatic, prerelease) or production (manual, stable). */
export type Tier = "staging" | "production";

export type Component = "major" | "minor" | "patch" | "auto";

/** What a person asked for; `plan` and `release` take the same (two-tier.md, "Commands"). */
export interface ReleaseFlags {
  tier: Tier;
  /** Left out: patch, as a floor that never raises a line. */
  component?: Component;
  /** Overrides `tiers.staging.label`. */
  label?: string;
  /** Tag (or version) of the candidate that production finalises. */
  candidate?: string;
  force?: boolean;
  allowGap?: boolean;
  allowUntested?: boolean;
  /** The reason why a production release may differ from its candidate. */
  acceptDifferences?: string;
  /** Asks no registry. */
  offline?: boolean;
}

/** One commit of a plan. */
export interface Change {
  /** Full sha. */
  sha: string;
  /** First line of the message, as it was written: escape it before it is shown. */
  subject: string;
  /** True when it touches a file that matches `trigger.paths` and isn't the product's own. */
  triggers: boolean;
  /** What it breaks, where it is a breaking change (Conventional Commits); else left out. */
  breaking?: string;
  /** Names of who made it: its author, and those of `Co-authored-by`; as they were written. */
  authors?: string[];
}

export interface IgnoredTag {
  tag: string;
  reason: string;
}

/** A step of the release as `plan` shows it. */
export interface PlanStep {
  phase: "lock" | "build" | Phase | "seal" | "publish" | "pointer" | "unlock" | "bookkeeping";
  target: TargetName | "git";
  text: string;
}

/** Something that must hold before a candidate goes to production. */
export interface PlanCondition {
  name: "candidate" | "verified" | "minAge" | "checks" | "examples" | "changelog" | "approver" | "window";
  /** Null: only the release finds out, by running commands; or nobody was asked. */
  holds: boolean | null;
  /** What was found. */
  text: string;
  /** What to do where it doesn't hold. */
  remedy?: string;
}

/** An item as `plan` shows it: its digest isn't known before the build. */
export type PlannedItem = Pick<Item, "target" | "id" | "phase"> & { file: string };

/** The lock of a release in progress: the annotated object that `refs/twotier/lock/vX` names. */
export interface PlanLock {
  sha: string;
  /** The release commit that it holds the number for. */
  commit: string;
  /** Who took it, as its message says (`run: ...`); null where it doesn't. */
  run: string | null;
}

/**
 * What would happen: the document of `plan --json` (two-tier.md, "Commands"), and all that the engine needs to do it.
 * Versions are SemVer without prefix; `tag` and `candidate` are tags.
 */
export interface Plan {
  schema: 1;
  /** False: nothing to do, and `reason` says why. */
  release: boolean;
  tier: Tier;
  version: string | null;
  tag: string | null;
  /** PEP 440's spelling; null also where its label has none (then nothing goes to PyPI). */
  pythonVersion: string | null;
  /** Version of the newest release, of either tier, that isn't retracted. */
  previous: string | null;
  /** Highest stable version; null where there is none. */
  lastStable: string | null;
  /** `X.Y.Z` that the release belongs to; without a release, the line that the next one would be of. */
  line: string;
  /** Full sha of the source commit that is (or would be) released. */
  source: string;
  /** Production: tag of the candidate that is finalised. */
  candidate: string | null;
  /** True: this release was begun by an earlier run and is finished now. */
  resume: boolean;
  /** One sentence. */
  reason: string;
  /** Newest first; without the product's own commits. Staging: since `previous`; production: since `lastStable`. */
  changes: Change[];
  /** Production: commits on the branch that would trigger, and that this release leaves out. Newest first. */
  notInRelease: Change[];
  items: PlannedItem[];
  steps: PlanStep[];
  /** Production: what must hold, and whether it does. Empty for staging. */
  conditions: PlanCondition[];
  ignoredTags: IgnoredTag[];
  warnings: string[];

  // What the engine needs beyond that.

  /** Tag of the line's stable version. */
  lineTag: string;
  /** Remote name; null where the repository has none: then nothing can be released, only planned. */
  remote: string | null;
  /** The branch that releases come from. */
  branch: string;
  /** Seconds since the epoch: the source commit's committer date. */
  epoch: number;
  /** Sha of the candidate's tagged commit; null where there is no candidate. */
  candidateCommit: string | null;
  /** False: another tool released the candidate, so no manifest can be compared with. Null without a candidate. */
  candidateSealed: boolean | null;
  /** resume: the release commit that exists already. */
  releaseCommit: string | null;
  /** resume: the lock, if it is still there. */
  lock: PlanLock | null;
  /** resume: true when the tag carries a manifest, so that only its digests count. */
  sealed: boolean;
  /** `--accept-differences`, as it was given. */
  acceptDifferences: string | null;
}
