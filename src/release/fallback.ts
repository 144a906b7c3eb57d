import { retrying } from "../core/retry.ts";
import type { Io, Pointer, Target } from "../core/target.ts";
import { asReleaseError, type ReleaseError } from "../lib/errors.ts";
import type { Session } from "./session.ts";
import type { Release } from "./standing.ts";
import { type Subject, subjectOf } from "./subject.ts";

/** Where a pointer goes when its release is taken back. */
export interface Fallback {
  pointer: Pointer;
  version: string;
}

/** Releases looked at, from the highest down, before a pointer is given up. */
const most = 10;

/**
 * The last good version for each pointer of a release: the highest complete one below it that isn't retracted, that
 * has the pointer, and that its registry holds. A stable version's pointers go to stable versions: its own candidates
 * are of the same code.
 *
 * @param to the version that was asked for instead
 * @returns an error where the registry couldn't be read: then nothing is known of what it holds
 */
export async function findFallback(
  session: Session,
  subject: Subject,
  to: Subject | null,
): Promise<Map<Pointer, Fallback | ReleaseError | null>> {
  const found = new Map<Pointer, Fallback | ReleaseError | null>(subject.pointers.map((pointer) => [pointer, null]));
  const take = async (other: Subject) => {
    await Promise.all(
      subject.pointers.map(async (pointer) => {
        if (found.get(pointer)) return;
        const same = other.pointers.find((one) => one.target === pointer.target && one.name === pointer.name);
        const target = other.targets.find((one) => one.name === pointer.target);
        if (!same || !target) return;
        try {
          if (await holds(target, other, same, session.job().io)) {
            found.set(pointer, { pointer: same, version: other.version });
          }
        } catch (thrown) {
          const error = asReleaseError(thrown);
          if (error.code === "INTERRUPTED") throw error;
          found.set(pointer, error);
        }
      }),
    );
  };
  if (to) await take(to);
  else {
    const kind = subject.tier === "production" ? "stable" : "any";
    const { standing } = subject;
    let release: Release | null = standing.below(subject.release.version, kind);
    for (let seen = 0; release && seen < most && [...found.values()].includes(null); seen++) {
      if (release.tagObject !== null && release.lock === null) await take(await subjectOf(session, standing, release));
      release = standing.below(release.version, kind);
    }
  }
  return found;
}

/** Whether a registry still has what a pointer would select. */
async function holds(target: Target, { items, version }: Subject, pointer: Pointer, io: Io): Promise<boolean> {
  const item = items.find((one) => one.target === pointer.target && one.id === pointer.itemId);
  const seen = item ? await retrying(`reading ${item.id}`, io, () => target.observe(item, io)) : { state: "absent" };
  if (seen.state !== "absent") return seen.state === "present";
  return (await retrying(`reading ${target.name}`, io, () => target.versions(io))).includes(version);
}
