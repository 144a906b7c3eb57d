import { rm } from "node:fs/promises";
import semver from "semver";
import { HttpError } from "../server.ts";
import { checkTag, type Package, packument } from "./packages.ts";
import type { Shelf } from "./shelf.ts";

const hour = 3_600_000;
const notFound = () => new HttpError(404, { error: "Not found" });

function visible(shelf: Shelf, name: string): Package {
  const pkg = shelf.get(name);
  if (!pkg || pkg.unpublished || Object.keys(pkg.versions).every((version) => shelf.hidden(name, version))) {
    throw notFound();
  }
  return pkg;
}

/** `PUT /NAME` without attachments: deprecations (the only field of a version that can change). */
export async function update(shelf: Shelf, name: string, document: Record<string, unknown>): Promise<void> {
  const pkg = visible(shelf, name);
  checkRevision(shelf, pkg, document._rev);
  const sent = (document.versions ?? {}) as Record<string, { deprecated?: unknown }>;
  for (const version of Object.keys(sent)) {
    if (!Object.hasOwn(pkg.versions, version) || shelf.hidden(name, version)) {
      throw new HttpError(400, { error: `version ${version} has no attachment` });
    }
  }
  await shelf.change(name, (known) => {
    const versions = { ...known.versions };
    for (const [version, { deprecated }] of Object.entries(sent)) {
      const held = versions[version];
      if (!held) continue;
      const { deprecated: _, ...manifest } = held.manifest;
      // "" takes a deprecation back (registry-facts.md, npm)
      if (typeof deprecated === "string" && deprecated)
        versions[version] = { ...held, manifest: { ...manifest, dist: held.manifest.dist, deprecated } };
      else versions[version] = { ...held, manifest: { ...manifest, dist: held.manifest.dist } };
    }
    return { ...known, versions };
  });
}

/** `PUT /NAME/-rev/REV`: the versions that the document leaves out are unpublished. */
export async function unpublishVersions(shelf: Shelf, name: string, rev: string, document: Record<string, unknown>) {
  const pkg = visible(shelf, name);
  checkRevision(shelf, pkg, rev);
  const kept = Object.keys((document.versions ?? {}) as object);
  const gone = Object.keys(pkg.versions).filter((version) => !kept.includes(version) && !shelf.hidden(name, version));
  if (gone.length === Object.keys(pkg.versions).length) {
    throw new HttpError(405, { error: "the last version can't be removed alone: unpublish the whole package" });
  }
  refuseLate(shelf, pkg, gone);
  const bytes = gone.map((version) => pkg.versions[version]?.sha1 as string);
  await shelf.change(name, (known) => {
    const versions = { ...known.versions };
    for (const version of gone) delete versions[version];
    const left = Object.keys(versions);
    const tags = Object.fromEntries(Object.entries(known.tags).filter(([, version]) => version in versions));
    const stable = left.filter((version) => !semver.prerelease(version));
    tags.latest ??= semver.rsort([...(stable.length > 0 ? stable : left)])[0] as string;
    return { ...known, versions, tags, spent: [...known.spent, ...gone] };
  });
  for (const sha1 of bytes) await rm(shelf.tarball(name, sha1), { force: true });
}

/** `DELETE /NAME/-rev/REV`: the whole package. */
export async function unpublishAll(shelf: Shelf, name: string, rev: string): Promise<void> {
  const pkg = visible(shelf, name);
  checkRevision(shelf, pkg, rev);
  const gone = Object.keys(pkg.versions);
  refuseLate(shelf, pkg, gone);
  const bytes = Object.values(pkg.versions).map((version) => version.sha1);
  await shelf.change(name, (known) => ({
    ...known,
    versions: {},
    tags: {},
    shown: {},
    spent: [...known.spent, ...gone],
    unpublished: shelf.now().toISOString(),
  }));
  for (const sha1 of bytes) await rm(shelf.tarball(name, sha1), { force: true });
}

/** `DELETE /NAME/-/FILE/-rev/REV`: npm's client asks for it after it unpublished the version, whose bytes went then. */
export function removeTarball(shelf: Shelf, name: string, rev: string, file: string): void {
  const pkg = shelf.get(name);
  if (!pkg) throw notFound();
  checkRevision(shelf, pkg, rev);
  if (Object.values(pkg.versions).some((version) => version.file === file)) {
    throw new HttpError(405, { error: `${file} belongs to a published version` });
  }
}

/** `PUT /-/package/NAME/dist-tags/TAG`: works for versions that are still scanned, too (registry-facts.md, fact 1). */
export async function setTag(shelf: Shelf, name: string, tag: string, version: unknown): Promise<void> {
  const pkg = shelf.get(name);
  if (!pkg || pkg.unpublished) throw notFound();
  checkTag(tag);
  if (typeof version !== "string" || !Object.hasOwn(pkg.versions, version)) {
    throw new HttpError(400, { error: `version not found: ${String(version)}` });
  }
  await shelf.change(name, (known) => ({ ...known, tags: { ...known.tags, [tag]: version } }));
}

/** `DELETE /-/package/NAME/dist-tags/TAG` */
export async function removeTag(shelf: Shelf, name: string, tag: string): Promise<void> {
  const pkg = shelf.get(name);
  if (!pkg || !Object.hasOwn(pkg.tags, tag)) throw notFound();
  if (tag === "latest") throw new HttpError(400, { error: 'Invalid tag: "latest" can\'t be removed' });
  await shelf.change(name, (known) => {
    const { [tag]: _, ...tags } = known.tags;
    const { [tag]: __, ...shown } = known.shown;
    return { ...known, tags, shown };
  });
}

function checkRevision(shelf: Shelf, pkg: Package, rev: unknown): void {
  const current = packument(pkg, "", (version) => shelf.hidden(pkg.name, version))._rev;
  if (rev !== undefined && rev !== current) throw new HttpError(409, { error: "Document update conflict" });
}

/** npm's unpublish policy: within 72 hours, or rarely downloaded; never while another package depends on it. */
function refuseLate(shelf: Shelf, pkg: Package, versions: string[]): void {
  const failed: string[] = [];
  const dependents = shelf
    .names()
    .some(
      (name) =>
        name !== pkg.name &&
        Object.values(shelf.get(name)?.versions ?? {}).some(
          ({ manifest }) => pkg.name in ((manifest.dependencies ?? {}) as object),
        ),
    );
  if (dependents) failed.push("has dependent packages in the registry");
  for (const version of versions) {
    const age = shelf.now().getTime() - Date.parse(pkg.time[version] ?? "");
    const downloads = Object.values(pkg.versions).reduce((sum, one) => sum + one.downloads, 0);
    if (age > 72 * hour && downloads >= 300)
      failed.push(`${version} has too many downloads and is older than 72 hours`);
  }
  if (failed.length === 0) return;
  const error = `You can no longer unpublish this package.\nFailed criteria:\n${failed.join("\n")}\nPlease deprecate it instead.`;
  throw new HttpError(405, { error });
}
