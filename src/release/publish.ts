import path from "node:path";
import { type Applied, type ApplyOptions, apply, movePointers } from "../core/apply.ts";
import { diff, type Step } from "../core/diff.ts";
import type { Manifest } from "../core/manifest.ts";
import { retrying } from "../core/retry.ts";
import type { Item, Pointer, Staging, Target } from "../core/target.ts";
import { observe } from "../core/world.ts";
import { lockRef, retractedRef } from "../git/lock.ts";
import type { Seal } from "../git/seal.ts";
import { ReleaseError } from "../lib/errors.ts";
import { compareVersions, parseVersion } from "../version/version.ts";
import { buildRelease } from "./build.ts";
import { releaseFiles } from "./files.ts";
import type { Job, Planned } from "./job.ts";
import { allItems, contextOf } from "./manifest.ts";
import { buildAndProve } from "./promote.ts";
import { changeRefs } from "./refs.ts";
import { discardOthers, stagingOf } from "./stage.ts";

/** Seconds that production waits for a registry that accepted an item but doesn't hand it out (npm's scan: 15 min and more at peak). */
const scanSeconds = 45 * 60;

/** How apply works for a manifest: where files come from, how long it waits. */
export function applyOptions(
  job: Job,
  planned: Planned,
  manifest: Manifest,
  targets: readonly Target[],
  folder: string,
): ApplyOptions {
  const { staging } = stagingOf(job, targets, manifest.tag);
  const again = path.join(folder, "again");
  const skip = new Set<string>(manifest.skipped.map((one) => one.target));
  const rebuild = () =>
    manifest.candidate === null
      ? buildRelease(job, planned, contextOf(manifest), again)
      : buildAndProve(job, planned, contextOf(manifest), again, skip);
  return {
    targets,
    files: releaseFiles(manifest, folder, { staging, rebuild }, job.io),
    io: job.io,
    waitSeconds: () => (job.wait ? scanSeconds : 0),
    compareVersions: compareText,
  };
}

/** Orders two SemVer texts; what isn't a version of the two-tier model is below all. */
export function compareText(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  if (left && right) return compareVersions(left, right);
  return left ? 1 : right ? -1 : 0;
}

/**
 * Brings a sealed release to its registries: whatever is missing, in the order of the steps, pointers last.
 * Converges: any number of runs, anywhere, end in the same state.
 *
 * @param skip targets left out on purpose
 * @returns what was done; and what the lock ref names, null where it is gone: a sealed release's lock never changes again
 * @see two-tier.md, steps 6 to 11
 */
export async function publishSealed(
  job: Job,
  seal: Seal,
  targets: readonly Target[],
  options: ApplyOptions,
  skip: ReadonlySet<string>,
): Promise<Applied & { lock: string | null }> {
  const { manifest, staging } = seal;
  const place = stagingOf(job, targets, manifest.tag);
  if (place.target === staging.target) place.staging.use(staging.id);
  const release = {
    version: manifest.version,
    items: allItems(manifest, targets)
      .filter((item) => !skip.has(item.target))
      .map((item) => ({
        ...item,
        phase: targets.find((target) => target.name === item.target)?.phaseOf?.(item) ?? item.phase,
      })),
    pointers: movable(manifest, targets, skip),
  };
  for (const { target, name, version } of manifest.pointers.filter((one) => !skip.has(one.target))) {
    if (release.pointers.some((one) => one.target === target && one.name === name)) continue;
    const message = `${target}: ${name} isn't moved to ${version}: this credential can't do that`;
    job.io.emit({ type: "warning", message });
  }
  const [world, refs] = await Promise.all([observe(release, targets, job.io), job.refs()]);
  const steps = diff(release, world);
  if (refs.has(retractedRef(manifest.tag))) {
    throw new ReleaseError("REFUSED", `${manifest.tag} was retracted while it was being released`, {
      hint: `take back what was published of it: twotier rollback ${manifest.version}`,
    });
  }
  await refuseClosed(steps, targets, manifest.tag, job);
  if (await isGone(place.staging, staging.id, steps, release.items, job)) await place.staging.create(job.io);
  return { ...(await apply(steps, options)), lock: refs.get(lockRef(manifest.tag)) ?? null };
}

/**
 * Ends a release that is complete: the lock goes, pointers are looked at once more. The last step of all, because
 * without its lock a complete release has nothing that a later run would finish.
 *
 * @param lock what publishSealed saw: the ref is deleted only if it still names that
 * @see two-tier.md, step 12
 */
export async function endRelease(
  job: Job,
  { manifest, staging: sealed }: Seal,
  lock: string | null,
  targets: readonly Target[],
  options: ApplyOptions,
  skip: ReadonlySet<string>,
): Promise<void> {
  // Places that killed or losing runs left go first: while the lock is there, a later run would do it.
  const { staging } = stagingOf(job, targets, manifest.tag);
  // Our own may still be listed as hidden (listings lag); staged bytes stay for what was skipped and is added later.
  const keeps = staging.holdsAssets || skip.size > 0;
  await discardOthers(job, staging, keeps ? sealed.id : "");
  const ref = lockRef(manifest.tag);
  if (lock) await changeRefs(job, `ending ${manifest.tag}`, [{ ref, to: null, expect: lock }]);
  await job.onStep?.("unlocked");
  // A slower run of a lower version may have moved a pointer between our write and the end of our lock.
  await movePointers(movable(manifest, targets, skip), options);
}

/** The pointers that this run's credentials can move: a release may have been sealed under others. */
function movable({ pointers }: Manifest, targets: readonly Target[], skip: ReadonlySet<string>): Pointer[] {
  return pointers.filter((pointer) => {
    const store = targets.find((target) => target.name === pointer.target)?.pointers;
    return !skip.has(pointer.target) && store?.movable?.(pointer) !== false;
  });
}

/** @throws ReleaseError REFUSED, before anything is written, when a registry takes what is missing no more */
async function refuseClosed(steps: readonly Step[], targets: readonly Target[], tag: string, job: Job): Promise<void> {
  const missing = steps.flatMap((step) => (step.do === "publish" ? [step.item] : []));
  for (const target of targets) {
    const mine = missing.filter((item) => item.target === target.name);
    if (mine.length === 0 || !target.closed) continue;
    const closed = await retrying(`asking ${target.name}`, job.io, async () => target.closed?.(mine, job.io));
    if (!closed) continue;
    const { items, why } = closed;
    throw new ReleaseError("REFUSED", `${tag} can't be completed: ${why}`, {
      facts: { missing: items.map((item) => item.id).join(", ") },
      hint: `release the next version; to finish the rest of this one: twotier release --resume ${tag} --skip ${target.name} --reason "too late"`,
    });
  }
}

/** True when somebody deleted the place that the seal names, so that what was staged must be staged again. */
async function isGone(
  staging: Staging,
  id: string,
  steps: readonly Step[],
  items: readonly Item[],
  job: Job,
): Promise<boolean> {
  if (!staging.holdsAssets) return false;
  const assets = items.filter((item) => item.phase === "stage" && item.target === "github");
  const absent = steps.filter((step) => step.do === "publish" && assets.includes(step.item));
  if (assets.length === 0 || absent.length < assets.length) return false;
  return !(await retrying("listing staging places", job.io, () => staging.list(job.io))).includes(id);
}
