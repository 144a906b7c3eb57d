import type { Git } from "./push.ts";

/** A commit with the files that it changed itself. */
export interface Commit {
  /** Full sha. */
  sha: string;
  parents: string[];
  /** Committer date, seconds since the epoch. */
  epoch: number;
  /** The whole message, without NULs. Written by anybody: data, never markup. */
  message: string;
  /** The author's name, as the commit has it; left out where nothing reads it. */
  author?: string;
  /** Paths from the repository's root. Of a merge: those that differ from all its parents. */
  paths: string[];
}

/** No path is "/", so it marks where a commit begins whatever its neighbours' files are called. */
const MARK = "/";
const format = "--format=/%x00%H%x00%P%x00%ct%x00%an%x00%B%x00";
const flags = [
  "--cc",
  "--no-renames",
  "--no-ext-diff",
  "--no-textconv",
  "--no-notes",
  "--no-color",
  "-z",
  "--name-only",
  format,
];

/**
 * Commits of a range, newest first, from one call of git (two-tier.md, "Trigger": `log --cc --no-renames -z`).
 *
 * @param range revisions as git-rev-list(1) reads them, by sha: `[head]`, `[head, "^base"]`
 * @param limit at most so many commits
 * @throws ReleaseError GIT when a commit is missing
 */
export async function logCommits(git: Git, range: readonly string[], limit?: number): Promise<Commit[]> {
  const max = limit === undefined ? [] : [`--max-count=${limit}`];
  return parseLog((await git(["log", ...flags, ...max, "--end-of-options", ...range, "--"])).stdout);
}

/** These very commits; those that are missing here are left out. */
export async function readCommits(git: Git, shas: readonly string[]): Promise<Commit[]> {
  if (shas.length === 0) return [];
  const input = `${shas.join("\n")}\n`;
  const { stdout } = await git(["log", ...flags, "--no-walk=unsorted", "--ignore-missing", "--stdin"], { input });
  return parseLog(stdout);
}

/** Parents, date and message of a commit from its object. */
export function parseCommitObject(text: string): Omit<Commit, "sha" | "paths" | "author"> {
  const end = text.indexOf("\n\n");
  const header = end < 0 ? text : text.slice(0, end);
  return {
    parents: [...header.matchAll(/^parent ([0-9a-f]+)$/gm)].map((match) => match[1] as string),
    epoch: Number(/^committer .* (\d+) [+-]\d{4}$/m.exec(header)?.[1] ?? 0),
    message: end < 0 ? "" : withoutLastLines(text.slice(end + 2)),
  };
}

/** A message without the line ends after it; in one pass, unlike `/\n+$/`, however many there are within it. */
function withoutLastLines(message: string): string {
  let end = message.length;
  while (message[end - 1] === "\n") end--;
  return message.slice(0, end);
}

/** Reads what `format` and `--name-only -z` print. */
export function parseLog(text: string): Commit[] {
  const commits: Commit[] = [];
  const tokens = text.split("\0");
  let at = 0;
  while (tokens[at] === MARK) {
    const [sha = "", parents = "", epoch = "", author = "", message = ""] = tokens.slice(at + 1, at + 6);
    const paths: string[] = [];
    at += 6;
    for (; at < tokens.length && tokens[at] !== MARK; at++) {
      const token = tokens[at] as string;
      if (token === "") continue; // git ends the header with one NUL, and a merge's with two
      // The names of a commit with one parent are set off by a newline.
      paths.push(paths.length === 0 && token.startsWith("\n") ? token.slice(1) : token);
    }
    commits.push({
      sha,
      parents: parents === "" ? [] : parents.split(" "),
      epoch: Number(epoch),
      message: withoutLastLines(message),
      author,
      paths,
    });
  }
  return commits;
}

/**
 * True when `ancestor` is `commit` or one of its ancestors.
 *
 * @throws ReleaseError GIT when one of them is missing
 */
export async function isAncestor(git: Git, ancestor: string, commit: string): Promise<boolean> {
  if (ancestor === commit) return true;
  return (await git(["merge-base", "--is-ancestor", ancestor, commit], { ok: [0, 1] })).code === 0;
}
