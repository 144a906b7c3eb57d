import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import semver from "semver";
import { HttpError } from "../server.ts";
import type { Attachment, readDocument } from "./document.ts";
import { checkTag, type Package, tarballName, validName } from "./packages.ts";
import type { Shelf } from "./shelf.ts";

type Document = Awaited<ReturnType<typeof readDocument>>;

/**
 * Takes a publish: `PUT /NAME` with one new version and its tarball (registry API, libnpmpublish's document).
 *
 * @throws HttpError with npm's own words for what the registry refuses
 */
export async function publish(shelf: Shelf, name: string, { document, attachments }: Document): Promise<void> {
  if (document.name !== name || document._id !== name) {
    throw new HttpError(400, { error: "the name in the document isn't the name in the address" });
  }
  if (!validName(name)) throw new HttpError(400, { error: `Invalid package name: ${name}` });
  const versions = Object.entries((document.versions ?? {}) as Record<string, Record<string, unknown>>);
  if (versions.length !== 1) throw new HttpError(400, { error: "a publish holds exactly one version" });
  const [version, manifest] = versions[0] as (typeof versions)[0];
  if (semver.valid(version) !== version || manifest.version !== version || manifest.name !== name) {
    throw new HttpError(400, { error: `Invalid version: ${version}` });
  }
  const pkg = shelf.get(name);
  if (pkg) refuseTaken(shelf, pkg, version);
  const wanted = Object.entries((document["dist-tags"] ?? {}) as Record<string, string>);
  for (const [tag, of] of wanted) {
    checkTag(tag);
    if (of !== version) throw new HttpError(400, { error: `dist-tag ${tag} must select ${version}` });
  }
  const file = tarballName(name, version);
  const attached = [...attachments].find(([one]) => one === file || one.endsWith(`/${file}`))?.[1];
  if (!attached) throw new HttpError(400, { error: `no attachment ${file}` });
  checkBytes(document, manifest, attached);

  // By its digest: two publishes of one version at the same time never share a file.
  const home = shelf.tarball(name, attached.sha1);
  await mkdir(path.dirname(home), { recursive: true });
  await rename(attached.path, home);
  await shelf.change(name, (known) => {
    refuseTaken(shelf, known, version); // another publish may have come first
    const { unpublished: _, ...kept } = known;
    const now = shelf.now().toISOString();
    const first = Object.keys(known.versions).length === 0;
    return {
      ...kept,
      versions: {
        ...known.versions,
        [version]: { manifest: served(manifest, attached, shelf.user), file, sha1: attached.sha1, downloads: 0 },
      },
      // The first version becomes `latest` whatever one asks (registry-facts.md, fact 5).
      tags: { ...known.tags, ...(first ? { latest: version } : {}), ...Object.fromEntries(wanted) },
      time: { ...known.time, [version]: now },
      readme: typeof document.readme === "string" ? document.readme : known.readme,
    };
  });
}

function refuseTaken(shelf: Shelf, pkg: Package, version: string): void {
  const { name } = pkg;
  if (version in pkg.versions) {
    if (shelf.hidden(name, version)) {
      // npm/cli#9889: what a version answers that is accepted but still scanned
      throw new HttpError(409, { error: `Cannot publish over previously staged version "${version}".` });
    }
    const error = `You cannot publish over the previously published versions: ${version}.`;
    throw new HttpError(403, { success: false, error });
  }
  // npm/cli#3076: a version that was unpublished
  if (pkg.spent.includes(version)) {
    throw new HttpError(400, { error: `Cannot publish over previously published version "${version}".` });
  }
  if (pkg.unpublished && shelf.now().getTime() - Date.parse(pkg.unpublished) < 24 * 3_600_000) {
    throw new HttpError(403, { error: `${name} cannot be republished until 24 hours have passed.` });
  }
}

function checkBytes(document: Record<string, unknown>, manifest: Record<string, unknown>, attached: Attachment): void {
  const told = Object.values((document._attachments ?? {}) as Record<string, { length?: number }>);
  const dist = (manifest.dist ?? {}) as { shasum?: unknown; integrity?: unknown };
  if (!told.some((one) => one.length === attached.size)) {
    throw new HttpError(400, { error: `Attachment length does not match: ${attached.size} bytes were received` });
  }
  if (dist.shasum !== undefined && dist.shasum !== attached.sha1) {
    throw new HttpError(400, { error: `shasum does not match the tarball: ${attached.sha1} was received` });
  }
  const integrity = typeof dist.integrity === "string" ? dist.integrity.trim().split(/\s+/) : [];
  const strongest = integrity.filter((one) => one.startsWith("sha512-"));
  if (strongest.length > 0 && !strongest.includes(`sha512-${attached.sha512}`)) {
    throw new HttpError(400, { error: `integrity does not match the tarball: sha512-${attached.sha512} was received` });
  }
}

function served(manifest: Record<string, unknown>, attached: Attachment, user: string) {
  const { readme: _readme, ...rest } = manifest;
  const person = { name: user, email: `${user}@localhost` };
  const dist = { ...((manifest.dist ?? {}) as object), shasum: attached.sha1, integrity: `sha512-${attached.sha512}` };
  return { ...rest, dist, _npmUser: person, maintainers: [person] };
}
