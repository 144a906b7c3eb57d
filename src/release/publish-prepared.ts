import { checksOf } from "../config/parts.ts";
import { ReleaseError } from "../lib/errors.ts";
import { collectParts } from "./collect.ts";
import { type Job, nothingToDo, type Planned, type ReleaseResult } from "./job.ts";
import type { Prepared } from "./prepared.ts";
import { release } from "./release.ts";
import type { Session } from "./session.ts";

/**
 * Publishes a prepared release from what other machines have built: the same steps as `release`, on their files. It
 * plans again, and goes on only with the release that was prepared; no program of the repository runs here.
 *
 * @param session opened with the prepared release's flags
 * @param folder has a folder for each part
 * @throws ReleaseError LOST when something else was released meanwhile; as collectParts, and as release
 * @see two-tier.md, "On several runners"
 */
export async function publishPrepared(session: Session, prepared: Prepared, folder: string): Promise<ReleaseResult> {
  const job = session.job();
  const { plan } = prepared;
  if (!prepared.released) return nothingToDo(plan);
  return release({
    ...job,
    parts: prepared.build ? await collect() : nothingBuilt(plan.tag as string),
    async plan() {
      const planned = await job.plan();
      checkSame(planned, prepared);
      return planned;
    },
  });

  async function collect() {
    const { config, resolved } = await session.at(plan.source);
    const checks = checksOf(config, plan.tier).length > 0;
    return collectParts(folder, prepared, resolved, checks, job.io.signal);
  }
}

/** @throws ReleaseError LOST */
function checkSame({ plan }: Planned, { plan: before, commit }: Prepared): void {
  if (!plan.release) return;
  const same = plan.tag === before.tag && plan.source === before.source && plan.candidate === before.candidate;
  const held = plan.lock === null || plan.sealed || commit === null || plan.lock.commit === commit;
  if (same && held) return;
  throw new ReleaseError(
    "LOST",
    `${before.tag} was prepared, but now ${same ? "another commit has its number" : `${plan.tag} would be released`}`,
    {
      facts: { prepared: `${before.tag} of ${before.source}`, now: `${plan.tag} of ${plan.source}` },
      hint: "another release was made meanwhile; nothing was written: run all jobs again",
    },
  );
}

/** A sealed release has its bytes in its staging place; where that is gone, they are built again, but not here. */
function nothingBuilt(tag: string): NonNullable<Job["parts"]> {
  return {
    checks: [],
    async files() {
      throw new ReleaseError(
        "BUILD",
        `the staged files of ${tag} are gone, and they aren't built where it is published`,
        {
          hint: `finish it on a machine that may build: twotier release --resume ${tag}`,
        },
      );
    },
  };
}
