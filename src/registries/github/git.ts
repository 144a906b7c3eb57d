import { spawn } from "node:child_process";
import { appendFile } from "node:fs/promises";
import path from "node:path";
import { baseEnv } from "../../lib/exec.ts";
import { peel, readHead, readLoose, readRef } from "./repository-files.ts";

/** A git object's name and kind. */
export interface GitObject {
  sha: string;
  type: "commit" | "tag" | "tree" | "blob";
}

export interface Signature {
  name: string;
  email: string;
  /** ISO 8601, UTC, whole seconds */
  date: string;
}

export interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  author: Signature;
  committer: Signature;
  message: string;
}

export interface TagObject {
  sha: string;
  tag: string;
  object: GitObject;
  tagger: Signature;
  message: string;
}

/** git failed; `stderr` says why. */
export class GitFailure extends Error {
  readonly stderr: string;
  constructor(args: readonly string[], stderr: string) {
    super(`git ${args[0]}: ${stderr.trim()}`);
    this.stderr = stderr;
  }
}

/** The environment of every git child: nobody's configuration, and no question of ownership about our own folder. */
export function gitEnv(extra: Record<string, string> = {}): Record<string, string> {
  return {
    ...baseEnv(),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "safe.directory",
    GIT_CONFIG_VALUE_0: "*",
    GIT_COMMITTER_NAME: "GitHub",
    GIT_COMMITTER_EMAIL: "noreply@github.com",
    ...extra,
  };
}

/**
 * Runs git on a bare repository and returns what it prints, as bytes.
 *
 * @throws GitFailure when it ends with another code than 0.
 */
export function git(
  dir: string,
  args: readonly string[],
  input?: string | Uint8Array,
  variables?: Record<string, string>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", [`--git-dir=${dir}`, ...args], {
      env: gitEnv(variables),
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    const out: Buffer[] = [];
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString("utf8");
    });
    child.stdin.on("error", () => {}); // EPIPE: the exit code tells
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(Buffer.concat(out)) : reject(new GitFailure(args, err))));
  });
}

/** Makes an empty bare repository as GitHub keeps one: commits can be fetched by sha, partial clones work, no hooks. */
export async function initBare(dir: string): Promise<void> {
  await git(dir, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", dir]);
  await appendFile(path.join(dir, "config"), settings);
}

const settings = `[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[receive]
	autogc = false
[gc]
	auto = 0
`;

/** True for what git-check-ref-format(1) allows as a full name below `refs/`. */
export function isRefName(ref: string): boolean {
  return (
    /^refs\/[^/]/.test(ref) &&
    !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$/.test(ref) &&
    ref.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"))
  );
}

/** What each name (`refs/...` or an object's sha) stands for; undefined where there is nothing. */
export async function lookUp(dir: string, names: readonly string[]): Promise<(GitObject | undefined)[]> {
  if (names.length === 0) return [];
  const known = fromFiles(dir, names);
  if (known) return known;
  const lines = names.map((name) => (/[\r\n]/.test(name) ? "" : name)); // a line each; an empty one is answered as missing
  const out = await git(dir, ["cat-file", "--batch-check=%(objectname) %(objecttype)"], `${lines.join("\n")}\n`);
  return out
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const match = /^([0-9a-f]{40}) (commit|tag|tree|blob)$/.exec(line);
      return match ? { sha: match[1] as string, type: match[2] as GitObject["type"] } : undefined;
    });
}

/** The same from the repository's files; undefined where only git can tell. */
function fromFiles(dir: string, names: readonly string[]): (GitObject | undefined)[] | undefined {
  const found: (GitObject | undefined)[] = [];
  for (const name of names) {
    const base = name.replace(/\^\{commit\}$/, "");
    const ref = base === "HEAD" ? readHead(dir) : base;
    if (ref === undefined || !(isRefName(ref) || /^[0-9a-f]{40}$/.test(ref))) return undefined;
    const sha = isRefName(ref) ? readRef(dir, ref) : ref;
    const object = sha === undefined ? undefined : peel(dir, sha);
    if (object === "elsewhere") return undefined;
    const wanted = base === name ? object?.own : object?.last;
    found.push(base !== name && wanted?.type !== "commit" ? undefined : wanted);
  }
  return found;
}

/** The commit behind a branch, a tag, a full ref or a sha (40 digits, or 7 and more that are unique); as GitHub looks for it. */
export async function commitOf(dir: string, ref: string): Promise<string | undefined> {
  const names = [`refs/heads/${ref}`, `refs/tags/${ref}`, ref.startsWith("refs/") ? ref : `refs/${ref}`];
  const candidates = names.filter(isRefName).map((name) => `${name}^{commit}`);
  if (ref === "HEAD") candidates.push("HEAD^{commit}");
  if (/^[0-9a-f]{7,40}$/.test(ref)) candidates.unshift(`${ref}^{commit}`);
  return (await lookUp(dir, candidates)).find((found) => found !== undefined)?.sha;
}

/** The branch that HEAD names, whether it has commits or not. */
export async function defaultBranch(dir: string): Promise<string> {
  const head = readHead(dir);
  return head?.startsWith("refs/heads/")
    ? head.slice("refs/heads/".length)
    : (await git(dir, ["symbolic-ref", "--short", "HEAD"])).toString("utf8").trim();
}

/** Reads an object of a known kind. @throws GitFailure when it isn't there. */
export async function readObject(dir: string, type: GitObject["type"], sha: string): Promise<Buffer> {
  const loose = readLoose(dir, sha);
  return loose?.type === type ? loose.content : git(dir, ["cat-file", type, sha]);
}

/** The bytes of a file at a commit; undefined when there is no such file. */
export async function readFileAt(dir: string, commit: string, file: string): Promise<Buffer | undefined> {
  if (/[\n\0]/.test(file) || file.split("/").some((part) => /^\.{0,2}$/.test(part))) return undefined;
  const [found] = await lookUp(dir, [`${commit}:${file}`]);
  return found?.type === "blob" ? readObject(dir, "blob", found.sha) : undefined;
}

/** @throws GitFailure when there is no such commit. */
export async function readCommit(dir: string, sha: string): Promise<Commit> {
  const { headers, message } = parseObject(await readObject(dir, "commit", sha));
  const all = (name: string) => headers.filter(([key]) => key === name).map(([, value]) => value);
  return {
    sha,
    tree: all("tree")[0] ?? "",
    parents: all("parent"),
    author: parseSignature(all("author")[0] ?? ""),
    committer: parseSignature(all("committer")[0] ?? ""),
    message,
  };
}

/** @throws GitFailure when there is no such tag object. */
export async function readTag(dir: string, sha: string): Promise<TagObject> {
  const { headers, message } = parseObject(await readObject(dir, "tag", sha));
  const one = (name: string) => headers.find(([key]) => key === name)?.[1] ?? "";
  return {
    sha,
    tag: one("tag"),
    object: { sha: one("object"), type: one("type") as GitObject["type"] },
    tagger: parseSignature(one("tagger")),
    message,
  };
}

function parseObject(raw: Buffer): { headers: [string, string][]; message: string } {
  const text = raw.toString("utf8");
  const end = text.indexOf("\n\n");
  const lines = (end < 0 ? text : text.slice(0, end)).split("\n").filter((line) => !line.startsWith(" "));
  return {
    headers: lines.map((line): [string, string] => {
      const space = line.indexOf(" ");
      return [line.slice(0, space), line.slice(space + 1)];
    }),
    message: end < 0 ? "" : text.slice(end + 2).replace(/\n$/, ""),
  };
}

function parseSignature(text: string): Signature {
  const match = /^(.*?) ?<(.*?)> (\d+) [+-]\d{4}$/.exec(text);
  if (!match) return { name: "", email: "", date: iso(new Date(0)) };
  return { name: match[1] as string, email: match[2] as string, date: iso(new Date(Number(match[3]) * 1000)) };
}

/** GitHub's way to write a time: UTC, whole seconds. */
export function iso(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
