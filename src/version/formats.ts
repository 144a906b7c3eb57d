import { ReleaseError } from "../lib/errors.ts";
import { jsonStrings } from "./json.ts";

/** Characters `start` to `end` (exclusive) of a text. */
export interface Range {
  start: number;
  end: number;
}

type Finder = (text: string) => Range[];

/** A version as one plain line: what a VERSION file holds. */
const plain = /^\ufeff?[ \t]*(v?\d+\.\d+\.\d+[0-9A-Za-z.+-]*)[ \t]*(?:\r?\n)*$/d;

const formats: { name: RegExp; holds: string; find: Finder }[] = [
  {
    name: /^package\.json$/,
    holds: '"version"',
    find: (text) => jsonStrings(text, (path) => path.join("\n") === "version"),
  },
  { name: /^(?:package-lock|npm-shrinkwrap)\.json$/, holds: '"version"', find: lockfile },
  {
    name: /^pyproject\.toml$/,
    holds: "version in [project] or [tool.poetry]",
    find: (text) => toml(text, ["project", "tool.poetry"]),
  },
  {
    name: /^Cargo\.toml$/,
    holds: "version in [package] or [workspace.package]",
    find: (text) => toml(text, ["package", "workspace.package"]),
  },
  { name: /^setup\.cfg$/, holds: "version in [metadata]", find: ini },
  {
    name: /^(?:__init__|__about__|__version__|_version|version|about)\.py$/,
    holds: '__version__ = "..."',
    find: python,
  },
  { name: /^Chart\.ya?ml$/, holds: "version: and appVersion:", find: chart },
];

/**
 * Places of the version in a file whose format its name tells.
 *
 * @throws ReleaseError CONFIG when the format isn't known, or the file has no version where the format has it
 */
export function findFormat(text: string, file: string): Range[] {
  const name = file.slice(file.lastIndexOf("/") + 1);
  const format = formats.find((one) => one.name.test(name));
  const ranges = format ? format.find(text) : matches(text, plain);
  if (ranges.length > 0) return ranges;
  if (format) {
    throw new ReleaseError("CONFIG", `${file} has no ${format.holds}`, {
      facts: { file },
      hint: "write a version there, which releases then replace, or name the file that has one in version.stamp",
    });
  }
  const what = /^VERSION$/i.test(name) ? "isn't a version on one line" : "is of no known format";
  throw new ReleaseError("CONFIG", `${file} ${what}`, {
    facts: { file, begins: text.slice(0, 80) },
    hint: /^VERSION$/i.test(name)
      ? "write one, e.g. 0.1.18"
      : 'give it a pattern with {version} in version.stamp: Version = "{version}"',
  });
}

function matches(text: string, pattern: RegExp): Range[] {
  const found = pattern.exec(text)?.indices?.[1];
  return found ? [{ start: found[0], end: found[1] }] : [];
}

/** The package's own version, twice (docs.npmjs.com, package-lock.json), and those of workspaces that share it. */
function lockfile(text: string): Range[] {
  const isWorkspace = (path: readonly string[]) =>
    path.length === 3 &&
    path[0] === "packages" &&
    path[2] === "version" &&
    !/(?:^|\/)node_modules\//.test(path[1] as string);
  const found = jsonStrings(text, (path) => path.join("\n") === "version" || isWorkspace(path));
  const own = found[0];
  return found.filter((range) => own && text.slice(range.start, range.end) === text.slice(own.start, own.end));
}

/** Lines of a text with where they begin. */
function* linesOf(text: string): Generator<{ line: string; start: number }> {
  let start = 0;
  while (start <= text.length) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    yield { line: text.slice(start, end).replace(/\r$/, ""), start };
    start = end + 1;
  }
}

/** `version = "..."` in the named tables, or `TABLE.version = "..."` above all tables; not inside of multi-line strings. */
function toml(text: string, tables: readonly string[]): Range[] {
  const ranges: Range[] = [];
  let table = "";
  let open: string | null = null;
  for (const { line, start } of linesOf(text.replace(/^\ufeff/, " "))) {
    if (open === null) {
      const header = /^\s*\[\s*([^[\]]+?)\s*\]\s*(?:#.*)?$/.exec(line);
      if (header) table = (header[1] as string).replace(/\s*\.\s*/g, ".").replace(/["']/g, "");
      else if (/^\s*\[\[/.test(line)) table = "[[";
      const pair = /^\s*((?:[\w-]+\s*\.\s*)*)"?version"?\s*=\s*(["'])([^"'\n]*)\2/d.exec(line);
      if (pair) {
        const key = [table, ...(pair[1] as string).split(".").map((part) => part.trim())].filter(Boolean).join(".");
        const found = pair.indices?.[3];
        if (found && tables.includes(key)) ranges.push({ start: start + found[0], end: start + found[1] });
      }
    }
    open = openAfter(line, open);
  }
  return ranges;
}

/** The quotes of the multi-line string that is open at a line's end (toml.io, "String"); null where none is. */
function openAfter(line: string, open: string | null): string | null {
  const token = /"""|'''|#.*|"(?:[^"\\]|\\.)*"|'[^']*'/g;
  while (token.lastIndex < line.length) {
    if (open !== null) {
      const end = line.indexOf(open, token.lastIndex);
      if (end < 0) return open;
      token.lastIndex = end + open.length;
      open = null;
    } else {
      const found = token.exec(line)?.[0];
      if (found === undefined) return null;
      if (found === '"""' || found === "'''") open = found;
    }
  }
  return open;
}

function ini(text: string): Range[] {
  let section = "";
  for (const { line, start } of linesOf(text)) {
    section = /^\[([^\]]+)\]/.exec(line)?.[1]?.trim() ?? section;
    const pair = /^version\s*[=:]\s*(\d[^\s#;]*)/d.exec(line);
    const found = section === "metadata" ? pair?.indices?.[1] : undefined;
    if (found) return [{ start: start + found[0], end: start + found[1] }];
  }
  return [];
}

function python(text: string): Range[] {
  return matches(text, /^__version__(?:\s*:\s*[\w.[\]]+)?\s*=\s*(?:\w+\s*=\s*)*["']([^"'\r\n]+)["']/dm);
}

/** Keys at the top level alone: those of dependencies are indented (helm.sh, "The Chart.yaml File"). */
function chart(text: string): Range[] {
  const ranges: Range[] = [];
  for (const { line, start } of linesOf(text)) {
    const pair = /^(?:version|appVersion)\s*:\s*(?:"([^"]+)"|'([^']+)'|([^\s"'#][^\s#]*))/d.exec(line);
    const found = pair?.indices?.[1] ?? pair?.indices?.[2] ?? pair?.indices?.[3];
    if (found) ranges.push({ start: start + found[0], end: start + found[1] });
  }
  return ranges;
}
