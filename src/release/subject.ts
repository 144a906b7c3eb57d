import { expectedFiles } from "../config/expected.ts";
import type { Config, ResolvedArtifacts } from "../config/types.ts";
import type { Manifest } from "../core/manifest.ts";
import type { Tier } from "../core/plan.ts";
import type { Item, Pointer, ReleaseContext, Target } from "../core/target.ts";
import { retractedRef } from "../git/lock.ts";
import { messageOf, readObjects } from "../git/objects.ts";
import { decodeSeal, type Seal } from "../git/seal.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { pythonVersion } from "../version/pep440.ts";
import { type TagNames, tagNames } from "../version/tags.ts";
import { parseVersion, type Version } from "../version/version.ts";
import { type LeftOut, leftOut, skipsOf } from "./left-out.ts";
import { allItems, contextOf } from "./manifest.ts";
import type { Session } from "./session.ts";
import { type Release, type Standing, standingOf, versionText } from "./standing.ts";

/** A release that exists, with what it consists of: what `verify`, `status`, `rollback` and `notes` are about. */
export interface Subject {
  release: Release;
  /** SemVer without prefix */
  version: string;
  tier: Tier;
  standing: Standing;
  /** Null where another tool released it, or where it isn't sealed. */
  seal: Seal | null;
  manifest: Manifest | null;
  /**
   * - `sealed`: its manifest says what it is
   * - `begun`: there is only a lock; nothing of it is promised
   * - `foreign`: a tag without a manifest. What it should be is taken from its configuration, without digests.
   */
  kind: "sealed" | "begun" | "foreign";
  /** With release.json and checksums.txt; without what was left out. */
  items: Item[];
  pointers: Pointer[];
  /** What isn't there because it was left out on purpose, and why. */
  leftOut: LeftOut[];
  config: Config;
  resolved: ResolvedArtifacts;
  /** Made for this release. */
  targets: readonly Target[];
}

/**
 * Finds a release by its tag or its version, in SemVer's or PEP 440's spelling.
 *
 * @throws ReleaseError USAGE when the text is no version, or there is no such release (with what registries hold of it)
 */
export async function findSubject(session: Session, text: string, fresh = false): Promise<Subject> {
  const here = await session.at("HEAD");
  const standing = standingOf(await session.repository.refs(fresh), tagNames(here.config.version.tag));
  const version = versionOf(standing.names, text);
  if (!version) {
    throw new ReleaseError("USAGE", `${JSON.stringify(text)} is no version`, {
      hint: "name a release by its version or its tag, for example 0.1.19-rc.1",
    });
  }
  const release = standing.find(standing.names.format(version));
  if (!release) throw await unknown(session, standing, version);
  return subjectOf(session, standing, release);
}

/** What is known of a release. */
export async function subjectOf(session: Session, standing: Standing, release: Release): Promise<Subject> {
  const seal = await sealOf(session, release);
  const manifest = seal?.manifest ?? null;
  const version = versionText(release);
  await session.repository.need([manifest?.source ?? release.commit]);
  const { config, resolved } = await configOf(session, manifest?.source ?? release.commit);
  const tier: Tier = release.version.label === null ? "production" : "staging";
  const { name, repository } = config;
  const context: ReleaseContext = manifest
    ? contextOf(manifest)
    : { name, repository, tier, version, tag: release.tag, commit: release.commit };
  const targets = session.job().targets({ config, resolved }, { ...context, body: "" });
  const staging = targets.find((target) => target.name === seal?.staging.target)?.staging;
  if (seal && staging) staging.use(seal.staging.id);
  const about = { release, version, tier, standing, seal, manifest, config, resolved, targets };
  if (manifest) {
    const { io } = session.job();
    const all = allItems(manifest, targets);
    const out = await leftOut(await skipsOf(manifest, targets, io), all, targets, io);
    const items = all.filter((item) => !out.some((one) => one.items.includes(item)));
    const pointers = manifest.pointers.filter((pointer) => !out.some((one) => one.target === pointer.target));
    return { ...about, kind: "sealed", items, pointers, leftOut: out };
  }
  if (release.tagObject === null) return { ...about, kind: "begun", items: [], pointers: [], leftOut: [] };
  const files = expectedFiles(resolved, { version, pythonVersion: pythonVersion(release.version) ?? version });
  const expected = targets.map((target) => target.expect(files, context));
  return {
    ...about,
    kind: "foreign",
    items: expected.flatMap((one) => one.items).filter((item) => !(item.target === "docker" && item.phase === "stage")),
    pointers: expected.flatMap((one) => one.pointers),
    leftOut: [],
  };
}

/** The version that a text names: a tag, SemVer with or without `v`, or PEP 440 (0.1.19rc1). */
export function versionOf(names: TagNames, text: string): Version | null {
  const python = /^v?(\d+\.\d+\.\d+)(a|b|rc|\.dev)(\d+)$/.exec(text);
  const labels: Record<string, string> = { a: "alpha", b: "beta", rc: "rc", ".dev": "dev" };
  const semver = python ? `${python[1]}-${labels[python[2] ?? ""]}.${python[3]}` : text.replace(/^v/, "");
  return names.version(text) ?? parseVersion(semver);
}

/** The release's seal: of its tag, else, when the tag was deleted, of its retraction. */
async function sealOf(session: Session, release: Release): Promise<Seal | null> {
  const { repository } = session;
  const refs = await repository.refs();
  const retraction = refs.get(retractedRef(release.tag));
  const objects = [release.tagObject, retraction].filter((sha): sha is string => typeof sha === "string");
  await repository.need(objects);
  for (const object of await readObjects(repository.git, objects)) {
    const seal = object?.type === "tag" ? decodeSeal(messageOf(object), release.tag) : null;
    if (seal) return seal;
  }
  return null;
}

/** The configuration of a commit; of a commit without one (another tool's time), today's. */
async function configOf(session: Session, commit: string): Promise<{ config: Config; resolved: ResolvedArtifacts }> {
  try {
    return await session.at(commit);
  } catch (thrown) {
    if (asReleaseError(thrown).code !== "CONFIG") throw thrown;
    return session.at("HEAD");
  }
}

async function unknown(session: Session, standing: Standing, version: Version): Promise<ReleaseError> {
  const { config, resolved } = await session.at("HEAD");
  const job = session.job();
  const text = versionText({ version } as Release);
  const holders = new Set<string>();
  await Promise.all(
    job.targets({ config, resolved }).map(async (target) => {
      const versions = await target.versions(job.io).catch(() => []);
      if ((versions as string[]).includes(text)) holders.add(target.name);
    }),
  );
  const tag = standing.names.format(version);
  if (holders.size > 0) {
    return new ReleaseError("USAGE", `no tag names ${text}, but ${[...holders].sort().join(" and ")} know it`, {
      hint: `tag the commit that it was made from: git tag ${tag} COMMIT && git push ${job.remote ?? "origin"} ${tag}`,
    });
  }
  return new ReleaseError("USAGE", `there is no release ${text}`, {
    hint: standing.newest
      ? `the newest is ${versionText(standing.newest)}; see \`twotier status\``
      : "nothing is released yet",
  });
}
