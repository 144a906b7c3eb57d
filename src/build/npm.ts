import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import path from "node:path";
import type { NpmArtifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { normaliseTarGz } from "./archive/tar.ts";
import { algorithmsOf, releaseFile } from "./file.ts";
import { buildEnv, run } from "./run.ts";
import type { BuildContext } from "./types.ts";

interface Package {
  name?: unknown;
  version?: unknown;
  private?: unknown;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/**
 * The package's own build script, then `npm pack` without any lifecycle script, then modes and compression made equal.
 * Where a script is to run and there are dependencies, `npm ci --ignore-scripts` of the nearest lock file comes first.
 */
export async function buildNpm(artifact: NpmArtifact, context: BuildContext): Promise<ReleaseFile[]> {
  const cwd = path.join(context.tree, artifact.dir);
  const env = {
    PATH: await ownNode(context.temp),
    npm_config_update_notifier: "false",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_progress: "false",
  };
  const asked = run(context, artifact.name, "npm", ["--version"], { cwd, env, quiet: true });
  asked.catch(() => {}); // awaited below
  const source = await readPackage(artifact, path.join(cwd, "package.json"));
  const script = artifact.script === undefined && source.scripts?.build !== undefined ? "build" : artifact.script;
  if (typeof script === "string") {
    if (source.scripts?.[script] === undefined) {
      throw new ReleaseError("BUILD", `${artifact.name}: package.json has no script "${script}"`, {
        facts: { artifact: artifact.name, scripts: Object.keys(source.scripts ?? {}).join(", ") || "none" },
        hint: "set the artifact's script to one of them, or to null for none",
      });
    }
    await install(artifact, source, context, env);
    const { stdout } = await run(context, artifact.name, "node", ["--version"], { cwd, env, quiet: true });
    context.tool("node", stdout.trim().replace(/^v/, ""));
    await run(context, artifact.name, "npm", ["run-script", script], { cwd, env });
  } else if (source.scripts?.prepack !== undefined || source.scripts?.prepare !== undefined) {
    context.finding(
      `${artifact.name}: its prepack and prepare scripts don't run; to build before packing name one as the artifact's script`,
    );
  }
  context.tool("npm", (await asked).stdout.trim());
  const made = path.join(context.temp, "pack");
  await mkdir(made, { recursive: true });
  // The user's .npmrc can't change what is packed, and no registry is asked.
  const clean = { ...env, npm_config_userconfig: path.join(context.temp, "npmrc"), npm_config_offline: "true" };
  await run(context, artifact.name, "npm", ["pack", "--ignore-scripts", "--pack-destination", made], {
    cwd,
    env: clean,
    hint: () => "npm pack failed; check name, version and files in package.json",
  });
  const name = (await readdir(made)).find((file) => file.endsWith(".tgz"));
  if (name === undefined) {
    throw new ReleaseError("BUILD", `${artifact.name}: npm pack made no tarball`, {
      facts: { artifact: artifact.name },
    });
  }
  const read = await normaliseTarGz(path.join(made, name), path.join(context.out, name), {
    sort: false,
    read: /^[^/]+\/package\.json$/,
    algorithms: algorithmsOf("npm"),
    signal: context.io.signal,
  });
  const packed = JSON.parse(read.texts.get("package/package.json") ?? "{}") as Package;
  checkPackage(artifact, name, packed, context);
  checkEntryPoints(artifact, packed, read.names, context);
  return [releaseFile({ name, kind: "npm", package: String(packed.name), artifact: artifact.name }, read)];
}

/**
 * A PATH whose `node` is the one that runs twotier: one version that is known, whatever else the machine has. A binary
 * of twotier carries a runtime that is no `node`: then the machine's is taken.
 */
async function ownNode(temp: string): Promise<string> {
  const inherited = buildEnv(0).PATH ?? "";
  if (process.platform === "win32" || path.basename(process.execPath) !== "node") return inherited;
  const folder = path.join(temp, "bin");
  await mkdir(folder);
  await symlink(process.execPath, path.join(folder, "node"));
  return `${folder}${path.delimiter}${inherited}`;
}

async function readPackage(artifact: NpmArtifact, file: string): Promise<Package> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Package;
  } catch (cause) {
    throw new ReleaseError("BUILD", `${artifact.name}: ${artifact.dir}/package.json can't be read as JSON`, {
      facts: { artifact: artifact.name },
      hint: "set the artifact's dir to the folder that holds package.json",
      cause,
    });
  }
}

async function install(artifact: NpmArtifact, source: Package, context: BuildContext, env: Record<string, string>) {
  const needed = { ...source.dependencies, ...source.devDependencies };
  if (Object.keys(needed).length === 0) return;
  const root = lockFolder(context.tree, path.join(context.tree, artifact.dir));
  if (root === undefined) {
    throw new ReleaseError("BUILD", `${artifact.name}: it has dependencies and no package-lock.json`, {
      facts: { artifact: artifact.name },
      hint: 'commit package-lock.json (npm install --package-lock-only), or build it by another tool with type: "command"',
    });
  }
  await context.once(`npm ci ${root}`, async () => {
    await run(context, artifact.name, "npm", ["ci", "--ignore-scripts"], { cwd: root, env });
  });
}

/** The nearest folder with npm's lock file, up to the root of the tree: a workspace has one at its root. */
function lockFolder(tree: string, from: string): string | undefined {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "package-lock.json")) || existsSync(path.join(folder, "npm-shrinkwrap.json"))) {
      return folder;
    }
    if (path.relative(tree, folder) === "") return undefined;
  }
}

function checkPackage(artifact: NpmArtifact, file: string, packed: Package, context: BuildContext): void {
  if (typeof packed.name !== "string" || packed.version !== context.version) {
    throw new ReleaseError("BUILD", `${artifact.name}: ${file} has version ${packed.version}, not ${context.version}`, {
      facts: { artifact: artifact.name, expected: context.version, found: String(packed.version) },
      hint: `add ${path.posix.join(artifact.dir, "package.json")} to version.stamp in twotier.yaml`,
    });
  }
  if (packed.private === true) {
    throw new ReleaseError("BUILD", `${artifact.name}: ${packed.name} is private, npm won't take it`, {
      facts: { artifact: artifact.name },
      hint: `take "private": true out of ${path.posix.join(artifact.dir, "package.json")}`,
    });
  }
}

/** A package whose build was forgotten packs well and works for nobody. */
function checkEntryPoints(artifact: NpmArtifact, packed: Package, names: string[], context: BuildContext): void {
  const { main, types, bin } = packed as { main?: unknown; types?: unknown; bin?: unknown };
  const bins = typeof bin === "object" && bin !== null ? Object.values(bin) : [bin];
  for (const entry of [main, types, ...bins]) {
    if (typeof entry !== "string") continue;
    const file = path.posix.join("package", entry);
    const there = names.some((name) => name === file || name.startsWith(`${file}.`) || name.startsWith(`${file}/`));
    if (!there) context.finding(`${artifact.name}: package.json names ${entry}, which isn't in the tarball`);
  }
}
