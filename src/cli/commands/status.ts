import type { Command } from "commander";
import { openAbout } from "../about.ts";
import { type CommonFlags, print, printJson } from "../context.ts";

export function statusCommand(program: Command): void {
  program
    .command("status")
    .argument("[version]", "one release, instead of both tiers")
    .description("where both tiers stand: versions, what each registry holds, what waits")
    .option("--json", "print it as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier status                   both tiers, the commits that wait, what a release would be now
  twotier status 0.1.19-rc.2       what each registry holds of one release

It asks what registries hold, and downloads nothing: twotier verify does.
Exit codes: 0 all there, 1 a registry couldn't be read, 2 no such release, 3 something differs or is pending.`,
    )
    .action(async (version: string | undefined, flags: CommonFlags) => {
      const { status, statusOf } = await import("../../release/status.ts");
      const { renderStatus, renderRelease, exitCodeOfStatus } = await import("../output/status.ts");
      const { context, open, session } = await openAbout({ ...flags, quiet: true });
      try {
        if (version !== undefined) {
          const found = await statusOf(session, version);
          if (flags.json) printJson({ schema: 1, ...found });
          else print(renderRelease(found).join("\n"));
          process.exitCode = exitCodeOfStatus([found]);
          return;
        }
        // One look at the refs serves all three.
        const repository = Promise.resolve(session.repository);
        const production = await open({ repository, flags: { tier: "production", offline: true } });
        const staging = await open({ repository, flags: { tier: "staging", offline: true } });
        try {
          const found = await status(session, {
            staging: staging.plan().then(({ plan }) => plan),
            production: production.plan().then(({ plan }) => plan),
          });
          if (flags.json) printJson(found);
          else print(renderStatus(found));
          process.exitCode = exitCodeOfStatus([found.staging, found.production]);
        } finally {
          await Promise.all([staging.close(), production.close()]);
        }
      } finally {
        await session.close();
        context.close();
      }
    });
}
