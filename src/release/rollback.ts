import { retrying } from "../core/retry.ts";
import type { Pointer, Retracted } from "../core/target.ts";
import { applyUndo, type UndoFacts, type UndoFailure, type UndoPointer, type UndoStep, undo } from "../core/undo.ts";
import { lockRef, makeRetraction, retractedRef } from "../git/lock.ts";
import type { RefChange } from "../git/push.ts";
import { encodeSeal } from "../git/seal.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { formatVersion, lineOf } from "../version/version.ts";
import { type Fallback, findFallback } from "./fallback.ts";
import type { Job } from "./job.ts";
import { fetchCommits } from "./objects.ts";
import { compareText } from "./publish.ts";
import { changeRefs } from "./refs.ts";
import type { Session } from "./session.ts";
import { discardOthers, stagingOf } from "./stage.ts";
import { findSubject, type Subject } from "./subject.ts";

export interface RollbackOptions {
  /** Version or tag. */
  version: string;
  /** What its pointers go back to; default: the last good version. */
  to?: string;
  deleteTag?: boolean;
}

/** A rollback as it would be done, or as it was left. */
export interface Rollback {
  subject: Subject;
  about: Retracted;
  steps: UndoStep[];
  warnings: string[];
}

export interface RollbackResult extends Rollback {
  failures: UndoFailure[];
}

/** What a rollback goes on with. */
interface Prepared {
  subject: Subject;
  about: Retracted;
  back: Map<Pointer, Fallback | ReleaseError | null>;
  named: boolean;
  warnings: string[];
}

/**
 * What a rollback of a release would do. Writes nothing.
 *
 * @throws ReleaseError USAGE, REFUSED (`--to` a version that can't be gone back to), what reading registries throws
 */
export async function planRollback(session: Session, options: RollbackOptions): Promise<Rollback> {
  const prepared = await prepare(session, options);
  return planned(session, prepared);
}

/**
 * Takes a release back: marks it for good, leads users to the last good version, undoes what can be undone. What it
 * answers was read afterwards; run again, it goes on. Both tables of the release process's "Rollback Procedures".
 *
 * @throws ReleaseError GIT when it can't be marked: then nothing was done
 */
export async function rollback(session: Session, options: RollbackOptions): Promise<RollbackResult> {
  const job = session.job();
  const prepared = await prepare(session, options);
  const { subject, about } = prepared;
  const { steps } = await planned(session, prepared);
  const failures = await applyUndo(steps, {
    targets: subject.targets,
    about,
    io: job.io,
    mark: () => mark(job, subject),
    deleteTag: (name) => deleteTag(job, name),
  });
  if (subject.kind === "begun") {
    const place = stagingOf(job, subject.targets, about.tag);
    await discardOthers(job, place.staging, "");
  }
  return { ...(await planned(session, prepared, true)), failures };
}

async function prepare(session: Session, options: RollbackOptions): Promise<Prepared> {
  const subject = await findSubject(session, options.version, true);
  const { standing, release, version, tier, kind } = subject;
  const to = options.to === undefined ? null : await findSubject(session, options.to);
  if (to) checkTo(subject, to);
  const back = await findFallback(session, subject, to);
  const instead =
    [...back.values()].flatMap((one) => (one && "pointer" in one ? [one.version] : []))[0] ?? to?.version ?? null;
  const about: Retracted = {
    tier,
    version,
    tag: release.tag,
    instead: instead ?? (await lastGood(subject)),
    deleteTag: options.deleteTag ?? false,
  };
  const later = standing.newest && compareText(standing.newest.tag.replace(/^v/, ""), version) > 0;
  const others = standing.candidatesOf(release.version).filter((one) => one.tag !== release.tag);
  const line = formatVersion(lineOf(release.version));
  const warnings = [
    ...(kind === "foreign"
      ? [
          `${release.tag} has no manifest (another tool released it): what it should consist of is taken from its configuration`,
        ]
      : []),
    ...(kind === "begun" ? [`${release.tag} isn't sealed: nothing of it is public, its number is given up`] : []),
    ...(later && standing.newest ? [`later versions follow: ${standing.newest.tag} stays as it is`] : []),
    ...subject.leftOut.flatMap(({ target, reason, unread }) =>
      unread === undefined
        ? []
        : [`${target} was left out (${reason}) and can't be read: run it again later, in case that was added since`],
    ),
    ...(about.instead === null ? ["there is no other version: users have nothing to go back to"] : []),
    ...(tier === "staging" && others.length === 0 ? [`the line ${line} closes: it has no other candidate`] : []),
    ...(about.deleteTag ? [`the tag goes, but ${version} stays spent: the next version is the next number`] : []),
  ];
  return { subject, about, back, named: to !== null, warnings };
}

async function lastGood({ standing, release, tier }: Subject): Promise<string | null> {
  const before = standing.below(release.version, tier === "production" ? "stable" : "any");
  return before ? formatVersion(before.version) : null;
}

/** @throws ReleaseError USAGE, REFUSED */
function checkTo(subject: Subject, to: Subject): void {
  const refuse = (why: string, hint: string) => new ReleaseError("REFUSED", `--to ${to.version}: ${why}`, { hint });
  if (to.version === subject.version) {
    throw new ReleaseError("USAGE", `--to ${to.version} is the version that is taken back`, {
      hint: "name an earlier one, or leave --to out",
    });
  }
  if (to.release.retracted) throw refuse("it was retracted itself", "name a version that is good");
  if (to.kind === "begun" || to.release.lock !== null) {
    throw refuse("it isn't complete", `finish it first: twotier release --resume ${to.release.tag}`);
  }
  if (subject.tier === "production" && to.tier === "staging") {
    throw refuse("latest never points at a candidate", "name a stable version");
  }
}

/** Reads what there is, and lists what is left to do. */
async function planned(session: Session, prepared: Prepared, fresh = false): Promise<Rollback> {
  const { subject, about, back, named, warnings } = prepared;
  const { io, git } = session.job();
  const refs = await session.repository.refs(fresh);
  const tags = [about.tag, ...subject.items.filter((item) => item.target === "go").map((item) => item.id)];
  const here = about.deleteTag ? new Set((await git(["tag", "--list"])).stdout.split("\n")) : new Set<string>();
  const [pointers, actions] = await Promise.all([
    Promise.all(
      subject.pointers.map(async (pointer): Promise<UndoPointer> => {
        const store = subject.targets.find((target) => target.name === pointer.target)?.pointers;
        const removable = store?.removable?.(pointer.name) ?? false;
        const fallback = back.get(pointer) ?? null;
        if (fallback instanceof ReleaseError) return { pointer, at: null, back: null, removable, unread: fallback };
        const read = () =>
          retrying(`reading ${pointer.name}`, io, async () => (await store?.read(pointer.name, io)) ?? null);
        const at = await read().catch(unread);
        if (at instanceof ReleaseError) return { pointer, at: null, back: null, removable, unread: at };
        return { pointer, at, back: fallback?.pointer ?? null, removable };
      }),
    ),
    Promise.all(
      subject.targets.map(async (target) => {
        const items = subject.items.filter((item) => item.target === target.name);
        if (items.length === 0 || !target.undo) return [];
        const { undo } = target;
        const found = await retrying(`reading ${target.name}`, io, () => undo.plan(items, about, io)).catch(unread);
        if (!(found instanceof ReleaseError)) return found;
        const text = `couldn't be read: ${found.message}`;
        return [{ target: target.name, id: about.tag, way: "retract", state: "unknown", text } as const];
      }),
    ),
  ]);
  const facts: UndoFacts = {
    about,
    marked: refs.get(retractedRef(about.tag)) !== undefined,
    locked: refs.get(lockRef(about.tag)) !== undefined,
    pointers,
    actions: actions.flat(),
    tags: about.deleteTag
      ? tags.map((name) => ({ name, remote: refs.get(`refs/tags/${name}`) !== undefined, local: here.has(name) }))
      : [],
    named,
  };
  return { subject, about, steps: undo(facts, compareText), warnings };
}

/** A registry that can't be read doesn't keep the others from being put right. @throws ReleaseError INTERRUPTED */
function unread(thrown: unknown): ReleaseError {
  const error = asReleaseError(thrown);
  if (error.code === "INTERRUPTED") throw error;
  return error;
}

/** Pushes `refs/twotier/retracted/vX` and takes the lock away, in one transaction: a seal that comes later fails. */
async function mark(job: Job, { release, seal, standing }: Subject): Promise<void> {
  const { tag, commit } = release;
  await fetchCommits(job, [commit]);
  const epoch = Math.floor(job.io.now().getTime() / 1000);
  const message = seal ? encodeSeal(seal) : null;
  const object = await makeRetraction(job.git, { tag, commit, epoch, runId: job.runId, seal: message });
  for (let attempt = 0; attempt < 5; attempt++) {
    const refs = await job.refs();
    const [marked, lock] = [refs.get(retractedRef(tag)), refs.get(lockRef(tag))];
    const changes: RefChange[] = [
      ...(marked ? [] : [{ ref: retractedRef(tag), to: object, expect: null }]),
      ...(lock ? [{ ref: lockRef(tag), to: null, expect: lock }] : []),
    ];
    if (changes.length === 0 || (await changeRefs(job, `taking back ${tag}`, changes)) === "done") return;
  }
  throw new ReleaseError("LOST", `other runs change ${tag} all the time`, {
    facts: { newest: standing.newest?.tag },
    hint: "stop them, and run the same command again",
  });
}

async function deleteTag(job: Job, name: string): Promise<void> {
  const ref = `refs/tags/${name}`;
  const sha = (await job.refs()).get(ref);
  if (sha) await changeRefs(job, `deleting ${name}`, [{ ref, to: null, expect: sha }]);
  const here = await job.git(["rev-parse", "--verify", "--quiet", ref], { ok: [0, 1] });
  if (here.code === 0) await job.git(["tag", "--delete", "--", name]);
}
