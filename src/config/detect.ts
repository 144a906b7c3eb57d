import { ReleaseError } from "../lib/errors.ts";
import { fillArtifact } from "./defaults.ts";
import { inside } from "./manifests.ts";
import type { Artifact, Config, Tree } from "./types.ts";

/** Folders that hold no product: dependencies, tests, examples, and what begins with a dot. */
export const ignored =
  /(?:^|\/)(?:node_modules|vendor|third_party|tests?|testdata|fixtures?|examples?|docs?|benchmarks?|\.[^/]+)\//;

/**
 * Artifacts of a repository that names none: what the manifests in it stand for, as far as a target takes it.
 * pyproject.toml with a build backend or a project name -> python; package.json that isn't private -> npm; a Go `main`
 * package in the module's root or in `cmd/NAME` -> go; with a target `go`, a module without one -> go-module; with a
 * target `docker`, a Dockerfile -> image (only if it is alone: an image's name can't be guessed for several).
 *
 * @returns ordered by folder; empty where there is nothing
 * @throws ReleaseError CONFIG where something can't be guessed, with the lines to write
 */
export async function detectArtifacts(
  tree: Tree,
  config: Pick<Config, "name" | "repository" | "targets">,
): Promise<Artifact[]> {
  const files = (await tree.list()).filter((file) => !ignored.test(file)).sort();
  const found: Artifact[] = [];
  const { targets, repository } = config;
  const modules = files.filter((file) => /(?:^|\/)go\.mod$/.test(file)).map(folderOf);
  const wanted = files.filter((file) => /(?:^|\/)(?:pyproject\.toml|package\.json)$/.test(file));
  const sources = new Map(modules.map((dir) => [dir, goSources(dir, files)]));
  for (const list of sources.values()) wanted.push(...list.map(({ file }) => file));
  // All at once: a tree reads what is asked for together by one call of git.
  const texts = new Map(await Promise.all(wanted.map(async (file) => [file, (await tree.read(file)) ?? ""] as const)));

  const add = (artifact: Parameters<typeof fillArtifact>[0]) => void found.push(fillArtifact(artifact, { repository }));
  const dockerfiles: string[] = [];
  for (const file of files) {
    const dir = folderOf(file);
    const name = nameOf(dir, config.name);
    switch (file.slice(file.lastIndexOf("/") + 1)) {
      case "pyproject.toml":
        if (/^\s*\[(?:project|tool\.poetry)\]/m.test(texts.get(file) ?? "")) add({ type: "python", name, dir });
        break;
      case "package.json":
        if (isPublic(texts.get(file) ?? "")) add({ type: "npm", name, dir });
        break;
      case "go.mod": {
        const isMain = (text = "") => /^package main\b/m.test(text) && !/^\/\/go:build ignore\b/m.test(text);
        const mains = (sources.get(dir) ?? []).filter((source) => isMain(texts.get(source.file)));
        const commands = [...new Set(mains.map((source) => source.command))].sort();
        for (const command of commands) {
          const own = command === "." ? name : command.slice(command.lastIndexOf("/") + 1);
          add({ type: "go", name: own, dir, package: command });
        }
        if (commands.length === 0 && targets.go) add({ type: "go-module", name, dir });
        break;
      }
      case "Dockerfile":
        if (targets.docker) dockerfiles.push(dir);
        break;
    }
  }
  if (dockerfiles.length > 1) {
    throw new ReleaseError(
      "CONFIG",
      `which image is which can't be guessed: there are ${dockerfiles.length} Dockerfiles`,
      {
        facts: { dockerfiles: dockerfiles.map((dir) => inside(dir, "Dockerfile")).join(", ") },
        hint: "name all artifacts in twotier.yaml: docs/configuration.md shows how",
      },
    );
  }
  for (const dir of dockerfiles)
    add({ type: "image", name: `${nameOf(dir, config.name)}-image`, dir, dockerfile: "Dockerfile" });
  return unique(found);
}

export function nameOf(dir: string, product: string): string {
  return dir === "." ? product : dir.replace(/[^A-Za-z0-9._-]+/g, "-");
}

/** Two artifacts of one folder (a package.json beside a pyproject.toml) get their type as a suffix. */
function unique(artifacts: Artifact[]): Artifact[] {
  const count = new Map<string, number>();
  for (const { name } of artifacts) count.set(name, (count.get(name) ?? 0) + 1);
  return artifacts.map((artifact) =>
    (count.get(artifact.name) ?? 0) > 1 && artifact.type !== "go"
      ? { ...artifact, name: `${artifact.name}-${artifact.type}` }
      : artifact,
  );
}

function isPublic(text: string): boolean {
  try {
    const manifest = JSON.parse(text) as { name?: unknown; private?: unknown; version?: unknown };
    return typeof manifest.name === "string" && typeof manifest.version === "string" && manifest.private !== true;
  } catch {
    return false;
  }
}

/** Go files where commands stand: in a module's root, and in each folder of its cmd/. */
export function goSources(dir: string, files: readonly string[]): { file: string; command: string }[] {
  const root = dir === "." ? "" : `${dir}/`;
  return files.flatMap((file) => {
    if (!file.startsWith(root) || file.endsWith("_test.go")) return [];
    const match = /^(?:(cmd\/[^/]+)\/)?[^/]+\.go$/.exec(file.slice(root.length));
    return match ? [{ file, command: match[1] === undefined ? "." : `./${match[1]}` }] : [];
  });
}

export function folderOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : ".";
}
