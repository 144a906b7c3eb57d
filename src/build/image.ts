import { existsSync } from "node:fs";
import { chmod, cp, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { binariesOf as binariesBy, splitPlatform } from "../config/platforms.ts";
import type { Artifact, ImageArtifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { buildDockerfile } from "./dockerfile.ts";
import { buildLayers } from "./layers.ts";
import { expand, isoDate } from "./template.ts";
import type { BuildContext } from "./types.ts";

/** What an image is made from, found for one platform. */
export interface ImageSource {
  /** Path in the image, or in the Dockerfile's context. */
  to: string;
  /** Absolute path of a file or folder on this machine. */
  from: string;
  /** One of the release's own: may be run, whatever mode it came here with (CI artifacts lose theirs). */
  binary: boolean;
}

/** Name of the folder that holds an image among the built files. */
export function imageFolder(artifact: Pick<ImageArtifact, "name">): string {
  return `${artifact.name}.oci`;
}

/** One index for all platforms, as an OCI layout in `out`: from a Dockerfile, or from binaries and files alone. */
export async function buildImage(artifact: ImageArtifact, context: BuildContext): Promise<ReleaseFile[]> {
  if (context.platforms !== undefined && !artifact.platforms.every((one) => context.platforms?.includes(one)))
    return [];
  const name = imageFolder(artifact);
  const layout = path.join(context.out, name);
  await rm(layout, { recursive: true, force: true });
  const sources = new Map<string, ImageSource[]>();
  for (const platform of artifact.platforms) sources.set(platform, sourcesOf(artifact, platform, context));
  const labels = { ...standardLabels(context), ...expandAll(artifact.labels, context) };
  const build = artifact.dockerfile === null ? buildLayers : buildDockerfile;
  const { digest, size } = await build(artifact, layout, sources, labels, context);
  return [{ name, size, sha256: digest, kind: "image", package: artifact.repository, artifact: artifact.name }];
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md */
function standardLabels(context: BuildContext): Record<string, string> {
  return {
    "org.opencontainers.image.created": isoDate(context.epoch),
    "org.opencontainers.image.revision": context.commit,
    "org.opencontainers.image.source": `https://github.com/${context.repository}`,
    "org.opencontainers.image.version": context.version,
  };
}

function expandAll(values: Record<string, string>, context: BuildContext): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, expand(value, context)]));
}

function sourcesOf(artifact: ImageArtifact, platform: string, context: BuildContext): ImageSource[] {
  const { os, arch, variant = "" } = splitPlatform(platform);
  const sources: ImageSource[] = [];
  for (const [destination, source] of Object.entries(artifact.files)) {
    const to = destination.replaceAll("{os}", os).replaceAll("{arch}", `${arch}${variant}`);
    const made = makerOf(source, context);
    const from = made ? path.join(context.out, binaryFor(artifact, made, platform)) : path.join(context.tree, source);
    if (!existsSync(from)) {
      throw new ReleaseError("BUILD", `${artifact.name}: ${source} for ${to} isn't there`, {
        facts: { artifact: artifact.name, platform, file: from },
        hint: "under files, each value is the name of an artifact with binaries or a path from the repository's root",
      });
    }
    sources.push({ to, from, binary: made !== undefined });
  }
  return sources;
}

/** The artifact of that name, if it makes binaries. */
function makerOf(name: string, context: BuildContext): Artifact | undefined {
  return context.artifacts.find((other) => other.name === name && binariesBy(other).size > 0);
}

/** Waits until the binaries that the image is made from are there. */
export async function binariesOf(artifact: ImageArtifact, context: BuildContext): Promise<void> {
  for (const source of Object.values(artifact.files)) {
    const made = makerOf(source, context);
    if (made === undefined) continue;
    await Promise.all(artifact.platforms.map((platform) => context.built(made.name, platform)));
  }
}

function binaryFor(artifact: ImageArtifact, made: Artifact, platform: string): string {
  const binaries = binariesBy(made);
  const name = binaries.get(platform);
  if (name !== undefined) return name;
  throw new ReleaseError("BUILD", `${artifact.name}: ${made.name} isn't built for ${platform}`, {
    facts: { artifact: artifact.name, "built for": [...binaries.keys()].join(", ") },
    hint: `add ${platform} to what ${made.name} makes, or take it from the platforms of ${artifact.name}`,
  });
}

/** Puts the release's binaries, and files or folders from elsewhere in the repository, into a Dockerfile's context. */
export async function fillContext(folder: string, sources: Map<string, ImageSource[]>): Promise<void> {
  for (const { to, from, binary } of [...sources.values()].flat()) {
    const target = path.join(folder, to);
    await mkdir(path.dirname(target), { recursive: true });
    if (path.resolve(from) !== target) await cp(from, target, { recursive: true });
    if (binary) await chmod(target, 0o755);
  }
}
