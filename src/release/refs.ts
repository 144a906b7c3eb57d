import { pause, tries } from "../core/retry.ts";
import { pushRefs, type RefChange } from "../git/push.ts";
import { asReleaseError } from "../lib/errors.ts";
import type { Job } from "./job.ts";

/**
 * Changes refs in one transaction and makes sure what happened: an uncertain push is read back before it is tried
 * again.
 *
 * @returns "done" when every ref is as wanted, "lost" when another run was first
 * @throws ReleaseError GIT when the remote refuses
 */
export async function changeRefs(job: Job, what: string, changes: readonly RefChange[]): Promise<"done" | "lost"> {
  for (let attempt = 1; ; attempt++) {
    try {
      if ((await pushRefs(job.git, job.remote, changes)) === "done") return "done";
      return (await areDone(job, changes)) ? "done" : "lost";
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code === "INTERRUPTED") throw error;
      if (await areDone(job, changes)) return "done";
      if (!error.retryable || attempt === tries) throw error;
      await pause(what, attempt, error, job.io);
    }
  }
}

async function areDone(job: Job, changes: readonly RefChange[]): Promise<boolean> {
  const refs = await job.refs();
  return changes.every(({ ref, to }) => (refs.get(ref) ?? null) === to);
}
