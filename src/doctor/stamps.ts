import picomatch from "picomatch";
import { configFile } from "../release/source.ts";
import { changelogFile } from "../release/stamps.ts";
import { type StampRule, stampText } from "../version/stamp.ts";
import type { Found, Result, Subject } from "./types.ts";

/** Files that say old versions, or others' versions, by their nature. */
const ignored = picomatch(
  [
    "**/{node_modules,vendor,third_party,test,tests,__tests__,testdata,fixtures,dist,build,.git}/**",
    "**/*{.lock,.sum,-lock.json,-lock.yaml,.min.js,.map,.svg,.snap,.patch,.test.*,.spec.*,_test.go}",
    "**/{CHANGELOG*,HISTORY*,CHANGES*,NEWS*,RELEASE*,npm-shrinkwrap.json,go.sum,test_*.py}",
    "**/{changelog,changelogs,.changeset}/**",
  ],
  { dot: true, nocase: true },
);

/** Files and bytes that are looked through at most. */
const mostFiles = 5000;
const longest = 256 << 10;
/** Stands where the version stood, so that what is stamped isn't found again. */
const elsewhere = { version: "9007.1990.1", pythonVersion: "9007.1990.1" };

/** Places that spell the current version and aren't stamped. */
export async function checkStamps({
  config,
  resolved,
  tree,
}: Pick<Subject, "config" | "resolved" | "tree">): Promise<Result> {
  const file = config.version.file;
  const rules = [...resolved.stamp, ...(file === null ? [] : [{ file }])];
  const texts = new Map<string, string>();
  const versions = new Set<string>();
  for (const rule of rules) {
    const text = texts.get(rule.file) ?? (await tree.read(rule.file));
    if (text === null) continue;
    const stamped = tryStamp(text, rule);
    if (stamped === null) continue;
    const bytes = Buffer.from(text);
    // Spans count the bytes of the text before.
    for (const { start, end } of stamped.spans)
      versions.add(bytes.subarray(start, end).toString("utf8").replace(/^v/, ""));
    texts.set(rule.file, stamped.text);
  }
  versions.delete(elsewhere.version);
  const [version] = versions;
  if (version === undefined) return { found: [], text: "nothing is stamped", skipped: true };
  const text = `${version} in ${texts.size} ${texts.size === 1 ? "file" : "files"}`;
  if (/^0\.0\.0(?:-development)?$/.test(version)) return { found: [], text };

  const names = [
    config.name,
    config.repository.split("/")[1] ?? "",
    ...resolved.artifacts.map((one) => one.registryName ?? one.name),
  ];
  const about = new RegExp(
    `version|${names
      .filter((name) => name.length > 2)
      .map(literal)
      .join("|")}`,
    "i",
  );
  const token = new RegExp(`(?<![\\w.+])v?(?:${[...versions].map(literal).join("|")})(?![\\w+-]|\\.\\d)`);
  const all = (await tree.list()).filter((path) => ![changelogFile, configFile].includes(path) && !ignored(path));
  const paths = all.slice(0, mostFiles);
  const found: Found[] = [];
  for (const path of paths) {
    const content = texts.get(path) ?? (await tree.read(path));
    if (content === null || content.length > longest || content.includes("\0")) continue;
    for (const [index, line] of content.split(/\r?\n/).entries()) {
      // The same number may be another thing's version: the line must be about this product, or about a version.
      if (line.length > 500 || !token.test(line) || !about.test(line)) continue;
      found.push(unstamped(path, index + 1, line, token));
      break;
    }
  }
  const limit = all.length > mostFiles ? `; ${mostFiles} of ${all.length} files were looked through` : "";
  return { found, text: `${text}${limit}` };
}

/** Null where the version isn't where the rule says; that is a finding of the checks of twotier.yaml and of the plan. */
function tryStamp(text: string, rule: StampRule): ReturnType<typeof stampText> | null {
  try {
    return stampText(text, rule, elsewhere);
  } catch {
    return null;
  }
}

function unstamped(path: string, number: number, line: string, token: RegExp): Found {
  const pattern = line.trim().replace(token, (text) => (text.startsWith("v") ? "v{version}" : "{version}"));
  return {
    code: "unstamped",
    level: "warning",
    what: `${path}:${number} spells the version, and isn't stamped: ${line.trim().slice(0, 100)}`,
    remedy: `add it to version.stamp in twotier.yaml: { file: ${JSON.stringify(path)}, pattern: ${quoted(pattern)} }, or write it so that it needs no version`,
  };
}

/** As a flow scalar of YAML. */
function quoted(text: string): string {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`;
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
