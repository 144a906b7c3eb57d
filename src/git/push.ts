import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import type { ExecResult } from "../lib/exec.ts";

/** Runs git in a repository; throws ReleaseError GIT (or the exec error) for exit codes that aren't in `ok`. */
export type Git = (
  args: readonly string[],
  options?: { input?: string; env?: Record<string, string>; ok?: readonly number[] },
) => Promise<ExecResult>;

/** One ref to change. `expect`: null = it must not exist yet; a sha = it must be there. `to`: null = delete it. */
export interface RefChange {
  ref: string;
  to: string | null;
  expect: string | null;
}

/**
 * Pushes ref changes in one atomic transaction: all or none, each only if it still is where we think it is.
 * The server compares (git-push(1), --force-with-lease with an explicit value; an empty one means "must not exist").
 *
 * @returns "done", or "lost" when a ref wasn't as expected.
 * @throws ReleaseError GIT when the push failed otherwise; the caller reads the refs before it tries again.
 */
export async function pushRefs(git: Git, remote: string, changes: readonly RefChange[]): Promise<"done" | "lost"> {
  const leases = changes.map(({ ref, expect }) => `--force-with-lease=${ref}:${expect ?? ""}`);
  const specs = changes.map(({ ref, to }) => `${to ?? ""}:${ref}`);
  let result: ExecResult;
  try {
    result = await git(["push", "--porcelain", "--atomic", "--no-verify", ...leases, remote, ...specs], { ok: [0, 1] });
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    throw new ReleaseError("GIT", `git couldn't push to ${remote}`, { cause: error, facts: error.facts, retryable: true });
  }
  if (result.code === 0) return "done";
  const lines = result.stdout.split("\n").filter((line) => line.startsWith("!"));
  const lost = lines.some((line) => /stale info|already exists|cannot lock ref|reference already exists|fetch first|non-fast-forward|incorrect old value/.test(line));
  if (lost) return "lost";
  throw new ReleaseError("GIT", `the remote ${remote} refused ${changes.map((one) => one.ref).join(", ")}`, {
    facts: { answer: lines.join("\n") || result.stderr.trim().slice(-500) },
    hint: "check that the credential may push tags and refs/twotier/*, and that no rule of the repository forbids it",
  });
}
