import { compare, parse } from "@renovatebot/pep440";
import type { Index, Project, Release, StoredFile } from "./projects.ts";
import { normalizedName } from "./rules.ts";

export const jsonType = "application/vnd.pypi.simple.v1+json";
export const htmlType = "application/vnd.pypi.simple.v1+html";

/** The Simple API's content type that an `accept` header prefers (PEP 691); undefined when it takes none of them. */
export function negotiate(accept: string | undefined): string | undefined {
  const offers: Record<string, string> = {
    [jsonType]: jsonType,
    "application/vnd.pypi.simple.latest+json": jsonType,
    [htmlType]: htmlType,
    "application/vnd.pypi.simple.latest+html": htmlType,
    "text/html": "text/html",
    "text/*": "text/html",
    "*/*": "text/html",
  };
  let best: { type: string; quality: number } | undefined;
  for (const part of (accept || "*/*").split(",")) {
    const [range = "", ...parameters] = part.split(";").map((one) => one.trim());
    const quality = Number(parameters.find((one) => one.startsWith("q="))?.slice(2) ?? 1);
    const type = offers[range.toLowerCase()];
    if (type && quality > 0 && (!best || quality > best.quality)) best = { type, quality };
  }
  return best?.type;
}

/** Versions, lowest first. */
export function sortedVersions(project: Project): string[] {
  return Object.keys(project.releases).sort(compare);
}

const filesOf = (project: Project) =>
  sortedVersions(project).flatMap((version) => {
    const release = project.releases[version] as Release;
    return release.files.map((file) => ({ file, release, version }));
  });

/** Where a file is downloaded: its name comes last, so that clients can read it. */
export function urlOf(base: string, file: StoredFile): string {
  const { sha256, filename } = file;
  return `${base}/packages/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256.slice(4)}/${filename}`;
}

/** Of a file's attestations (docs.pypi.org/api/integrity). */
function provenanceUrl(base: string, project: Project, version: string, file: StoredFile): string {
  return `${base}/integrity/${normalizedName(project.name)}/${version}/${file.filename}/provenance`;
}

/** PEP 691, 700, 714, 740, 792 */
export function simpleJson(project: Project, base: string): object {
  return {
    meta: { "api-version": "1.4", "_last-serial": project.serial },
    name: normalizedName(project.name),
    "project-status": { status: "active" },
    versions: sortedVersions(project),
    files: filesOf(project).map(({ file, release, version }) => {
      const metadata = file.metadataSha256 === undefined ? false : { sha256: file.metadataSha256 };
      return {
        filename: file.filename,
        url: urlOf(base, file),
        hashes: { sha256: file.sha256 },
        "requires-python": file.requiresPython ?? null,
        size: file.size,
        "upload-time": file.uploaded,
        yanked: release.yanked === null ? false : release.yanked || true,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        provenance: file.provenance === undefined ? null : provenanceUrl(base, project, version, file),
      };
    }),
  };
}

/** PEP 503, 592, 629, 658 */
export function simpleHtml(project: Project, base: string): string {
  const name = normalizedName(project.name);
  const anchors = filesOf(project).map(({ file, release, version }) => {
    const attributes = [`href="${urlOf(base, file)}#sha256=${file.sha256}"`];
    if (file.requiresPython) attributes.push(`data-requires-python="${escaped(file.requiresPython)}"`);
    if (file.metadataSha256) {
      attributes.push(`data-dist-info-metadata="sha256=${file.metadataSha256}"`);
      attributes.push(`data-core-metadata="sha256=${file.metadataSha256}"`);
    }
    if (file.provenance !== undefined)
      attributes.push(`data-provenance="${escaped(provenanceUrl(base, project, version, file))}"`);
    if (release.yanked !== null) attributes.push(`data-yanked="${escaped(release.yanked)}"`);
    return `    <a ${attributes.join(" ")}>${escaped(file.filename)}</a><br />`;
  });
  return page(`Links for ${name}`, `<h1>Links for ${name}</h1>\n${anchors.join("\n")}`, project.serial);
}

/** The list of all projects, as HTML or for JSON. */
export function simpleList(index: Index): { html: string; json: object } {
  const projects = index.all().filter((project) => Object.keys(project.releases).length > 0);
  const anchors = projects.map(
    ({ name }) => `    <a href="/simple/${normalizedName(name)}/">${escaped(name)}</a><br />`,
  );
  return {
    html: page("Simple index", anchors.join("\n"), index.serial()),
    json: {
      meta: { "api-version": "1.4", "_last-serial": index.serial() },
      projects: projects.map(({ name, serial }) => ({ name, "_last-serial": serial })),
    },
  };
}

/** PyPI's own JSON API: of one version, or of the project with its newest one. */
export function projectJson(project: Project, base: string, asked?: string): object | undefined {
  const versions = sortedVersions(project);
  const usable = versions.filter((version) => project.releases[version]?.yanked === null);
  const stable = usable.filter((version) => !parse(version)?.pre && !parse(version)?.dev);
  const version = asked ?? stable.at(-1) ?? usable.at(-1) ?? versions.at(-1);
  const release = versions.includes(version ?? "") ? project.releases[version ?? ""] : undefined;
  if (version === undefined || !release) return undefined;
  const urls = (of: Release) => of.files.map((file) => jsonFile(file, of, base));
  const info = {
    ...{ author: "", summary: "", description: "", ...release.metadata },
    ...{ name: project.name, version, project_url: `${base}/project/${normalizedName(project.name)}/` },
    ...{ yanked: release.yanked !== null, yanked_reason: release.yanked || null },
  };
  const all =
    asked === undefined
      ? { releases: Object.fromEntries(versions.map((one) => [one, urls(project.releases[one] as Release)])) }
      : {};
  return { info, last_serial: project.serial, ...all, urls: urls(release), vulnerabilities: [] };
}

function jsonFile(file: StoredFile, release: Release, base: string): object {
  return {
    ...{ filename: file.filename, url: urlOf(base, file), size: file.size, packagetype: file.filetype },
    digests: { sha256: file.sha256, ...(file.md5 ? { md5: file.md5 } : {}) },
    ...{ python_version: file.pyversion, requires_python: file.requiresPython ?? null },
    ...{ upload_time: file.uploaded.slice(0, 19), upload_time_iso_8601: file.uploaded },
    ...{ yanked: release.yanked !== null, yanked_reason: release.yanked || null },
  };
}

function page(title: string, body: string, serial: number): string {
  return `<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <title>${escaped(title)}</title>
  </head>
  <body>
${body}
  </body>
</html>
<!--SERIAL ${serial}-->
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
