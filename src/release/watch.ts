import { installRows } from "./install.ts";
import { release } from "./release.ts";
import type { Verification } from "./rows.ts";
import type { Session } from "./session.ts";
import type { Subject } from "./subject.ts";
import { verify } from "./verify.ts";

export interface WatchOptions {
  watch: boolean;
  install: boolean;
  /** Opens a session that finishes a release. */
  resume(tag: string, tier: "staging" | "production"): Promise<Session>;
}

/** Seconds that pending things are waited for: npm's scan takes 15 minutes and more at peak. */
const longest = 45 * 60;

/**
 * Verifies a release; with `watch` until nothing is pending any more. A release that waits for a registry is finished
 * then, because its pointers wait with it (two-tier.md, step 7).
 */
export async function watchRelease(
  session: Session,
  version: string,
  { watch, install, resume }: WatchOptions,
): Promise<{ subject: Subject; result: Verification }> {
  const { io } = session.job();
  const until = io.now().getTime() + longest * 1000;
  let found = await verify(session, version);
  const { release: about, kind, tier } = found.subject;
  if (watch && kind === "sealed" && about.lock !== null && !about.retracted) {
    const other = await resume(about.tag, tier);
    try {
      await release(other.job());
    } finally {
      await other.close();
    }
    found = await verify(session, version);
  }
  for (
    let wait = 2;
    watch && found.result.rows.some((row) => row.state === "pending");
    wait = Math.min(30, wait * 1.5)
  ) {
    const left = (until - io.now().getTime()) / 1000;
    if (left <= 0) break;
    io.emit({ type: "wait", for: `what is pending of ${about.tag}`, seconds: Math.ceil(left) });
    await io.sleep(Math.min(wait, left) * 1000);
    found = await verify(session, version);
  }
  if (install && !about.retracted) found.result.rows.push(...(await installRows(session, found.subject)));
  return found;
}
