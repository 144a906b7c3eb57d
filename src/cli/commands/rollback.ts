import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { openJournal } from "../../core/journal.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Rollback, RollbackResult } from "../../release/rollback.ts";
import { openAbout } from "../about.ts";
import { type CommonFlags, print, printJson } from "../context.ts";
import { errorJson } from "../output/error.ts";
import { renderRollback } from "../output/rollback.ts";

interface Flags extends CommonFlags {
  plan?: boolean;
  to?: string;
  deleteTag?: boolean;
  yes?: boolean;
}

export function rollbackCommand(program: Command): void {
  program
    .command("rollback")
    .argument("<version>", "version or tag that is taken back")
    .description("take a release back: undo what can be undone, say what can't and what to do instead")
    .option("--plan", "only show what would be done")
    .option("--to <version>", "what npm's dist-tags, latest and the others go back to (default: the last good version)")
    .option("--delete-tag", "delete its git tags too, here and on the remote; the number stays spent")
    .option("--yes", "don't ask")
    .option("--json", "print the result as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier rollback 0.1.20-rc.1 --plan      what would be undone, and what can't be
  twotier rollback 0.1.20-rc.1             a bad candidate: the next push makes rc.2
  twotier rollback 0.1.19 --to 0.1.18      a bad stable version: latest goes back to 0.1.18

Run it again after doing what is left to do by hand: it reads what became of it.
Exit codes: 0 all done, 1 a step failed, 2 wrong usage or refused, 3 something is left to a person.`,
    )
    .action(async (version: string, flags: Flags) => {
      const { planRollback, rollback } = await import("../../release/rollback.ts");
      const { context, session } = await openAbout({ ...flags, quiet: flags.plan || flags.json });
      try {
        const options = { version, to: flags.to, deleteTag: flags.deleteTag };
        if (flags.plan) return show(await planRollback(session, options), flags, true);
        const { ci, stdinIsTerminal, stderrIsTerminal } = context.environment;
        if (!flags.yes && !flags.json && !ci && stdinIsTerminal && stderrIsTerminal) {
          const plan = await planRollback(session, options);
          process.stderr.write(`${renderRollback(plan, true)}\n`);
          await consent(plan.about.version);
        }
        const tag = version.replace(/^(?=\d)/, "v");
        const journal = openJournal(`${session.job().folder}/journal`, tag, context.io.now);
        context.listen((event) => journal.write(event));
        journal.write({ type: "run", command: "rollback", version, to: flags.to, deleteTag: flags.deleteTag });
        const result = await rollback(session, options);
        for (const { target, id, state, text } of result.steps) journal.write({ type: "run", target, id, state, text });
        context.reporter.end();
        show(result, flags, false, result.failures);
      } finally {
        await session.close();
        context.close();
      }
    });
}

function show(result: Rollback, flags: Flags, plan: boolean, failures: RollbackResult["failures"] = []): void {
  const { about, subject, steps, warnings } = result;
  if (flags.json) {
    printJson({
      schema: 1,
      plan,
      ...about,
      kind: subject.kind,
      steps: steps.map(({ do: what, target, id, state, text }) => ({ do: what, target, id, state, text })),
      failures: failures.map(({ step, error }) => ({ target: step.target, id: step.id, error: errorJson(error) })),
      warnings,
    });
  } else print(renderRollback(result, plan, failures));
  if (failures.length > 0) process.exitCode = 1;
  else if (!plan && steps.some(({ state }) => state === "todo" || state === "unknown")) process.exitCode = 1;
  else if (!plan && steps.some((step) => step.state === "manual")) process.exitCode = 3;
}

async function consent(version: string): Promise<void> {
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(`Take ${version} back? Its number is used up for good. [y/N] `);
  ask.close();
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new ReleaseError("INTERRUPTED", "not taken back: the answer was no", { hint: "nothing was written" });
  }
}
