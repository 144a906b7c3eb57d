import { randomUUID } from "node:crypto";
import type { Git } from "./push.ts";
import { makeTagObject } from "./release-commit.ts";

/** Ref that says a number is taken. Create-only; deleted when the release is complete. */
export const lockRef = (tag: string) => `refs/twotier/lock/${tag}`;
export const retractedRef = (tag: string) => `refs/twotier/retracted/${tag}`;

/**
 * The lock's object: an annotated object over the release commit; run id and nonce make no two equal, so that a
 * compare-and-swap on the ref tells whose it is.
 */
export async function makeLock(
  git: Git,
  lock: { tag: string; commit: string; source: string; runId: string; epoch: number },
): Promise<string> {
  return makeTagObject(git, {
    name: `twotier/lock/${lock.tag}`,
    commit: lock.commit,
    epoch: lock.epoch,
    message: `${lock.tag} is being released\n\nrun: ${lock.runId}\nnonce: ${randomUUID()}\nsource: ${lock.source}\n`,
  });
}
