import type { Command } from "commander";
import { openAbout } from "../about.ts";
import { type CommonFlags, print, printJson } from "../context.ts";
import { renderVerification } from "../output/verify.ts";

interface Flags extends CommonFlags {
  install?: boolean;
  watch?: boolean;
}

export function verifyCommand(program: Command): void {
  program
    .command("verify")
    .argument("<version>", "version or tag")
    .description("read a release back as users do, and compare it with its manifest")
    .option("--install", "also install it with pip, npm, skopeo, go and the binary, and try what was installed")
    .option("--watch", "wait for what is pending, and finish the release then")
    .option("--json", "print the rows as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier verify 0.1.19-rc.1                 every item's bytes, pointers, marks, tag and release commit
  twotier verify 0.1.19-rc.1 --install       and install it for real, in throw-away folders
  twotier verify 0.1.19 --watch              until npm's scan lets it out

Exit codes: 0 all as it should be, 1 something couldn't be read, 2 no such release, 3 something differs or is pending.`,
    )
    .action(async (version: string, flags: Flags) => {
      const { watchRelease } = await import("../../release/watch.ts");
      const { exitCodeOfRows } = await import("../../release/rows.ts");
      const { context, open, session } = await openAbout({ ...flags, quiet: flags.json });
      try {
        const { result } = await watchRelease(session, version, {
          watch: flags.watch ?? false,
          install: flags.install ?? false,
          resume: (tag, tier) => open({ resume: tag, flags: { tier }, wait: true }),
        });
        context.reporter.end();
        if (flags.json) printJson(result);
        else print(renderVerification(result));
        process.exitCode = exitCodeOfRows(result.rows);
      } finally {
        await session.close();
        context.close();
      }
    });
}
