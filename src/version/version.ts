/**
 * Versions of the two-tier model: `X.Y.Z` and `X.Y.Z-LABEL.N` (two-tier.md, "Versions", rule 1), nothing else of SemVer.
 * Parsed by hand: a repository may have 50,000 tags, and all of them are read for every plan.
 */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** Null for a stable version. */
  readonly label: string | null;
  /** Number of the candidate, from 1; 0 for a stable version. */
  readonly n: number;
}

export const components = ["major", "minor", "patch"] as const;
export type LineComponent = (typeof components)[number];

/** The highest stable version of a product that has none. */
export const zero: Version = { major: 0, minor: 0, patch: 0, label: null, n: 0 };

const DASH = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const A = 97;
const Z = 122;

/** Where `numberIn` reads next: a variable of its own, because a result of two would be an object for each number. */
let cursor = 0;

/** Reads a number without leading zeros at the cursor; -1 when there is none, or it is beyond 2^53. */
function numberIn(text: string, to: number): number {
  const start = cursor;
  let value = 0;
  for (; cursor < to; cursor++) {
    const code = text.charCodeAt(cursor);
    if (code < ZERO || code > NINE) break;
    value = value * 10 + (code - ZERO);
  }
  const length = cursor - start;
  if (length === 0 || (length > 1 && text.charCodeAt(start) === ZERO) || value > Number.MAX_SAFE_INTEGER) return -1;
  return value;
}

/** Stands for any version whose line isn't above the floor that `parseVersion` was given. */
export const lower: Version = { ...zero };

/**
 * Reads a version from `text[from, to)`.
 *
 * @param floor versions whose line isn't above it are all answered by `lower`, without making an object for each
 * @returns null when it isn't a version, or a number is beyond 2^53
 */
export function parseVersion(text: string, from = 0, to = text.length, floor: Version | null = null): Version | null {
  cursor = from;
  const major = numberIn(text, to);
  if (major < 0 || cursor >= to || text.charCodeAt(cursor++) !== DOT) return null;
  const minor = numberIn(text, to);
  if (minor < 0 || cursor >= to || text.charCodeAt(cursor++) !== DOT) return null;
  const patch = numberIn(text, to);
  if (patch < 0) return null;
  const low = floor !== null && (major - floor.major || minor - floor.minor || patch - floor.patch) <= 0;
  if (cursor === to) return low ? lower : { major, minor, patch, label: null, n: 0 };

  if (text.charCodeAt(cursor++) !== DASH) return null;
  const start = cursor;
  while (cursor < to && text.charCodeAt(cursor) >= A && text.charCodeAt(cursor) <= Z) cursor++;
  const end = cursor;
  if (end === start || end >= to || text.charCodeAt(cursor++) !== DOT) return null;
  const n = numberIn(text, to);
  if (n < 1 || cursor !== to) return null;
  return low ? lower : { major, minor, patch, label: text.slice(start, end), n };
}

/** `X.Y.Z` or `X.Y.Z-LABEL.N` */
export function formatVersion(version: Version): string {
  const line = `${version.major}.${version.minor}.${version.patch}`;
  return version.label === null ? line : `${line}-${version.label}.${version.n}`;
}

/** SemVer's precedence (semver.org, section 11): negative when `a` is lower. Numbers count as numbers: rc.10 is above rc.9. */
export function compareVersions(a: Version, b: Version): number {
  return compareLines(a, b) || compareLabels(a.label, b.label) || a.n - b.n;
}

/** Order of the `X.Y.Z` parts alone. */
export function compareLines(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** Order of labels in ASCII, as SemVer has it; a stable version (null) is above them all. */
export function compareLabels(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}

/** The line that a version belongs to: its stable version. */
export function lineOf(version: Version): Version {
  return version.label === null ? version : { ...version, label: null, n: 0 };
}

/** The next line after a stable version. */
export function bump(stable: Version, component: LineComponent): Version {
  const { major, minor, patch } = stable;
  if (component === "major") return { ...zero, major: major + 1 };
  if (component === "minor") return { ...zero, major, minor: minor + 1 };
  return { ...zero, major, minor, patch: patch + 1 };
}

/** True when `line` is `stable` with exactly one component bumped (rule 5). */
export function follows(line: Version, stable: Version): boolean {
  return components.some((component) => compareLines(line, bump(stable, component)) === 0);
}
