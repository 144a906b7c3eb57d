import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { temporaryFolder } from "../lib/temporary.ts";
import type { Git } from "./push.ts";

/** Who makes release commits, locks and tags: the product, so that the same release makes the same objects anywhere. */
export const identity = "twotier <twotier@users.noreply.github.com>";

export interface StampedFile {
  path: string;
  text: string;
}

/**
 * Makes the release commit without touching the work tree, the index or a branch: a child of the source commit whose
 * tree differs in the stamped files alone. Deterministic: the same source and stamps give the same sha everywhere.
 *
 * @param epoch seconds; the source commit's date
 * @returns full sha; the source commit itself where nothing is stamped
 * @see two-tier.md, "Words" (release commit), "Trigger" (trailer)
 */
export async function makeReleaseCommit(
  git: Git,
  source: string,
  stamped: readonly StampedFile[],
  release: { tag: string; epoch: number },
): Promise<string> {
  const tree = await writeTree(git, source, stamped);
  const before = (await git(["rev-parse", `${source}^{tree}`])).stdout.trim();
  if (tree === before) return source;
  return commitTree(git, {
    tree,
    parents: [source],
    epoch: release.epoch,
    message: `chore(release): ${release.tag}\n\nTwotier-Release: ${release.tag}\n`,
  });
}

/** The tree of `commit` with some files replaced (modes kept) or added, as a tree object's sha. */
export async function writeTree(git: Git, commit: string, files: readonly StampedFile[]): Promise<string> {
  const folder = await temporaryFolder(tmpdir(), "twotier-index");
  const env = { GIT_INDEX_FILE: path.join(folder, "index") };
  try {
    await git(["read-tree", commit], { env });
    if (files.length > 0) {
      const modes = await modesOf(
        git,
        commit,
        files.map((file) => file.path),
      );
      const lines: string[] = [];
      for (const file of files) {
        const blob = (await git(["hash-object", "-w", "--no-filters", "--stdin"], { input: file.text })).stdout.trim();
        lines.push(`${modes.get(file.path) ?? "100644"} ${blob}\t${file.path}\0`);
      }
      await git(["update-index", "-z", "--add", "--index-info"], { env, input: lines.join("") });
    }
    return (await git(["write-tree"], { env })).stdout.trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function modesOf(git: Git, commit: string, paths: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await git(["--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", ...paths]);
  const modes = new Map<string, string>();
  for (const row of stdout.split("\0")) {
    const tab = row.indexOf("\t");
    if (tab > 0) modes.set(row.slice(tab + 1), row.slice(0, 6));
  }
  return modes;
}

/** Writes a commit object by the product's identity. Returns its sha. */
export async function commitTree(
  git: Git,
  commit: { tree: string; parents: readonly string[]; epoch: number; message: string },
): Promise<string> {
  const text = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${identity} ${commit.epoch} +0000`,
    `committer ${identity} ${commit.epoch} +0000`,
    "",
    commit.message,
  ].join("\n");
  return (await git(["hash-object", "-t", "commit", "-w", "--stdin"], { input: text })).stdout.trim();
}

/** Writes an annotated tag object over a commit. Returns its sha. */
export async function makeTagObject(
  git: Git,
  tag: { name: string; commit: string; epoch: number; message: string },
): Promise<string> {
  const text = `object ${tag.commit}\ntype commit\ntag ${tag.name}\ntagger ${identity} ${tag.epoch} +0000\n\n${tag.message}`;
  return (await git(["hash-object", "-t", "tag", "-w", "--stdin"], { input: text })).stdout.trim();
}
