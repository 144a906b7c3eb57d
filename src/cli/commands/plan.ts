import type { Command } from "commander";
import { print, printJson } from "../context.ts";
import type { SessionFlags } from "../session.ts";
import { withSessionFlags } from "../session.ts";

export function planCommand(program: Command): void {
  withSessionFlags(program.command("plan"))
    .description("say what a release would do, and why; writes nothing anywhere")
    .option("--offline", "ask no registry")
    .option("--json", "print the plan as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier plan --tier staging                  the next candidate, and what is in it
  twotier plan --tier production               which candidate would go stable, and what would be left out
  twotier plan --tier staging --json --offline for scripts, without asking registries`,
    )
    .action(async (flags: SessionFlags) => {
      const { openCliSession } = await import("../session.ts");
      const { context, session } = await openCliSession({ ...flags, quiet: true });
      try {
        const { plan } = await session.plan();
        if (flags.json) printJson(plan);
        else {
          const { renderPlan } = await import("../output/plan.ts");
          print(renderPlan(plan));
        }
      } finally {
        await session.close();
        context.close();
      }
    });
}
