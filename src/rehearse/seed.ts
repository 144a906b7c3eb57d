import { parseConfig } from "../config/parse.ts";
import { resolveArtifacts } from "../config/resolve.ts";
import { apply } from "../core/apply.ts";
import { diff } from "../core/diff.ts";
import type { Target } from "../core/target.ts";
import { observe } from "../core/world.ts";
import { commitOf } from "../git/refs.ts";
import { commitTree } from "../git/tree.ts";
import { asReleaseError } from "../lib/errors.ts";
import { buildRelease } from "../release/build.ts";
import type { Job, Planned } from "../release/job.ts";
import { makeManifest } from "../release/manifest.ts";
import { applyOptions } from "../release/publish.ts";
import type { Session } from "../release/session.ts";
import { standingOf } from "../release/standing.ts";
import { tagNames } from "../version/tags.ts";
import { formatVersion } from "../version/version.ts";
import type { Copy } from "./clone.ts";

/**
 * Fills the registries as the real ones would be: with the packages of the last stable version, built from its tag;
 * without a stable version npm packages are claimed, so that a first candidate can't become `latest`.
 *
 * @returns what was done, as a sentence
 */
export async function seedRegistries(
  copy: Copy,
  session: Session,
  targets: readonly Target[],
  folder: string,
): Promise<string> {
  const refs = await session.repository.refs(true);
  const standing = standingOf(refs, tagNames(copy.config.version.tag));
  const stable = standing.stable;
  const job = session.job();
  if (!stable) return claimAll(targets, job);
  const commit = commitOf(refs, `refs/tags/${stable.tag}`) as string;
  const version = formatVersion(stable.version);
  try {
    await publishStable(copy, job, { commit, version, tag: stable.tag }, folder);
    return `the registries hold ${stable.tag}, as it was released before`;
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    const claimed = await claimAll(targets, job);
    return `${stable.tag} can't be built with today's configuration (${error.message}), so ${claimed}`;
  }
}

async function publishStable(
  copy: Copy,
  job: Job,
  stable: { commit: string; version: string; tag: string },
  folder: string,
): Promise<void> {
  const { commit, version, tag } = stable;
  const tree = commitTree(job.git, commit);
  const text = await tree.read("twotier.yaml");
  const config = text === null ? copy.config : parseConfig(text, `${tag}:twotier.yaml`);
  const resolved = await resolveArtifacts(config, tree);
  const epoch = Number((await job.git(["show", "--no-patch", "--format=%ct", commit])).stdout);
  const release = {
    name: config.name,
    repository: config.repository,
    tier: "production" as const,
    version,
    tag,
    commit,
  };
  const planned = { config, resolved, plan: { epoch, pythonVersion: version } } as Planned;
  const built = await buildRelease(job, planned, release, folder);
  const all = job.targets(planned, { ...release, body: `${config.name} ${version}` });
  const facts = {
    release,
    pythonVersion: version,
    source: commit,
    epoch,
    candidate: null,
    tools: built.tools,
    skipped: [],
  };
  const manifest = makeManifest({ ...facts, files: built.files }, all);
  const options = applyOptions(job, planned, manifest, all, folder);
  for (const target of all) await target.staging?.create(job.io);
  const content = { version, items: manifest.items, pointers: manifest.pointers };
  await apply(diff(content, await observe(content, all, job.io)), options);
}

async function claimAll(targets: readonly Target[], job: Job): Promise<string> {
  const claimed: string[] = [];
  for (const target of targets) if (target.claim) claimed.push(...(await target.claim(job.io)));
  return claimed.length > 0 ? `a placeholder was published for ${claimed.join(", ")}` : "the registries start empty";
}
