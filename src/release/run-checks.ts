import { readFile } from "node:fs/promises";
import path from "node:path";
import { withWorktree } from "../build/index.ts";
import type { PlanCondition } from "../core/plan.ts";
import { asReleaseError } from "../lib/errors.ts";
import { baseEnv, exec } from "../lib/exec.ts";
import { condition } from "./conditions.ts";
import { type Example, exampleMark, markedExamples, runnerOf } from "./examples.ts";
import type { Job } from "./job.ts";
import { fetchCommits } from "./objects.ts";

/**
 * Runs commands, and the marked examples of Markdown files, in a work tree of a commit, which is gone afterwards.
 * One after the other, all of them, so that one run tells everything.
 *
 * @returns a condition for each command and each file
 * @throws ReleaseError GIT, INTERRUPTED
 */
export async function runChecks(
  job: Job,
  commit: string,
  asked: { checks: readonly string[]; docs: readonly string[] },
): Promise<PlanCondition[]> {
  if (asked.checks.length === 0 && asked.docs.length === 0) return [];
  await fetchCommits(job, [commit]);
  return withWorktree(
    job.gitDir,
    commit,
    job.folder,
    async (tree) => {
      const found: PlanCondition[] = [];
      for (const command of asked.checks) {
        const failure = await attempt(job, "checks", ["sh", "-c", command], tree);
        const text = failure === null ? `\`${command}\` succeeds` : `\`${command}\` ${failure}`;
        found.push(condition("checks", failure === null, text, `run it by hand on ${commit.slice(0, 12)}`));
      }
      for (const file of asked.docs) found.push(await runExamples(job, tree, file));
      return found;
    },
    { signal: job.io.signal },
  );
}

async function runExamples(job: Job, tree: string, file: string): Promise<PlanCondition> {
  const text = await readFile(path.join(tree, file), "utf8").catch(() => null);
  if (text === null) return condition("examples", false, `there is no ${file}`, "correct its name in twotier.yaml");
  const examples = markedExamples(text);
  if (examples.length === 0) {
    const remedy = `write ${exampleMark} on the line above a code block`;
    return condition("examples", false, `no example of ${file} is marked`, remedy);
  }
  const failures: string[] = [];
  for (const example of examples) {
    const failure = await runExample(job, path.dirname(path.join(tree, file)), example);
    if (failure !== null) failures.push(`line ${example.line} ${failure}`);
  }
  const count = examples.length === 1 ? "the marked example" : `${examples.length} marked examples`;
  if (failures.length === 0)
    return condition("examples", true, `${count} of ${file} ${examples.length === 1 ? "runs" : "run"}`);
  return condition("examples", false, `${file}: ${failures.join("; ")}`, "correct the example, or what it shows");
}

function runExample(job: Job, cwd: string, { language, code }: Example): Promise<string | null> {
  const runner = runnerOf(language);
  if (!runner) return Promise.resolve(`is written in ${language || "no language"}, which can't be run here`);
  return attempt(job, "examples", [...runner, code], cwd);
}

/** Runs a program; null when it succeeds, else how it failed. */
async function attempt(job: Job, from: string, [file = "", ...args]: readonly string[], cwd: string) {
  const last: string[] = [];
  try {
    await exec(file, args, {
      cwd,
      env: baseEnv(),
      signal: job.io.signal,
      group: true,
      onLine(line) {
        last.push(line);
        if (last.length > 3) last.shift();
        job.io.emit({ type: "output", from, line });
      },
    });
    return null;
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    const how = /ended with exit code \d+|was ended by \w+/.exec(error.message)?.[0] ?? error.message;
    return last.length > 0 ? `${how}: ${last.join(" / ")}` : how;
  }
}
