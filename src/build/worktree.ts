import { mkdir, readdir, utimes } from "node:fs/promises";
import path from "node:path";
import { ReleaseError } from "../lib/errors.ts";
import { baseEnv, exec } from "../lib/exec.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { removeTree } from "./remove.ts";

export interface WorktreeOptions {
  signal?: AbortSignal;
  /** Seconds since the epoch that all files get as their date, for tools that put it into what they build. */
  epoch?: number;
}

/** Settings of the user or the repository that would change what is checked out, or run programs. */
const settings = {
  "core.autocrlf": "false",
  "core.eol": "lf",
  "core.fileMode": "true",
  "core.symlinks": "true",
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.sparseCheckout": "false",
  "checkout.workers": "0",
  "advice.detachedHead": "false",
};

/**
 * Checks a commit out into a new folder under `parent` with modes 644 and 755, hands it to `use`, and removes it in any
 * case. The repository's own work tree, index and branches stay as they are.
 *
 * @param gitDir the repository's git directory
 * @param parent folder for the work tree; made if it isn't there
 * @throws ReleaseError GIT when the commit can't be checked out
 */
export async function withWorktree<T>(
  gitDir: string,
  commit: string,
  parent: string,
  use: (folder: string) => Promise<T>,
  options: WorktreeOptions = {},
): Promise<T> {
  await mkdir(parent, { recursive: true });
  const holder = await temporaryFolder(parent, "tree");
  const folder = path.join(holder, "source");
  const config = Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  const git = (args: string[], signal?: AbortSignal) => {
    const all = [...config, `--git-dir=${path.resolve(gitDir)}`, ...args];
    // Modes of checked out files follow the umask.
    return exec("sh", ["-c", 'umask 022; exec git "$@"', "git", ...all], { cwd: holder, env: gitEnv(), signal });
  };
  try {
    const add = () => git(["worktree", "add", "--detach", "--force", folder, commit], options.signal);
    await inTurn(add).catch((cause) => {
      if (!(cause instanceof ReleaseError) || cause.code !== "BUILD") throw cause;
      throw new ReleaseError("GIT", `commit ${commit} couldn't be checked out`, {
        facts: { commit, output: cause.facts.output },
        hint: /unable to write|No space left/.test(cause.facts.output ?? "")
          ? "make room on the disk, then run the same command again"
          : "see what git says: git worktree add --detach /tmp/tree COMMIT",
        cause,
      });
    });
    if (options.epoch !== undefined) await setDates(folder, options.epoch);
    return await use(folder);
  } finally {
    await removeTree(folder);
    // Takes the entry out of the repository; `prune` would also take those of other people's unmounted disks.
    await inTurn(() => git(["worktree", "remove", "--force", "--force", folder])).catch(() => {});
    await removeTree(holder);
  }
}

let last: Promise<unknown> = Promise.resolve();

/**
 * One after the other: `git worktree` reads the entries of all work trees, and fails at one that another is just
 * writing ("failed to read .../commondir: Success", git 2.39).
 */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = last.then(work);
  last = turn.catch(() => {});
  return turn;
}

function gitEnv(): Record<string, string> {
  return { ...baseEnv(), LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" };
}

async function setDates(folder: string, epoch: number): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) await setDates(file, epoch);
    if (entry.isFile() || entry.isDirectory()) await utimes(file, epoch, epoch);
  }
}
