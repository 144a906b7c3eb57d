import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describeFile } from "../build/index.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import type { Item, ReleaseContext, Target } from "../core/target.ts";
import { keyOf, observe } from "../core/world.ts";
import type { Seal } from "../git/seal.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { type CompareOptions, compareBuilds, compareFiles } from "../proof/compare.ts";
import { renderPromotion, summaryOf } from "../proof/render.ts";
import { spellings } from "../proof/spelling.ts";
import { compareTrees } from "../proof/tree.ts";
import type { Difference, HeldItem, Promotion, RebuiltFile } from "../proof/types.ts";
import { unexplainedOf } from "../proof/verdict.ts";
import { buildRelease } from "./build.ts";
import { releaseFiles } from "./files.ts";
import type { Built, Job, Planned } from "./job.ts";
import { skipsOf } from "./left-out.ts";
import { allItems, contextOf } from "./manifest.ts";
import { fetchCommits } from "./objects.ts";
import { promotionFiles } from "./promotion-files.ts";
import { readSeal, stagingOf } from "./stage.ts";
import { changelogFile } from "./stamps.ts";

/**
 * Builds a stable release and, on the same tools, its candidate once more; compares that one with what the registries
 * hold, and the two with each other. The result is among the files: promotion.json and promotion.md. Nothing has been
 * written anywhere by then.
 *
 * @param release the stable release with its release commit
 * @param folder empty; the stable release's files come into `files`
 * @throws ReleaseError REFUSED when something isn't explained and `--accept-differences` doesn't accept it; BUILD
 * @see two-tier.md, "Versions", rule 4; docs/promotion.md
 */
export async function buildAndProve(
  job: Job,
  planned: Planned,
  release: ReleaseContext,
  folder: string,
  skip: ReadonlySet<string>,
): Promise<Built & { summary: string }> {
  const { plan } = planned;
  const files = path.join(folder, "files");
  const seal = await readSeal(job, plan.candidate as string, await job.knownRefs());
  const promotion: Promotion = {
    schema: 1,
    ...{ name: release.name, repository: release.repository, version: release.version, tag: release.tag },
    ...{ source: plan.source, commit: release.commit },
    candidate: { tag: plan.candidate as string, version: "", commit: plan.candidateCommit as string },
    ...{ verdict: "proven", accepted: null, unexplained: [], approver: job.approver ?? null },
    ...{ tools: {}, candidateTools: null, registries: [], rebuilt: [], tree: [], files: [] },
  };
  let built: Built;
  if (seal) {
    const candidate = seal.manifest;
    promotion.candidate = { tag: candidate.tag, version: candidate.version, commit: candidate.commit };
    promotion.candidateTools = candidate.tools;
    await fetchCommits(job, [candidate.commit]);
    const targets = job.targets(planned, { ...contextOf(candidate), body: "" });
    const again = path.join(folder, "candidate");
    const [made, remade, registries] = await together(job, (one) => [
      buildRelease(one, planned, release, files),
      buildCandidate(one, planned, seal, again),
      readRegistries(one, seal, targets, skip),
    ]);
    built = made;
    const rebuilt = await compareWithTested(job, seal, targets, remade, path.join(folder, "tested"));
    const list = spellings(candidate, {
      ...{ version: release.version, pythonVersion: plan.pythonVersion ?? "", commit: release.commit },
    });
    const tree = await compareTrees(job.git, candidate.commit, release.commit, list, changelogFile);
    const reproduced = new Set(rebuilt.filter((one) => one.reproduced).map((one) => one.name));
    Object.assign(promotion, { tools: built.tools, registries, rebuilt, tree: tree.differences });
    promotion.files = await compareBuilds(
      { folder: remade.folder, files: remade.files },
      { folder: built.folder, files: built.files },
      {
        spellings: list,
        stamped: tree.stamped,
        reproduced: (name) => reproduced.has(name),
        signal: job.io.signal,
      },
    );
    if (candidate.source !== plan.source) {
      promotion.unexplained.push(`${candidate.tag} was built from ${candidate.source}, not from ${plan.source}`);
    }
  } else {
    built = await buildRelease(job, planned, release, files);
    promotion.tools = built.tools;
    promotion.unexplained.push(`${plan.candidate} was released by another tool: there is no manifest to compare with`);
  }
  promotion.unexplained.push(...unexplainedOf(promotion));
  if (promotion.unexplained.length > 0) {
    if (plan.acceptDifferences === null) throw unproven(promotion);
    promotion.verdict = "accepted";
    promotion.accepted = plan.acceptDifferences;
    for (const sentence of promotion.unexplained) job.io.emit({ type: "warning", message: `accepted: ${sentence}` });
  }
  return {
    ...built,
    files: [...built.files, ...(await writePromotion(files, promotion))],
    summary: summaryOf(promotion),
  };
}

/** Runs works side by side; the first failure stops the others, and is thrown when all have ended. */
async function together<T extends readonly unknown[]>(
  job: Job,
  start: (job: Job) => { [index in keyof T]: Promise<T[index]> },
): Promise<T> {
  const stop = new AbortController();
  const works = start({ ...job, io: { ...job.io, signal: AbortSignal.any([job.io.signal, stop.signal]) } });
  let first: unknown;
  for (const work of works) {
    (work as Promise<unknown>).catch((error) => {
      first ??= error;
      stop.abort(error);
    });
  }
  await Promise.allSettled(works);
  if (first !== undefined) throw first;
  return (await Promise.all(works)) as unknown as T;
}

/** The candidate's version once more, from its own release commit. */
function buildCandidate(job: Job, planned: Planned, { manifest }: Seal, out: string): Promise<Built> {
  const plan = { ...planned.plan, epoch: manifest.epoch, pythonVersion: manifest.pythonVersion || null };
  const io: Job["io"] = {
    ...job.io,
    emit: (event) =>
      job.io.emit(event.type === "step" ? { ...event, step: event.step.replace(/^build /, "rebuild ") } : event),
  };
  return buildRelease({ ...job, io }, { ...planned, plan }, contextOf(manifest), out);
}

/** Every item of the candidate, as its registry holds it now. */
async function readRegistries(
  job: Job,
  { manifest }: Seal,
  targets: readonly Target[],
  skip: ReadonlySet<string>,
): Promise<HeldItem[]> {
  const left = new Set<string>([...skip, ...(await skipsOf(manifest, targets, job.io)).map((one) => one.target)]);
  const items = allItems(manifest, targets).filter((item) => !left.has(item.target));
  const world = await observe({ items, pointers: [] }, targets, job.io);
  return items.map((item) => held(item, world.items.get(keyOf(item))));
}

function held(item: Item, seen: { state: string; digest?: string } | undefined): HeldItem {
  const found = (seen?.digest ?? null) as HeldItem["found"];
  const { target, id, digest } = item;
  const state = seen?.state ?? "absent";
  return { target, id, expected: digest, found, state, same: state === "present" && found === digest };
}

/** The rebuilt files beside the manifest's digests; of those that differ, which entries do. */
async function compareWithTested(
  job: Job,
  { manifest, staging: sealed }: Seal,
  targets: readonly Target[],
  remade: Built,
  folder: string,
): Promise<RebuiltFile[]> {
  const place = stagingOf(job, targets, manifest.tag);
  if (place.target === sealed.target) place.staging.use(sealed.id);
  const fetch = releaseFiles(manifest, folder, { staging: place.staging, rebuild: async () => remade }, job.io);
  const made = new Map(remade.files.map((file) => [file.name, file]));
  const sealedFiles = manifest.files.filter((file) => !promotionFiles.some((name) => name === file.name));
  const compared: RebuiltFile[] = [];
  for (const tested of sealedFiles) {
    const again = made.get(tested.name);
    made.delete(tested.name);
    const reproduced = again?.sha256 === tested.sha256;
    const base = { name: tested.name, rebuilt: again?.sha256 ?? null, tested: tested.sha256, reproduced };
    const differences = reproduced || !again ? [] : await explain(tested, again);
    compared.push({ ...base, differences });
  }
  for (const { name, sha256 } of made.values()) {
    compared.push({ name, rebuilt: sha256, tested: null, reproduced: false, differences: [] });
  }
  return compared;

  async function explain(tested: ReleaseFile, again: ReleaseFile): Promise<Difference[]> {
    const differs = (note: string): Difference[] => [{ entry: "", verdict: "differs", note }];
    if (tested.kind === "image") return differs("the image has another digest");
    const options: CompareOptions = { spellings: [], stamped: new Map(), reproduced: () => false };
    try {
      await fetch(tested.name);
      return (await compareFiles(folder, tested, remade.folder, again, options)).differences;
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code === "INTERRUPTED") throw error;
      return differs(`other bytes; those that were tested can't be read: ${error.message}`);
    }
  }
}

async function writePromotion(folder: string, promotion: Promotion): Promise<ReleaseFile[]> {
  const texts = [`${JSON.stringify(promotion, null, 2)}\n`, renderPromotion(promotion)];
  const files: ReleaseFile[] = [];
  for (const [index, name] of promotionFiles.entries()) {
    await writeFile(path.join(folder, name), texts[index] as string);
    files.push(await describeFile(folder, { name, kind: "file", artifact: "twotier" }));
  }
  return files;
}

/** Most findings that are shown; the rest is counted. */
const most = 20;

function unproven({ tag, candidate, unexplained }: Promotion): ReleaseError {
  const count = unexplained.length === 1 ? "one thing is" : `${unexplained.length} things are`;
  return new ReleaseError("REFUSED", `${tag} isn't proven to be ${candidate.tag}: ${count} not explained`, {
    facts: { "not shown": unexplained.length > most ? unexplained.length - most : undefined },
    hint: `nothing was written. Release it with the tools that made ${candidate.tag}, or make another candidate (twotier release --tier staging), or accept it: twotier release --tier production --accept-differences "REASON"`,
    findings: unexplained.slice(0, most).map((sentence) => new ReleaseError("REFUSED", sentence)),
  });
}
