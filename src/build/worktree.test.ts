import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withWorktree } from "./worktree.ts";

let folder: string;
let repo: string;
let commit: string;
const git = (...args: string[]) => execFileSync("git", args, { cwd: repo, encoding: "utf8" }).trim();

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-worktree-"));
  repo = path.join(folder, "repo");
  await mkdir(repo);
  git("init", "-q", "-b", "main", ".");
  git("config", "user.name", "a");
  git("config", "user.email", "a@example.com");
  await writeFile(path.join(repo, "text.txt"), "one\ntwo\n");
  await writeFile(path.join(repo, "run.sh"), "#!/bin/sh\n");
  await chmod(path.join(repo, "run.sh"), 0o755);
  git("add", "-A");
  git("commit", "-qm", "one");
  commit = git("rev-parse", "HEAD");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const use = <T>(work: (tree: string) => Promise<T>, sha = commit) =>
  withWorktree(path.join(repo, ".git"), sha, path.join(folder, "trees"), work, { epoch: 1_700_000_000 });

test("the commit is checked out as it is, whatever the user's settings, umask and hooks", async () => {
  git("config", "core.autocrlf", "true");
  git("config", "core.fileMode", "false");
  await writeFile(path.join(repo, ".git/hooks/post-checkout"), `#!/bin/sh\ntouch ${folder}/hook-ran\n`, {
    mode: 0o755,
  });
  const before = process.umask(0o077);
  try {
    await use(async (tree) => {
      expect(await readFile(path.join(tree, "text.txt"), "utf8")).toBe("one\ntwo\n");
      const text = await stat(path.join(tree, "text.txt"));
      expect(text.mode & 0o777).toBe(0o644);
      expect(text.mtimeMs).toBe(1_700_000_000_000);
      expect((await stat(path.join(tree, "run.sh"))).mode & 0o777).toBe(0o755);
    });
  } finally {
    process.umask(before);
  }
  expect(await readdir(folder)).not.toContain("hook-ran");
});

test("the user's tree, index and branch stay as they are, dirty or not", async () => {
  await writeFile(path.join(repo, "text.txt"), "changed\n");
  await writeFile(path.join(repo, "new.txt"), "");
  git("add", "new.txt");
  const state = () => [
    git("status", "--porcelain"),
    git("rev-parse", "HEAD"),
    git("symbolic-ref", "HEAD"),
    git("diff"),
  ];
  const before = state();
  await use(async (tree) => {
    await writeFile(path.join(tree, "text.txt"), "built\n");
    expect(await readdir(tree)).not.toContain("new.txt");
  });
  expect(state()).toEqual(before);
});

test("it is gone afterwards, also when the build failed, and other work trees stay registered", async () => {
  const absent = path.join(folder, "on-a-disk-that-is-away");
  git("worktree", "add", "-q", "--detach", absent);
  await rm(absent, { recursive: true });
  const failed = use(async (tree) => {
    await mkdir(path.join(tree, "made/deep"), { recursive: true });
    throw new Error("build failed");
  });
  await expect(failed).rejects.toThrow("build failed");
  expect(await readdir(path.join(folder, "trees"))).toEqual([]);
  const listed = git("worktree", "list", "--porcelain")
    .split("\n")
    .filter((line) => line.startsWith("worktree "));
  expect(listed).toEqual([`worktree ${repo}`, `worktree ${absent}`]);
});

test("two at the same time don't meet", async () => {
  const trees = await Promise.all([use(async (tree) => tree), use(async (tree) => tree)]);
  expect(new Set(trees).size).toBe(2);
});

test("a commit that isn't there is a GIT error", async () => {
  await expect(use(async () => {}, "0123456789012345678901234567890123456789")).rejects.toMatchObject({ code: "GIT" });
  expect(await readdir(path.join(folder, "trees"))).toEqual([]);
});
