import type { Version } from "./version.ts";

/** Labels that PyPI can spell, in PEP 440's order: `.devN` < `aN` < `bN` < `rcN` (PEP 440, "Summary of permitted suffixes and relative ordering"). */
const spelling: Record<string, { suffix: string; order: number }> = {
  dev: { suffix: ".dev", order: 0 },
  alpha: { suffix: "a", order: 1 },
  beta: { suffix: "b", order: 2 },
  rc: { suffix: "rc", order: 3 },
};

/** Labels that a release with anything for PyPI may have. */
export const pythonLabels: readonly string[] = Object.keys(spelling);

/** PEP 440's spelling of a version, e.g. `0.1.19rc1`; null where its label has none. */
export function pythonVersion(version: Version): string | null {
  const line = `${version.major}.${version.minor}.${version.patch}`;
  if (version.label === null) return line;
  const known = Object.hasOwn(spelling, version.label) ? spelling[version.label] : undefined;
  return known ? `${line}${known.suffix}${version.n}` : null;
}

/** Order of two labels in PEP 440; 0 where it can't spell one of them. */
export function comparePythonLabels(a: string, b: string): number {
  const [left, right] = [a, b].map((label) => (Object.hasOwn(spelling, label) ? spelling[label]?.order : undefined));
  return left === undefined || right === undefined ? 0 : left - right;
}
