import type { Command } from "commander";
import { openAbout } from "../about.ts";
import { type CommonFlags, print } from "../context.ts";

export function notesCommand(program: Command): void {
  program
    .command("notes")
    .argument("<version>", "version or tag")
    .description("print a release's notes as Markdown")
    .addHelpText(
      "after",
      `
Examples:
  twotier notes 0.1.19-rc.2      what changed since the release before it
  twotier notes 0.1.19           what changed since 0.1.18, its candidates' changes together`,
    )
    .action(async (version: string, flags: CommonFlags) => {
      const { notesOf } = await import("../../release/notes-of.ts");
      const { context, session } = await openAbout({ ...flags, quiet: true });
      try {
        print(await notesOf(session, version));
      } finally {
        await session.close();
        context.close();
      }
    });
}
