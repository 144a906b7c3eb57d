import type { Report } from "./checks.ts";
import { type KeyPath, spell } from "./document.ts";
import { binariesOf } from "./platforms.ts";
import type { RawConfig } from "./schema.ts";
import { suggestPlatform } from "./suggest.ts";
import type { Artifact, CommandArtifact, TargetsConfig } from "./types.ts";

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

/** Names, platforms and images. */
export function checkArtifacts(artifacts: readonly Artifact[], whole: boolean, report: Report): void {
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
    if (artifact.type === "command") checkAfter(artifact, index, artifacts, report);
    if ("platforms" in artifact) checkPlatforms(artifact.platforms, [...path, "platforms"], report);
    if (artifact.type !== "image") continue;
    if (
      whole &&
      artifact.dockerfile === null &&
      Object.keys(artifact.files).length === 0 &&
      artifact.base === "scratch"
    ) {
      report(
        path,
        `${artifact.name} has neither dockerfile nor files`,
        "name a dockerfile, or the files that the image holds",
      );
    }
    checkImage(artifact, index, artifacts, report);
  }
}

/** Those before it in the file alone, so that no two wait for each other. */
function checkAfter(
  { name, after = [] }: CommandArtifact,
  index: number,
  artifacts: readonly Artifact[],
  report: Report,
): void {
  for (const [at, wanted] of after.entries()) {
    const other = artifacts.findIndex((one) => one.name === wanted);
    const path = ["artifacts", index, "after", at];
    if (other < 0) report(path, `${name} is built after ${wanted}, and no artifact is called so`, "name one of them");
    else if (artifacts[other]?.type === "image")
      report(path, `${name} is built after ${wanted}, which is an image`, "images are built last: take it away");
    else if (other === index) report(path, `${name} is built after itself`, "take it away");
    else if (other > index)
      report(path, `${name} is built after ${wanted}, which stands below it`, `move ${wanted} above ${name}`);
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
    const maker = artifacts.find((other) => other.name === source);
    const made = maker ? binariesOf(maker) : new Map<string, string>();
    const missing = image.platforms.filter((platform) => !made.has(platform));
    if (made.size > 0 && missing.length > 0) {
      report(
        at,
        `${image.name} is for ${missing.join(", ")}, but ${source} isn't built for it`,
        maker?.type === "command" ? `name the file among files of ${source}` : `add it to the platforms of ${source}`,
      );
    }
  }
}

/** Artifacts that no target takes, and targets that no artifact is for. */
export function checkOutlets(
  artifacts: readonly Artifact[],
  targets: TargetsConfig,
  raw: RawConfig,
  report: Report,
): void {
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
