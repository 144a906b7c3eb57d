import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import { diffGenerated, type GeneratedFile, writeGenerated } from "../../generate/files.ts";
import { gitCredentials } from "../../git/credentials.ts";
import { folderTree } from "../../git/folder.ts";
import type { Proposal } from "../../init/index.ts";
import { asReleaseError, type ReleaseError } from "../../lib/errors.ts";
import { type CommonFlags, type Context, openContext, print, printJson } from "../context.ts";
import { credentialsOf } from "../credentials.ts";
import { errorJson } from "../output/error.ts";
import { type InitFile, renderFiles, renderFound, renderSteps } from "../output/init.ts";
import { styleFor } from "../output/style.ts";

interface Flags extends CommonFlags {
  yes?: boolean;
  dryRun?: boolean;
  claim?: boolean;
  repository?: string;
}

export function initCommand(program: Command): void {
  program
    .command("init")
    .description("look at a repository and write its twotier.yaml, the workflow and the install scripts")
    .option("--yes", "ask nothing")
    .option("--dry-run", "show what would be written, and write nothing")
    .option("--claim", "publish a placeholder for npm packages that don't exist yet (needs NPM_TOKEN)")
    .option("--repository <owner/name>", "the GitHub repository (default: what the remote says)")
    .option("--json", "print what was found and written as one JSON document; asks nothing")
    .addHelpText(
      "after",
      `
Examples:
  twotier init                 look, ask, write
  twotier init --dry-run       look, and show what would be written
  twotier init --yes && twotier rehearse

Files that are there are never overwritten. docs/getting-started.md goes on from here.`,
    )
    .action((flags: Flags) => init(flags));
}

async function init(flags: Flags): Promise<void> {
  const [{ checkProposal, nextSteps, propose }, { readPlace }, { askWhat, mayWrite }] = await Promise.all([
    import("../../init/index.ts"),
    import("../../init/place.ts"),
    import("../questions.ts"),
  ]);
  const context = openContext(flags);
  const style = styleFor(process.stdout);
  try {
    const { dir, io, environment } = context;
    const { githubServerUrl = "https://github.com", githubToken } = credentialsOf(environment);
    const { place, notes } = await readPlace(dir, io.signal, gitCredentials(githubServerUrl, githubToken));
    const tree = folderTree(dir, io.signal);
    const asks =
      environment.stdinIsTerminal && environment.stdoutIsTerminal && !environment.ci && !flags.yes && !flags.json;
    const existing = await readFile(path.join(dir, "twotier.yaml"), "utf8").catch(() => null);

    let proposal: Proposal | null = null;
    let problem: ReleaseError | null = null;
    let made: { config: Config; resolved: ResolvedArtifacts } | null = null;
    if (existing === null) {
      const options = { repository: flags.repository };
      proposal = asks ? await askWhat(tree, place, options, context) : await propose(tree, place, options);
      proposal.notes.unshift(...notes);
      if (!place.commits) proposal.notes.push("there is no commit yet: releases and rehearsals are made from commits");
    }
    try {
      made = await checkProposal(proposal ?? { text: existing as string, versionFile: null }, tree);
    } catch (thrown) {
      problem = asReleaseError(thrown);
      if (problem.code !== "CONFIG" || proposal === null) throw problem;
    }
    const wanted = await filesOf(proposal, made, place.remote?.provider === "gitlab" ? "gitlab" : "github");
    const files = await statesOf(dir, wanted, proposal === null);
    if (!flags.json) {
      if (proposal) print(`${renderFound(proposal, style)}\n`);
      else print("twotier.yaml is there: it is kept, and only files that are missing are written\n");
    }
    const writes = files.filter(({ state }) => state === "new" || state === "changed");
    const show = (wrote: boolean) => print(renderFiles(files, proposal?.text ?? null, wrote, style));
    let wrote = false;
    if (!flags.dryRun && writes.length > 0) {
      if (asks) show(false);
      if (!asks || (await mayWrite(writes.length, context))) {
        const paths = new Set(writes.map((file) => file.path));
        await writeGenerated(
          dir,
          wanted.filter((file) => paths.has(file.path)),
        );
        wrote = true;
      }
    }
    if (!flags.json && !(asks && writes.length > 0 && !flags.dryRun)) show(wrote);
    else if (!flags.json && wrote) print(`wrote ${writes.map((file) => file.path).join(", ")}`);
    const claimed = flags.claim && made && !flags.dryRun ? await claim(made, context) : [];
    const steps = made ? nextSteps(made.config, made.resolved, place) : [];
    if (flags.json) {
      const { config = null, packages = [], leftOut = [], notes = [] } = proposal ?? {};
      printJson({
        ...{ wrote, files, config, packages, leftOut, notes, steps, claimed },
        problems: problem ? [errorJson(problem)] : [],
      });
    } else {
      if (claimed.length > 0) print(`\npublished a placeholder for ${claimed.join(", ")}`);
      if (steps.length > 0) print(`\n${renderSteps(steps, style)}`);
      if (!problem)
        print(
          `\n${wrote ? "Next: twotier rehearse, then commit these files" : flags.dryRun ? "Nothing was written" : "Next: twotier rehearse"}`,
        );
    }
    if (problem) throw problem;
  } finally {
    context.close();
  }
}

/** twotier.yaml and VERSION where they are made, and what is made from them. */
async function filesOf(
  proposal: Proposal | null,
  made: { config: Config; resolved: ResolvedArtifacts } | null,
  provider: "github" | "gitlab",
): Promise<GeneratedFile[]> {
  const files: GeneratedFile[] = proposal ? [{ path: "twotier.yaml", text: proposal.text }] : [];
  if (proposal && proposal.versionFile !== null) files.push({ path: "VERSION", text: proposal.versionFile });
  if (made === null) return files;
  const [{ workflowFiles }, { installerFiles }] = await Promise.all([
    import("../../generate/workflow/index.ts"),
    import("../../generate/installer/index.ts"),
  ]);
  files.push(...workflowFiles(made.config, made.resolved, provider));
  if (made.config.installer) files.push(...installerFiles(made.config, made.resolved));
  return files;
}

/** What is there already: nothing of it is overwritten. */
async function statesOf(dir: string, wanted: readonly GeneratedFile[], again: boolean): Promise<InitFile[]> {
  return Promise.all(
    wanted.map(async (file): Promise<InitFile> => {
      const lines = file.text.trimEnd().split("\n").length;
      const there = await readFile(path.join(dir, file.path), "utf8").catch(() => null);
      if (there === null) return { path: file.path, state: "new", lines };
      if (again || there.replaceAll("\r\n", "\n") === file.text) return { path: file.path, state: "kept", lines };
      return { path: file.path, state: "refused", diff: await diffGenerated(dir, [file]), lines };
    }),
  );
}

/** Takes the names of packages that don't exist yet. */
async function claim(
  { config, resolved }: { config: Config; resolved: ResolvedArtifacts },
  context: Context,
): Promise<string[]> {
  const [{ createTargets }, { gitIn }] = await Promise.all([
    import("../../targets/create.ts"),
    import("../../git/git.ts"),
  ]);
  const { dir, io, environment } = context;
  const repository = { git: gitIn(dir, { signal: io.signal }), remote: null };
  const claimed: string[] = [];
  for (const target of createTargets(config, resolved, credentialsOf(environment), repository)) {
    if (target.claim) claimed.push(...(await target.claim(io)));
  }
  return claimed;
}
