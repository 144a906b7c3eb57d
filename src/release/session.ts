import path from "node:path";
import { expectedFiles } from "../config/expected.ts";
import { parseConfig } from "../config/parse.ts";
import { resolveArtifacts } from "../config/resolve.ts";
import type { Config, ResolvedArtifacts } from "../config/types.ts";
import type { Plan, ReleaseFlags } from "../core/plan.ts";
import type { Io, ReleaseContext, Target, TargetName } from "../core/target.ts";
import { gitIn } from "../git/git.ts";
import { openRepository, type Repository } from "../git/repository.ts";
import { commitTree as gitTree } from "../git/tree.ts";
import { gatherFacts } from "./facts.ts";
import type { Job, Planned } from "./job.ts";
import { decide } from "./plan.ts";
import { planSteps } from "./plan-steps.ts";
import { readSource } from "./source.ts";

/** Makes the targets of a configuration: src/targets/create.ts, or a test's own. */
export type MakeTargets = (
  config: Config,
  resolved: ResolvedArtifacts,
  release?: ReleaseContext & { body: string },
) => readonly Target[];

export interface SessionOptions {
  dir: string;
  flags: ReleaseFlags;
  /** Commit to release from. Default HEAD. */
  source?: string;
  io: Io;
  makeTargets: MakeTargets;
  /** Variables for git: credentials for the remote. */
  gitEnv?: Record<string, string>;
  runId: string;
  skip?: readonly { target: TargetName; reason: string }[];
  wait?: boolean;
  claim?: boolean;
  resumesSkipped?: boolean;
  offlineBuilds?: boolean;
  onStep?: (step: string) => Promise<void>;
}

/** A repository that is planned and released from. `close` it when done. */
export interface Session {
  repository: Repository;
  /** Reads and decides; `fresh` reads the refs again. */
  plan(fresh?: boolean): Promise<Planned>;
  job(): Job;
  close(): Promise<void>;
}

/**
 * Opens the repository of a folder for planning and releasing.
 *
 * @throws ReleaseError USAGE, GIT as openRepository
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { io, flags } = options;
  const repository = await openRepository(options.dir, io.signal, options.gitEnv);
  const skipped = new Set<string>(options.skip?.map((one) => one.target));
  const active = (targets: readonly Target[]) => targets.filter((target) => !skipped.has(target.name));

  const at = async (revision: string) => {
    const source = await readSource(repository, revision, parseConfig);
    const resolved = await resolveArtifacts(source.config, gitTree(repository.git, source.sha));
    return { source, config: source.config, resolved };
  };
  const plan = async (fresh = false): Promise<Planned> => {
    const here = await at(options.source ?? "HEAD");
    const asked = flags.offline ? [] : active(options.makeTargets(here.config, here.resolved));
    const facts = await gatherFacts(repository, here.source, flags, asked, io, { fresh });
    const decided = decide(facts, flags);
    // The config is the source commit's: a candidate's may be older than the branch's (two-tier.md, "Words").
    const { config, resolved } =
      decided.release && decided.source !== here.source.sha ? await at(decided.source) : here;
    return { plan: withItems(decided, config, resolved, options), config, resolved };
  };
  let planned = false;
  const top = repository.bare ? repository.gitDir : path.dirname(repository.gitDir);
  return {
    repository,
    plan,
    job: () => ({
      git: gitIn(options.dir, { signal: io.signal, env: options.gitEnv }),
      dir: top,
      gitDir: repository.gitDir,
      remote: repository.remote,
      folder: path.join(top, ".twotier"),
      io,
      runId: options.runId,
      async plan() {
        const result = await plan(planned);
        planned = true;
        return result;
      },
      refs: async () => (await repository.refs(true)).byName,
      targets: ({ config, resolved }, release) => options.makeTargets(config, resolved, release),
      skip: options.skip ?? [],
      wait: options.wait ?? flags.tier === "production",
      claim: options.claim ?? false,
      resumesSkipped: options.resumesSkipped ?? false,
      offlineBuilds: options.offlineBuilds ?? false,
      onStep: options.onStep,
    }),
    close: () => repository.close(),
  };
}

/** Fills in what the release is to consist of: the items of the files that the build is expected to make. */
function withItems(plan: Plan, config: Config, resolved: ResolvedArtifacts, options: SessionOptions): Plan {
  if (!plan.release || plan.version === null || plan.tag === null) return plan;
  const release = {
    name: config.name,
    repository: config.repository,
    tier: plan.tier,
    version: plan.version,
    tag: plan.tag,
    commit: plan.releaseCommit ?? plan.source,
    body: "",
  };
  const skipped = new Set<string>(options.skip?.map((one) => one.target));
  const files = expectedFiles(resolved, { version: plan.version, pythonVersion: plan.pythonVersion ?? plan.version });
  const targets = options.makeTargets(config, resolved, release).filter((target) => !skipped.has(target.name));
  const expected = targets.map((target) => target.expect(files, release));
  const items = expected
    .flatMap((one) => one.items)
    .map(({ target, id, phase, file }) => ({ target, id, phase, file }));
  const pointers = expected.flatMap((one) => one.pointers);
  return { ...plan, items, steps: planSteps(plan, items, pointers, config) };
}
