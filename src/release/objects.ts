import { retrying } from "../core/retry.ts";
import { readObjects } from "../git/objects.ts";
import { ReleaseError } from "../lib/errors.ts";
import type { Job } from "./job.ts";

/**
 * Makes sure that commits are in the repository itself, where builds and pushes need them: a plan fetches what is
 * missing into a folder that is thrown away.
 *
 * @param shas full shas, each reachable from a branch, a tag or a lock of the remote
 * @throws ReleaseError GIT when the remote hasn't got one
 */
export async function fetchCommits(job: Job, shas: readonly string[]): Promise<void> {
  const here = await readObjects(
    job.git,
    shas.map((sha) => `${sha}^{commit}`),
  );
  const missing = shas.filter((_, at) => here[at] === null);
  if (missing.length === 0) return;
  if (job.remote === null) {
    throw new ReleaseError("GIT", `commit ${missing[0]} is missing from this repository`, {
      hint: "run it in a clone that has it",
    });
  }
  const { remote } = job;
  await retrying("fetching commits", job.io, () =>
    job.git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, ...missing]),
  );
}
