import semver from "semver";
import { HttpError } from "../server.ts";

/** What the registry keeps of a package. */
export interface Package {
  name: string;
  /** Counts every change; CouchDB's `_rev` begins with it. */
  rev: number;
  owner: string;
  versions: Record<string, Version>;
  /** Unpublished versions: spent for ever. */
  spent: string[];
  tags: Record<string, string>;
  /** What each tag selected when its version could last be had: a tag on a version still scanned shows the one before. */
  shown: Record<string, string>;
  /** ISO dates: created, modified, each version that ever was. */
  time: Record<string, string>;
  readme: string;
  /** Since when nothing of it is published any more. */
  unpublished?: string;
}

export interface Version {
  /** As the publisher sent it; `dist.tarball` is made anew for each answer. */
  manifest: Record<string, unknown> & { dist: Record<string, unknown> };
  /** Name of its tarball. */
  file: string;
  /** Of the tarball, hex: where its bytes are kept. */
  sha1: string;
  downloads: number;
  /** Signed statements about it, each with its Sigstore bundle. */
  attestations?: { predicateType: string; bundle: unknown }[];
}

/** Names npm takes for new packages (docs of validate-npm-package-name, "for new packages"). */
export function validName(name: string): boolean {
  const part = /^[a-z0-9~-][a-z0-9._~-]*$/;
  const parts = name.startsWith("@") ? name.slice(1).split("/") : [name];
  return (
    name.length <= 214 &&
    parts.length === (name.startsWith("@") ? 2 : 1) &&
    parts.every((one) => part.test(one)) &&
    !["node_modules", "favicon.ico"].includes(name)
  );
}

/** @throws HttpError 400 for what npm doesn't take as a dist-tag: anything that reads as a version range */
export function checkTag(tag: string): void {
  if (tag.trim() === "" || /[\s/%]/.test(tag) || semver.validRange(tag) !== null) {
    throw new HttpError(400, { error: `Tag name must not be a valid SemVer range: ${tag.trim()}` });
  }
}

/** Name of a version's tarball: `playground-0.1.19.tgz`, without the scope. */
export function tarballName(name: string, version: string): string {
  return `${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
}

/** The packument of a package as it is seen now. Versions for which `hidden` holds are left out, as if they weren't there. */
export function packument(pkg: Package, base: string, hidden: (version: string) => boolean): Record<string, unknown> {
  const { name, rev, time } = pkg;
  const head = {
    _id: name,
    _rev: `${rev}-${Buffer.from(`${name}#${rev}`).toString("hex").padEnd(32, "0").slice(-32)}`,
    name,
  };
  if (pkg.unpublished) {
    const { created, modified } = time;
    const unpublished = { name, time: pkg.unpublished, versions: pkg.spent };
    return { ...head, time: { created, modified, ...onlyVersions(time), unpublished } };
  }
  const versions: Record<string, unknown> = {};
  for (const version of Object.keys(pkg.versions)) {
    if (!hidden(version)) versions[version] = versionDocument(pkg, version, base);
  }
  const shownTime = Object.fromEntries(
    Object.entries(time).filter(([key]) => !(key in pkg.versions) || key in versions),
  );
  const tags = visibleTags(pkg, hidden);
  const newest: Record<string, unknown> =
    (pkg.versions[tags.latest ?? ""] ?? Object.values(pkg.versions).at(-1))?.manifest ?? {};
  const { description, keywords, license, repository, homepage, bugs, author } = newest;
  const readme = pkg.readme;
  return {
    ...head,
    "dist-tags": tags,
    versions,
    time: shownTime,
    maintainers: [{ name: pkg.owner, email: `${pkg.owner}@localhost` }],
    ...{
      description,
      keywords,
      license,
      repository,
      homepage,
      bugs,
      author,
      readme,
      readmeFilename: readme && "README.md",
    },
  };
}

/** One version as the registry serves it. */
export function versionDocument(pkg: Package, version: string, base: string): Record<string, unknown> {
  const held = pkg.versions[version] as Version;
  const dist: Record<string, unknown> = { ...held.manifest.dist, tarball: `${base}/${pkg.name}/-/${held.file}` };
  const { predicateType } = held.attestations?.[0] ?? {};
  if (predicateType !== undefined) {
    const url = `${base}/-/npm/v1/attestations/${pkg.name.replace("/", "%2f")}@${version}`;
    dist.attestations = { url, provenance: { predicateType } };
  }
  return { ...held.manifest, dist };
}

/** dist-tags as installers see them; remembers what each selected, for later. */
export function visibleTags(pkg: Package, hidden: (version: string) => boolean): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [tag, version] of Object.entries(pkg.tags)) {
    if (!hidden(version)) pkg.shown[tag] = version;
    const shown = pkg.shown[tag];
    if (shown !== undefined && shown in pkg.versions) tags[tag] = shown;
  }
  return tags;
}

const installFields = [
  ...["name", "version", "deprecated", "dependencies", "optionalDependencies", "devDependencies", "bundleDependencies"],
  ...["peerDependencies", "peerDependenciesMeta", "bin", "directories", "dist", "engines", "cpu", "os", "libc"],
  ...["funding", "_hasShrinkwrap", "hasInstallScript", "acceptDependencies"],
];

/** The short form that installers ask for (`application/vnd.npm.install-v1+json`; npm/registry docs, package-metadata). */
export function abbreviated(full: Record<string, unknown>): Record<string, unknown> {
  const versions: Record<string, unknown> = {};
  for (const [version, document] of Object.entries((full.versions ?? {}) as Record<string, Record<string, unknown>>)) {
    const short = Object.fromEntries(installFields.flatMap((key) => (key in document ? [[key, document[key]]] : [])));
    const scripts = (document.scripts ?? {}) as Record<string, unknown>;
    if (scripts.preinstall || scripts.install || scripts.postinstall) short.hasInstallScript = true;
    versions[version] = short;
  }
  const { name, time } = full;
  return { name, "dist-tags": full["dist-tags"], versions, modified: (time as Record<string, string>).modified };
}

function onlyVersions(time: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(time).filter(([key]) => semver.valid(key)));
}
