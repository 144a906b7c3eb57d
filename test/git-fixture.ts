import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A repository in a temporary folder, with a bare one beside it as its remote. */
export interface GitFixture {
  root: string;
  /** The clone. */
  dir: string;
  /** The bare repository that is its `origin`. */
  origin: string;
  git(...args: string[]): string;
  /** Git in the bare repository. */
  atOrigin(...args: string[]): string;
  /** Writes files, commits and (unless told not to) pushes. Returns the sha. */
  commit(message: string, files: Record<string, string>, options?: { push?: boolean }): string;
  close(): void;
}

const identity = {
  GIT_AUTHOR_NAME: "Dev",
  GIT_AUTHOR_EMAIL: "dev@example.invalid",
  GIT_COMMITTER_NAME: "Dev",
  GIT_COMMITTER_EMAIL: "dev@example.invalid",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};

/** Runs git as tests want it: nobody's settings, a fixed identity. Returns stdout without its last newline. */
export function runGit(cwd: string, args: readonly string[], env: Record<string, string> = {}, input?: string): string {
  const options = { cwd, encoding: "utf8", env: { ...process.env, ...identity, ...env }, input } as const;
  return execFileSync("git", args, { ...options, stdio: ["pipe", "pipe", "pipe"], maxBuffer: 1 << 28 }).replace(
    /\n$/,
    "",
  );
}

/** Makes such a repository on branch main. */
export function gitFixture(): GitFixture {
  const root = mkdtempSync(path.join(tmpdir(), "twotier-git-"));
  const [dir, origin] = [path.join(root, "work"), path.join(root, "origin.git")];
  runGit(root, ["init", "--quiet", "--bare", "--initial-branch=main", origin]);
  runGit(origin, ["config", "uploadpack.allowAnySHA1InWant", "true"]);
  runGit(root, ["init", "--quiet", "--initial-branch=main", dir]);
  runGit(dir, ["remote", "add", "origin", origin]);
  let seconds = 1_700_000_000;
  return {
    root,
    dir,
    origin,
    git: (...args) => runGit(dir, args),
    atOrigin: (...args) => runGit(origin, args),
    commit(message, files, { push = true } = {}) {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(dir, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      runGit(dir, ["add", "--all"]);
      const date = `${seconds++} +0000`;
      runGit(
        dir,
        ["commit", "--quiet", "--allow-empty", "-F", "-"],
        { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
        message,
      );
      if (push) runGit(dir, ["push", "--quiet", "origin", "HEAD:main"]);
      return runGit(dir, ["rev-parse", "HEAD"]);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}
