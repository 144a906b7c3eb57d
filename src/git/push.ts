import { asReleaseError, ReleaseError, redact } from "../lib/errors.ts";
import type { ExecResult } from "../lib/exec.ts";
import { passing } from "./git.ts";
import type { ReadObjects } from "./objects.ts";

/** Runs git in a repository; throws ReleaseError for exit codes that aren't in `ok`. */
export interface Git {
  (
    args: readonly string[],
    options?: {
      input?: string | Uint8Array;
      env?: Record<string, string>;
      ok?: readonly number[];
      encoding?: "utf8" | "latin1";
      /** Settings for this call alone, over the user's. */
      settings?: Record<string, string>;
    },
  ): Promise<ExecResult>;
  /** A process that is kept for reading objects, where there is one (readObjects uses it). */
  objects?: ReadObjects;
}

/** One ref to change. `expect`: null = it must not exist yet; a sha = it must be there. `to`: null = delete it. */
export interface RefChange {
  ref: string;
  to: string | null;
  expect: string | null;
}

const raced = /stale info|already exists|cannot lock ref|fetch first|non-fast-forward|incorrect old value|but expected/;

/**
 * Changes refs in one atomic transaction: all or none, each only if it still is where we think it is. The server
 * compares (git-push(1): --force-with-lease with an explicit value; an empty one means "must not exist").
 *
 * @param remote null: the refs of this repository itself (git-update-ref(1), --stdin)
 * @returns "done", or "lost" when a ref wasn't as expected.
 * @throws ReleaseError GIT when it failed otherwise; the caller reads the refs before it tries again.
 */
export async function pushRefs(
  git: Git,
  remote: string | null,
  changes: readonly RefChange[],
): Promise<"done" | "lost"> {
  const where = remote ?? "this repository";
  let result: ExecResult;
  try {
    result = remote === null ? await update(git, changes) : await push(git, remote, changes);
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    throw new ReleaseError("GIT", `git couldn't write to ${where}`, {
      cause: error,
      facts: error.facts,
      retryable: true,
    });
  }
  if (result.code === 0) return "done";
  const answer = `${result.stdout}\n${result.stderr}`
    .split("\n")
    .filter((line) => /^!|^fatal|^error|^remote:/.test(line))
    .join("\n");
  if (raced.test(answer)) return "lost";
  // 128 is also how git ends when the connection breaks off, and 1 when the server answers 503; a refused credential stays refused.
  const refused = /\[remote rejected\]|Authentication failed|could not read (Username|Password)|error: 40[13]/;
  const retryable = (result.code === 128 || passing.test(answer)) && !refused.test(answer);
  const how = retryable ? "didn't take" : "refused";
  throw new ReleaseError("GIT", `${where} ${how} ${changes.map((one) => one.ref).join(", ")}`, {
    facts: {
      // By a rule about these refs; without it the whole push was refused, as for want of rights (git-push(1), "Output").
      rejected: redact(/\[remote rejected\] \(?([^)\n]+)/.exec(answer)?.[1] ?? "") || undefined,
      answer: redact(answer).slice(-800) || `exit code ${result.code}`,
    },
    retryable,
    hint: retryable
      ? "check `git ls-remote` in this folder, then run the same command again"
      : "check that the credential may push tags and refs/twotier/*, and that no rule of the repository forbids it",
  });
}

/** For a remote of `git clone --mirror`: pushes to it are as if with --mirror, which takes no names of refs (git-config(1)). */
export function notMirrored(remote: string): Record<string, string> {
  // An address is no name, and has no settings.
  return /[=:]/.test(remote) ? {} : { [`remote.${remote}.mirror`]: "false" };
}

function push(git: Git, remote: string, changes: readonly RefChange[]): Promise<ExecResult> {
  const leases = changes.map(({ ref, expect }) => `--force-with-lease=${ref}:${expect ?? ""}`);
  const specs = changes.map(({ ref, to }) => `${to ?? ""}:${ref}`);
  return git(["push", "--porcelain", "--atomic", "--no-verify", ...leases, remote, ...specs], {
    ok: [0, 1, 128],
    settings: notMirrored(remote),
  });
}

function update(git: Git, changes: readonly RefChange[]): Promise<ExecResult> {
  const zero = "0".repeat(40);
  const lines = changes.map(({ ref, to, expect }) =>
    to === null ? `delete ${ref} ${expect ?? zero}` : `update ${ref} ${to} ${expect ?? zero}`,
  );
  const input = ["start", ...lines, "prepare", "commit", ""].join("\n");
  return git(["update-ref", "--no-deref", "--stdin"], { ok: [0, 128], input });
}
