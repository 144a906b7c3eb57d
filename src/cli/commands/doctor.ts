import type { Command } from "commander";
import { gitCredentials } from "../../git/credentials.ts";
import { openRepository } from "../../git/repository.ts";
import { type CommonFlags, openContext, print, printJson } from "../context.ts";
import { credentialsOf } from "../credentials.ts";
import { runIdOf } from "../environment.ts";

interface Flags extends CommonFlags {
  offline?: boolean;
}

export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("look for what would go wrong: tools, tokens, rights, settings, files; each finding with its remedy")
    .option("--offline", "ask neither registries nor the remote")
    .option("--json", "print what was looked at and found as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier doctor               before the first release, and whenever one doesn't do what it should
  twotier doctor --offline     only what this machine and this clone tell

It reads twotier.yaml as it stands in the folder, and writes nothing. docs/doctor.md explains every finding.
Exit codes: 0 nothing needs doing, 3 something does.`,
    )
    .action(async (flags: Flags) => {
      const [{ examine }, { openSession }, { createTargets }, { renderDiagnosis, needsDoing }] = await Promise.all([
        import("../../doctor/examine.ts"),
        import("../../release/session.ts"),
        import("../../targets/create.ts"),
        import("../output/doctor.ts"),
      ]);
      const context = openContext({ ...flags, quiet: true });
      try {
        const { dir, io, environment } = context;
        const credentials = credentialsOf(environment);
        const gitEnv = gitCredentials(credentials.githubServerUrl ?? "https://github.com", credentials.githubToken);
        const offline = flags.offline ?? false;
        const diagnosis = await examine({
          dir,
          offline,
          io,
          variable: (name) => environment.variables[name],
          open: (patient, stale) =>
            openSession({
              dir,
              repository: openRepository(dir, patient.signal, gitEnv, stale),
              flags: { tier: "staging", offline },
              io: patient,
              gitEnv,
              runId: runIdOf(environment),
              makeTargets: (config, resolved, repository, release) =>
                createTargets(config, resolved, credentials, repository, release),
            }),
        });
        if (flags.json) printJson(diagnosis);
        else print(renderDiagnosis(diagnosis));
        if (needsDoing(diagnosis)) process.exitCode = 3;
      } finally {
        context.close();
      }
    });
}
