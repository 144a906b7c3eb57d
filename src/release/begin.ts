import type { ReleaseContext } from "../core/target.ts";
import { makeReleaseCommit } from "../git/release-commit.ts";
import { productVersion } from "../lib/product.ts";
import { refuseUnmet } from "./conditions.ts";
import type { Job, Planned } from "./job.ts";
import { fetchCommits } from "./objects.ts";
import type { Prepared } from "./prepared.ts";
import { readSeal } from "./stage.ts";
import { stampRelease } from "./stamps.ts";

/**
 * Decides what is released, for machines that build it and one that publishes it. Writes nothing to the remote: the
 * number is taken by `publish`, where the credentials are, after everything that can refuse a release has been asked.
 * The release commit is made already, because it is the same wherever it is made.
 *
 * @param asked what was asked for, so that `publish` asks for the same
 * @throws ReleaseError REFUSED, CONFIG, USAGE, LOST, GIT: as plan
 * @see two-tier.md, "On several runners"
 */
export async function prepareRelease(
  job: Job,
  planned: Planned,
  asked: Pick<Prepared, "asked" | "flags" | "skip" | "claim" | "wait">,
): Promise<Prepared> {
  const { plan } = planned;
  const base = { schema: 1, by: productVersion, ...asked, plan } as const;
  if (!plan.release || plan.sealed) {
    return { ...base, released: plan.release, build: false, commit: null, candidate: null };
  }
  refuseUnmet(plan.conditions, plan);
  const commit = await releaseCommitOf(job, planned);
  const sealed = plan.candidate === null ? null : await readSeal(job, plan.candidate, await job.knownRefs());
  const candidate = sealed && {
    ...{ tag: sealed.manifest.tag, version: sealed.manifest.version, pythonVersion: sealed.manifest.pythonVersion },
    ...{ commit: sealed.manifest.commit, epoch: sealed.manifest.epoch },
  };
  return { ...base, released: true, build: true, commit, candidate };
}

/** The commit that a plan's lock holds, or the one that its release gets: the same on every machine. */
export async function releaseCommitOf(job: Job, planned: Planned): Promise<string> {
  const { plan } = planned;
  if (plan.lock) {
    await fetchCommits(job, [plan.lock.commit]);
    return plan.lock.commit;
  }
  await fetchCommits(job, [plan.source]);
  const stamped = await stampRelease(job, planned, contextOfPlan(planned), plan.source);
  return makeReleaseCommit(job.git, plan.source, stamped, { tag: plan.tag as string, epoch: plan.epoch });
}

/** What builders and targets need to know of a planned release; its commit is the source. */
export function contextOfPlan({ plan, config }: Planned): ReleaseContext {
  return {
    ...{ name: config.name, repository: config.repository, tier: plan.tier },
    ...{ version: plan.version as string, tag: plan.tag as string, commit: plan.source },
  };
}
