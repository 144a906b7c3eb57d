import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { checksPart, type Part } from "../config/parts.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import type { PlanCondition } from "../core/plan.ts";
import type { ReleaseContext } from "../core/target.ts";
import { ReleaseError } from "../lib/errors.ts";
import { contextOfPlan, releaseCommitOf } from "./begin.ts";
import { buildRelease } from "./build.ts";
import { refuseUnmet } from "./conditions.ts";
import type { Job, Planned } from "./job.ts";
import { fetchCommits } from "./objects.ts";
import type { Prepared } from "./prepared.ts";
import { runChecks } from "./run-checks.ts";

/** Of one release, what a part has built: `files` are in the folder of that name beside part.json. */
export interface BuiltShare {
  folder: "release" | "candidate";
  tag: string;
  /** The release commit it was built from. */
  commit: string;
  files: ReleaseFile[];
  tools: Record<string, string>;
}

/** part.json: what one machine made of a prepared release. */
export interface PartRecord {
  schema: 1;
  name: string;
  /** The release, and in production its candidate once more. */
  built: BuiltShare[];
  checks: PlanCondition[];
}

/** File beside the folders of a part. */
export const recordFile = "part.json";

/**
 * Builds one machine's share of a prepared release into a folder, with its digests beside it: in production the
 * candidate's too, with the same tools, so that `publish` can compare them. Asks no remote, needs no credential.
 *
 * @param out folder for the files; emptied first
 * @throws ReleaseError BUILD, TOOL_MISSING; REFUSED when a check fails; CONFLICT when it isn't the prepared commit
 * @see two-tier.md, "On several runners"
 */
export async function buildPart(
  job: Job,
  planned: Planned,
  prepared: Prepared,
  part: Part,
  out: string,
): Promise<PartRecord> {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const record: PartRecord = { schema: 1, name: part.name, built: [], checks: [] };
  if (part.name === checksPart) record.checks = await check(job, planned);
  else {
    const share = { only: part.artifacts, ...(part.platforms.length > 0 ? { platforms: part.platforms } : {}) };
    const release = { ...contextOfPlan(planned), commit: await preparedCommit(job, planned, prepared) };
    const add = async (folder: BuiltShare["folder"], of: Planned, context: ReleaseContext) => {
      const { files, tools } = await buildRelease(job, of, context, path.join(out, folder), share);
      record.built.push({ folder, tag: context.tag, commit: context.commit, files, tools });
    };
    await add("release", planned, release);
    if (prepared.candidate) {
      const { tag, version, pythonVersion, commit, epoch } = prepared.candidate;
      await fetchCommits(job, [commit]);
      const of = { ...planned, plan: { ...planned.plan, epoch, pythonVersion: pythonVersion || null } };
      await add("candidate", of, { ...release, tier: "staging", tag, version, commit });
    }
  }
  await writeFile(path.join(out, recordFile), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

/** The commands that must succeed before a release; those of production on top. @throws ReleaseError REFUSED */
async function check(job: Job, { plan, config }: Planned): Promise<PlanCondition[]> {
  const { conditions } = config.tiers.production;
  const production = plan.tier === "production";
  const checks = [...new Set([...config.checks, ...(production ? conditions.checks : [])])];
  const found = await runChecks(job, plan.source, { checks, docs: production ? conditions.docs : [] });
  refuseUnmet(found, plan);
  return found;
}

/** The release commit, made here, or fetched where another twotier has made it. */
async function preparedCommit(job: Job, planned: Planned, prepared: Prepared): Promise<string> {
  const commit = await releaseCommitOf(job, planned);
  if (commit === prepared.commit) return commit;
  throw new ReleaseError("CONFLICT", `${planned.plan.tag} isn't the commit here that was prepared`, {
    facts: { prepared: prepared.commit ?? "none", here: commit },
    hint: "use one version of twotier in all jobs, and run all of them again",
  });
}
