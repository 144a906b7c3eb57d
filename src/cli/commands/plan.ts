import type { Command } from "commander";
import { ReleaseError } from "../../lib/errors.ts";
import { print, printJson } from "../context.ts";
import type { SessionFlags } from "../session.ts";
import { withSessionFlags } from "../session.ts";

export function planCommand(program: Command): void {
  withSessionFlags(program.command("plan"))
    .description("say what a release would do, and why; writes nothing anywhere")
    .option("--offline", "ask no registry")
    .option("--json", "print the plan as one JSON document")
    .option("--checklist", "print the checklists of the release process as Markdown, ticked where something proves it")
    .option(
      "--prove",
      "with --checklist: run the checks and examples, and install the candidate, in throw-away folders",
    )
    .addHelpText(
      "after",
      `
Examples:
  twotier plan --tier staging                  the next candidate, and what is in it
  twotier plan --tier production               which candidate would go stable, and what would be left out
  twotier plan --tier production --checklist   what is proven of it, as Markdown; --prove tries more
  twotier plan --tier staging --json --offline for scripts, without asking registries`,
    )
    .action(async (flags: SessionFlags & { checklist?: boolean; prove?: boolean }) => {
      if (flags.prove && !flags.checklist) {
        throw new ReleaseError("USAGE", "--prove goes with --checklist", { hint: "add --checklist" });
      }
      if (flags.checklist && flags.json) {
        throw new ReleaseError("USAGE", "--checklist prints Markdown, --json doesn't go with it", {
          hint: "leave one of them out; the plan's JSON holds the conditions",
        });
      }
      const { openCliSession } = await import("../session.ts");
      const { context, session } = await openCliSession({ ...flags, quiet: true });
      try {
        if (flags.checklist) {
          const { checklistOf } = await import("../../release/evidence.ts");
          return print(await checklistOf(session, flags.prove ?? false, flags.offline ?? false));
        }
        const { plan } = await session.plan();
        if (context.environment.githubActions) {
          const { planSummary } = await import("../output/actions.ts");
          await planSummary(context.environment, plan);
        }
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
