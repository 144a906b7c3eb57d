import { type Commands, run } from "./run.ts";

export const commands: Commands = {
  init: async () => (await import("./commands/init.ts")).initCommand,
  plan: async () => (await import("./commands/plan.ts")).planCommand,
  release: async () => (await import("./commands/release.ts")).releaseCommand,
  prepare: async () => (await import("./commands/prepare.ts")).prepareCommand,
  build: async () => (await import("./commands/build.ts")).buildCommand,
  publish: async () => (await import("./commands/publish.ts")).publishCommand,
  verify: async () => (await import("./commands/verify.ts")).verifyCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
  rollback: async () => (await import("./commands/rollback.ts")).rollbackCommand,
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand,
  notes: async () => (await import("./commands/notes.ts")).notesCommand,
  generate: async () => (await import("./commands/generate.ts")).generateCommand,
  rehearse: async () => (await import("./commands/rehearse.ts")).rehearseCommand,
  registries: async () => (await import("./commands/registries.ts")).registriesCommand,
};

/** The command line: `args` without node and script. Sets process.exitCode; never throws. */
export const main = (args: readonly string[]) => run(args, commands);
