import type { Artifact, Config, GoArtifact, ImageArtifact, ResolvedArtifacts } from "./types.ts";

/** A share of a release's build that one runner does. */
export interface Part {
  /** Unique; may stand in a file name. */
  name: string;
  /** Names of its artifacts. */
  artifacts: string[];
  /** Platforms of its Go binaries and images; empty: it has neither. */
  platforms: string[];
}

/** One thing that can be built by itself: an artifact, or a Go artifact's binary for one platform. */
interface Unit {
  artifact: Artifact;
  platform: string | null;
}

/** Most parts of one release: a matrix of GitHub Actions holds 256 jobs, and a runner takes half a minute to get ready. */
const most = 24;

/**
 * Splits a build among runners: one for each platform of a Go artifact, one for each other artifact. An image and the
 * binaries it is made from are one part, so that nothing is built twice. Pure.
 *
 * @returns parts in the order of the artifacts; none where nothing is built
 */
export function partsOf({ artifacts }: Pick<ResolvedArtifacts, "artifacts">): Part[] {
  const units = artifacts.flatMap((artifact): Unit[] => {
    if (artifact.type === "go-module") return [];
    if (artifact.type === "go") return artifact.platforms.map((platform) => ({ artifact, platform }));
    return [{ artifact, platform: null }];
  });
  const groups = units.map((unit) => [unit]);
  while (joinTwo(groups)) {
    // until nothing belongs together that is apart
  }
  const parts = groups.map(partOf);
  for (const [index, part] of parts.entries()) {
    if (parts.some((other, before) => before < index && other.name === part.name)) part.name += `.${index + 1}`;
  }
  return parts.length <= most ? parts : fewer(parts);
}

/** Joins the first two groups that belong together, in place. @returns false where there are none */
function joinTwo(groups: Unit[][]): boolean {
  for (const [at, group] of groups.entries()) {
    const other = groups.findIndex((one, index) => index !== at && group.some((unit) => one.some(needs(unit, group))));
    if (other < 0) continue;
    const first = Math.min(at, other);
    const [taken = []] = groups.splice(Math.max(at, other), 1);
    groups[first] = [...(groups[first] as Unit[]), ...taken];
    return true;
  }
  return false;
}

/** True for what an image is made from or a command comes after, and for what a part would build too because it names artifacts and platforms. */
const needs = (unit: Unit, group: readonly Unit[]) => (other: Unit) => {
  if (unit.artifact.type === "image") {
    const { files, platforms } = unit.artifact as ImageArtifact;
    const fits = other.platform === null || platforms.includes(other.platform);
    return fits && Object.values(files).includes(other.artifact.name);
  }
  if (unit.artifact.type === "command" && unit.artifact.after?.includes(other.artifact.name)) return true;
  if (other.platform === null) return false;
  return (
    group.some((one) => one.artifact.name === other.artifact.name) &&
    group.some((one) => platformsOf(one).includes(other.platform as string))
  );
};

function platformsOf({ artifact, platform }: Unit): readonly string[] {
  if (platform !== null) return [platform];
  return artifact.type === "image" ? artifact.platforms : [];
}

function partOf(units: readonly Unit[]): Part {
  const artifacts = [...new Set(units.map((unit) => unit.artifact.name))];
  const platforms = [...new Set(units.flatMap(platformsOf))].sort();
  const named = units.find((unit) => unit.artifact.type === "image") ?? (units[0] as Unit);
  const name = named.platform === null ? named.artifact.name : `${named.artifact.name}-${named.platform}`;
  return { name: name.replace(/[^\w.-]+/g, "-"), artifacts, platforms };
}

/** Parts without platforms share runners, in turn, until there are few enough. */
function fewer(parts: readonly Part[]): Part[] {
  const fixed = parts.filter((part) => part.platforms.length > 0);
  const plain = parts.filter((part) => part.platforms.length === 0);
  const runners = Math.max(1, most - fixed.length);
  const shared: Part[] = [];
  for (const [index, part] of plain.entries()) {
    const at = index % runners;
    const to = shared[at];
    if (to) to.artifacts.push(...part.artifacts);
    else shared.push({ ...part, artifacts: [...part.artifacts] });
  }
  return [...fixed, ...shared];
}

/** The part that runs the commands which must succeed before a release, instead of building. */
export const checksPart = "twotier-checks";

/** The part of the checks, where twotier.yaml has any for that tier (null: for either). */
export function checksOf(config: Pick<Config, "checks" | "tiers">, tier: "staging" | "production" | null): Part[] {
  const { checks, docs } = config.tiers.production.conditions;
  const asked = [...config.checks, ...(tier === "staging" ? [] : [...checks, ...docs])];
  return asked.length === 0 ? [] : [{ name: checksPart, artifacts: [], platforms: [] }];
}

/** What must be installed on a runner for a part. */
export interface PartTools {
  go: boolean;
  python: boolean;
  /** A Dockerfile is built. */
  dockerfile: boolean;
}

/** Tools of the artifacts with these names. */
export function toolsOf({ artifacts }: Pick<ResolvedArtifacts, "artifacts">, names: readonly string[]): PartTools {
  const own = artifacts.filter((artifact) => names.includes(artifact.name));
  return {
    go: own.some((artifact) => artifact.type === "go"),
    python: own.some((artifact) => artifact.type === "python"),
    dockerfile: own.some((artifact) => artifact.type === "image" && artifact.dockerfile !== null),
  };
}

/** Where a part is built: cgo needs the platform's own machine, all else is cross-compiled. */
export function runnerOf({ artifacts }: Pick<ResolvedArtifacts, "artifacts">, part: Part): string {
  const cgo = artifacts.some(
    (one) => part.artifacts.includes(one.name) && one.type === "go" && (one as GoArtifact).env.CGO_ENABLED === "1",
  );
  const platform = part.platforms.length === 1 ? part.platforms[0] : undefined;
  if (!cgo || platform === undefined) return "ubuntu-latest";
  if (platform.startsWith("darwin/")) return "macos-latest";
  return platform === "linux/arm64" ? "ubuntu-24.04-arm" : "ubuntu-latest";
}
