import picomatch from "picomatch";
import type { GoArtifact, ImageArtifact, ResolvedArtifact, Tree } from "../config/types.ts";
import { dockerSources } from "./dockerfile.ts";
import { goInputs } from "./go-inputs.ts";
import { join } from "./paths.ts";

/** What goes into no artifact, or changes none: tests, docs, examples, the settings of tools. */
const incidental = picomatch(
  [
    "**/{test,tests,__tests__,testdata,fixtures,doc,docs,examples,example,node_modules,vendor,dist,.github,.vscode}/**",
    "**/*{_test.go,.test.*,.spec.*,.md,.rst,.lock}",
    "**/{test_*.py,conftest.py,LICENSE*,NOTICE*,CODEOWNERS,Makefile,.*,eslint.*,biome.json*,CHANGELOG*}",
    "twotier.yaml",
  ],
  { dot: true },
);

/** Files of the repository that an artifact is built from, as far as they can be told without building it. */
export async function inputsOf(
  artifact: ResolvedArtifact,
  all: readonly ResolvedArtifact[],
  tree: Tree,
): Promise<string[]> {
  const files = await tree.list();
  const own = inDir(files, artifact.dir).filter((file) => !incidental(file));
  switch (artifact.type) {
    case "go":
      return goInputs(artifact as GoArtifact, tree);
    case "go-module":
      return own.filter((file) => /\.go$|(^|\/)go\.mod$/.test(file));
    case "python":
      return pythonInputs(artifact.dir, own);
    case "npm":
      return npmInputs(artifact.dir, own, all, tree);
    case "image":
      return imageInputs(artifact as ImageArtifact, all, tree);
    case "command": {
      const words = new Set(artifact.run.split(/[\s"'=;&|()<>]+/).map((word) => join(artifact.dir, word)));
      return artifact.dir === "." ? files.filter((file) => words.has(file)) : own;
    }
  }
}

function inDir(files: readonly string[], dir: string): string[] {
  return dir === "." ? [...files] : files.filter((file) => file.startsWith(`${dir}/`));
}

/** In a folder of its own everything; in the root what packaging tools look at: src/, and folders with an __init__.py. */
function pythonInputs(dir: string, own: readonly string[]): string[] {
  if (dir !== ".") return [...own];
  const packages = own.flatMap((file) => /^([^/]+)\/__init__\.py$/.exec(file)?.[1] ?? []);
  return own.filter((file) => {
    const [top = "", ...rest] = file.split("/");
    if (rest.length === 0) return /^(?:pyproject\.toml|setup\.(?:py|cfg)|MANIFEST\.in)$/.test(file);
    return top === "src" || packages.includes(top);
  });
}

/** package.json, what its `files` and entry points name, src/; and other workspaces that it depends on. */
async function npmInputs(
  dir: string,
  own: readonly string[],
  all: readonly ResolvedArtifact[],
  tree: Tree,
): Promise<string[]> {
  const manifest = readJson(await tree.read(join(dir, "package.json")));
  const inputs = dir === "." ? own.filter(npmFilter(manifest)) : [...own];
  const dependencies = Object.keys({ ...asRecord(manifest.dependencies), ...asRecord(manifest.devDependencies) });
  const others = all.filter(
    (one) =>
      one.type === "npm" && one.dir !== dir && one.registryName !== null && dependencies.includes(one.registryName),
  );
  for (const other of others) {
    const files = inDir(await tree.list(), other.dir).filter((file) => !incidental(file));
    inputs.push(...files.filter((file) => file.startsWith(`${join(other.dir, "src")}/`)));
  }
  return [...new Set(inputs)];
}

function npmFilter(manifest: Record<string, unknown>): (file: string) => boolean {
  const { files, bin } = manifest;
  const programs = typeof bin === "string" ? [bin] : Object.values(asRecord(bin)).map(String);
  const named = [...(Array.isArray(files) ? files.map(String) : []), ...programs].map((one) => join(".", one));
  const globs = named.flatMap((one) => [one, `${one}/**`]);
  const listed = globs.length === 0 ? () => false : picomatch(globs, { dot: true });
  return (file) =>
    /^(?:package\.json|package-lock\.json|npm-shrinkwrap\.json|tsconfig[^/]*\.json|(?:src|lib)\/.*)$/.test(file) ||
    listed(file);
}

/** The Dockerfile and what it copies from its context; files of the repository that are put into the image. */
async function imageInputs(artifact: ImageArtifact, all: readonly ResolvedArtifact[], tree: Tree): Promise<string[]> {
  const files = await tree.list();
  const binaries = new Set(all.flatMap((one) => (one.type === "go" ? [one.name] : [])));
  const sources = Object.values(artifact.files).filter((source) => !binaries.has(source));
  const put = sources.flatMap((source) => files.filter((file) => file === source || file.startsWith(`${source}/`)));
  if (artifact.dockerfile === null) return put;
  const path = join(artifact.dir, artifact.dockerfile);
  const [text, ignored] = await Promise.all([tree.read(path), tree.read(join(artifact.dir, ".dockerignore"))]);
  const copied = dockerSources(
    text ?? "",
    ignored ?? "",
    inDir(files, artifact.dir).map((file) => relative(artifact.dir, file)),
  );
  // What `files` puts into the context is made, not committed.
  return [
    ...new Set([path, ...put, ...copied.map((file) => join(artifact.dir, file)).filter((file) => !incidental(file))]),
  ];
}

function relative(dir: string, file: string): string {
  return dir === "." ? file : file.slice(dir.length + 1);
}

function readJson(text: string | null): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(text ?? "{}"));
  } catch {
    return {};
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
