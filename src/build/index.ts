import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import type { Artifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { buildCommand } from "./command.ts";
import { buildGo } from "./go.ts";
import { binariesOf, buildImage } from "./image.ts";
import { buildNpm } from "./npm.ts";
import { buildPython } from "./python.ts";
import { removeTree } from "./remove.ts";
import { limiter } from "./schedule.ts";
import type { BuildContext, BuildOptions, BuildResult } from "./types.ts";

export { describeFile } from "./file.ts";
export { removeTree } from "./remove.ts";
export { checkTools, requiredTools } from "./tools.ts";
export type { BuildOptions, BuildResult } from "./types.ts";
export { withWorktree } from "./worktree.ts";

/**
 * Builds every artifact into `out` and tells the digests. Independent ones run side by side, at most as many as the
 * machine has cores; an image waits for its binaries. The first failure stops the others.
 *
 * @throws ReleaseError BUILD, TOOL_MISSING (with the artifact's name), INTERRUPTED
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  await mkdir(options.out, { recursive: true });
  const temp = await temporaryFolder(tmpdir(), "twotier-build");
  const stop = new AbortController();
  const signal = AbortSignal.any([options.io.signal, stop.signal]);
  const tools: Record<string, string> = {};
  const findings: string[] = [];
  if (existsSync(path.join(options.tree, ".gitmodules"))) {
    findings.push("the repository has submodules; they aren't checked out for the build");
  }
  const started = new Map<string, Promise<ReleaseFile[]>>();
  const shared = new Map<string, Promise<void>>();
  const binaries = new Map<string, PromiseWithResolvers<void>>();
  const binary = (name: string, platform: string) => {
    const key = `${name} ${platform}`;
    const known = binaries.get(key) ?? Promise.withResolvers<void>();
    binaries.set(key, known);
    return known;
  };
  // One more than the cores: builders also wait for the disk and for interpreters to start.
  const slot = limiter(availableParallelism() + 1);
  let first: unknown;

  const start = async (artifact: Artifact, index: number): Promise<ReleaseFile[]> => {
    if (artifact.type === "go-module" || !(options.only?.includes(artifact.name) ?? true)) return [];
    const context: BuildContext = {
      ...options,
      io: { signal, emit: options.io.emit },
      temp: path.join(temp, String(index)),
      tool: (name, version) => {
        tools[name] = version;
      },
      finding: (sentence) => findings.push(sentence),
      ready: (name, platform) => binary(name, platform).resolve(),
      async built(name, platform) {
        await Promise.race([started.get(name), binary(name, platform).promise]);
      },
      once(key, work) {
        const running = shared.get(key) ?? work();
        shared.set(key, running);
        return running;
      },
    };
    const step = `build ${artifact.name}`;
    const work = async () => {
      signal.throwIfAborted();
      await mkdir(context.temp, { recursive: true });
      options.io.emit({ type: "step", step, state: "start", detail: artifact.type });
      const files = await buildOne(artifact, context);
      options.io.emit({ type: "step", step, state: files.length > 0 ? "done" : "skipped", detail: describe(files) });
      return files;
    };
    try {
      // An image only waits at first: it must not hold a place that its binaries need.
      if (artifact.type === "image") await binariesOf(artifact, context);
      if (artifact.type === "command") await Promise.all((artifact.after ?? []).map((name) => started.get(name)));
      return await slot(work);
    } catch (error) {
      first ??= error;
      stop.abort(error);
      throw error;
    }
  };

  try {
    const waitsLast = [...options.artifacts.entries()].sort(([, a], [, b]) => rank(a) - rank(b));
    for (const [index, artifact] of waitsLast) started.set(artifact.name, start(artifact, index));
    // All have ended, before the folders go away under them.
    await Promise.allSettled(started.values());
    if (first !== undefined) throw asReleaseError(first);
    const files: ReleaseFile[] = [];
    for (const artifact of options.artifacts) files.push(...((await started.get(artifact.name)) ?? []));
    checkNames(files);
    return { files, tools: sorted(tools), findings };
  } finally {
    await removeTree(temp);
  }
}

async function buildOne(
  artifact: Exclude<Artifact, { type: "go-module" }>,
  context: BuildContext,
): Promise<ReleaseFile[]> {
  const folder = path.join(context.tree, artifact.dir);
  if (!existsSync(folder)) {
    throw new ReleaseError("BUILD", `${artifact.name}: there is no folder ${artifact.dir} in the release commit`, {
      facts: { artifact: artifact.name, commit: context.commit },
      hint: "set the artifact's dir in twotier.yaml to a folder that is committed",
    });
  }
  const named = context.platforms === undefined || context.only !== undefined;
  const forNone = !named && artifact.type !== "go" && artifact.type !== "image";
  if (forNone) return [];
  switch (artifact.type) {
    case "go":
      return buildGo(artifact, context);
    case "python":
      return buildPython(artifact, context);
    case "npm":
      return buildNpm(artifact, context);
    case "image":
      return buildImage(artifact, context);
    case "command":
      return buildCommand(artifact, context);
  }
}

/** Images after what they may be made from; the longest (Go) first. */
function rank(artifact: Artifact): number {
  return artifact.type === "image" ? 2 : artifact.type === "go" ? 0 : 1;
}

function describe(files: readonly ReleaseFile[]): string {
  return files.map((file) => file.name).join(", ");
}

function sorted(tools: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tools).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function checkNames(files: readonly ReleaseFile[]): void {
  const seen = new Map<string, string>();
  for (const { name, artifact } of files) {
    const other = seen.get(name);
    if (other !== undefined) {
      throw new ReleaseError("BUILD", `${other} and ${artifact} both make ${name}`, {
        hint: "give one of the artifacts another name in twotier.yaml",
      });
    }
    seen.set(name, artifact);
  }
}
