import { retrying } from "../core/retry.ts";
import { type Finding, type Io, type Target, targetNames } from "../core/target.ts";
import { readObjects } from "../git/objects.ts";
import { asReleaseError, inItsWords, ReleaseError } from "../lib/errors.ts";
import type { Job, Planned } from "./job.ts";
import { again, orWithout } from "./left-out.ts";

/**
 * Everything that can be known before the first write: tools, credentials, rights, names. All findings at once.
 *
 * @param tools findings about programs that builders need
 * @returns warnings
 * @throws ReleaseError PREFLIGHT with every error as a finding; nothing was written
 * @see two-tier.md, step 1
 */
export async function preflight(
  job: Job,
  planned: Planned,
  targets: readonly Target[],
  tools: readonly Finding[],
): Promise<string[]> {
  const asked = await Promise.all([workflowFiles(job, planned), askTargets(targets, job.io)]);
  const findings = [...tools, ...asked.flat()].filter((one) => !(job.claim && one.remedy === "claim"));
  refuseErrors(findings, planned.plan.tag ?? planned.config.name);
  return findings.map((one) => `${one.target}: ${one.message} (${one.hint})`);
}

/** What all targets find, asked at the same time; one that can't be asked is a finding too. */
export async function askTargets(targets: readonly Target[], io: Io): Promise<Finding[]> {
  const asked = targets.map(async (target): Promise<Finding[]> => {
    try {
      return await retrying(`asking ${target.name}`, io, () => target.preflight(io));
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code === "INTERRUPTED") throw error;
      const topic = error.code === "AUTH" ? "token" : "unreachable";
      const hint = error.hint ?? again;
      return [{ level: "error", target: target.name, topic, message: inItsWords(error), hint }];
    }
  });
  return (await Promise.all(asked)).flat();
}

/** @throws ReleaseError PREFLIGHT with every error as a finding, if there is one */
export function refuseErrors(findings: readonly Finding[], what: string): void {
  const errors = findings.filter((one) => one.level === "error");
  if (errors.length === 0) return;
  const count = counted(errors.length, "finding");
  const names = [...new Set(errors.map((one) => one.target))];
  const open = names.every((name) => name !== "github" && (targetNames as readonly string[]).includes(name));
  throw new ReleaseError("PREFLIGHT", `${what} can't be released yet: ${count}, nothing was written`, {
    hint: open ? orWithout("settle what is found", names.join(",")) : undefined,
    findings: errors.map((one) => new ReleaseError(codeOf(one), `${one.target}: ${one.message}`, { hint: one.hint })),
  });
}

function codeOf(finding: Finding): "TOOL_MISSING" | "PREFLIGHT" {
  return finding.target === "tools" ? "TOOL_MISSING" : "PREFLIGHT";
}

/** 1 finding, 2 findings */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * GitHub refuses to make a release with GITHUB_TOKEN when the tagged commit changes workflow files against the default
 * branch (registry-facts.md, "GitHub"). It can't be told from outside which token that is, so it is a warning.
 */
export async function workflowFiles(job: Job, { plan, config }: Planned): Promise<Finding[]> {
  if (!config.targets.github || job.remote === null) return [];
  const base = (await job.knownRefs()).get(`refs/heads/${plan.branch}`);
  if (!base || base === plan.source) return [];
  const folder = ".github/workflows";
  const commits = [base, plan.source];
  const names = [...commits, ...commits.map((commit) => `${commit}:${folder}`)];
  const [there, here, theirs, ours] = await readObjects(job.git, names);
  if (!there || !here || theirs?.sha === ours?.sha) return [];
  return [
    {
      level: "warning",
      target: "github",
      topic: "workflow",
      message: `${plan.source.slice(0, 12)} has other workflow files than ${plan.branch}: GitHub refuses a release of it to GITHUB_TOKEN`,
      hint: "use a token with the workflow right, or release a newer commit",
    },
  ];
}
