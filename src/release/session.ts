import path from "node:path";
import { expectedFiles } from "../config/expected.ts";
import { parseConfig } from "../config/parse.ts";
import { resolveArtifacts } from "../config/resolve.ts";
import type { Config, ResolvedArtifacts } from "../config/types.ts";
import type { Plan, ReleaseFlags } from "../core/plan.ts";
import { retrying } from "../core/retry.ts";
import type { Io, ReleaseContext, Target, TargetName } from "../core/target.ts";
import { openRepository, type Repository } from "../git/repository.ts";
import { commitTree as gitTree } from "../git/tree.ts";
import { ReleaseError } from "../lib/errors.ts";
import { type Facts, gatherFacts } from "./facts.ts";
import type { Job, Planned } from "./job.ts";
import { contextOf } from "./manifest.ts";
import { decide } from "./plan.ts";
import { planSteps } from "./plan-steps.ts";
import { askTargets, refuseErrors } from "./preflight.ts";
import { expectedPromotion } from "./promotion-files.ts";
import { resumePlan } from "./resume.ts";
import { readSource } from "./source.ts";
import { changelogFile } from "./stamps.ts";

/** Makes the targets of a configuration: src/targets/create.ts, or a test's own. */
export type MakeTargets = (
  config: Config,
  resolved: ResolvedArtifacts,
  repository: Pick<Repository, "git" | "remote" | "refs">,
  release?: ReleaseContext & { body: string },
) => readonly Target[];

export interface SessionOptions {
  dir: string;
  flags: ReleaseFlags;
  /** Commit to release from. Default HEAD. */
  source?: string;
  io: Io;
  makeTargets: MakeTargets;
  /** The repository of `dir`, where it is being opened already. */
  repository?: Promise<Repository>;
  /** Variables for git: credentials for the remote. */
  gitEnv?: Record<string, string>;
  runId: string;
  /** Who approves of a production release, as the environment says. */
  approver?: string;
  skip?: readonly { target: TargetName; reason: string }[];
  wait?: boolean;
  claim?: boolean;
  /** Tag of a sealed release to finish. */
  resume?: string;
  offlineBuilds?: boolean;
  onStep?: (step: string) => Promise<void>;
}

/** A repository that is planned and released from. `close` it when done. */
export interface Session {
  repository: Repository;
  /** What was asked for. */
  flags: ReleaseFlags;
  /** Reads and decides; `fresh` reads the refs again. */
  plan(fresh?: boolean): Promise<Planned>;
  /** The configuration of a commit, and what it makes of the commit's tree. */
  at(revision: string): Promise<Pick<Planned, "config" | "resolved">>;
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
  const opened = await (options.repository ?? openRepository(options.dir, io.signal, options.gitEnv));
  const repository = patient(opened, io);
  const git = repository.own;
  // Not the patient one: whoever asks a target tries again.
  const released = { git, remote: repository.remote, refs: opened.refs };
  const skipped = new Set<string>(options.skip?.map((one) => one.target));
  const active = (targets: readonly Target[]) => targets.filter((target) => !skipped.has(target.name));

  // A commit never changes: what its config makes of its tree is asked for by several steps, and found out once.
  const resolvedOf = new Map<string, Promise<ResolvedArtifacts>>();
  const at = async (revision: string) => {
    const source = await readSource(repository, revision, parseConfig);
    const { sha, config } = source;
    const resolved = resolvedOf.get(sha) ?? resolveArtifacts(config, gitTree(repository.git, sha));
    resolvedOf.set(sha, resolved);
    resolved.catch(() => resolvedOf.delete(sha));
    return { source, config, resolved: await resolved };
  };
  const plan = async (fresh = false): Promise<Planned> => {
    const here = await at(options.source ?? "HEAD");
    const asked = flags.offline ? [] : active(options.makeTargets(here.config, here.resolved, released));
    const facts = await gatherFacts(repository, here.source, flags, asked, io, { fresh }).catch(async (error) => {
      // One refused credential is seldom the only one: all are asked, so that one run tells them all.
      if (error instanceof ReleaseError && error.code === "AUTH") {
        refuseErrors(await askTargets(asked, io), here.config.name);
      }
      throw error;
    });
    const decided = decide(facts, flags);
    // The config is the source commit's: a candidate's may be older than the branch's (two-tier.md, "Words").
    const { config, resolved } =
      decided.release && decided.source !== here.source.sha ? await at(decided.source) : here;
    const planned = { plan: withItems(decided, config, resolved, released, options), config, resolved };
    return { ...planned, plan: { ...planned.plan, conditions: await conditionsOf(planned, facts) } };
  };
  const conditionsOf = async (planned: Planned, facts: Facts) => {
    const { plan, config, resolved } = planned;
    if (!plan.release || plan.tier === "staging" || plan.sealed) return [];
    const { readConditions } = await import("./conditions.ts");
    const manifest = (plan.candidate && facts.details.get(plan.candidate)?.manifest) || null;
    const release = manifest ? { ...contextOf(manifest), body: "" } : undefined;
    return readConditions({
      planned,
      manifest,
      targets: active(options.makeTargets(config, resolved, released, release)),
      changelog: config.tiers.production.conditions.changelog
        ? await gitTree(repository.git, plan.source).read(changelogFile)
        : null,
      async verify() {
        const { verify } = await import("./verify.ts");
        return (await verify(session, plan.candidate ?? "")).result.rows;
      },
      approver: options.approver,
      offline: flags.offline ?? false,
      io,
    });
  };
  const finish = async (tag: string, planned: Planned, job: Job): Promise<Planned> => {
    if (planned.plan.release && planned.plan.tag === tag) return planned;
    const resumed = await resumePlan(job, tag, planned.plan);
    await repository.need([resumed.source]);
    const { config, resolved } = await at(resumed.source);
    return { plan: withItems(resumed, config, resolved, released, options), config, resolved };
  };
  let planned = false;
  const top = repository.bare ? repository.gitDir : path.dirname(repository.gitDir);
  const session: Session = {
    repository,
    flags,
    plan: async (fresh) => {
      const planned = await plan(fresh);
      return options.resume === undefined ? planned : finish(options.resume, planned, makeJob());
    },
    at,
    job: makeJob,
    close: () => repository.close(),
  };
  return session;

  function makeJob(): Job {
    return {
      git,
      dir: top,
      gitDir: repository.gitDir,
      remote: repository.remote,
      folder: path.join(top, ".twotier"),
      io,
      runId: options.runId,
      approver: options.approver,
      async plan() {
        const result = await plan(planned);
        planned = true;
        return options.resume === undefined ? result : finish(options.resume, result, this);
      },
      refs: async () => (await repository.refs(true)).byName,
      knownRefs: () => repository.refs(),
      targets: ({ config, resolved }, release) => options.makeTargets(config, resolved, released, release),
      skip: options.skip ?? [],
      wait: options.wait ?? flags.tier === "production",
      claim: options.claim ?? false,
      resumesSkipped: options.resume !== undefined,
      offlineBuilds: options.offlineBuilds ?? false,
      onStep: options.onStep,
    };
  }
}

/** The repository with a remote that is asked again when it fails for a while. */
function patient(repository: Repository, io: Io): Repository {
  return {
    ...repository,
    refs(fresh = false) {
      let again = fresh;
      return retrying("reading the remote's refs", io, () => {
        const now = again;
        again = true;
        return repository.refs(now);
      });
    },
    need: (shas) => retrying("fetching commits", io, () => repository.need(shas)),
  };
}

/** Fills in what the release is to consist of: the items of the files that the build is expected to make. */
function withItems(
  plan: Plan,
  config: Config,
  resolved: ResolvedArtifacts,
  repository: Pick<Repository, "git" | "remote" | "refs">,
  options: SessionOptions,
): Plan {
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
  const built = expectedFiles(resolved, { version: plan.version, pythonVersion: plan.pythonVersion ?? plan.version });
  const files = plan.candidate === null ? built : [...built, ...expectedPromotion()];
  const targets = options
    .makeTargets(config, resolved, repository, release)
    .filter((target) => !skipped.has(target.name));
  const expected = targets.map((target) => target.expect(files, release));
  const items = expected
    .flatMap((one) => one.items)
    .map(({ target, id, phase, file }) => ({ target, id, phase, file }));
  const pointers = expected.flatMap((one) => one.pointers);
  return { ...plan, items, steps: planSteps(plan, items, pointers, config) };
}
