import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Command, Option } from "commander";
import { parseConfig } from "../../config/parse.ts";
import { resolveArtifacts } from "../../config/resolve.ts";
import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import { diffGenerated, type GeneratedFile, writeGenerated } from "../../generate/files.ts";
import { gitCredentials } from "../../git/credentials.ts";
import { folderTree } from "../../git/folder.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { tagNames } from "../../version/tags.ts";
import { type CommonFlags, type Context, openContext, print, printJson } from "../context.ts";
import { credentialsOf } from "../credentials.ts";

interface Flags extends CommonFlags {
  check?: boolean;
  out?: string;
  releases?: boolean;
  provider?: "github" | "gitlab";
  force?: boolean;
}

/** What a generator makes, from twotier.yaml and the artifacts in the folder. */
interface Generator {
  description: string;
  /** Folder of its files, from the one with twotier.yaml. Left out: that one itself. */
  folder?: string;
  files(config: Config, resolved: ResolvedArtifacts, flags: Flags, context: Context): Promise<GeneratedFile[]>;
}

const generators: Record<string, Generator> = {
  workflow: {
    description: ".github/workflows/release.yml, or .gitlab-ci.yml: both tiers on a matrix of runners",
    async files(config, resolved, flags, context) {
      const { mergeOwn, workflowFiles } = await import("../../generate/workflow/index.ts");
      const files = workflowFiles(config, resolved, flags.provider ?? "github");
      return mergeOwn(context.dir, files, { force: flags.force || flags.check });
    },
  },
  installer: {
    description: "scripts/install.sh and scripts/uninstall.sh, which users pipe into a shell",
    async files(config, resolved) {
      const { installerFiles } = await import("../../generate/installer/index.ts");
      return installerFiles(config, resolved);
    },
  },
  site: {
    description: "a static folder with the scripts, a page with the install commands, and rules for hosts",
    folder: "site",
    async files(config, resolved, flags, context) {
      const { siteFiles, siteInput } = await import("../../generate/site/index.ts");
      return siteFiles(siteInput(config, resolved), flags.releases ? await releasesOf(config, context) : undefined);
    },
  },
};

/** What is released, as the refs of the remote tell (of this repository, where it has no remote). */
async function releasesOf(config: Config, context: Context) {
  const { releasedVersions } = await import("../../release/released.ts");
  const { openRepository } = await import("../../git/repository.ts");
  const { githubServerUrl = "https://github.com", githubToken } = credentialsOf(context.environment);
  const env = gitCredentials(githubServerUrl, githubToken);
  const repository = await openRepository(context.dir, context.io.signal, env);
  try {
    return releasedVersions(await repository.refs(), tagNames(config.version.tag));
  } finally {
    await repository.close();
  }
}

export function generateCommand(program: Command): void {
  const names = Object.keys(generators);
  program
    .command("generate")
    .argument("<what>", names.map((name) => `${name}: ${generators[name]?.description}`).join("; "))
    .description("write files that are made from twotier.yaml")
    .option("--check", "write nothing; print what would change as a diff, and exit 3 if anything would")
    .option("--out <dir>", "site: the folder to write (default: site)")
    .option(
      "--releases",
      "site: with a script for every release and the channel files, for hosts that build the folder",
    )
    .addOption(
      new Option("--provider <name>", "workflow: for which CI (default: github)").choices(["github", "gitlab"]),
    )
    .option("--force", "workflow: replace lines that were changed by hand")
    .option("--json", "print the paths of changed files as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  twotier generate workflow             write .github/workflows/release.yml
  twotier generate installer            write scripts/install.sh and scripts/uninstall.sh
  twotier generate installer --check    for CI: are they what twotier.yaml says?
  twotier generate site                 write site/, for a web server, Netlify, Vercel, Cloudflare or GitHub Pages`,
    )
    .action(async (what: string, flags: Flags) => {
      const generator = Object.hasOwn(generators, what) ? generators[what] : undefined;
      if (!generator) {
        throw new ReleaseError("USAGE", `${what} can't be generated`, { hint: `one of ${names.join(", ")}` });
      }
      if (generator.folder === undefined && (flags.out !== undefined || flags.releases)) {
        throw new ReleaseError("USAGE", `${what} takes neither --out nor --releases`, { hint: "they are for site" });
      }
      if (what !== "workflow" && (flags.provider !== undefined || flags.force)) {
        throw new ReleaseError("USAGE", `${what} takes neither --provider nor --force`, {
          hint: "they are for workflow",
        });
      }
      const context = openContext(flags);
      try {
        const { dir, io } = context;
        const folder = path.resolve(dir, flags.out ?? generator.folder ?? ".");
        const text = await readFile(path.join(dir, "twotier.yaml"), "utf8").catch((cause) => {
          throw new ReleaseError("CONFIG", `${dir} has no twotier.yaml`, {
            cause,
            hint: "`twotier init` writes one; docs/configuration.md shows every key",
          });
        });
        const config = parseConfig(text);
        const files = await generator.files(
          config,
          await resolveArtifacts(config, folderTree(dir, io.signal)),
          flags,
          context,
        );
        if (flags.check) {
          const diff = await diffGenerated(folder, files);
          if (flags.json) printJson({ current: diff === "", diff });
          else if (diff !== "") print(diff);
          if (diff !== "") {
            context.reporter.line(`not what twotier.yaml says: run \`twotier generate ${what}\``);
            process.exitCode = 3;
          }
        } else {
          const written = await writeGenerated(folder, files);
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
