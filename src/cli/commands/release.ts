import { createInterface } from "node:readline/promises";
import { type Command, InvalidArgumentError } from "commander";
import { openJournal } from "../../core/journal.ts";
import { asReleaseError, ReleaseError } from "../../lib/errors.ts";
import { type Context, print, printJson } from "../context.ts";
import { tellingFailures, tellReleased } from "../notify.ts";
import { releaseSummary } from "../output/actions.ts";
import { renderPlan } from "../output/plan.ts";
import { renderResult } from "../output/result.ts";
import { openCliSession, type SessionFlags, withSessionFlags } from "../session.ts";

interface Flags extends SessionFlags {
  dryRun?: boolean;
  yes?: boolean;
  timeout?: number;
}

export function releaseCommand(program: Command): void {
  withSessionFlags(program.command("release"))
    .description("release: a candidate (staging) or the candidate's stable version (production)")
    .option("--resume <tag>", "finish that release, with what was skipped in it")
    .option("--dry-run", "plan only")
    .option("--yes", "don't ask")
    .option("--timeout <minutes>", "stop after so long; the same command goes on later (default: 300)", minutes)
    .option("--json", "print the result as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier release --tier staging                       a candidate of what is on the branch
  twotier release --tier production                    make the highest complete candidate stable
  twotier release --tier production --candidate v0.1.19-rc.2
  twotier release --tier staging --component minor     open the next minor line
  twotier release --tier production --skip npm --reason "npm is down"
  twotier release --resume v0.1.19                     later: add what was skipped

It converges: interrupted at any point, the same command, here or elsewhere, finishes the same release.`,
    )
    .action(async (flags: Flags) => {
      const tier = flags.tier ?? tierOf(flags.resume);
      const { context, session } = await openCliSession({ ...flags, tier });
      const done = context.io.limit?.("the release", 60 * (flags.timeout ?? 300));
      try {
        const job = session.job();
        if (flags.dryRun || wantsConsent(flags, context)) {
          const { plan } = await session.plan();
          if (flags.dryRun) return flags.json ? printJson(plan) : print(renderPlan(plan));
          if (plan.release) {
            process.stderr.write(`${renderPlan(plan)}\n`);
            await consent(plan.tag as string);
          }
        }
        const { release } = await import("../../release/release.ts");
        withJournal(context, job.folder);
        const result = await tellingFailures(context, session, tier ?? "staging", () => release(job));
        context.reporter.end();
        for (const warning of result.warnings) context.io.emit({ type: "warning", message: warning });
        if (flags.json) printJson(jsonOf(result));
        else print(renderResult(result));
        await releaseSummary(context.environment, result);
        await tellReleased(context, session, result);
        if (result.pending.length > 0 && flags.wait === false) process.exitCode = 3;
      } finally {
        done?.();
        await session.close();
        context.close();
      }
    });
}

/** Events from the plan on are written to the release's journal. It is for reading: without it a release goes on. */
export function withJournal(context: Context, folder: string): void {
  let journal: ReturnType<typeof openJournal> | undefined;
  let broken = false;
  context.listen((event) => {
    if (broken) return;
    try {
      if (event.type === "step" && event.step === "plan" && event.detail?.match(/\d/)) {
        journal = openJournal(`${folder}/journal`, event.detail, context.io.now);
      }
      journal?.write(event);
    } catch (thrown) {
      broken = true;
      const message = `the journal can't be written: ${asReleaseError(thrown).message}`;
      context.reporter.event({ type: "warning", message });
    }
  });
}

export function minutes(value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError("It must be a number of minutes, above 0.");
}

/** Tier of the release that is resumed: a prerelease part makes it a candidate. */
function tierOf(tag: string | undefined): "staging" | "production" | undefined {
  if (tag === undefined) return undefined;
  return /\d-[a-z]+\.\d+$/.test(tag) ? "staging" : "production";
}

/** Production is asked for on a terminal: it can't be undone. Staging is what every push does. */
function wantsConsent(flags: Flags, { environment }: Context): boolean {
  const { ci, stdinIsTerminal, stderrIsTerminal } = environment;
  return flags.tier === "production" && !flags.yes && !flags.json && !ci && stdinIsTerminal && stderrIsTerminal;
}

async function consent(tag: string): Promise<void> {
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(`Release ${tag}? Its numbers are spent for good once it is out. [y/N] `);
  ask.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new ReleaseError("INTERRUPTED", "not released: the answer was no", { hint: "nothing was written" });
  }
}

type Result = Parameters<typeof renderResult>[0];

/** The document of `release --json`. */
export function jsonOf({ released, reason, plan, manifest, skipped, pending, moved, bookkeeping, warnings }: Result) {
  return {
    schema: 1,
    released,
    reason,
    tier: plan.tier,
    version: manifest?.version ?? null,
    tag: manifest?.tag ?? null,
    resume: plan.resume,
    manifest,
    skipped,
    pending,
    moved,
    bookkeeping,
    warnings,
  };
}
