import path from "node:path";
import type { Command } from "commander";
import { print, printJson } from "../context.ts";
import { tellingFailures, tellReleased } from "../notify.ts";
import { releaseSummary } from "../output/actions.ts";
import { renderResult } from "../output/result.ts";
import { openCliSession } from "../session.ts";
import { jsonOf, minutes, withJournal } from "./release.ts";

interface Flags {
  prepared?: string;
  parts?: string;
  timeout?: number;
  json?: boolean;
  verbose?: boolean;
  cwd?: string;
}

export function publishCommand(program: Command): void {
  program
    .command("publish")
    .description("publish a prepared release from what `build` made elsewhere; runs no program of the repository")
    .option("--prepared <text>", "what `prepare` put out, or its file (default: .twotier/prepared)")
    .option("--parts <dir>", "folder with the --out folders of all builds in it (default: .twotier/parts)")
    .option("--timeout <minutes>", "stop after so long; the same command goes on later (default: 300)", minutes)
    .option("--json", "print the result as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier publish --parts parts

It checks every file's digest, compares (production), takes the number, stages, seals and publishes, as \`release\` does.
It converges: the same command again finishes what was interrupted.`,
    )
    .action(async (flags: Flags) => {
      const { decodePrepared } = await import("../../release/prepared.ts");
      const dir = path.resolve(flags.cwd ?? ".");
      const prepared = await decodePrepared(flags.prepared ?? path.join(dir, ".twotier/prepared"));
      const { plan, skip } = prepared;
      const pinned = plan.candidate !== null && !plan.resume ? { candidate: plan.candidate } : {};
      const { context, session } = await openCliSession({
        ...{ ...prepared.flags, ...pinned, source: prepared.asked, claim: prepared.claim },
        ...(skip.length > 0 ? { skip: skip.map((one) => one.target), reason: skip[0]?.reason } : {}),
        ...{ cwd: flags.cwd, verbose: flags.verbose, quiet: flags.json, offline: false, wait: prepared.wait },
      });
      const done = context.io.limit?.("publishing", 60 * (flags.timeout ?? 300));
      try {
        const { publishPrepared } = await import("../../release/publish-prepared.ts");
        withJournal(context, session.job().folder);
        const parts = path.resolve(dir, flags.parts ?? ".twotier/parts");
        const result = await tellingFailures(context, session, plan.tier, () =>
          publishPrepared(session, prepared, parts),
        );
        context.reporter.end();
        for (const warning of result.warnings) context.io.emit({ type: "warning", message: warning });
        if (flags.json) printJson(jsonOf(result));
        else print(renderResult(result));
        await releaseSummary(context.environment, result);
        await tellReleased(context, session, result);
        if (result.pending.length > 0) process.exitCode = 3;
      } finally {
        done?.();
        await session.close();
        context.close();
      }
    });
}
