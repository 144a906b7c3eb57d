import type { Command } from "commander";
import { type CommonFlags, openContext, print, printJson } from "../context.ts";
import { renderRehearsal } from "../output/rehearsal.ts";
import { styleFor } from "../output/style.ts";

interface Flags extends CommonFlags {
  keep?: string;
}

export function rehearseCommand(program: Command): void {
  program
    .command("rehearse")
    .argument("[dir]", "a repository with a twotier.yaml", ".")
    .description("play the whole cycle against registries on this machine; no account, nothing real is touched")
    .option("--keep <dir>", "keep the copy and the registries' contents in that folder")
    .option("--json", "print what happened as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier rehearse                     a push, another, production, the next push, read back by pip, npm, skopeo, curl
  twotier rehearse examples/playground --keep /tmp/rehearsal`,
    )
    .action(async (dir: string, flags: Flags) => {
      const { rehearse } = await import("../../rehearse/rehearse.ts");
      const context = openContext(flags);
      const style = styleFor(process.stderr);
      const started = Date.now();
      try {
        const result = await rehearse({
          dir,
          io: context.io,
          keep: flags.keep,
          onAct: (act, number, of) => context.reporter.line(`\n${style.bold(`${number}/${of} ${act.title}`)}`),
          onActDone: (act, { tag, text }) =>
            context.reporter.line(
              tag
                ? `${style.green(style.bold(`⇒ ${tag}`))}, ${text}`
                : `${style.bold(act.takesBack ? "⇒ taken back" : "⇒ nothing to do")}: ${text}`,
            ),
        });
        context.reporter.end();
        if (flags.json) printJson(result);
        else print(`\n${renderRehearsal(result, (Date.now() - started) / 1000)}`);
        if (result.readings.some((reading) => !reading.ok)) process.exitCode = 1;
      } finally {
        context.close();
      }
    });
}
