import type { Config, ResolvedArtifacts } from "../config/types.ts";
import type { Manifest, ReleaseFile } from "../core/manifest.ts";
import type { Plan, PlanCondition } from "../core/plan.ts";
import type { Io, ReleaseContext, Target, TargetName } from "../core/target.ts";
import type { Git } from "../git/push.ts";
import type { Refs } from "../git/refs.ts";

/** Everything about the release that was decided before it starts: the plan, and the config it was made with. */
export interface Planned {
  plan: Plan;
  config: Config;
  resolved: ResolvedArtifacts;
}

/** What a run of `release` works with. Nothing here is global: tests and rehearsals make their own. */
export interface Job {
  git: Git;
  /** The repository's work tree (read for what tools its projects ask for). */
  dir: string;
  /** Folder of the repository's own objects (for the build's worktree). */
  gitDir: string;
  /** Name or address of the remote; null: the refs of this repository are the truth. */
  remote: string | null;
  /** Folder for the journal, local staging and unfinished builds; made when needed. */
  folder: string;
  io: Io;
  /** Says in the lock who took the number: `host:pid` or the CI run's address. */
  runId: string;
  /** Reads refs and registries and decides; called again when another run took the number. */
  plan(): Promise<Planned>;
  /** Refs of the remote as they are now: full name -> sha of the ref itself. */
  refs(): Promise<Map<string, string>>;
  /** The same as they were read last, by the plan or since: for what the plan says anyway, asking nobody. */
  knownRefs(): Promise<Pick<Refs, "get">>;
  targets(
    planned: Pick<Planned, "config" | "resolved">,
    release?: ReleaseContext & { body: string },
  ): readonly Target[];
  /** Left out on purpose. */
  skip: readonly { target: TargetName; reason: string }[];
  /** Wait for registries that show new versions late; by default production does, staging doesn't. */
  wait: boolean;
  /** Publish a placeholder for npm packages that don't exist yet. */
  claim: boolean;
  /** True for `release --resume TAG`: what was skipped then is done now. */
  resumesSkipped: boolean;
  /** Who approves of a production release, as the environment names them. */
  approver?: string;
  /** True: Python builds use the packages of this machine (rehearsals); else as the config says. */
  offlineBuilds: boolean;
  /** What other machines have built and checked; left out: all of it is done here. */
  parts?: {
    /** Their files of a release, put into a folder. @throws ReleaseError where they were built for another one */
    files(release: ReleaseContext, out: string): Promise<Built>;
    /** What became of the commands that must succeed. */
    checks: PlanCondition[];
  };
  /** Only for tests: called between the steps. */
  onStep?(step: string): Promise<void>;
}

export interface ReleaseResult {
  released: boolean;
  /** What there was to do, in a sentence. */
  reason: string;
  plan: Plan;
  manifest: Manifest | null;
  /** Left out on purpose: in the seal, or since. */
  skipped: Manifest["skipped"];
  /** Items that registries accepted but don't hand out yet. */
  pending: { target: TargetName; id: string }[];
  moved: { target: TargetName; name: string; from: string | null; to: string }[];
  bookkeeping: string | null;
  warnings: string[];
}

export interface Built {
  files: ReleaseFile[];
  tools: Record<string, string>;
  /** Folder the files are in. */
  folder: string;
}

/** What a run that releases nothing ends with. */
export function nothingToDo(plan: Plan): ReleaseResult {
  const { reason, warnings } = plan;
  return {
    ...{ released: false, reason, plan, manifest: null, warnings },
    ...{ skipped: [], pending: [], moved: [], bookkeeping: null },
  };
}
