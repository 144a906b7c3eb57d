import type { Manifest, ReleaseFile } from "../core/manifest.ts";
import { encodeManifest } from "../core/manifest.ts";
import type { Item, ReleaseContext, Target } from "../core/target.ts";
import { digestOf, hexOf } from "../lib/hash.ts";

export interface ManifestFacts {
  release: ReleaseContext;
  pythonVersion: string;
  source: string;
  epoch: number;
  candidate: Manifest["candidate"];
  tools: Record<string, string>;
  files: readonly ReleaseFile[];
  skipped: Manifest["skipped"];
}

/** release.json of a release: its files, and what each target makes of them. Pure and deterministic. */
export function makeManifest(facts: ManifestFacts, targets: readonly Target[]): Manifest {
  const files = [...facts.files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const expected = targets.map((target) => target.expect(files, facts.release));
  return {
    schema: 1,
    name: facts.release.name,
    repository: facts.release.repository,
    tier: facts.release.tier,
    version: facts.release.version,
    pythonVersion: facts.pythonVersion,
    tag: facts.release.tag,
    source: facts.source,
    commit: facts.release.commit,
    epoch: facts.epoch,
    candidate: facts.candidate,
    tools: Object.fromEntries(Object.entries(facts.tools).sort(([a], [b]) => (a < b ? -1 : 1))),
    files,
    items: expected.flatMap((one) => one.items),
    pointers: expected.flatMap((one) => one.pointers),
    skipped: [...facts.skipped].sort((a, b) => (a.target < b.target ? -1 : 1)),
  };
}

/** The two assets that are made from the manifest: they can't be listed in it. */
export interface DerivedFile {
  file: ReleaseFile;
  text: string;
}

/**
 * release.json, and checksums.txt over all other assets in the format of `sha256sum`.
 *
 * @see two-tier.md, "What each tier leaves behind"
 */
export function derivedFiles(manifest: Manifest): DerivedFile[] {
  const manifestText = encodeManifest(manifest);
  const json = derived("release.json", manifestText);
  const assets = [...manifest.files.filter((file) => file.kind !== "image"), json.file];
  const lines = assets.map((file) => `${hexOf(file.sha256)}  ${file.name}\n`).sort(byName);
  return [json, derived("checksums.txt", lines.join(""))];
}

const byName = (a: string, b: string) => (a.slice(66) < b.slice(66) ? -1 : 1);

function derived(name: string, text: string): DerivedFile {
  return {
    text,
    file: { name, size: Buffer.byteLength(text), sha256: digestOf(text), kind: "file", artifact: "twotier" },
  };
}

/** All items of a release: the manifest's, and its derived files where GitHub keeps assets. */
export function allItems(manifest: Manifest, targets: readonly Target[]): Item[] {
  const github = targets.find((target) => target.name === "github");
  if (!github) return manifest.items;
  const extra = github.expect(
    derivedFiles(manifest).map((one) => one.file),
    contextOf(manifest),
  );
  return [...manifest.items, ...extra.items];
}

/** What targets need to know of a release. */
export function contextOf(manifest: Manifest): ReleaseContext {
  const { name, repository, tier, version, tag, commit } = manifest;
  return { name, repository, tier, version, tag, commit };
}
