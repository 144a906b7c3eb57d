import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { unpackTar } from "modern-tar/fs";
import type { ImageArtifact } from "../config/types.ts";
import { ReleaseError } from "../lib/errors.ts";
import { exec } from "../lib/exec.ts";
import type { Digest } from "../lib/hash.ts";
import { fillContext, type ImageSource } from "./image.ts";
import * as oci from "./oci.ts";
import { buildEnv, howToGet, programs, run } from "./run.ts";
import type { BuildContext } from "./types.ts";

/**
 * An image from a Dockerfile, by buildah (no daemon, dates inside layers set by --timestamp), else by docker buildx.
 * Nothing is taken from or left in the user's image store.
 */
export async function buildDockerfile(
  artifact: ImageArtifact,
  layout: string,
  sources: Map<string, ImageSource[]>,
  labels: Record<string, string>,
  context: BuildContext,
): Promise<{ digest: Digest; size: number }> {
  const folder = path.join(context.tree, artifact.dir);
  await fillContext(folder, sources);
  const builder = await findBuilder(artifact.name);
  context.tool(builder.name, builder.version);
  const build = builder.name === "buildah" ? byBuildah : byBuildx;
  await build(artifact, folder, layout, labels, context);
  // The order in which a builder lists platforms is the order in which they were done.
  const found = await oci.listManifests(layout);
  const manifests: oci.Descriptor[] = [];
  for (const name of artifact.platforms) {
    const platform = oci.ociPlatform(name);
    const entry = found.find((one) => oci.samePlatform(one.platform, platform));
    if (entry === undefined) {
      throw new ReleaseError("BUILD", `${artifact.name}: ${builder.name} made no image for ${name}`, {
        facts: {
          artifact: artifact.name,
          made: found.map(({ platform: p }) => `${p?.os}/${p?.architecture}`).join(", "),
        },
      });
    }
    manifests.push({ ...(await normaliseHistory(layout, entry)), platform });
  }
  return oci.writeIndex(layout, manifests, labels);
}

interface History {
  history?: { created_by?: string }[];
}

/**
 * buildah writes a digest of what it copied into the history, over dates and owners of the files in the context too,
 * so that equal layers have unequal images: it is taken out.
 */
async function normaliseHistory(layout: string, entry: oci.Descriptor): Promise<oci.Descriptor> {
  const manifest = await oci.readJson<oci.ImageManifest>(layout, entry.digest);
  const config = await oci.readJson<History>(layout, manifest.config.digest);
  for (const step of config.history ?? []) {
    step.created_by &&= step.created_by.replace(/\b(COPY|ADD) (file|dir|multi):[0-9a-f]{64} /, "$1 $2 ");
  }
  const changed = await oci.writeJson(layout, manifest.config.mediaType, config);
  return oci.writeJson(layout, entry.mediaType, { ...manifest, config: changed });
}

export interface ImageBuilder {
  name: "buildah" | "docker buildx";
  version: string;
}

/** What can build a Dockerfile here. @throws ReleaseError TOOL_MISSING */
export async function findBuilder(artifact: string): Promise<ImageBuilder> {
  const env = buildEnv(0);
  if (programs("buildah").length > 0) {
    const { stdout } = await exec("buildah", ["--version"], { env });
    return { name: "buildah", version: /version (\S+)/.exec(stdout)?.[1] ?? stdout.trim() };
  }
  let because = "docker isn't installed";
  if (programs("docker").length > 0) {
    const ask = (args: string[]) => exec("docker", args, { env, timeout: 15_000 }).catch((error: Error) => error);
    const daemon = await ask(["info", "--format", "{{.ServerVersion}}"]);
    const buildx = daemon instanceof Error ? daemon : await ask(["buildx", "version"]);
    if (!(buildx instanceof Error)) {
      return { name: "docker buildx", version: /v\d\S*/.exec(buildx.stdout)?.[0] ?? buildx.stdout.trim() };
    }
    because = daemon instanceof Error ? "docker's daemon doesn't answer" : "docker has no buildx";
  }
  throw new ReleaseError("TOOL_MISSING", `buildah or docker buildx is needed to build ${artifact}`, {
    facts: { tool: "buildah", artifact, found: because },
    hint: howToGet("buildah"),
  });
}

async function byBuildah(
  artifact: ImageArtifact,
  folder: string,
  layout: string,
  labels: Record<string, string>,
  context: BuildContext,
): Promise<void> {
  // A store of its own: rehearsals and releases side by side, and no layer of an earlier build.
  const store = ["--root", path.join(context.temp, "root"), "--runroot", path.join(context.temp, "run")];
  const base = [...store, "--storage-driver", "vfs"];
  const hint = (output: string) => foreignHint(artifact, output);
  const build = ["build", "--isolation", "chroot", "--no-cache", "--identity-label=false"];
  try {
    await run(
      context,
      artifact.name,
      "buildah",
      [
        ...base,
        ...build,
        ...["--timestamp", String(context.epoch), "--platform", artifact.platforms.join(","), "--manifest", "release"],
        ...buildArgs(context),
        ...labelArgs(labels),
        ...["--file", path.join(folder, artifact.dockerfile as string), folder],
      ],
      { cwd: folder, hint },
    );
    await run(context, artifact.name, "buildah", [...base, "manifest", "push", "--all", "release", `oci:${layout}`], {
      cwd: folder,
    });
  } finally {
    // In a user namespace its files may belong to other ids, which only buildah can remove.
    await exec("buildah", [...base, "rmi", "--all", "--force"], { env: buildEnv(context.epoch) }).catch(() => {});
  }
}

async function byBuildx(
  artifact: ImageArtifact,
  folder: string,
  layout: string,
  labels: Record<string, string>,
  context: BuildContext,
): Promise<void> {
  const archive = path.join(context.temp, "image.tar");
  await run(
    context,
    artifact.name,
    "docker",
    [
      ...["buildx", "build", "--no-cache", "--progress", "plain", "--provenance=false", "--sbom=false"],
      // https://github.com/moby/buildkit/blob/master/docs/build-repro.md
      ...["--output", `type=oci,dest=${archive},rewrite-timestamp=true`],
      ...["--platform", artifact.platforms.join(",")],
      ...["--build-arg", `SOURCE_DATE_EPOCH=${context.epoch}`],
      ...buildArgs(context),
      ...labelArgs(labels),
      ...["--file", path.join(folder, artifact.dockerfile as string), folder],
    ],
    {
      cwd: folder,
      hint: (output) =>
        /OCI exporter is not supported|Multi-platform build is not supported/i.test(output)
          ? "docker's default builder can't do this: docker buildx create --use, or apt-get install buildah"
          : foreignHint(artifact, output),
    },
  );
  await mkdir(layout, { recursive: true });
  await pipeline(createReadStream(archive), unpackTar(layout));
}

function buildArgs(context: BuildContext): string[] {
  return ["--build-arg", `VERSION=${context.version}`, "--build-arg", `COMMIT=${context.commit}`];
}

function labelArgs(labels: Record<string, string>): string[] {
  return Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
}

/** RUN of another architecture's programs needs the kernel to know an emulator for them (binfmt_misc). */
function foreignHint(artifact: ImageArtifact, output: string): string | undefined {
  if (!/exec format error/i.test(output)) return undefined;
  return `RUN for another architecture (${artifact.platforms.join(", ")}) needs qemu: apt-get install qemu-user-static, or build without RUN for it (COPY what was cross-compiled)`;
}
