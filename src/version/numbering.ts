import { comparePythonLabels } from "./pep440.ts";
import { bump, compareLabels, compareLines, type LineComponent, parseVersion, type Version, zero } from "./version.ts";

/** A version that is taken, and by whom: `tag v0.1.19-rc.1`, `VERSION`, `npm`. */
export interface Used {
  version: Version;
  by: string;
}

/**
 * The line of the next candidate: the highest of the open line, the stable version bumped, and the VERSION file's line
 * where that is above the stable one (two-tier.md, "Versions", rule 3). So the component is a floor.
 */
export function nextLine(input: {
  stable: Version | null;
  open: Version | null;
  component: LineComponent;
  file: Version | null;
}): Version {
  let line = bump(input.stable ?? zero, input.component);
  for (const other of [input.open, input.file]) if (other && compareLines(other, line) > 0) line = stableOf(other);
  return line;
}

function stableOf(version: Version): Version {
  return { ...version, label: null, n: 0 };
}

/** The next number of a line and label: one more than the highest that was ever used. */
export function nextNumber(line: Version, label: string, used: Iterable<Used>): number {
  let highest = 0;
  for (const { version } of used) {
    if (version.label === label && version.n > highest && compareLines(version, line) === 0) highest = version.n;
  }
  return highest + 1;
}

/**
 * The first use of the line that a label would fall below, in SemVer's order or in PEP 440's (`dev` is the lowest there,
 * but above `beta` in ASCII); null when there is none.
 */
export function usedAbove(line: Version, label: string, used: Iterable<Used>): Used | null {
  for (const one of used) {
    const other = one.version.label;
    if (other === null || compareLines(one.version, line) !== 0) continue;
    if (compareLabels(label, other) < 0 || comparePythonLabels(label, other) < 0) return one;
  }
  return null;
}

const semver =
  /^v?((?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*))(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Reads a VERSION file: SemVer, with or without `v`.
 *
 * @returns its line, and the candidate that it names where its prerelease part is LABEL.N; null when it is no version
 */
export function readVersionFile(text: string): { line: Version; candidate: Version | null } | null {
  const match = semver.exec(text.trim());
  const line = match ? parseVersion(match[1] as string) : null;
  if (!match || !line) return null;
  const candidate = match[2] === undefined ? null : parseVersion(`${match[1]}-${match[2]}`);
  return { line, candidate };
}
