import { ReleaseError } from "../lib/errors.ts";
import { findFormat, type Range } from "./formats.ts";
import { findPattern } from "./pattern.ts";

/** What is stamped; `Stamp` of the config has this shape. */
export interface StampRule {
  /** Path in the repository; its last part tells the format where there is no pattern. */
  file: string;
  /** Text around `{version}`, taken literally. */
  pattern?: string;
  /** How often the pattern must match. Default 1. */
  count?: number;
  /** Spelling. Default: PEP 440 in Python's own files, SemVer in all others. */
  form?: "semver" | "pep440";
}

/** A replaced part of a file: bytes `start` to `end` (exclusive) of the UTF-8 text before. */
export interface Span {
  start: number;
  end: number;
  /** What stands there now. */
  text: string;
}

/**
 * Writes a version into a file's text. Nothing but the version's own characters changes: line ends, indentation,
 * quotes, comments, a leading `v` and the rest of the file stay byte for byte. Pure.
 *
 * Formats that are known by the file's name: package.json, package-lock.json, npm-shrinkwrap.json, pyproject.toml,
 * setup.cfg, `__init__.py` and the like (`__version__`), Cargo.toml, Chart.yaml, VERSION; a file that holds nothing but
 * a version is taken for the last one whatever its name.
 *
 * @param to SemVer without prefix (`0.1.19-rc.1`), and PEP 440's spelling of it (`0.1.19rc1`)
 * @returns the new text, and the spans that differ from the old one, in order
 * @throws ReleaseError CONFIG with file, line and remedy when the version isn't found, or not as often as it must be
 */
export function stampText(
  text: string,
  rule: StampRule,
  to: { version: string; pythonVersion: string },
): { text: string; spans: Span[] } {
  if (text.includes("\ufffd") || text.includes("\0")) {
    throw new ReleaseError("CONFIG", `${rule.file} isn't UTF-8 text, so no version can be stamped into it`, {
      facts: { file: rule.file },
      hint: "remove it from version.stamp; a build script can write binary files",
    });
  }
  const ranges =
    rule.pattern === undefined ? findFormat(text, rule.file) : findPattern(text, { ...rule, pattern: rule.pattern });
  const version = (rule.form ?? defaultForm(rule.file)) === "pep440" ? to.pythonVersion : to.version;
  return replace(text, ranges, version);
}

/** Python's own files are read by tools that know PEP 440 alone (packaging.python.org, "Version specifiers"). */
function defaultForm(file: string): "semver" | "pep440" {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return /^(?:pyproject\.toml|setup\.cfg|.*\.pyi?|(?:.*-)?requirements.*\.(?:txt|in))$/.test(name)
    ? "pep440"
    : "semver";
}

function replace(text: string, ranges: readonly Range[], version: string): { text: string; spans: Span[] } {
  let out = "";
  let at = 0;
  let bytes = 0;
  const spans: Span[] = [];
  for (const { start, end } of ranges) {
    const kept = text.slice(at, start);
    const old = text.slice(start, end);
    const written = /^v\d/.test(old) ? `v${version}` : version;
    bytes += Buffer.byteLength(kept);
    const length = Buffer.byteLength(old);
    if (written !== old) spans.push({ start: bytes, end: bytes + length, text: written });
    bytes += length;
    out += kept + written;
    at = end;
  }
  return { text: out + text.slice(at), spans };
}
