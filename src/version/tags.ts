import { ReleaseError } from "../lib/errors.ts";
import { formatVersion, parseVersion, type Version } from "./version.ts";

/** What a tag name stands for. */
export type TagMeaning =
  | { kind: "version"; version: Version }
  /** `DIR/vX`: the tag of a Go module in a folder (go.dev/ref/mod#vcs-version). */
  | { kind: "module"; dir: string; version: Version }
  | { kind: "ignored"; reason: string };

/** Reads and writes tag names by one template. */
export interface TagNames {
  /** The tag of a version. */
  format(version: Version): string;
  /** The version of a tag, which begins in `text` at `from`; null when it is no version tag of ours. `floor` as for parseVersion. */
  version(text: string, from?: number, floor?: Version | null): Version | null;
  /** The same with Go module tags, and the reason why any other is left alone. */
  meaning(tag: string): TagMeaning;
}

/**
 * @param template `version.tag` of twotier.yaml, e.g. `v{version}` or `name@{version}`
 * @param moduleDirs folders of the Go modules whose tags go with ours; null where they aren't known: then any folder is taken for one
 * @throws ReleaseError CONFIG when the template hasn't got exactly one `{version}`
 */
export function tagNames(template: string, moduleDirs: readonly string[] | null = null): TagNames {
  const parts = template.split("{version}");
  const [prefix, suffix] = parts;
  if (parts.length !== 2 || prefix === undefined || suffix === undefined) {
    throw new ReleaseError("CONFIG", `version.tag "${template}" must hold {version} once`, {
      hint: 'write for example `tag: "v{version}"`',
    });
  }
  const version = (text: string, from = 0, floor: Version | null = null): Version | null => {
    const [start, end] = [from + prefix.length, text.length - suffix.length];
    if (end <= start || !text.startsWith(prefix, from) || (suffix !== "" && !text.endsWith(suffix))) return null;
    return parseVersion(text, start, end, floor);
  };
  const meaning = (tag: string): TagMeaning => {
    const own = version(tag);
    if (own) return { kind: "version", version: own };
    const slash = tag.lastIndexOf("/v");
    if (slash > 0) {
      const dir = tag.slice(0, slash);
      const found = parseVersion(tag, slash + 2);
      if (found && (moduleDirs === null || moduleDirs.includes(dir))) return { kind: "module", dir, version: found };
    }
    const fits = tag.startsWith(prefix) && tag.endsWith(suffix) && tag.length > prefix.length + suffix.length;
    return {
      kind: "ignored",
      reason: fits
        ? whyNot(tag.slice(prefix.length, tag.length - suffix.length))
        : `isn't of the form ${prefix}X.Y.Z${suffix}`,
    };
  };
  return { format: (it) => `${prefix}${formatVersion(it)}${suffix}`, version, meaning };
}

/** Why a text isn't a version, for people. */
export function whyNot(text: string): string {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:-(.*))?$/s.exec(text);
  if (!match) return "isn't X.Y.Z or X.Y.Z-LABEL.N";
  const [, major = "", minor = "", patch = "", rest] = match;
  for (const number of [major, minor, patch]) {
    if (/^0\d/.test(number)) return `has a number with a leading zero (${number})`;
    if (Number(number) > Number.MAX_SAFE_INTEGER) return `has a number that is too large (${number.length} digits)`;
  }
  const candidate = /^([^.]*)\.(.*)$/s.exec(rest ?? "");
  if (!candidate) return "has a prerelease part without a number (it should be LABEL.N)";
  const [, label = "", n = ""] = candidate;
  if (!/^[a-z]+$/.test(label)) return "has a label that isn't lower-case letters";
  if (!/^\d+$/.test(n)) return "has more than LABEL.N after the line";
  if (n === "0") return "counts candidates from 0 (the first is 1)";
  if (/^0\d/.test(n)) return `has a number with a leading zero (${n})`;
  return `has a number that is too large (${n.length} digits)`;
}
