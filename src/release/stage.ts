import { type ApplyOptions, applyPhase, sideBySide } from "../core/apply.ts";
import { diff } from "../core/diff.ts";
import type { Manifest } from "../core/manifest.ts";
import { retrying } from "../core/retry.ts";
import type { Staging, Target } from "../core/target.ts";
import { observe } from "../core/world.ts";
import { lockRef } from "../git/lock.ts";
import { messageOf, readObjects } from "../git/objects.ts";
import type { Refs } from "../git/refs.ts";
import { makeTagObject } from "../git/release-commit.ts";
import { decodeSeal, encodeSeal, type Seal } from "../git/seal.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import type { Job } from "./job.ts";
import { localStaging } from "./local-staging.ts";
import { allItems, derivedFiles } from "./manifest.ts";
import type { Taken } from "./prepare.ts";
import { changeRefs } from "./refs.ts";

/** The target whose staging place a release uses: GitHub's drafts, else an OCI registry, else a folder. */
export function stagingOf(job: Job, targets: readonly Target[], tag: string): { target: string; staging: Staging } {
  for (const name of ["github", "docker"]) {
    const staging = targets.find((target) => target.name === name)?.staging;
    if (staging) return { target: name, staging };
  }
  return { target: "local", staging: localStaging(job.folder, tag) };
}

/**
 * Brings everything that can be hidden to its place, reads it back, and seals: the annotated tag with the manifest,
 * pushed create-only together with the lock's swap. Before this nothing is promised; after it only these digests count.
 *
 * @returns the seal that counts: ours, or another run's, whose release we then help to finish
 * @throws ReleaseError LOST when the number was taken from us (a stable release closed the line)
 * @see two-tier.md, steps 4 and 5
 */
export async function stageAndSeal(
  job: Job,
  manifest: Manifest,
  taken: Taken,
  targets: readonly Target[],
  options: ApplyOptions,
  skip: ReadonlySet<string>,
): Promise<Seal> {
  const place = stagingOf(job, targets, manifest.tag);
  const id = await retrying("making a staging place", job.io, () => place.staging.create(job.io));
  try {
    await stage(manifest, targets, place.staging, options, skip);
    await job.onStep?.("staged");
    const seal: Seal = { manifest, staging: { target: place.target, id } };
    const sealed = await pushSeal(job, seal, taken);
    if (sealed === "ours") return seal;
  } catch (thrown) {
    // A run that helps may lose its place to the winner of the seal: then the seal counts, not our failure.
    const error = asReleaseError(thrown);
    const theirs = error.code === "INTERRUPTED" ? null : await readSeal(job, manifest.tag, await job.refs());
    if (!theirs) {
      if (error.code !== "INTERRUPTED") await discard(job, place.staging, id);
      throw error;
    }
  }
  await discard(job, place.staging, id);
  const theirs = await readSeal(job, manifest.tag, await job.refs());
  if (!theirs) {
    throw new ReleaseError("LOST", `${manifest.tag} was taken from this run before it could be sealed`, {
      hint: "a stable release of the same line was faster; run the same command again",
    });
  }
  return theirs;
}

async function stage(
  manifest: Manifest,
  targets: readonly Target[],
  staging: Staging,
  options: ApplyOptions,
  skip: ReadonlySet<string>,
): Promise<void> {
  const items = allItems(manifest, targets).filter((item) => item.phase === "stage" && !skip.has(item.target));
  const release = { version: manifest.version, items, pointers: [] };
  const steps = diff(release, await observe(release, targets, options.io));
  await applyPhase("stage", steps, options);
  const { put } = staging;
  if (!put || staging.holdsAssets) return;
  const names = manifest.files.filter((file) => file.kind !== "image").map((file) => file.name);
  await sideBySide([...names, ...derivedFiles(manifest).map((one) => one.file.name)], 4, async (name) => {
    const file = await options.files(name);
    await retrying(`staging ${name}`, options.io, () => put.call(staging, name, file, options.io));
  });
}

async function pushSeal(job: Job, seal: Seal, taken: Taken): Promise<"ours" | "theirs"> {
  const { manifest } = seal;
  const tagRef = `refs/tags/${manifest.tag}`;
  const object = await makeTagObject(job.git, {
    name: manifest.tag,
    commit: manifest.commit,
    epoch: manifest.epoch,
    message: encodeSeal(seal),
  });
  for (let attempt = 0; ; attempt++) {
    // The lock becomes the seal in the same transaction, so that who takes the lock away stops the seal.
    const outcome = await changeRefs(job, `sealing ${manifest.tag}`, [
      { ref: tagRef, to: object, expect: null },
      { ref: lockRef(manifest.tag), to: object, expect: taken.lock },
    ]);
    if (outcome === "done") return "ours";
    const refs = await job.refs();
    if (refs.get(tagRef) === object) return "ours";
    if (refs.has(tagRef) || refs.get(lockRef(manifest.tag)) !== taken.lock || attempt === 5) return "theirs";
  }
}

/**
 * The seal on the remote, or null where the tag doesn't exist or another tool made it.
 *
 * @param refs the remote's as they are now, or those that the plan was made with: a seal that it saw stays the same
 */
export async function readSeal(job: Job, tag: string, refs: Pick<Refs, "get">): Promise<Seal | null> {
  const ref = `refs/tags/${tag}`;
  const sha = refs.get(ref);
  if (!sha) return null;
  let [object] = await readObjects(job.git, [sha]);
  if (!object && job.remote !== null) {
    const { remote } = job;
    await retrying(`fetching ${tag}`, job.io, () =>
      job.git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, ref]),
    );
    [object] = await readObjects(job.git, [sha]);
  }
  if (!object) {
    throw new ReleaseError("GIT", `the tag ${tag} was changed while it was read`, {
      retryable: true,
      hint: "run the same command again",
    });
  }
  return object.type === "tag" ? decodeSeal(messageOf(object), tag) : null;
}

/** Places that killed or losing runs left behind. */
export async function discardOthers(job: Job, staging: Staging, keep: string): Promise<void> {
  try {
    const all = await retrying("listing staging places", job.io, () => staging.list(job.io));
    for (const other of all.filter((one) => one !== keep)) {
      await retrying("taking away an older staging place", job.io, () => staging.discard(other, job.io));
    }
  } catch (thrown) {
    job.io.emit({ type: "warning", message: `an older staging place is left: ${asReleaseError(thrown).message}` });
  }
}

async function discard(job: Job, staging: Staging, id: string): Promise<void> {
  try {
    await retrying("taking away the staging place", job.io, () => staging.discard(id, job.io));
  } catch (thrown) {
    job.io.emit({ type: "warning", message: `the staging place ${id} is left: ${asReleaseError(thrown).message}` });
  }
}
