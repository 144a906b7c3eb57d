import picomatch from "picomatch";
import type { ReleaseError } from "../lib/errors.ts";
import { pythonLabels } from "../version/pep440.ts";
import { fillArtifact, fillTargets } from "./defaults.ts";
import { type KeyPath, type Locate, mistake, spell } from "./document.ts";
import type { RawConfig } from "./schema.ts";
import { suggest, suggestPlatform } from "./suggest.ts";
import type { Artifact, TargetsConfig } from "./types.ts";

/** Mistakes that no single key shows: settings that contradict each other, or break a rule of the two tiers. */
export function crossCheck(raw: RawConfig, locate: Locate): ReleaseError[] {
  const found: ReleaseError[] = [];
  const report = (path: KeyPath, what: string, hint: string) =>
    void found.push(mistake(locate(path), what, hint, path));
  const targets = fillTargets(raw.targets);
  const artifacts = raw.artifacts?.map((artifact) => fillArtifact(artifact, raw));

  checkGlobs(raw, report);
  checkTag(raw.version?.tag, report);
  checkPointers(targets, report);
  const label = raw.tiers?.staging?.label;
  if (targets.pypi && label !== undefined && !pythonLabels.includes(label)) {
    report(
      ["tiers", "staging", "label"],
      `the label ${label} can't be spelt in PEP 440, which PyPI wants`,
      `with a target pypi the label is one of ${pythonLabels.join(", ")} (peps.python.org/pep-0440)`,
    );
  }
  const stamps = new Map<string, number>();
  for (const [index, stamp] of (raw.version?.stamp ?? []).entries()) {
    const key = typeof stamp === "string" ? stamp : `${stamp.file}\n${stamp.pattern ?? ""}`;
    const path = ["version", "stamp", index];
    if (stamps.has(key))
      report(path, `${spell(path)} says the same as version.stamp[${stamps.get(key)}]`, "remove one of them");
    else stamps.set(key, index);
  }
  if (artifacts) {
    checkArtifacts(artifacts, report);
    checkOutlets(artifacts, targets, raw, report);
  }
  return found;
}

type Report = (path: KeyPath, what: string, hint: string) => void;

function checkGlobs(raw: RawConfig, report: Report): void {
  const check = (glob: string, path: KeyPath) => {
    try {
      picomatch.makeRe(glob.replace(/^!/, ""), { strictBrackets: true });
    } catch (cause) {
      report(
        path,
        `${spell(path)} isn't a glob: ${(cause as Error).message.replace(/ - use .*/s, "")}`,
        "close the bracket, or write \\ before it",
      );
    }
  };
  const { paths } = raw.trigger ?? {};
  for (const [index, glob] of (paths ?? []).entries()) check(glob, ["trigger", "paths", index]);
  if (paths?.every((glob) => glob.startsWith("!"))) {
    report(
      ["trigger", "paths"],
      "trigger.paths only takes files away, so that nothing triggers a release",
      'begin with "**"',
    );
  }
  for (const [index, artifact] of (raw.artifacts ?? []).entries()) {
    if (artifact.type !== "command") continue;
    for (const [at, glob] of artifact.files.entries()) check(glob, ["artifacts", index, "files", at]);
  }
}

function checkTag(tag: string | undefined, report: Report): void {
  if (tag === undefined) return;
  const path = ["version", "tag"];
  if (tag.split("{version}").length !== 2) {
    report(path, `version.tag is "${tag}", which holds {version} more than once`, 'write it once: "v{version}"');
  }
  // git check-ref-format: what a ref's name must not hold
  const name = tag.replaceAll("{version}", "1.2.3-rc.4");
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^\/|^-|\/$|\.$|\.lock(\/|$)|(^|\/)\.|^@$/.test(name)) {
    report(
      path,
      `version.tag is "${tag}", which git doesn't take as a tag's name`,
      "git check-ref-format says what is allowed",
    );
  }
}

function checkPointers({ npm, docker }: TargetsConfig, report: Report): void {
  if (npm && npm.tags.staging === npm.tags.production) {
    report(
      ["targets", "npm", "tags"],
      `targets.npm.tags: both tiers have the dist-tag ${npm.tags.production}`,
      "a candidate must not come to those who install the stable version: give staging its own, e.g. next",
    );
  } else if (npm?.tags.staging === "latest") {
    const hint = "npm installs latest where nothing else is asked: give staging another, e.g. next";
    report(["targets", "npm", "tags", "staging"], "targets.npm.tags.staging is latest", hint);
  }
  for (const pointer of docker?.pointers.staging ?? []) {
    if (pointer !== "latest" && !docker?.pointers.production.includes(pointer)) continue;
    report(
      ["targets", "docker", "pointers", "staging"],
      `targets.docker.pointers.staging holds ${pointer}, which belongs to production`,
      "a candidate must not come to those who pull the stable image: give staging its own, e.g. staging",
    );
  }
  for (const tier of ["staging", "production"] as const) {
    const { [tier]: tags = [] } = docker?.tags ?? {};
    const path = ["targets", "docker", "tags", tier];
    const doubled = tags.find((tag, index) => tags.indexOf(tag) !== index);
    if (doubled !== undefined) report(path, `${spell(path)} holds ${doubled} twice`, "remove one of them");
    if (docker && !tags.some((tag) => tag.includes("{version}"))) {
      report(
        path,
        `${spell(path)} has no tag with {version}`,
        `add one, e.g. ${tier === "staging" ? "staging-" : "v"}{version}`,
      );
    }
    const moving = tags.find((tag) => !/\{(?:version|commit)\}/.test(tag));
    if (moving !== undefined) {
      const hint = `a tag of tags is never moved; write it in pointers.${tier}`;
      report(path, `${spell(path)} holds ${moving}, which the next release would have too`, hint);
    }
    const fixed = docker?.pointers[tier].find((tag) => /\{(?:version|commit)\}/.test(tag));
    if (fixed !== undefined) {
      const at = ["targets", "docker", "pointers", tier];
      report(at, `${spell(at)} holds ${fixed}, which never moves`, `write it in tags.${tier}`);
    }
  }
}

/** Words of other systems for what Go calls darwin, amd64 and so on. */
function checkPlatforms(platforms: readonly string[], path: KeyPath, report: Report): void {
  for (const [index, platform] of platforms.entries()) {
    const meant = suggestPlatform(platform);
    const at = [...path, index];
    if (meant !== undefined) report(at, `${spell(at)} is ${platform}, which Go doesn't know`, `did you mean ${meant}?`);
    else if (platforms.indexOf(platform) !== index)
      report(at, `${spell(path)} holds ${platform} twice`, "remove one of them");
  }
}

function checkArtifacts(artifacts: readonly Artifact[], report: Report): void {
  const names = new Map<string, number>();
  for (const [index, artifact] of artifacts.entries()) {
    const path = ["artifacts", index];
    // One name in two spellings would be one file on macOS and Windows.
    const key = artifact.name.toLowerCase();
    if (names.has(key)) {
      const other = names.get(key) as number;
      report(
        [...path, "name"],
        `artifacts[${other}] is called ${artifacts[other]?.name} too`,
        "give each artifact a name of its own",
      );
    } else names.set(key, index);
    if ("platforms" in artifact) checkPlatforms(artifact.platforms, [...path, "platforms"], report);
    if (artifact.type === "image") checkImage(artifact, index, artifacts, report);
  }
}

function checkImage(
  image: Extract<Artifact, { type: "image" }>,
  index: number,
  artifacts: readonly Artifact[],
  report: Report,
): void {
  const path = ["artifacts", index];
  const withDockerfile = image.dockerfile !== null;
  if (!withDockerfile && Object.keys(image.files).length === 0 && image.base === "scratch") {
    report(
      path,
      `${image.name} has neither dockerfile nor files`,
      "name a dockerfile, or the files that the image holds",
    );
  }
  if (withDockerfile) {
    const given = {
      base: image.base !== "scratch",
      entrypoint: image.entrypoint.length > 0,
      env: Object.keys(image.env).length > 0,
      ports: image.ports.length > 0,
      user: image.user !== null,
    };
    for (const [key, is] of Object.entries(given)) {
      if (is)
        report(
          [...path, key],
          `artifacts[${index}].${key} has no effect beside a dockerfile`,
          `write it in ${image.dockerfile}`,
        );
    }
  }
  const twin = artifacts.findIndex(
    (other, at) => at < index && other.type === "image" && other.repository === image.repository,
  );
  if (twin >= 0)
    report(
      [...path, "repository"],
      `${image.name} and ${artifacts[twin]?.name} are both ${image.repository}`,
      "give each image a repository of its own",
    );
  const binaries = artifacts.filter((other) => other.type === "go");
  for (const [destination, source] of Object.entries(image.files)) {
    const at = [...path, "files", destination];
    if (!withDockerfile && !destination.startsWith("/")) {
      report(at, `artifacts[${index}].files: ${destination} isn't absolute`, `write /${destination}`);
    }
    if (withDockerfile && destination.startsWith("/")) {
      report(
        at,
        `artifacts[${index}].files: ${destination} is absolute`,
        "beside a dockerfile it is a path in the build's context",
      );
    }
    const binary = binaries.find((other) => other.name === source);
    const missing = binary?.platforms ? image.platforms.filter((platform) => !binary.platforms.includes(platform)) : [];
    if (missing.length) {
      report(
        at,
        `${image.name} is for ${missing.join(", ")}, but ${source} isn't built for it`,
        `add it to the platforms of ${source}`,
      );
    }
    if (!binary && !source.includes("/") && !source.includes(".")) {
      const guess = suggest(
        source,
        binaries.map((other) => other.name),
      );
      if (guess) report(at, `no artifact of type go is called ${source}`, `did you mean ${guess}?`);
    }
  }
}

/** Artifacts that no target takes, and targets that no artifact is for. */
function checkOutlets(artifacts: readonly Artifact[], targets: TargetsConfig, raw: RawConfig, report: Report): void {
  const custom = artifacts.some((artifact) => artifact.type === "command");
  const pairs = [
    { target: "npm", type: "npm", custom },
    { target: "pypi", type: "python", custom },
    { target: "docker", type: "image", custom: false },
    { target: "go", type: "go-module", custom: false },
  ] as const;
  for (const { target, type, custom: other } of pairs) {
    const index = artifacts.findIndex((artifact) => artifact.type === type);
    if (targets[target] && index < 0 && !other) {
      report(
        ["targets", target],
        `targets.${target} is on, but no artifact is of type ${type}`,
        `add one to artifacts, or remove targets.${target}`,
      );
    }
    const assets = targets.github?.assets && (type === "npm" || type === "python");
    if (!targets[target] && index >= 0 && !assets) {
      const where =
        raw.targets === undefined ? "without `targets` a release is a GitHub release" : `targets.${target} is off`;
      report(
        ["artifacts", index],
        `nobody gets ${artifacts[index]?.name}: ${where}`,
        `add \`${target}: true\` to targets, or remove the artifact`,
      );
    }
  }
}
