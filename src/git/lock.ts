import { randomUUID } from "node:crypto";
import type { Git } from "./push.ts";
import { makeTagObject } from "./release-commit.ts";
import type { NewObject } from "./write-objects.ts";

/** Ref that says a number is taken. Create-only; deleted when the release is complete. */
export const lockRef = (tag: string) => `refs/twotier/lock/${tag}`;
export const retractedRef = (tag: string) => `refs/twotier/retracted/${tag}`;

/**
 * The object that says that a release was taken back. It carries the release's seal, where there is one, so that what
 * it consisted of is known when the tag is gone.
 */
export async function makeRetraction(
  git: Git,
  about: { tag: string; commit: string; epoch: number; runId: string; seal: string | null },
): Promise<string> {
  const { tag, commit, epoch, runId, seal } = about;
  const message = `${tag} was taken back\n\nrun: ${runId}\n${seal === null ? "" : `\n${seal}`}`;
  return makeTagObject(git, { name: `twotier/retracted/${tag}`, commit, epoch, message });
}

/**
 * The lock's object: an annotated object over the release commit; run id and nonce make no two equal, so that a
 * compare-and-swap on the ref tells whose it is.
 *
 * @param along the release commit's objects, where they aren't written yet
 */
export async function makeLock(
  git: Git,
  lock: { tag: string; commit: string; source: string; runId: string; epoch: number },
  along: readonly NewObject[] = [],
): Promise<string> {
  const object = {
    name: `twotier/lock/${lock.tag}`,
    commit: lock.commit,
    epoch: lock.epoch,
    message: `${lock.tag} is being released\n\nrun: ${lock.runId}\nnonce: ${randomUUID()}\nsource: ${lock.source}\n`,
  };
  return makeTagObject(git, object, along);
}
