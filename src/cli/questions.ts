import { confirm, isCancel, multiselect, text } from "@clack/prompts";
import type { Tree } from "../config/types.ts";
import { type Place, type Proposal, propose } from "../init/index.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import type { Context } from "./context.ts";
import { safe } from "./output/style.ts";

/** What only a person knows: which repository, where nothing says it, and what of the things that were found is released. */
export async function askWhat(
  tree: Tree,
  place: Place,
  options: { repository?: string },
  context: Context,
): Promise<Proposal> {
  const found = await propose(tree, place, options).catch(async (thrown: unknown) => {
    const error = asReleaseError(thrown);
    if (error.code !== "USAGE") throw error;
    const repository = await answered(
      text({
        ...streams(context),
        message: "Which GitHub repository is this? (owner/name)",
        validate: (value) =>
          /^[\w-]+\/[\w.-]+$/.test(value ?? "") ? undefined : "owner/name, e.g. hanzoai/playground",
      }),
    );
    return propose(tree, place, { repository });
  });
  if (found.packages.length < 2) return found;
  const names = found.packages.map(({ artifact }) => artifact.name);
  const only = await answered(
    multiselect({
      ...streams(context),
      message: "What is released?",
      options: found.packages.map(({ artifact, registryName, manifest }) => ({
        value: artifact.name,
        label: safe(`${artifact.name}: ${registryName ?? "binaries"}`),
        hint: safe(manifest),
      })),
      initialValues: names,
      required: true,
    }),
  );
  if (only.length === names.length) return found;
  return propose(tree, place, { repository: found.config.repository, only });
}

/** The last question. */
export function mayWrite(count: number, context: Context): Promise<boolean> {
  return answered(
    confirm({ ...streams(context), message: `Write ${count === 1 ? "this file" : `these ${count} files`}?` }),
  );
}

/** Questions go to stderr: stdout is for what was found. */
const streams = (context: Context) => ({ output: process.stderr, signal: context.io.signal });

async function answered<T>(question: Promise<T>): Promise<Exclude<T, symbol>> {
  const answer = await question;
  if (isCancel(answer)) {
    throw new ReleaseError("INTERRUPTED", "nothing was written", { hint: "`twotier init --yes` asks nothing" });
  }
  return answer as Exclude<T, symbol>;
}
