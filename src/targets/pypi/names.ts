import { parse } from "@renovatebot/pep440";

/** A project's name as indexes compare it (PEP 503): `Hanzo.Playground` -> `hanzo-playground`. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** What a project may be called (PEP 508, "Names"). */
export function isProjectName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i.test(name);
}

const labels: Record<string, string> = { a: "alpha", b: "beta", rc: "rc" };

/**
 * A PEP 440 version in SemVer's spelling: `0.1.19rc1` -> `0.1.19-rc.1`, `1.2` -> `1.2.0`.
 *
 * @returns undefined for what SemVer can't say (epochs, four numbers, post and local releases, `1.0rc1.dev2`)
 */
export function toSemver(version: string): string | undefined {
  const parsed = parse(version);
  if (!parsed || parsed.epoch || parsed.post?.length || parsed.local?.length) return undefined;
  const line = [...parsed.release];
  while (line.length < 3) line.push(0);
  if (line.length > 3) return undefined;
  const parts = [...(parsed.pre ?? []), ...(parsed.dev ?? [])];
  if (parts.length === 0) return line.join(".");
  if (parts.length > 2) return undefined;
  const [label, number] = parts;
  return `${line.join(".")}-${labels[String(label)] ?? label}.${number}`;
}

/** Characters of a file's name: more than any file system takes. */
const longestName = 1000;

/** The version in a distribution's file name (PEP 427; PEP 625 and, for sdists, older habits); undefined for other files. */
export function versionOfFile(file: string, project: string): string | undefined {
  if (file.length > longestName) return undefined;
  if (file.endsWith(".whl")) {
    const parts = file.slice(0, -4).split("-");
    return parts.length === 5 || parts.length === 6 ? parts[1] : undefined;
  }
  const stem = /^(.+)\.(?:tar\.gz|zip|tar\.bz2|tgz)$/.exec(file)?.[1];
  if (stem === undefined) return undefined;
  // An old sdist's name may hold hyphens: the name ends where it equals the project's.
  for (let at = stem.indexOf("-"); at > 0; at = stem.indexOf("-", at + 1)) {
    if (normalizeName(stem.slice(0, at)) === normalizeName(project)) return stem.slice(at + 1);
  }
  return undefined;
}

/** The project that a distribution's file name belongs to, normalised. */
export function projectOfFile(file: string): string {
  const stem = file.endsWith(".whl") ? (file.split("-")[0] ?? "") : file.replace(/-[^-]*$/, "");
  return normalizeName(stem);
}
