import { ReleaseError } from "../lib/errors.ts";
import type { Range } from "./formats.ts";

/** Any spelling, where the pattern says what comes after it: SemVer, PEP 440, and what people wrote before. */
const loose = String.raw`v?\d[0-9A-Za-z.+_-]*?`;
/** X.Y.Z with a prerelease part in SemVer's or PEP 440's form, where nothing but the text itself says where it ends. */
const strict = String.raw`\d+\.\d+\.\d+(?:-[A-Za-z]+\.?\d+|\.?(?:a|b|rc|dev|post)\d+)?(?![0-9A-Za-z])(?!\.\d)`;

/**
 * Places of the version in a text, by a pattern that is literal but for `{version}`. A line end in the pattern matches
 * CRLF too.
 *
 * @throws ReleaseError CONFIG when it doesn't match exactly `count` times (default once)
 */
export function findPattern(text: string, rule: { file: string; pattern: string; count?: number }): Range[] {
  const { file, pattern, count = 1 } = rule;
  const parts = pattern.split("{version}").map(literal);
  if (parts.length < 2) {
    throw new ReleaseError("CONFIG", `the pattern for ${file} holds no {version}`, {
      facts: { file, pattern },
      hint: 'write {version} where the version stands, e.g. Version = "{version}"',
    });
  }
  let source = /^\w/.test(pattern) ? `(?<!\\w)${parts[0]}` : (parts[0] as string);
  if (pattern.startsWith("{version}")) source = "(?<![0-9A-Za-z.])";
  for (const part of parts.slice(1))
    source += `(${/^(?:$|[0-9A-Za-z.+_-]|\\[.+-])/.test(part) ? strict : loose})${part}`;

  const ranges: Range[] = [];
  const places: number[] = [];
  for (const match of text.matchAll(new RegExp(source, "dg"))) {
    places.push(match.index);
    for (const found of match.indices?.slice(1) ?? []) if (found) ranges.push({ start: found[0], end: found[1] });
  }
  if (places.length === count) return ranges;
  const lines = places.map((place) => lineAt(text, place));
  const facts = { file, pattern, lines: lines.join(", ") || undefined };
  if (places.length === 0) {
    const near = text.split("\n").findIndex((line) => /\d+\.\d+\.\d+/.test(line));
    const seen =
      near < 0
        ? "no line holds a version"
        : `line ${near + 1} holds a version: ${(text.split("\n")[near] ?? "").trim().slice(0, 120)}`;
    throw new ReleaseError("CONFIG", `${file}: the stamp pattern ${JSON.stringify(pattern)} matches nothing`, {
      facts,
      hint: `everything but {version} is taken literally, blanks too; ${seen}`,
    });
  }
  const often = places.length === 1 ? "once" : `${places.length} times`;
  throw new ReleaseError(
    "CONFIG",
    `${file}:${lines[0]}: the stamp pattern ${JSON.stringify(pattern)} matches ${often}, not ${count === 1 ? "once" : `${count} times`}`,
    {
      facts,
      hint: `make the pattern longer, so that it fits the right place alone, or write \`count: ${places.length}\``,
    },
  );
}

/** Number of the line of a position, from 1. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replace(/\r?\n/g, "\\r?\\n");
}
