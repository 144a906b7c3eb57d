import { Command, CommanderError } from "commander";
import { asReleaseError, exitCodeOf, ReleaseError } from "../lib/errors.ts";
import { productVersion } from "../lib/product.ts";
import { printJson } from "./context.ts";
import { readEnvironment } from "./environment.ts";
import { errorJson, renderError } from "./output/error.ts";
import { styleFor } from "./output/style.ts";

/** How each command is loaded. */
export type Commands = Record<string, () => Promise<(program: Command) => void>>;

const lostHint =
  "this is a mistake in twotier; please report it. Run the same command again: it goes on from what the registries hold";

/**
 * Runs a command line with these commands; only the one that is asked for is loaded (`--help` loads them all).
 * Sets process.exitCode; never throws.
 *
 * @param args without node and script
 */
export async function run(args: readonly string[], commands: Commands): Promise<void> {
  const program = new Command("twotier")
    .description(
      "Releases a repository in two tiers: every push a tested candidate, one deliberate step to production.\nIt converges: the same command again, anywhere, finishes what was interrupted.",
    )
    .version(productVersion, "-V, --version")
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
Start with:
  twotier init                          look at a repository, and write what it needs
  twotier rehearse                      try everything on this machine, no account needed
  twotier plan --tier staging           what would be released now, and why
  twotier release --tier staging        do it

Exit codes: 0 done or nothing to do, 1 failed, 2 wrong usage or refused, 3 something differs or is pending.`,
    );
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    process.stderr.write(`${renderError(asReleaseError(error), styleFor(process.stderr), false)}\n`);
    process.exit(1);
  });
  // What is told on the way is no result: a release goes on when nobody reads it any more (`2>&1 | head`), or its log is full.
  process.stderr.on("error", () => {});
  const asked = args.find((arg) => !arg.startsWith("-"));
  const load = asked !== undefined && commands[asked] ? [commands[asked]] : Object.values(commands);
  for (const one of load) (await one())(program);
  for (const command of program.commands) {
    command
      .option("-C, --cwd <dir>", "run as if started in that folder")
      .option("--verbose", "show what tools print, and causes of errors")
      .configureOutput({ outputError: () => {} })
      .exitOverride()
      .showSuggestionAfterError();
  }
  let ended = false;
  // Node ends, with 0, when nothing is left that could go on: a command that waits for what can't come has failed.
  process.once("beforeExit", () => {
    if (ended) return;
    const lost = new ReleaseError("INTERNAL", "the command came to no end", { hint: lostHint });
    process.stderr.write(`${renderError(lost, styleFor(process.stderr), false)}\n`);
    process.exitCode = exitCodeOf(lost.code);
  });
  try {
    await program.parseAsync(args, { from: "user" }).finally(() => {
      ended = true;
    });
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return;
    const error =
      thrown instanceof CommanderError
        ? usageError(thrown, asked !== undefined && commands[asked] ? asked : undefined)
        : asReleaseError(thrown);
    process.stderr.write(`${renderError(error, styleFor(process.stderr), args.includes("--verbose"))}\n`);
    if (args.includes("--json")) printJson({ error: errorJson(error) });
    process.exitCode = exitCodeOf(error.code);
    const environment = readEnvironment();
    if (environment.githubActions) {
      const { failureSummary } = await import("./output/actions.ts");
      await failureSummary(environment, asked, error).catch(() => {}); // the step fails anyway
    }
  }
}

function usageError(thrown: CommanderError, asked: string | undefined): ReleaseError {
  const [message = "", ...rest] = thrown.message.replace(/^error: /, "").split("\n");
  const help = asked !== undefined ? `twotier ${asked} --help` : "twotier --help";
  const suggestion = rest.join(" ").replace(/^\(|\)$/g, "");
  return new ReleaseError("USAGE", message, { hint: `${suggestion ? `${suggestion} ` : ""}See \`${help}\`` });
}
