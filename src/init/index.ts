import { maxSize } from "../config/document.ts";
import { parseConfig } from "../config/parse.ts";
import { resolveArtifacts } from "../config/resolve.ts";
import type { RawConfig } from "../config/schema.ts";
import type { Config, ResolvedArtifacts, Tree } from "../config/types.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { readVersionFile } from "../version/numbering.ts";
import { pythonLabels } from "../version/pep440.ts";
import { compareLines, formatVersion } from "../version/version.ts";
import { repositoryOf } from "./identity.ts";
import { rangesBetween } from "./npm.ts";
import { surveyStamps } from "./stamps.ts";
import { surveyRepository } from "./survey.ts";
import { tagForms } from "./tags.ts";
import { configText } from "./text.ts";
import type { ExtraStamp, Package, Place, Proposal } from "./types.ts";
import { floorFor, oneVersion, type Together } from "./versions.ts";

export { nextSteps } from "./steps.ts";
export type { Place, Proposal } from "./types.ts";

export interface ProposeOptions {
  /** owner/name, where somebody said it. */
  repository?: string;
  /** Names of the artifacts that are wanted; left out: all that were found. */
  only?: readonly string[];
}

/** Of artifacts in twotier.yaml. */
const order = ["go", "command", "image", "python", "npm", "go-module"];
const rank = ({ artifact, target }: Package) => order.indexOf(target === "npm" ? "npm" : artifact.type);

/**
 * Looks at a repository and says what its twotier.yaml would be. Reads files and refs, nothing else.
 *
 * @throws ReleaseError USAGE where owner/name can't be known; CONFIG where there is nothing to release
 */
export async function propose(tree: Tree, place: Place, options: ProposeOptions = {}): Promise<Proposal> {
  const files = [...(await tree.list())].sort();
  const read = remembering(tree, files);
  const { repository, notes } = await repositoryOf(read, place, options.repository);
  const [owner = "", name = ""] = repository.split("/");
  const product = /^[A-Za-z0-9]/.test(name) ? name.slice(0, 64) : place.folder;
  const survey = await surveyRepository(read, files, { owner, name, product });
  notes.push(...survey.notes);
  const forms = tagForms(place.tags);
  const together = oneVersion(survey.packages, forms, product);
  // What everybody expects comes last.
  const usual = ({ why }: { why: string }) => Number(/^is (?:private|a library)/.test(why));
  const leftOut = [...survey.leftOut, ...together.leftOut].sort((a, b) => usual(a) - usual(b));
  const packages = named(together.packages, product)
    .filter((one) => options.only?.includes(one.artifact.name) ?? true)
    .sort((a, b) => rank(a) - rank(b));
  if (packages.length === 0) throw nothing(leftOut);
  notes.push(...packages.flatMap((one) => one.notes ?? []));

  const tag = together.form?.template ?? survey.tools.find((tool) => tool.tag !== null)?.tag ?? "v{version}";
  const targets = targetsOf(packages, survey, place);
  const config: RawConfig = { name: product, repository };
  const branch = place.branch ?? survey.tools.find((tool) => tool.branch !== null)?.branch ?? place.current;
  if (branch !== null) config.trigger = { branch };
  if (branch !== null && place.current !== null && place.current !== branch)
    notes.push(`releases come from ${branch}; ${place.current} is checked out`);
  const floor = await versionFloor(read, files, together, tag);
  notes.push(...floor.notes);
  config.version = { tag, ...(floor.file === undefined ? {} : { file: floor.file }) };
  const label = labelOf(together, survey.tools, targets, notes);
  if (label !== null) config.tiers = { staging: { label } };
  config.artifacts = packages.map((one) => one.artifact);
  config.targets = targets;
  const installer = installerOf(packages, product, targets, notes);
  if (installer !== undefined) config.installer = installer;

  const extra = [
    ...survey.stamps,
    ...packages.flatMap((one) => one.stamps ?? []),
    ...(await rangesBetween(read, files, packages)),
  ];
  const stamps = await stampsOf(config, read, files, extra, together, notes);
  if (stamps.length > 0) config.version.stamp = stamps;
  let text = configText(config, comments(together));
  if (Buffer.byteLength(text) > maxSize) {
    // Ranges of packages on each other, in a very large monorepo.
    config.version.stamp = stamps.filter((one) => typeof one === "string");
    text = configText(config, comments(together));
    notes.push(
      "there are too many places that spell the version for twotier.yaml: only the manifests are stamped, and packages ask for each other's versions as they do now",
    );
  }
  return {
    ...{ config, text, packages, leftOut, notes, versionFile: floor.text },
    tags: { form: together.form, others: forms.filter((form) => form !== together.form) },
  };
}

/**
 * The proposal as `twotier.yaml` would be read.
 *
 * @throws ReleaseError CONFIG with what must be mended in the repository before anything can be released
 */
export async function checkProposal(
  { text, versionFile }: Pick<Proposal, "text" | "versionFile">,
  tree: Tree,
): Promise<{ config: Config; resolved: ResolvedArtifacts }> {
  const config = parseConfig(text);
  const withVersion: Tree = {
    read: async (path) => (path === "VERSION" && versionFile !== null ? versionFile : tree.read(path)),
    list: async () => (versionFile === null ? tree.list() : [...(await tree.list()), "VERSION"]),
  };
  return { config, resolved: await resolveArtifacts(config, withVersion) };
}

function nothing(leftOut: Proposal["leftOut"]): ReleaseError {
  const facts = Object.fromEntries(leftOut.slice(0, 10).map(({ path, why }) => [path, why]));
  return new ReleaseError("CONFIG", "there is nothing here that could be released", {
    facts: { ...facts, ...(leftOut.length > 10 ? { "and more": leftOut.length - 10 } : {}) },
    hint: "looked for packages of npm, Python, Go and Rust, and for Dockerfiles; a repository that releases its tag alone has a twotier.yaml of two lines, name and repository: docs/getting-started.md",
  });
}

/** Every path is read once. */
function remembering(tree: Tree, files: readonly string[]): Tree {
  const all = new Set(files);
  const texts = new Map<string, Promise<string | null>>();
  return {
    list: async () => files,
    read(path) {
      const known = texts.get(path) ?? (all.has(path) ? tree.read(path) : Promise.resolve(null));
      texts.set(path, known);
      return known;
    },
  };
}

/** Short names for artifacts: the last part of a package's name, or its folder's where two have the same. */
function named(packages: readonly Package[], product: string): Package[] {
  const taken = new Set<string>();
  const clean = (text: string) =>
    text
      .replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 64) || product;
  // Names of binaries are names of files that users see: they are kept.
  const isFixed = ({ artifact, target }: Package) =>
    artifact.type === "go" || (artifact.type === "command" && target === null);
  for (const one of packages) if (isFixed(one)) taken.add(one.artifact.name.toLowerCase());
  let previous: string | undefined;
  return packages.map((one) => {
    const { artifact } = one;
    if (isFixed(one)) return one;
    const { dir = "." } = artifact;
    const choices = [
      clean(artifact.name.replace(/^@[^/]+\//, "")),
      dir === "." ? `${clean(product)}-${artifact.type}` : clean(dir),
      `${clean(dir === "." ? product : dir)}-${artifact.type}`,
      ...[2, 3, 4, 5].map((n) => `${clean(artifact.name).slice(0, 60)}-${n}`),
    ];
    const name = choices.find((choice) => !taken.has(choice.toLowerCase())) ?? clean(artifact.name);
    taken.add(name.toLowerCase());
    if (artifact.type !== "command") return { ...one, artifact: { ...artifact, name } };
    // They install into one folder: not at the same time.
    const after = previous === undefined ? {} : { after: [previous] };
    previous = name;
    return { ...one, artifact: { ...artifact, name, ...after } };
  });
}

type Survey = Awaited<ReturnType<typeof surveyRepository>>;

function targetsOf(packages: readonly Package[], survey: Survey, { remote }: Place): NonNullable<RawConfig["targets"]> {
  const has = (target: Package["target"]) => packages.some((one) => one.target === target);
  const targets: NonNullable<RawConfig["targets"]> = {};
  if (has("npm")) {
    const npm: { registry?: string; access?: "restricted" } = {};
    if (survey.npm.registry !== null) npm.registry = survey.npm.registry;
    if (survey.npm.restricted) npm.access = "restricted";
    targets.npm = Object.keys(npm).length > 0 ? npm : true;
  }
  if (has("pypi")) targets.pypi = true;
  if (has("docker")) {
    const { registry } = survey.images;
    targets.docker = registry === null || registry === "docker.io" ? true : { registry };
  }
  if (remote === null || remote.provider !== "gitlab") targets.github = true;
  if (has("go")) targets.go = true;
  return targets;
}

async function versionFloor(
  tree: Tree,
  files: readonly string[],
  together: Together,
  tag: string,
): Promise<{ file?: string | null; text: string | null; notes: string[] }> {
  for (const file of ["VERSION", "version.txt"]) {
    if (!files.includes(file)) continue;
    const text = (await tree.read(file)) ?? "";
    if (readVersionFile(text) !== null) {
      return { ...(file === "VERSION" ? {} : { file }), text: null, notes: [] };
    }
    if (file !== "VERSION") continue;
    const says = JSON.stringify(text.trim().slice(0, 40));
    return {
      file: null,
      text: null,
      notes: [`VERSION says ${says}, which isn't a version X.Y.Z: it is left alone`],
    };
  }
  return floorFor(together.spelt, together.form?.stable ?? null, tag);
}

/** The label of the candidates that are open, or that another tool makes. */
function labelOf(
  { form }: Together,
  tools: Survey["tools"],
  targets: NonNullable<RawConfig["targets"]>,
  notes: string[],
): string | null {
  const open =
    form?.candidate && (!form.stable || compareLines(form.candidate, form.stable) > 0) ? form.candidate.label : null;
  const label = open ?? tools.find((tool) => tool.label !== null)?.label ?? null;
  if (label === null || label === "rc") return null;
  if (targets.pypi && !pythonLabels.includes(label)) {
    notes.push(`candidates were called ${label}, which PyPI can't spell: they will be called rc`);
    return null;
  }
  return label;
}

/** install.sh for what can be installed by it. */
function installerOf(
  packages: readonly Package[],
  product: string,
  targets: NonNullable<RawConfig["targets"]>,
  notes: string[],
): RawConfig["installer"] {
  const binaries = packages.filter(({ target }) => target === null);
  if (binaries.length === 0 || !targets.github) return undefined;
  const names = binaries.map(({ artifact }) => artifact.name);
  if (names.length === 1 || names.includes(product)) return true;
  const [command = ""] = names;
  notes.push(
    `install.sh installs one command: of ${names.join(", ")} it is ${command}; installer.command names another`,
  );
  return { command };
}

/** All stamps where some aren't found by themselves; empty where the manifests are enough. */
async function stampsOf(
  config: RawConfig,
  tree: Tree,
  files: readonly string[],
  found: readonly ExtraStamp[],
  together: Together,
  notes: string[],
): Promise<NonNullable<NonNullable<RawConfig["version"]>["stamp"]>> {
  const own = await manifestStamps(config, tree);
  const extra = found.filter((one) => one.pattern !== undefined || !own.some(({ file }) => file === one.file));
  const version = together.spelt ?? together.form?.stable;
  if (version) {
    const known = new Set([...own, ...extra].map(({ file }) => file));
    const modules = (config.artifacts ?? []).flatMap(({ type, dir = "." }) => (type === "go-module" ? [dir] : []));
    const more = await surveyStamps(tree, files, formatVersion(version), known, modules);
    extra.push(...more.stamps);
    notes.push(...more.notes);
  }
  if (extra.length === 0) return [];
  return [...own, ...extra].map(({ file, ...rest }) => (Object.keys(rest).length > 0 ? { file, ...rest } : file));
}

/** What is stamped where the configuration names nothing. */
async function manifestStamps(config: RawConfig, tree: Tree): Promise<ExtraStamp[]> {
  try {
    const text = configText({ ...config, installer: undefined }, {});
    return (await resolveArtifacts(parseConfig(text), tree)).stamp;
  } catch (thrown) {
    if (asReleaseError(thrown).code !== "CONFIG") throw thrown;
    return []; // checkProposal tells what is wrong
  }
}

function comments({ form }: Together): Partial<Record<keyof RawConfig, string>> {
  return {
    trigger: "every push to this branch makes a candidate; `paths` narrows it",
    version: form?.stable
      ? `the newest stable version is ${formatVersion(form.stable)}`
      : "no tag is a stable version yet",
  };
}
