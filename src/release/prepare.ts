import { lockRef, makeLock, retractedRef } from "../git/lock.ts";
import { releaseCommit } from "../git/release-commit.ts";
import type { StampedFile } from "../git/stamped-tree.ts";
import { tagNames } from "../version/tags.ts";
import { compareLines, lineOf, parseVersion, type Version } from "../version/version.ts";
import type { Job, Planned } from "./job.ts";
import { fetchCommits } from "./objects.ts";
import { changeRefs } from "./refs.ts";

/** A number that this release holds: its lock is on the remote. */
export interface Taken {
  /** The release commit. */
  commit: string;
  /** Sha that the lock ref had when we last saw it: what the seal swaps. */
  lock: string;
  /** True when another run of the same release made the lock and this one helps to finish. */
  helping: boolean;
}

/**
 * Takes the number of a plan: makes the release commit and pushes the lock, create-only.
 *
 * Afterwards it looks again: a number that another run has used up meanwhile is given back, and so that a line that
 * went stable is never followed by its candidate, staging gives way to a stable release of its line; production takes the locks of candidates that aren't sealed, whose seal then fails.
 *
 * @returns "again" when another run was first: plan again
 * @throws ReleaseError GIT
 * @see two-tier.md, step 2
 */
export async function takeNumber(
  job: Job,
  { plan, config }: Planned,
  stamped: readonly StampedFile[],
): Promise<Taken | "again"> {
  const tag = plan.tag as string;
  const ref = lockRef(tag);
  if (plan.lock) {
    await fetchCommits(job, [plan.lock.commit]);
    return { commit: plan.lock.commit, lock: plan.lock.sha, helping: true };
  }
  const { source, epoch } = plan;
  const { sha: commit, objects } = await releaseCommit(job.git, source, stamped, { tag, epoch });
  const lock = await makeLock(job.git, { tag, commit, source, runId: job.runId, epoch }, objects);
  if ((await changeRefs(job, `taking ${tag}`, [{ ref, to: lock, expect: null }])) === "lost") return "again";
  await job.onStep?.("locked");

  const refs = await job.refs();
  const tags = tagNames(config.version.tag);
  const line = lineOf(parseVersion(plan.version as string) as Version);
  const stable = tags.format(line);
  // A whole release of that number, from its lock to its end, may have gone by since we read the refs.
  const spent = refs.has(`refs/tags/${tag}`) || refs.has(retractedRef(tag));
  // The candidate was compared for minutes before the lock; somebody may have taken it back meanwhile.
  const gone = plan.candidate !== null && refs.has(retractedRef(plan.candidate));
  if (spent || gone || (plan.tier === "staging" && (refs.has(`refs/tags/${stable}`) || refs.has(lockRef(stable))))) {
    await changeRefs(job, `giving ${tag} back`, [{ ref, to: null, expect: lock }]);
    return "again";
  }
  if (plan.tier === "production") {
    for (const [name, sha] of refs) {
      if (!name.startsWith(lockRef(""))) continue;
      const candidate = tags.version(name.slice(lockRef("").length));
      if (!candidate || candidate.label === null || compareLines(candidate, line) !== 0) continue;
      if (refs.has(`refs/tags/${tags.format(candidate)}`)) continue;
      await changeRefs(job, `closing ${tags.format(candidate)}`, [{ ref: name, to: null, expect: sha }]);
    }
  }
  return { commit, lock, helping: false };
}
