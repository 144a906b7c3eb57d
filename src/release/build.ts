import { type BuildOptions, build, checkTools, requiredTools, withWorktree } from "../build/index.ts";
import type { Artifact } from "../config/types.ts";
import type { Finding, ReleaseContext } from "../core/target.ts";
import type { Built, Job, Planned } from "./job.ts";

/** Programs that the build needs and this machine hasn't, for preflight. */
export async function toolFindings(planned: Planned, job: Job): Promise<Finding[]> {
  if (job.parts) return [];
  return checkTools(requiredTools(artifactsOf(planned, job)), job.dir);
}

/**
 * Builds all artifacts in a work tree of the release commit, which is gone afterwards; the user's tree isn't touched.
 * Where other machines have built them, their files are taken.
 *
 * @param out folder for the files
 * @param share only these artifacts, for these platforms; left out: everything
 * @see two-tier.md, step 3
 */
export async function buildRelease(
  job: Job,
  planned: Planned,
  release: ReleaseContext,
  out: string,
  share: Pick<BuildOptions, "only" | "platforms"> = {},
): Promise<Built> {
  if (job.parts) return job.parts.files(release, out);
  const { epoch, pythonVersion } = planned.plan;
  const result = await withWorktree(
    job.gitDir,
    release.commit,
    job.folder,
    (tree) =>
      build({
        tree,
        artifacts: artifactsOf(planned, job),
        ...share,
        version: release.version,
        pythonVersion: pythonVersion ?? release.version,
        tag: release.tag,
        commit: release.commit,
        epoch,
        repository: release.repository,
        out,
        io: job.io,
      }),
    { signal: job.io.signal, epoch },
  );
  for (const message of result.findings) job.io.emit({ type: "warning", message });
  return { files: result.files, tools: result.tools, folder: out };
}

function artifactsOf({ resolved }: Planned, job: Job): Artifact[] {
  return resolved.artifacts.map((artifact) =>
    artifact.type === "python" && job.offlineBuilds ? { ...artifact, isolated: false } : artifact,
  );
}
