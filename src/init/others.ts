import { parse as parseYaml } from "yaml";
import { inside } from "../config/manifests.ts";
import type { Tree } from "../config/types.ts";
import { asTable, asText, parseJson } from "./json.ts";
import type { ExtraStamp } from "./types.ts";

/** What another release tool's configuration says. */
export interface OtherTool {
  name: "semantic-release" | "release-please" | "changesets" | "dist" | "release-plz";
  file: string;
  notes: string[];
  /** Form of its tags, where the configuration names it. */
  tag: string | null;
  /** Label of its prereleases. */
  label: string | null;
  /** npm packages that it doesn't publish, by name. */
  ignored: string[];
  /** False where it doesn't publish to npm. */
  npm: boolean;
  stamps: ExtraStamp[];
  branch: string | null;
}

const nothing = { tag: null, label: null, ignored: [], npm: true, branch: null };

/** Configurations of semantic-release, release-please, changesets, dist (cargo-dist) and release-plz. */
export async function readOtherTools(tree: Tree, files: readonly string[]): Promise<OtherTool[]> {
  const found = await Promise.all([
    semanticRelease(tree, files),
    releasePlease(tree, files),
    changesets(tree, files),
    dist(tree, files),
    releasePlz(files),
  ]);
  return found.filter((one) => one !== null);
}

/** https://semantic-release.gitbook.io/semantic-release/usage/configuration */
async function semanticRelease(tree: Tree, files: readonly string[]): Promise<OtherTool | null> {
  const names = [".releaserc", ".releaserc.json", ".releaserc.yaml", ".releaserc.yml"];
  const file = names.find((name) => files.includes(name));
  const code = files.find((one) => /^(?:\.releaserc|release\.config)\.[cm]?[jt]s$/.test(one));
  const manifest = files.includes("package.json") ? parseJson((await tree.read("package.json")) ?? "") : null;
  let table = asTable(manifest?.release);
  if (file !== undefined) table = parseLoose((await tree.read(file)) ?? "");
  else if (code !== undefined)
    return {
      ...nothing,
      name: "semantic-release",
      file: code,
      stamps: [],
      notes: [`${code} is code: its tagFormat, branches and plugins weren't read`],
    };
  else if (Object.keys(table).length === 0) return null;

  const plugins = Array.isArray(table.plugins) ? table.plugins : null;
  const named = new Map(
    plugins?.map((one) => (Array.isArray(one) ? [String(one[0]), asTable(one[1])] : [String(one), {}])),
  );
  const branches = (Array.isArray(table.branches) ? table.branches : []).map((one) =>
    typeof one === "string" ? { name: one } : asTable(one),
  );
  const pre = branches.find((one) => one.prerelease !== undefined && one.prerelease !== false);
  const main = branches.find(
    (one) => one.prerelease === undefined && !/[*+x]/.test(String(one.name)) && one.range === undefined,
  );
  const format = asText(table.tagFormat);
  const notes: string[] = [];
  const others = [...named.keys()].filter(
    (name) => !/^@semantic-release\/(?:npm|github|git|changelog|commit-analyzer|release-notes-generator)$/.test(name),
  );
  if (others.length > 0)
    notes.push(`its plugins ${others.join(", ")} have no counterpart here: docs/moving-from/semantic-release.md`);
  return {
    ...nothing,
    name: "semantic-release",
    file: file ?? "package.json",
    tag: format?.includes("${version}") ? format.replace("${version}", "{version}") : null,
    label: pre ? labelOf(asText(pre.prerelease) ?? asText(pre.name)) : null,
    npm:
      plugins === null ||
      (named.has("@semantic-release/npm") && named.get("@semantic-release/npm")?.npmPublish !== false),
    branch: asText(main?.name) ?? null,
    stamps: [],
    notes,
  };
}

/** https://github.com/googleapis/release-please/blob/main/docs/manifest-releaser.md */
async function releasePlease(tree: Tree, files: readonly string[]): Promise<OtherTool | null> {
  const file = ["release-please-config.json", ".release-please-config.json"].find((name) => files.includes(name));
  if (file === undefined) return null;
  const table = parseJson((await tree.read(file)) ?? "");
  if (table === null) return { ...nothing, name: "release-please", file, stamps: [], notes: [`${file} isn't JSON`] };
  const stamps: ExtraStamp[] = [];
  const notes: string[] = [];
  for (const [dir, settings] of Object.entries(asTable(table.packages))) {
    const own = asTable(settings);
    for (const extra of [table["extra-files"], own["extra-files"]].filter(Array.isArray).flat()) {
      const name = asText(extra) ?? asText(asTable(extra).path);
      if (name === undefined) continue;
      const path = name.startsWith("/") ? name.slice(1) : inside(dir, name);
      const text = await tree.read(path);
      const patterns = text === null ? [] : annotated(text);
      if (patterns.length === 0)
        notes.push(`${path}: which line spells the version isn't known; add it to version.stamp with a pattern`);
      for (const pattern of patterns) stamps.push({ file: path, pattern });
    }
  }
  return { ...nothing, name: "release-please", file, stamps, notes };
}

/** Lines with `x-release-please-version`, or between `x-release-please-start-version` and `x-release-please-end`, as patterns. */
function annotated(text: string): string[] {
  const found: string[] = [];
  let block = false;
  for (const line of text.split(/\r?\n/)) {
    if (/x-release-please-start-version\b/.test(line)) block = true;
    else if (/x-release-please-end\b/.test(line)) block = false;
    const at = block || /x-release-please-version\b/.test(line) ? /\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?/.exec(line) : null;
    if (at === null) continue;
    found.push(`${line.slice(0, at.index)}{version}${line.slice(at.index + at[0].length)}`.trim());
  }
  return [...new Set(found)];
}

/** https://github.com/changesets/changesets/blob/main/docs/config-file-options.md */
async function changesets(tree: Tree, files: readonly string[]): Promise<OtherTool | null> {
  const file = ".changeset/config.json";
  if (!files.includes(file)) return null;
  const table = parseJson((await tree.read(file)) ?? "") ?? {};
  const pre = parseJson((await tree.read(".changeset/pre.json")) ?? "");
  const waiting = files.filter((one) => /^\.changeset\/(?!README\.md$)[^/]+\.md$/.test(one)).length;
  const notes =
    waiting > 0
      ? [
          `${waiting} changesets wait in .changeset: twotier takes the notes from commits and CHANGELOG.md; release them first, or move their texts`,
        ]
      : [];
  return {
    ...nothing,
    name: "changesets",
    file,
    label: pre?.mode === "pre" ? labelOf(asText(pre.tag)) : null,
    ignored: (Array.isArray(table.ignore) ? table.ignore : []).map(String),
    branch: asText(table.baseBranch) ?? null,
    stamps: [],
    notes,
  };
}

/** https://opensource.axo.dev/cargo-dist/book/reference/config.html */
async function dist(tree: Tree, files: readonly string[]): Promise<OtherTool | null> {
  const own = ["dist-workspace.toml", "dist.toml"].find((name) => files.includes(name));
  const cargo = files.includes("Cargo.toml") ? ((await tree.read("Cargo.toml")) ?? "") : "";
  const file = own ?? (/^\[workspace\.metadata\.dist\]/m.test(cargo) ? "Cargo.toml" : undefined);
  if (file === undefined) return null;
  const notes = [
    "dist makes a GitHub release of every tag that is pushed, with archives and installers of its own: take its workflow away, or there are two releases of one tag",
  ];
  return { ...nothing, name: "dist", file, stamps: [], notes };
}

/** https://release-plz.dev/docs/config */
function releasePlz(files: readonly string[]): OtherTool | null {
  const file = ["release-plz.toml", ".release-plz.toml"].find((name) => files.includes(name));
  if (file === undefined) return null;
  const notes = [
    "release-plz makes tags and GitHub releases too: for crates.io alone set `git_tag_enable = false` and `git_release_enable = false`",
  ];
  return { ...nothing, name: "release-plz", file, stamps: [], notes };
}

/** A label that twotier takes: lower-case letters. */
function labelOf(text: string | undefined): string | null {
  return text !== undefined && /^[a-z]+$/.test(text) ? text : null;
}

function parseLoose(text: string): Record<string, unknown> {
  try {
    // YAML holds JSON.
    return asTable(parseYaml(text));
  } catch {
    return {};
  }
}
