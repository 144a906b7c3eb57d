import picomatch from "picomatch";
import { asReleaseError, type ReleaseError } from "../lib/errors.ts";
import { stampText } from "../version/stamp.ts";
import { detectArtifacts } from "./detect.ts";
import { type KeyPath, mistake, throwAll } from "./document.ts";
import { expectedFiles, wheelName } from "./expected.ts";
import { inside, readManifest } from "./manifests.ts";
import { placeOf } from "./parse.ts";
import { binariesOf } from "./platforms.ts";
import { suggest } from "./suggest.ts";
import type { Artifact, Config, ResolvedArtifact, ResolvedArtifacts, Stamp, Tree } from "./types.ts";

/**
 * Compares a config with the files of its source commit: artifacts are detected where it names none, package names are
 * read from their manifests, and every folder, file and glob that it names must be there. Nothing is written.
 *
 * @param tree files of the source commit
 * @throws ReleaseError CONFIG with all findings at once, each with the line of the setting it is about
 */
export async function resolveArtifacts(config: Config, tree: Tree): Promise<ResolvedArtifacts> {
  const files = await tree.list();
  const names = new Set(files);
  const findings: ReleaseError[] = [];
  const report = (path: KeyPath, what: string, hint: string) =>
    void findings.push(mistake(placeOf(config, path), what, hint, path));

  checkTrigger(config, files, report);
  const artifacts = config.artifacts ?? (await detectArtifacts(tree, config));
  // Asked for together with the manifests: a tree reads what it is asked for in one turn by one call of git.
  const named = config.version.stamp && Promise.all(config.version.stamp.map((rule) => tree.read(rule.file)));
  const stamped = new Set(config.version.stamp?.map((one) => one.file));
  const read = await Promise.all(
    artifacts.map(async (artifact, index) => {
      const path = ["artifacts", index];
      if (!checkFiles(artifact, path, artifacts, names, files, report)) return null;
      return readManifest(artifact, {
        ...{ tree, files: names, path, stamped, report: (error) => void findings.push(error) },
        place: (key) => placeOf(config, key === undefined ? path : [...path, key]),
      });
    }),
  );
  const found = read.filter((manifest) => manifest !== null);
  const resolved = found.map(({ artifact, registryName }): ResolvedArtifact => ({ ...artifact, registryName }));
  const manifests = found.flatMap((manifest) => manifest.stamp);
  if (config.artifacts === null) checkDetected(config, artifacts, report);
  checkNames(resolved, artifacts, report);
  const stamp = config.version.stamp ?? manifests;
  const texts = await (named ?? Promise.all(stamp.map((rule) => tree.read(rule.file))));
  for (const [index, rule] of stamp.entries()) checkStamp(rule, texts[index] ?? null, index, files, report);
  checkStamped(config, manifests, stamp, report);
  if (config.version.file !== null && config.version.file !== "VERSION" && !names.has(config.version.file)) {
    report(
      ["version", "file"],
      `version.file names ${config.version.file}, which isn't in the repository`,
      "correct the path, or write `file: null`",
    );
  }
  throwAll(findings, placeOf(config, []).file);
  return { artifacts: resolved, stamp, packages: packagesOf(resolved) };
}

type Report = (path: KeyPath, what: string, hint: string) => void;

function checkTrigger(config: Config, files: readonly string[], report: Report): void {
  for (const [index, glob] of config.trigger.paths.entries()) {
    const positive = glob.replace(/^!/, "");
    const matches = picomatch(positive, { dot: true, nonegate: true });
    if (files.some((file) => matches(file))) continue;
    const guess = nearest(positive, files);
    report(
      ["trigger", "paths", index],
      `trigger.paths: ${glob} matches no file`,
      guess ? `did you mean ${guess}?` : "correct it, or remove it: nothing would ever trigger a release by it",
    );
  }
}

/** Targets that nothing was detected for; without any artifact a release is its tag and its page. */
function checkDetected(config: Config, artifacts: readonly Artifact[], report: Report): void {
  const wanted = { npm: "npm", pypi: "python", docker: "image", go: "go-module" } as const;
  for (const [target, type] of Object.entries(wanted)) {
    if (!(target in config.targets) || artifacts.some((artifact) => artifact.type === type)) continue;
    report(
      ["targets", target],
      `targets.${target} is on, but nothing of type ${type} was found in this repository`,
      `name the artifacts: docs/configuration.md shows every type; or remove targets.${target}`,
    );
  }
}

/** Whether the folder and files that an artifact names are there. */
function checkFiles(
  artifact: Artifact,
  path: KeyPath,
  artifacts: readonly Artifact[],
  names: ReadonlySet<string>,
  files: readonly string[],
  report: Report,
): boolean {
  const { dir } = artifact;
  if (dir !== "." && !files.some((file) => file.startsWith(`${dir}/`))) {
    const guess = suggest(dir, folders(files));
    report(
      [...path, "dir"],
      `${artifact.name}: there is no folder ${dir}`,
      guess ? `did you mean ${guess}?` : "correct `dir`",
    );
    return false;
  }
  if (artifact.type === "go") {
    const folder = artifact.package.replace(/^\.\/?/, "").replace(/\/$/, "");
    const where = folder === "" ? dir : inside(dir, folder);
    const prefix = where === "." ? "" : `${where}/`;
    const here = files.some((file) => file.startsWith(prefix) && /^[^/]+\.go$/.test(file.slice(prefix.length)));
    if (!here)
      report(
        [...path, "package"],
        `${artifact.name}: no Go files in ${where}`,
        "set `package` to the command's folder, e.g. ./cmd/name",
      );
  }
  if (artifact.type === "image") {
    if (artifact.dockerfile !== null && !names.has(inside(dir, artifact.dockerfile))) {
      report(
        [...path, "dockerfile"],
        `${artifact.name}: there is no ${inside(dir, artifact.dockerfile)}`,
        "`dockerfile` is a path in `dir`",
      );
    }
    if (artifact.base !== "scratch" && !names.has(inside(artifact.base, "oci-layout"))) {
      report(
        [...path, "base"],
        `${artifact.name}: ${artifact.base} holds no OCI layout`,
        "make one with `skopeo copy docker://IMAGE oci:FOLDER`, or write `base: scratch`",
      );
    }
    const binaries = artifacts.filter((other) => binariesOf(other).size > 0).map((other) => other.name);
    for (const [destination, source] of Object.entries(artifact.files)) {
      if (binaries.includes(source) || names.has(source) || files.some((file) => file.startsWith(`${source}/`)))
        continue;
      const guess = suggest(source, [...binaries, ...files]);
      report(
        [...path, "files", destination],
        `${artifact.name}: ${source} is neither an artifact with binaries nor a file or folder`,
        guess ? `did you mean ${guess}?` : "name one of them",
      );
    }
  }
  return true;
}

/** One name in a registry is made once, and so is a file of the release. */
function checkNames(resolved: readonly ResolvedArtifact[], artifacts: readonly Artifact[], report: Report): void {
  const packages = new Map<string, string>();
  const files = new Map([
    ["release.json", "twotier"],
    ["checksums.txt", "twotier"],
    ["promotion.json", "twotier"],
    ["promotion.md", "twotier"],
  ]);
  for (const artifact of resolved) {
    const path = ["artifacts", artifacts.findIndex((other) => other.name === artifact.name)];
    const name = artifact.registryName;
    // Several commands may make the files of one package: a wheel and an sdist.
    if (name !== null && artifact.type !== "command") {
      const key = `${artifact.type} ${artifact.type === "python" ? wheelName(name) : name}`;
      const other = packages.get(key);
      if (other !== undefined)
        report(path, `${artifact.name} and ${other} are both ${name}`, "remove one of them, or rename its package");
      packages.set(key, artifact.name);
    }
    for (const file of expectedFiles({ artifacts: [artifact] }, { version: "1.2.3", pythonVersion: "1.2.3" })) {
      const other = files.get(file.name);
      if (other !== undefined && file.package === undefined) {
        report(
          path,
          `${artifact.name} and ${other} both make a file ${file.name}`,
          "give each file of the release its own name",
        );
      }
      files.set(file.name, artifact.name);
    }
  }
}

/** Whether a stamp finds its file, and the version in it. */
function checkStamp(rule: Stamp, text: string | null, index: number, files: readonly string[], report: Report): void {
  const path = ["version", "stamp", index];
  if (text === null) {
    const guess = nearest(rule.file, files);
    const hint = guess ? `did you mean ${guess}?` : "correct the path, or remove it";
    report(path, `version.stamp names ${rule.file}, which isn't in the repository`, hint);
    return;
  }
  try {
    stampText(text, rule, { version: "1.2.3", pythonVersion: "1.2.3" });
  } catch (thrown) {
    const error = asReleaseError(thrown);
    report(path, error.message, error.hint ?? "correct the file, or the stamp");
  }
}

/** A manifest whose version isn't stamped would build the wrong version. */
function checkStamped(config: Config, manifests: readonly Stamp[], stamp: readonly Stamp[], report: Report): void {
  if (config.version.stamp === null) return;
  for (const { file } of manifests) {
    if (stamp.some((one) => one.file === file)) continue;
    report(["version", "stamp"], `${file} spells the version, but version.stamp doesn't name it`, `add \`- ${file}\``);
  }
}

function packagesOf(resolved: readonly ResolvedArtifact[]): ResolvedArtifacts["packages"] {
  const of = (type: Artifact["type"]) => [
    ...new Set(
      resolved.flatMap((artifact) =>
        registryOf(artifact) === type && artifact.registryName !== null ? [artifact.registryName] : [],
      ),
    ),
  ];
  return {
    npm: of("npm"),
    pypi: of("python"),
    docker: of("image"),
    go: resolved.flatMap((artifact) =>
      artifact.type === "go-module" ? [{ dir: artifact.dir, module: artifact.registryName as string }] : [],
    ),
  };
}

/** The type whose registry an artifact's packages are for: a command may make what the npm and python builders make. */
function registryOf(artifact: Artifact): Artifact["type"] {
  if (artifact.type !== "command" || artifact.package === undefined) return artifact.type;
  return artifact.kind === "npm" ? "npm" : "python";
}

function folders(files: readonly string[]): string[] {
  const all = new Set<string>();
  for (const file of files)
    for (let at = file.indexOf("/"); at >= 0; at = file.indexOf("/", at + 1)) all.add(file.slice(0, at));
  return [...all];
}

/** The path that a misspelt one, or a glob's fixed part, is nearest to. Only a sample is compared in huge repositories. */
function nearest(path: string, files: readonly string[]): string | undefined {
  const [, fixed = "", rest = ""] = /^([^*?[{(]*?)((?:\/?[*?[{(].*)?)$/.exec(path) ?? [];
  const known = (rest === "" ? [...files] : folders(files)).slice(0, 20_000);
  const guess = suggest(fixed, known);
  return guess === undefined || guess === fixed ? undefined : guess + rest;
}
