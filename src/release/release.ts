import { rm } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "../core/manifest.ts";
import type { ReleaseContext, Target } from "../core/target.ts";
import { lockRef } from "../git/lock.ts";
import { makeReleaseCommit } from "../git/release-commit.ts";
import type { Seal } from "../git/seal.ts";
import type { StampedFile } from "../git/stamped-tree.ts";
import { asReleaseError, type ErrorCode, ReleaseError, withMore } from "../lib/errors.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { releaseBody } from "./body.ts";
import { keepBooks } from "./bookkeeping.ts";
import { buildRelease, toolFindings } from "./build.ts";
import { refuseUnmet } from "./conditions.ts";
import { makeOwnFolder } from "./folder.ts";
import { type Job, nothingToDo, type Planned, type ReleaseResult } from "./job.ts";
import { again, orWithout, tellSkips } from "./left-out.ts";
import { contextOf, makeManifest } from "./manifest.ts";
import { fetchCommits } from "./objects.ts";
import { preflight } from "./preflight.ts";
import { takeNumber } from "./prepare.ts";
import { buildAndProve } from "./promote.ts";
import { applyOptions, endRelease, publishSealed } from "./publish.ts";
import { runChecks } from "./run-checks.ts";
import { readSeal, stageAndSeal } from "./stage.ts";
import { stampRelease } from "./stamps.ts";

/**
 * One release, from plan to pointers: the twelve steps of two-tier.md. Running it again, anywhere, after any
 * interruption, finishes the same release.
 *
 * @throws ReleaseError: see docs/errors.md; what was done stays done
 */
export async function release(job: Job): Promise<ReleaseResult> {
  for (let attempt = 0; ; attempt++) {
    const planned = await step(
      job,
      "plan",
      () => job.plan(),
      (it) => it.plan.tag ?? "nothing to do",
    );
    if (!planned.plan.release) return nothingToDo(planned.plan);
    const result = await releaseOnce(job, planned);
    if (result !== "again") return result;
    if (attempt === 50) {
      throw new ReleaseError("LOST", "other runs took the number 50 times in a row", {
        hint: "run the same command again when fewer releases are under way",
      });
    }
    job.io.emit({ type: "note", message: `${planned.plan.tag} was taken by another run; planning again` });
  }
}

async function releaseOnce(job: Job, planned: Planned): Promise<ReleaseResult | "again"> {
  const { plan } = planned;
  const skip = new Set<string>(job.skip.map((one) => one.target));
  const warnings = [...plan.warnings];
  await makeOwnFolder(job);
  const folder = await temporaryFolder(job.folder, "run");
  try {
    let seal: Seal | null = plan.sealed ? await readSeal(job, plan.tag as string, await job.knownRefs()) : null;
    let targets: readonly Target[];
    let files = folder;
    if (seal) {
      for (const one of seal.manifest.skipped) if (!job.resumesSkipped) skip.add(one.target);
      const body = releaseBody(planned, { ...seal.manifest, skipped: leftOut(job, seal.manifest) });
      targets = job.targets(planned, { ...contextOf(seal.manifest), body });
      const active = targets.filter((target) => !skip.has(target.name));
      warnings.push(...(await step(job, "preflight", () => preflight(job, planned, active, []))));
    } else {
      const made = await makeRelease(job, planned, folder, skip, warnings);
      if (made === "again") return "again";
      ({ seal, targets, files } = made);
    }
    const { manifest } = seal;
    const options = applyOptions(job, planned, manifest, targets, files);
    await job.onStep?.("sealed");
    const sealed = seal;
    await fetchCommits(job, [manifest.commit]);
    const applied = await step(job, "publish", () => publishSealed(job, sealed, targets, options, skip)).catch(
      (thrown) => {
        throw unfinished(asReleaseError(thrown), manifest.tag);
      },
    );
    if (job.skip.length > 0 || job.resumesSkipped) await tellSkips(targets, leftOut(job, manifest), job.io);
    let books: string | null = null;
    if (manifest.tier === "production" && applied.pending.length === 0) {
      books = await step(
        job,
        "bookkeeping",
        () => keepBooks(job, planned, manifest, (commit) => stampRelease(job, planned, contextOf(manifest), commit)),
        (it) => it,
      );
    }
    if (applied.pending.length === 0) await endRelease(job, sealed, applied.lock, targets, options, skip);
    return {
      released: true,
      reason: plan.reason,
      plan,
      manifest,
      skipped: leftOut(job, manifest),
      pending: applied.pending.map(({ target, id }) => ({ target, id })),
      moved: applied.moved.map(({ pointer, from }) => ({
        target: pointer.target,
        name: pointer.name,
        from,
        to: pointer.version,
      })),
      bookkeeping: books,
      warnings,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is left out of a sealed release: what its manifest says, unless that is made up for now, and what is skipped since. */
function leftOut(job: Job, manifest: Manifest): Manifest["skipped"] {
  const before = job.resumesSkipped ? [] : manifest.skipped;
  return [...before, ...job.skip.filter((one) => !before.some(({ target }) => target === one.target))];
}

/** What stays, or a person may leave as it is, where other registries could go on. */
const passable: readonly ErrorCode[] = ["NETWORK", "REGISTRY", "RATE_LIMITED", "AUTH", "GIT"];

/** A failure after the seal, with what that means: a registry that stays so can be left out. */
function unfinished(error: ReleaseError, tag: string): ReleaseError {
  const { hint = again, code, facts, findings } = error;
  if (!passable.includes(code) && code !== "IO") return error;
  const target = facts.target ?? findings.find((one) => one.facts.target)?.facts.target;
  const first = hint === again ? "" : `${hint}. `;
  const means = `${tag} is sealed and isn't finished (\`twotier status\` says what is where): the same command finishes it`;
  const around = target === undefined || !passable.includes(code) ? means : orWithout(means, target);
  return withMore(error, { hint: `${first}${around}` });
}

/** Steps 1 to 5: everything up to the seal. */
async function makeRelease(
  job: Job,
  planned: Planned,
  folder: string,
  skip: ReadonlySet<string>,
  warnings: string[],
): Promise<{ seal: Seal; targets: readonly Target[]; files: string } | "again"> {
  const { plan, config } = planned;
  const asked = job.targets(planned, undefined).filter((target) => !skip.has(target.name));
  warnings.push(
    ...(await step(job, "preflight", async () => preflight(job, planned, asked, await toolFindings(planned, job)))),
  );

  if (plan.tier === "production") await meetConditions(job, planned);
  if (job.claim) for (const target of asked) await target.claim?.(job.io);

  const context: ReleaseContext = {
    name: config.name,
    repository: config.repository,
    tier: plan.tier,
    version: plan.version as string,
    tag: plan.tag as string,
    commit: plan.source,
  };
  await fetchCommits(job, [plan.source]);
  const stamped = await stampRelease(job, planned, context, plan.source);
  const files = path.join(folder, "files");
  // A promotion that isn't proven must leave nothing behind: a number that was taken would close its line.
  const proven = plan.candidate === null ? null : await prove(stamped);
  const taken = await step(
    job,
    "take the number",
    () => takeNumber(job, planned, stamped),
    (it) =>
      it === "again"
        ? "lost"
        : `${context.tag} at ${it.commit.slice(0, 12)}${it.helping ? ", helping another run" : ""}`,
  );
  if (taken === "again") return "again";

  const release = { ...context, commit: taken.commit };
  // Another twotier made the commit that holds the number: what was compared isn't what would be sealed.
  if (proven && proven.commit !== taken.commit) return "again";
  const built = proven?.built ?? (await step(job, "build", () => buildRelease(job, planned, release, files)));
  const body = releaseBody(planned, { ...release, files: built.files, skipped: job.skip });
  const targets = job.targets(planned, { ...release, body });
  const manifest: Manifest = makeManifest(
    {
      release,
      pythonVersion: plan.pythonVersion ?? "",
      source: plan.source,
      epoch: plan.epoch,
      candidate: plan.candidate === null ? null : { tag: plan.candidate, commit: plan.candidateCommit as string },
      tools: built.tools,
      files: built.files,
      skipped: [...job.skip],
    },
    targets,
  );
  const options = applyOptions(job, planned, manifest, targets, files);
  const seal = await step(job, "stage and seal", () =>
    stageAndSeal(job, manifest, taken, targets, options, skip).catch(async (thrown) => {
      const lost = asReleaseError(thrown).code === "LOST";
      if (lost && plan.tier === "staging" && (await wentStable(job, plan.lineTag))) return null;
      throw thrown;
    }),
  );
  // The line is closed, or the number is another commit's: this one gets the next.
  if (seal === null || seal.manifest.source !== manifest.source) return "again";
  // What was built here is what was sealed; of another run's seal the bytes come from staging.
  if (seal.manifest === manifest) return { seal, targets, files };
  if (seal.manifest.commit === manifest.commit) return { seal, targets, files: folder };
  return { seal, targets: job.targets(planned, { ...contextOf(seal.manifest), body }), files: folder };

  async function prove(stamped: readonly StampedFile[]) {
    if (plan.lock) await fetchCommits(job, [plan.lock.commit]);
    const commit =
      plan.lock?.commit ??
      (await makeReleaseCommit(job.git, plan.source, stamped, { tag: context.tag, epoch: plan.epoch }));
    const work = () => buildAndProve(job, planned, { ...context, commit }, folder, skip);
    return { commit, built: await step(job, "build and compare", work, (it) => it.summary) };
  }
}

/** True when a stable release of a line is there or under way: then its candidates can't be sealed any more. */
async function wentStable(job: Job, tag: string): Promise<boolean> {
  const refs = await job.refs();
  return refs.has(`refs/tags/${tag}`) || refs.has(lockRef(tag));
}

/** @throws ReleaseError REFUSED when a condition for production doesn't hold */
async function meetConditions(job: Job, { plan, config }: Planned): Promise<void> {
  refuseUnmet(plan.conditions, plan);
  const { checks, docs } = config.tiers.production.conditions;
  if (checks.length === 0 && docs.length === 0) return;
  const ran =
    job.parts?.checks ??
    (await step(
      job,
      "check",
      () => runChecks(job, plan.source, { checks, docs }),
      (found) => found.flatMap(({ holds, text }) => (holds ? [text] : [])).join("; "),
    ));
  refuseUnmet(ran, plan);
}

/** Minutes that a step may take, 60 where none are said: more than any needs, so that what hangs comes to an end. */
const stepMinutes: Record<string, number> = {
  plan: 15,
  preflight: 15,
  "take the number": 15,
  build: 240,
  "build and compare": 240,
  "stage and seal": 120,
  // npm's scan alone may take `scanSeconds`.
  publish: 180,
  bookkeeping: 15,
};

async function step<T>(job: Job, name: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T> {
  job.io.emit({ type: "step", step: name, state: "start" });
  const done = job.io.limit?.(name, 60 * (stepMinutes[name] ?? 60));
  const result = await work().finally(done);
  job.io.emit({ type: "step", step: name, state: "done", detail: detail?.(result) });
  return result;
}
