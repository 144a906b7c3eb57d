import picomatch from "picomatch";
import { parse as parseYaml } from "yaml";
import { folderOf, ignored } from "../config/detect.ts";
import { inside } from "../config/manifests.ts";
import type { Tree } from "../config/types.ts";
import { asTable, asText, parseJson, type Table } from "./json.ts";
import { managerOf, runFor } from "./npm-build.ts";
import type { ExtraStamp, Package, Survey } from "./types.ts";

interface NpmManifest {
  file: string;
  dir: string;
  table: Table;
}

/** What npm packages share that isn't in their own manifests. */
export interface NpmSurvey extends Survey {
  /** `publishConfig.registry`, where all released packages have the same. */
  registry: string | null;
  /** `publishConfig.access: restricted` in all of them. */
  restricted: boolean;
}

/** Packages of npm: those that aren't private, and where there are workspaces, those in them. */
export async function surveyNpm(tree: Tree, files: readonly string[]): Promise<NpmSurvey> {
  const survey: NpmSurvey = { packages: [], leftOut: [], notes: [], stamps: [], registry: null, restricted: false };
  const found = files.filter((file) => /(?:^|\/)package\.json$/.test(file) && !ignored.test(file));
  const read = await Promise.all(found.map(async (file) => ({ file, text: (await tree.read(file)) ?? "" })));
  const manifests: NpmManifest[] = [];
  for (const { file, text } of read) {
    const table = parseJson(text);
    if (table) manifests.push({ file, dir: folderOf(file), table });
    else survey.leftOut.push({ path: file, why: "isn't JSON" });
  }
  const isMember = await workspaces(tree, manifests);
  const taken = new Map<string, string>();
  const twice = new Set<string>();
  const chosen: NpmManifest[] = [];
  for (const manifest of manifests) {
    const why = whyNot(manifest, isMember);
    const name = manifest.table.name as string;
    if (why !== null) survey.leftOut.push({ path: manifest.file, why });
    else if (taken.has(name)) twice.add(name);
    else {
      taken.set(name, manifest.file);
      chosen.push(manifest);
    }
  }
  const released = chosen.filter(({ table }) => !twice.has(table.name as string));
  for (const name of twice) {
    const all = manifests.filter((one) => one.table.name === name).map((one) => one.file);
    survey.leftOut.push({
      path: all.join(", "),
      why: `are all called ${name}: rename all but one, or make them private`,
    });
  }
  const manager = managerOf(
    manifests.find(({ dir }) => dir === ".")?.table,
    files,
    files.includes("pnpm-lock.yaml") ? ((await tree.read("pnpm-lock.yaml")) ?? "") : null,
  );
  const byName = new Map(released.map(({ table }) => [table.name as string, table]));
  for (const { file, dir, table } of released) {
    const name = table.name as string;
    const run = runFor(table, byName, manager);
    survey.packages.push({
      artifact:
        run === null
          ? { type: "npm", name, dir }
          : { type: "command", name, dir, run, files: ["*.tgz"], kind: "npm", package: name },
      target: "npm",
      registryName: name,
      manifest: file,
      version: table.version as string,
      ...(run === null ? {} : { stamps: npmStamps(dir, new Set(files)) }),
    });
  }
  const settings = released.map(({ table }) => asTable(table.publishConfig));
  const registries = new Set(settings.map((one) => asText(one.registry)?.replace(/\/+$/, "")));
  if (registries.size === 1) survey.registry = [...registries][0] ?? null;
  else if (registries.size > 1)
    survey.notes.push(
      "the npm packages go to several registries (publishConfig.registry): twotier takes one, targets.npm.registry",
    );
  survey.restricted = settings.length > 0 && settings.every((one) => one.access === "restricted");
  return survey;
}

/** Why a manifest is no package to release; null where it is one. */
function whyNot({ dir, table }: NpmManifest, isMember: (dir: string) => boolean): string | null {
  if (table.private === true) return table.workspaces ? "is private: the root of the workspaces" : "is private";
  if (typeof table.name !== "string" || table.name === "") return "has no name";
  if (typeof table.version !== "string" || table.version === "") return "has no version";
  return isMember(dir) ? null : "isn't one of the workspaces";
}

/** Whether a folder's package is one of the repository's: all are where there are no workspaces at the root. */
async function workspaces(tree: Tree, manifests: readonly NpmManifest[]): Promise<(dir: string) => boolean> {
  const root = manifests.find(({ dir }) => dir === ".");
  const own = root?.table.workspaces;
  const pnpm = parseOr(await tree.read("pnpm-workspace.yaml"));
  const globs = [own, asTable(own).packages, asTable(pnpm).packages].find(Array.isArray);
  if (globs === undefined) return () => true;
  const texts = globs
    .filter((glob) => typeof glob === "string")
    .map((glob) => glob.replace(/^(!?)(?:\.\/)?(.*?)\/?$/, "$1$2"));
  const takes = picomatch(texts.filter((glob) => !glob.startsWith("!")));
  const drops = picomatch(texts.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1)));
  return (dir) => dir === "." || (takes(dir) && !drops(dir));
}

function parseOr(text: string | null): unknown {
  try {
    return text === null ? null : parseYaml(text);
  } catch {
    return null;
  }
}

/**
 * Ranges by which packages of the repository, released or not, ask for those that are released: they move with the version,
 * in package.json and in the lock file, else `npm ci` finds that the two don't fit (docs.npmjs.com, npm-ci).
 */
export async function rangesBetween(
  tree: Tree,
  files: readonly string[],
  released: readonly Package[],
): Promise<ExtraStamp[]> {
  const names = new Map(
    released.flatMap((one) => (one.target === "npm" ? [[one.registryName ?? "", one.version ?? ""] as const] : [])),
  );
  if (names.size === 0) return [];
  const manifests = files.filter((file) => /(?:^|\/)package\.json$/.test(file) && !/(?:^|\/)node_modules\//.test(file));
  const tables = await Promise.all(
    manifests.map(async (file) => {
      const text = (await tree.read(file)) ?? "";
      return { file, dir: folderOf(file), text, table: parseJson(text) ?? {} };
    }),
  );
  const isMember = await workspaces(tree, tables);
  const stamps: ExtraStamp[] = [];
  const patterns = new Map<string, string>();
  for (const { file, dir, text, table } of tables) {
    if (!isMember(dir)) continue;
    // As it is spelt there: some manifests have no blank behind the colon.
    const gap = /"\w+":(\s*)"/.exec(text)?.[1] ?? " ";
    const counted = new Map<string, number>();
    for (const key of ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"]) {
      for (const [name, range] of Object.entries(asTable(table[key]))) {
        const [, mark, version] = /^([~^]?)(\d+\.\d+\.\d+\S*)$/.exec(String(range)) ?? [];
        if (mark === undefined || version !== names.get(name)) continue;
        const pattern = `"${name}":${gap}"${mark}{version}"`;
        patterns.set(`"${name}": "${mark}{version}"`, `"${name}": "${mark}${version}"`);
        counted.set(pattern, (counted.get(pattern) ?? 0) + 1);
      }
    }
    for (const [pattern, count] of counted) stamps.push({ file, pattern, ...(count > 1 ? { count } : {}) });
  }
  for (const lock of ["package-lock.json", "npm-shrinkwrap.json"]) {
    const text = files.includes(lock) ? ((await tree.read(lock)) ?? "") : "";
    for (const [pattern, spelt] of patterns) {
      const count = text.split(spelt).length - 1;
      if (count > 0) stamps.push({ file: lock, pattern, ...(count > 1 ? { count } : {}) });
    }
  }
  return stamps;
}

/** Files that npm stamps for a package: its manifest, and a lock file beside it. */
function npmStamps(dir: string, files: ReadonlySet<string>): ExtraStamp[] {
  const locks = ["package-lock.json", "npm-shrinkwrap.json"].map((lock) => inside(dir, lock));
  return [inside(dir, "package.json"), ...locks.filter((lock) => files.has(lock))].map((file) => ({ file }));
}
