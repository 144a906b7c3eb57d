import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import { diffGenerated, type GeneratedFile, writeGenerated } from "../../generate/files.ts";
import { gitCredentials } from "../../git/credentials.ts";
import { folderTree } from "../../git/folder.ts";
import { checkProposal, nextSteps, type Place, type Proposal, propose } from "../../init/index.ts";
import { readPlace } from "../../init/place.ts";
import type { Step } from "../../init/types.ts";
import { asReleaseError, ReleaseError } from "../../lib/errors.ts";
import { type CommonFlags, type Context, openContext, print, printJson } from "../context.ts";
import { credentialsOf } from "../credentials.ts";
import { errorJson } from "../output/error.ts";
import { type InitFile, renderConfig, renderFiles, renderFound, renderSteps } from "../output/init.ts";
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

/** What there is, and what would come of it. */
interface Looked {
  place: Place;
  /** Null where twotier.yaml is there already. */
  proposal: Proposal | null;
  /** Null where something must be mended first: then `problem` says what. */
  made: { config: Config; resolved: ResolvedArtifacts } | null;
  problem: ReleaseError | null;
}

async function init(flags: Flags): Promise<void> {
  if (flags.repository !== undefined && !/^[\w-]+\/[\w.-]+$/.test(flags.repository)) {
    throw new ReleaseError("USAGE", `--repository is ${flags.repository}`, { hint: "write it as owner/name" });
  }
  const context = openContext(flags);
  const { dir, environment } = context;
  const terminal = environment.stdinIsTerminal && environment.stdoutIsTerminal && !environment.ci;
  const asks = terminal && !flags.yes && !flags.json && !flags.dryRun;
  const style = styleFor(process.stdout);
  const say = (text: string) => {
    if (!flags.json) print(text);
  };
  try {
    const looked = await look(flags, asks, context);
    const { place, proposal, made, problem } = looked;
    const wanted = await filesOf(proposal, made, place.remote?.provider === "gitlab" ? "gitlab" : "github");
    const files = await statesOf(dir, wanted, proposal === null);
    const isNew = ({ path: name }: GeneratedFile) => files.some((file) => file.path === name && file.state === "new");
    const news = wanted.filter(isNew);
    say(
      proposal
        ? `${renderFound(proposal, style)}\n\n`
        : "twotier.yaml is there: it is kept, and only files that are missing are written\n\n",
    );
    if (proposal) say(`${renderConfig(proposal.text, style)}\n\n`);
    const wrote = news.length > 0 && !flags.dryRun && (!asks || (await confirmed(files, news.length, context)));
    if (wrote) await writeGenerated(dir, news);
    say(renderFiles(files, wrote, style));
    const claimed = flags.claim && made && (wrote || news.length === 0) ? await claim(made, context) : [];
    if (claimed.length > 0) say(`\npublished a placeholder for ${claimed.join(", ")}`);
    const steps = made ? [...workflowSteps(files), ...nextSteps(made.config, made.resolved, place)] : [];
    if (steps.length > 0) say(`\n${renderSteps(steps, style)}`);
    if (!wrote && news.length > 0) say("\nNothing was written");
    else if (made) say(`\nNext: twotier rehearse${wrote ? ", then commit these files" : ""}`);
    if (flags.json) {
      const { config = null, packages = [], leftOut = [], notes = [] } = proposal ?? {};
      const problems = problem ? [errorJson(problem)] : [];
      printJson({ wrote, files, config, packages, leftOut, notes, steps, claimed, problems });
    }
    if (problem) throw problem;
  } finally {
    context.close();
  }
}

async function look(flags: Flags, asks: boolean, context: Context): Promise<Looked> {
  const { dir, io, environment } = context;
  const { githubServerUrl = "https://github.com", githubToken } = credentialsOf(environment);
  const { place, notes } = await readPlace(dir, io.signal, gitCredentials(githubServerUrl, githubToken));
  const tree = folderTree(dir, io.signal);
  const existing = await readFile(path.join(dir, "twotier.yaml"), "utf8").catch(() => null);
  if (existing !== null) {
    const made = await checkProposal({ text: existing, versionFile: null }, tree);
    return { place, proposal: null, made, problem: null };
  }
  const options = { repository: flags.repository };
  const ask = async () => (await import("../questions.ts")).askWhat(tree, place, options, context);
  const proposal = asks ? await ask() : await propose(tree, place, options);
  proposal.notes.unshift(...notes);
  if (!place.commits) proposal.notes.push("there is no commit yet: releases and rehearsals are made from commits");
  try {
    return { place, proposal, made: await checkProposal(proposal, tree), problem: null };
  } catch (thrown) {
    const problem = asReleaseError(thrown);
    if (problem.code !== "CONFIG") throw problem;
    return { place, proposal, made: null, problem };
  }
}

async function confirmed(files: readonly InitFile[], count: number, context: Context): Promise<boolean> {
  print(`${renderFiles(files, false, styleFor(process.stdout))}\n`);
  return (await import("../questions.ts")).mayWrite(count, context);
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
      // A workflow that another tool wrote differs everywhere.
      const diff = isMarked(there) || !isWorkflow(file) ? { diff: await diffGenerated(dir, [file]) } : {};
      return { path: file.path, state: "refused", ...diff, lines };
    }),
  );
}

const isMarked = (text: string) => /^# twotier:begin /m.test(text);
const isWorkflow = ({ path: name }: Pick<GeneratedFile, "path">) => /\.ya?ml$/.test(name) && name !== "twotier.yaml";

/** Where a workflow of somebody else stands in the way, nothing is released. */
function workflowSteps(files: readonly InitFile[]): Step[] {
  return files.flatMap(({ path: name, state, diff }) => {
    if (state !== "refused" || diff !== undefined || !isWorkflow({ path: name })) return [];
    const what = `the workflow: ${name} is another's and was kept, so nothing runs twotier yet. Take it away, or what it still has to do to another file, then`;
    return [{ what, urls: [], command: "twotier generate workflow --force" }];
  });
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
