import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { parseConfig } from "../../config/parse.ts";
import { resolveArtifacts } from "../../config/resolve.ts";
import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import { diffGenerated, type GeneratedFile, writeGenerated } from "../../generate/files.ts";
import { folderTree } from "../../git/folder.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type CommonFlags, openContext, print, printJson } from "../context.ts";

interface Flags extends CommonFlags {
  check?: boolean;
}

/** What a generator makes, from twotier.yaml and the artifacts in the folder. */
interface Generator {
  description: string;
  files(config: Config, resolved: ResolvedArtifacts): Promise<GeneratedFile[]>;
}

const generators: Record<string, Generator> = {
  installer: {
    description: "scripts/install.sh and scripts/uninstall.sh, which users pipe into a shell",
    async files(config, resolved) {
      const { installerInput, installScript, uninstallScript } = await import("../../generate/installer/index.ts");
      const input = installerInput(config, resolved);
      return [
        { path: "scripts/install.sh", text: installScript(input), executable: true },
        { path: "scripts/uninstall.sh", text: uninstallScript(input), executable: true },
      ];
    },
  },
};

export function generateCommand(program: Command): void {
  const names = Object.keys(generators);
  program
    .command("generate")
    .argument("<what>", names.map((name) => `${name}: ${generators[name]?.description}`).join("; "))
    .description("write files that are made from twotier.yaml")
    .option("--check", "write nothing; print what would change as a diff, and exit 3 if anything would")
    .option("--json", "print the paths of changed files as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier generate installer            write scripts/install.sh and scripts/uninstall.sh
  twotier generate installer --check    for CI: are they what twotier.yaml says?`,
    )
    .action(async (what: string, flags: Flags) => {
      const generator = Object.hasOwn(generators, what) ? generators[what] : undefined;
      if (!generator) {
        throw new ReleaseError("USAGE", `${what} can't be generated`, { hint: `one of ${names.join(", ")}` });
      }
      const context = openContext(flags);
      try {
        const { dir, io } = context;
        const text = await readFile(path.join(dir, "twotier.yaml"), "utf8").catch((cause) => {
          throw new ReleaseError("CONFIG", `${dir} has no twotier.yaml`, {
            cause,
            hint: "write one: docs/configuration.md shows every key",
          });
        });
        const config = parseConfig(text);
        const files = await generator.files(config, await resolveArtifacts(config, folderTree(dir, io.signal)));
        if (flags.check) {
          const diff = await diffGenerated(dir, files);
          if (flags.json) printJson({ current: diff === "", diff });
          else if (diff !== "") print(diff);
          if (diff !== "") {
            context.reporter.line(`not what twotier.yaml says: run \`twotier generate ${what}\``);
            process.exitCode = 3;
          }
        } else {
          const written = await writeGenerated(dir, files);
          if (flags.json) printJson({ files: files.map((file) => file.path), written });
          else
            for (const file of files)
              context.reporter.line(`${written.includes(file.path) ? "wrote" : "current"} ${file.path}`);
        }
      } finally {
        context.close();
      }
    });
}
