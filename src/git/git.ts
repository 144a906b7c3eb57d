import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { baseEnv, exec } from "../lib/exec.ts";
import type { Git } from "./push.ts";

/**
 * Settings of a user that would change what git prints, or make it run programs (git-config(1)). Everything else
 * stays as the user has it: credentials, proxies, `insteadOf`, `safe.directory`.
 */
const settings: Record<string, string> = {
  "advice.detachedHead": "false",
  "color.ui": "false",
  "core.fsmonitor": "false",
  // A hook may be a file of the repository, and would be run with our credential.
  "core.hooksPath": "/dev/null",
  "core.quotePath": "false",
  "diff.ignoreSubmodules": "none",
  "diff.orderFile": "/dev/null",
  "diff.relative": "false",
  "diff.renames": "false",
  "fetch.prune": "false",
  "fetch.pruneTags": "false",
  "fetch.writeCommitGraph": "false",
  "gc.auto": "0",
  // A server that says nothing for so many seconds is given up; GitHub's says something every few.
  "http.lowSpeedLimit": "1",
  "http.lowSpeedTime": "120",
  "i18n.commitEncoding": "UTF-8",
  "i18n.logOutputEncoding": "UTF-8",
  "log.follow": "false",
  "log.showRoot": "true",
  "log.showSignature": "false",
  "maintenance.auto": "false",
  // Only what we name is pushed, as every server takes it: no tags of the user's that lie on the way, no signature that
  // a server must know how to check, no options for its hooks (an empty value takes away those that are set).
  "push.followTags": "false",
  "push.gpgSign": "false",
  "push.pushOption": "",
  "push.recurseSubmodules": "no",
};
const flagsOf = (these: Record<string, string>) =>
  Object.entries(these).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
const configured = flagsOf(settings);

/** Never asks, never waits for a pager, answers in English; replace refs would show a history that nobody else has. */
const environment = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_PAGER: "cat",
  LC_ALL: "C.UTF-8",
  LANGUAGE: "",
};

export interface RunOptions {
  signal?: AbortSignal;
  /** Added to every call, e.g. a folder for objects. Read at each call. */
  env?: Record<string, string>;
}

/**
 * Git in a folder, with output that no user's settings change.
 *
 * @returns a function that throws ReleaseError GIT (with git's own words) for exit codes that aren't in its `ok`,
 *   TOOL_MISSING without git, INTERRUPTED on abort
 */
export function gitIn(dir: string, options: RunOptions = {}): Git {
  const base = baseOf();
  return async (args, run = {}) => {
    try {
      return await exec("git", [...configured, ...flagsOf(run.settings ?? {}), ...args], {
        cwd: dir,
        env: { ...base, ...options.env, ...run.env },
        input: run.input,
        ok: run.ok,
        encoding: run.encoding,
        signal: options.signal,
        maxBuffer: 1 << 30,
      });
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code !== "BUILD") throw error;
      throw new ReleaseError("GIT", `git ${args[0]} failed in ${dir}`, {
        cause: error,
        retryable: passing.test(error.facts.output ?? ""),
        facts: { git: error.facts.output },
        hint: hintFor(error.facts.output ?? "") ?? (asksRemote.has(args[0] ?? "") ? strange : undefined),
      });
    }
  };
}

/** Git's environment but for what a repository adds. */
const baseOf = (): Record<string, string> => ({ ...baseEnv(), ...environment });

/** The same git as a process that stays, to talk to. */
export function startGit(
  dir: string,
  args: readonly string[],
  options: RunOptions = {},
): ChildProcessWithoutNullStreams {
  return spawn("git", [...configured, ...args], {
    cwd: dir,
    env: { ...baseOf(), ...options.env },
    signal: options.signal,
    windowsHide: true,
  });
}

/** What git and curl say about failures of a server or of the way there, which may pass by themselves. */
export const passing =
  /(?:HTTP|returned error:) (?:408|429|5\d\d)|RPC failed|early EOF|hung up unexpectedly|unexpected disconnect|expected flush after|Could not resolve host|Failed to connect|Connection (?:refused|reset|timed out)|Operation timed out|Operation too slow|Empty reply|(?:Recv|Send) failure|transfer closed|receiving data from the peer|not closed cleanly|GnuTLS recv error|SSL_read|SSL_ERROR_SYSCALL|non-properly terminated|Couldn't connect|Network is unreachable/i;

const asksRemote = new Set(["ls-remote", "fetch", "push"]);
const strange =
  "the remote doesn't answer as git servers do: check `git ls-remote` in this folder, then run the same command again";

/** What to do about the commonest complaints of git. */
function hintFor(output: string): string | undefined {
  const owned = /safe\.directory (\S+)/.exec(output);
  if (owned)
    return `the repository belongs to another user; run \`git config --global --add safe.directory ${owned[1]}\``;
  if (
    /could not read (Username|Password)|Authentication failed|terminal prompts disabled|Permission denied/i.test(output)
  ) {
    return "the remote wants a credential: check `git ls-remote` in this folder";
  }
  if (
    /Could not resolve host|unable to access|Connection (refused|timed out)|does not appear to be a git/i.test(output)
  ) {
    return "the remote can't be reached: check `git remote -v` and the network";
  }
  if (passing.test(output)) return "the remote failed; run the same command again";
  return undefined;
}
