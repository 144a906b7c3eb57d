import type { Plan, Tier } from "../core/plan.ts";
import { lockRef } from "../git/lock.ts";
import { ReleaseError } from "../lib/errors.ts";
import type { Job } from "./job.ts";
import { readSeal } from "./stage.ts";

/**
 * The plan that finishes a sealed release, whatever else there would be to do: for what was skipped in it.
 *
 * @param tag as `--resume` gives it
 * @throws ReleaseError USAGE when there is no such release, REFUSED when nothing of it is promised yet or it was retracted
 * @see two-tier.md, "Commands" (release --resume)
 */
export async function resumePlan(job: Job, tag: string, around: Plan): Promise<Plan> {
  const refs = await job.refs();
  if (refs.has(`refs/twotier/retracted/${tag}`)) {
    throw new ReleaseError("REFUSED", `${tag} was retracted: it is never finished`, {
      hint: `release the next number: twotier release --tier ${around.tier}`,
    });
  }
  const seal = await readSeal(job, tag, refs);
  if (!seal) {
    const lock = refs.has(lockRef(tag));
    throw new ReleaseError(refs.has(`refs/tags/${tag}`) || lock ? "REFUSED" : "USAGE", whyNot(tag, refs, lock), {
      hint: lock
        ? "run `twotier release` with the same flags on the same commit: before the seal it is built again"
        : "`git ls-remote --tags` lists the releases",
    });
  }
  const { manifest } = seal;
  return {
    ...around,
    release: true,
    tier: manifest.tier as Tier,
    version: manifest.version,
    tag,
    pythonVersion: manifest.pythonVersion || null,
    source: manifest.source,
    candidate: manifest.candidate?.tag ?? null,
    candidateCommit: manifest.candidate?.commit ?? null,
    resume: true,
    sealed: true,
    releaseCommit: manifest.commit,
    epoch: manifest.epoch,
    reason: `${tag} is finished, with what was skipped in it`,
    changes: [],
    notInRelease: [],
    conditions: [],
  };
}

function whyNot(tag: string, refs: Map<string, string>, lock: boolean): string {
  if (refs.has(`refs/tags/${tag}`)) return `${tag} carries no manifest: another tool released it`;
  return lock ? `${tag} isn't sealed yet` : `there is no release ${tag}`;
}
