import type { Manifest } from "../core/manifest.ts";
import { pause, tries } from "../core/retry.ts";
import { isAncestor } from "../git/commits.ts";
import { commitObject } from "../git/release-commit.ts";
import { type StampedFile, stampedTree } from "../git/stamped-tree.ts";
import { writeObjects } from "../git/write-objects.ts";
import { asReleaseError } from "../lib/errors.ts";
import type { Job, Planned } from "./job.ts";
import { fetchCommits } from "./objects.ts";
import { changeRefs } from "./refs.ts";

/** Stamped files (with CHANGELOG.md) for a release on top of a commit. */
export type StampAt = (commit: string) => Promise<StampedFile[]>;

/**
 * Brings a production release's version and changelog to the branch, where people look for them: the release commit
 * itself while the branch is still at its source, else a merge of it with the branch's own files stamped.
 * Nothing depends on it (refs are the truth): when it fails the release stands.
 *
 * @param stampAt stamps the files of any commit for this version; leaves files alone that are ahead of it
 * @returns a sentence about what became of it
 * @see two-tier.md, "Bookkeeping"
 */
export async function keepBooks(
  job: Job,
  { plan, config }: Planned,
  manifest: Manifest,
  stampAt: StampAt,
): Promise<string> {
  const how = config.tiers.production.bookkeeping;
  if (how === "off") return "off in twotier.yaml";
  if (manifest.commit === manifest.source) return "nothing is stamped";
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await bringToBranch(job, how, manifest, plan.branch, stampAt);
      if (outcome !== "lost") return outcome;
      if (attempt === tries) return `${plan.branch} moves too fast; merge ${manifest.tag} into it`;
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code === "INTERRUPTED") throw error;
      // What may pass by itself was tried often enough already. A refusal that names no rule is tried again here: the
      // tags were read and pushed a moment ago by the same credential.
      const refused = error.code === "GIT" && !error.retryable && error.facts.rejected === undefined;
      if (!refused || attempt === tries) {
        return `failed (${error.message}); the release stands: merge ${manifest.tag} into ${plan.branch} by hand`;
      }
      await pause(`pushing to ${plan.branch}`, attempt, error, job.io);
    }
  }
}

/** @returns what became of it, or "lost" when somebody else moved the branch meanwhile */
async function bringToBranch(
  job: Job,
  how: "push" | "pull-request",
  manifest: Manifest,
  branch: string,
  stampAt: StampAt,
): Promise<string> {
  const ref = `refs/heads/${branch}`;
  const head = (await job.refs()).get(ref);
  if (!head) return `${branch} is gone from the remote`;
  await fetchCommits(job, [head]);
  // The release commit is its source's child: while the branch is there, it can't have it.
  const ahead = head !== manifest.source;
  if (ahead && (await isAncestor(job.git, manifest.commit, head))) return `${branch} has it`;
  const to = ahead ? await mergeCommit(job, manifest, head, await stampAt(head)) : manifest.commit;
  if (how === "pull-request") return proposal(job, manifest, to, branch);
  try {
    const outcome = await changeRefs(job, `pushing to ${branch}`, [{ ref, to, expect: head }]);
    return outcome === "done" ? `${branch} is at ${to.slice(0, 12)}` : "lost";
  } catch (thrown) {
    const error = asReleaseError(thrown);
    // A rule of the branch forbids it.
    if (error.facts.rejected !== undefined) return proposal(job, manifest, to, branch);
    throw error;
  }
}

async function mergeCommit(
  job: Job,
  manifest: Manifest,
  head: string,
  stamped: readonly StampedFile[],
): Promise<string> {
  const { tree, objects } = await stampedTree(job.git, head, stamped);
  const commit = commitObject({
    tree,
    parents: [head, manifest.commit],
    epoch: Math.floor(job.io.now().getTime() / 1000),
    message: `chore(release): merge ${manifest.tag}\n\nTwotier-Release: ${manifest.tag}\n`,
  });
  await writeObjects(job.git, [...objects, commit]);
  return commit.sha;
}

/** Where the branch can't be pushed to: a branch of our own, for a pull request. */
async function proposal(job: Job, manifest: Manifest, to: string, branch: string): Promise<string> {
  const name = `twotier/${manifest.tag}`;
  const now = (await job.refs()).get(`refs/heads/${name}`) ?? null;
  await changeRefs(job, `pushing ${name}`, [{ ref: `refs/heads/${name}`, to, expect: now }]);
  return `${branch} can't be pushed to: open a pull request from ${name}`;
}
