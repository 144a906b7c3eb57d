import { parse as parseToml } from "smol-toml";
import type { ReleaseError } from "../lib/errors.ts";
import { type KeyPath, mistake, type Place } from "./document.ts";
import type { Artifact, Stamp, Tree } from "./types.ts";

/** What an artifact's own manifest says. */
export interface Manifest {
  registryName: string | null;
  /** Files of it that spell the version. */
  stamp: Stamp[];
  artifact: Artifact;
}

export interface Asked {
  tree: Tree;
  files: ReadonlySet<string>;
  /** Files that `version.stamp` names. */
  stamped: ReadonlySet<string>;
  /** Where a setting of this artifact is written. */
  place(key?: string): Place;
  report(error: ReleaseError): void;
  path: KeyPath;
}

type Table = Record<string, unknown>;

/** `dir` joined with a file's name. */
export function inside(dir: string, file: string): string {
  return dir === "." ? file : `${dir}/${file}`;
}

/**
 * Reads the manifest of a python, npm or go-module artifact; null (and a report) when it has none that can be used.
 * Other types have no manifest: what a registry calls them is in the config, if anything.
 */
export async function readManifest(artifact: Artifact, asked: Asked): Promise<Manifest | null> {
  switch (artifact.type) {
    case "python":
      return readPython(artifact, asked);
    case "npm":
      return readNpm(artifact, asked);
    case "go-module":
      return readModule(artifact, asked);
    default:
      return { registryName: namedInConfig(artifact), stamp: [], artifact };
  }
}

function namedInConfig(artifact: Artifact): string | null {
  if (artifact.type === "image") return artifact.repository;
  return artifact.type === "command" ? (artifact.package ?? null) : null;
}

async function readPython(artifact: Artifact & { type: "python" }, asked: Asked): Promise<Manifest | null> {
  const file = inside(artifact.dir, "pyproject.toml");
  const setupCfg = inside(artifact.dir, "setup.cfg");
  // All at once: a tree reads what is asked for together by one call of git.
  const [text, cfg, modules] = await Promise.all([
    asked.tree.read(file),
    asked.files.has(setupCfg) ? asked.tree.read(setupCfg) : null,
    versionModules(artifact.dir, asked),
  ]);
  const complain = (what: string, hint: string) =>
    void asked.report(mistake(asked.place("dir"), what, hint, asked.path));
  let table: Table = {};
  try {
    if (text !== null) table = parseToml(text);
  } catch (cause) {
    const [reason = ""] = (cause as Error).message.split("\n");
    complain(`${artifact.name}: ${file} can't be read: ${reason}`, `correct ${file}`);
    return null;
  }
  const project = asTable(table.project);
  const poetry = asTable(asTable(table.tool).poetry);
  const name = asText(project.name) ?? asText(poetry.name) ?? iniValue(cfg ?? "", "metadata", "name");
  if (name === undefined) {
    if (text === null && cfg === null)
      complain(`${artifact.name}: there is no ${file}`, "set `dir` to the folder that holds pyproject.toml");
    else complain(`${artifact.name}: ${file} has no [project] name`, "add it, as PyPI knows the project");
    return null;
  }
  const stamp: Stamp[] = [];
  if (asText(project.version) ?? asText(poetry.version)) stamp.push({ file });
  const ini = iniValue(cfg ?? "", "metadata", "version");
  if (ini !== undefined && !/^(attr|file):/.test(ini)) stamp.push({ file: setupCfg });
  for (const path of modules) stamp.push({ file: path });
  return { registryName: name, stamp, artifact };
}

/** Python files with a literal `__version__` in the packages of a project: at most two folders deep, no tests. */
async function versionModules(dir: string, { files, stamped, tree }: Asked): Promise<string[]> {
  const prefix = dir === "." ? "" : `${dir}/`;
  const usual = /^(?!tests?\/|docs?\/|examples?\/)(?:[\w.-]+\/){1,2}(?:__init__|_version|version|__about__)\.py$/;
  const candidates = [...files]
    .filter((path) => path.startsWith(prefix) && usual.test(path.slice(prefix.length)))
    .sort();
  const literal = /^__version__(?:\s*:\s*\w+)?\s*=\s*(["'])[^"'\n]+\1/m;
  const found = await Promise.all(
    candidates.map(async (path) => stamped.has(path) || literal.test((await tree.read(path)) ?? "")),
  );
  return candidates.filter((_, index) => found[index]);
}

async function readNpm(artifact: Artifact & { type: "npm" }, asked: Asked): Promise<Manifest | null> {
  const file = inside(artifact.dir, "package.json");
  const complain = (what: string, hint: string, key = "dir") =>
    void asked.report(mistake(asked.place(key), what, hint, asked.path));
  const text = await asked.tree.read(file);
  if (text === null) {
    complain(`${artifact.name}: there is no ${file}`, "set `dir` to the folder that holds package.json");
    return null;
  }
  let table: Table;
  try {
    table = asTable(JSON.parse(text));
  } catch {
    complain(`${artifact.name}: ${file} isn't JSON`, `correct ${file}`);
    return null;
  }
  const name = asText(table.name);
  if (name === undefined) {
    complain(`${artifact.name}: ${file} has no name`, "add it, as npm knows the package");
    return null;
  }
  if (table.private === true) {
    complain(
      `${artifact.name}: ${name} is private, and npm refuses private packages`,
      `remove "private": true from ${file}, or this artifact`,
    );
  }
  const scripts = asTable(table.scripts);
  if (typeof artifact.script === "string" && !Object.hasOwn(scripts, artifact.script)) {
    const known = Object.keys(scripts).join(", ") || "none";
    complain(
      `${artifact.name}: ${file} has no script ${artifact.script}`,
      `its scripts are: ${known}; \`script: null\` runs none`,
      "script",
    );
  }
  const script = artifact.script === undefined ? (Object.hasOwn(scripts, "build") ? "build" : null) : artifact.script;
  const locks = ["package-lock.json", "npm-shrinkwrap.json"].map((lock) => inside(artifact.dir, lock));
  const stamp = [file, ...locks.filter((lock) => asked.files.has(lock))].map((path) => ({ file: path }));
  return { registryName: name, stamp, artifact: { ...artifact, script } };
}

async function readModule(artifact: Artifact & { type: "go-module" }, asked: Asked): Promise<Manifest | null> {
  const file = inside(artifact.dir, "go.mod");
  const text = await asked.tree.read(file);
  const module =
    text === null ? undefined : /^module[ \t]+"?([^\s"]+)"?[ \t]*(?:\/\/.*)?$/m.exec(text.replaceAll("\r", ""))?.[1];
  if (module === undefined) {
    const what = text === null ? `there is no ${file}` : `${file} names no module`;
    asked.report(
      mistake(asked.place("dir"), `${artifact.name}: ${what}`, "set `dir` to the folder of a Go module", asked.path),
    );
    return null;
  }
  return { registryName: module, stamp: [], artifact };
}

/** A `key = value` of an INI section (setup.cfg); undefined where it isn't there or is empty. */
function iniValue(text: string, section: string, key: string): string | undefined {
  let here = false;
  for (const line of text.split(/\r?\n/)) {
    const head = /^\[([^\]]+)\]\s*$/.exec(line);
    if (head) here = head[1]?.trim() === section;
    else if (here) {
      const pair = /^([A-Za-z_.-]+)\s*[=:]\s*(.*?)\s*$/.exec(line);
      if (pair?.[1] === key && pair[2]) return pair[2];
    }
  }
  return undefined;
}

function asTable(value: unknown): Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
