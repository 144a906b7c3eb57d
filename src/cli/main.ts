import { Command } from "commander";
import { asReleaseError, exitCodeOf } from "../lib/errors.ts";
import { productVersion } from "../lib/product.ts";
import { renderError } from "./output/error.ts";
import { styleFor } from "./output/style.ts";

/** The command line: `args` without node and script. Sets process.exitCode; never throws. */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command("twotier")
    .description("Releases a repository in two tiers: candidates and productions")
    .version(productVersion);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    const error = asReleaseError(thrown);
    process.stderr.write(`${renderError(error, styleFor(process.stderr), false)}\n`);
    process.exitCode = exitCodeOf(error.code);
  }
}
