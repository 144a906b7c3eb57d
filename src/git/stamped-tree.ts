import { ReleaseError } from "../lib/errors.ts";
import { readObjects } from "./objects.ts";
import type { Git } from "./push.ts";
import { type NewObject, newObject } from "./write-objects.ts";

export interface StampedFile {
  path: string;
  text: string;
  /** Left out: the mode that the file has, 100644 for a new one. */
  mode?: string;
}

/** The entries of one tree: mode and sha by name, which stands in latin1: one character for each of its bytes. */
type Entries = Map<string, { mode: string; sha: string }>;

/**
 * The tree of a commit with some files replaced or added. Only the folders of these files are read,
 * however large the repository is; nothing is written.
 *
 * @param commit null: a tree of these files alone, in a repository of sha-1
 * @returns the tree's sha; the commit's own (`before`); and the objects to write, each after those it names
 * @throws ReleaseError GIT when the commit is missing
 */
export async function stampedTree(
  git: Git,
  commit: string | null,
  files: readonly StampedFile[],
): Promise<{ tree: string; before: string; objects: NewObject[] }> {
  const folders = [...new Set(["", ...files.flatMap((file) => foldersOf(file.path))])];
  const names = folders.map((folder) => (folder === "" ? `${commit}^{tree}` : `${commit}:${folder}`));
  const read = commit === null ? [] : await readObjects(git, names);
  const before = commit === null ? "" : read[0]?.sha;
  if (before === undefined) throw new ReleaseError("GIT", `commit ${commit} is missing from this repository`);
  const width = before === "" ? 20 : before.length / 2;
  const trees = new Map<string, Entries>();
  for (const [at, folder] of folders.entries()) {
    const object = read[at];
    trees.set(folder, parseTree(object?.type === "tree" ? object.text : "", width));
  }
  const objects: NewObject[] = [];
  const put = (path: string, mode: string, object: NewObject) => {
    const [folder, name] = split(path);
    const entries = trees.get(folder) as Entries;
    entries.set(name, { mode, sha: object.sha });
    objects.push(object);
  };
  for (const { path, text, mode } of files) {
    const [folder, name] = split(path);
    put(path, mode ?? trees.get(folder)?.get(name)?.mode ?? "100644", newObject("blob", text, before));
  }
  // The deepest first: a folder's sha stands in the one around it.
  const depth = (folder: string) => folder.split("/").length;
  for (const folder of folders.filter((one) => one !== "").sort((a, b) => depth(b) - depth(a))) {
    put(folder, "40000", treeObject(trees.get(folder) as Entries, before));
  }
  const root = treeObject(trees.get("") as Entries, before);
  return { tree: root.sha, before, objects: [...objects, root] };
}

/** The folders that a file is in, but for the root: `a/b/c` -> `a`, `a/b`. */
function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}

/** Folder and name, the name as it stands in a tree. */
function split(path: string): [string, string] {
  const at = path.lastIndexOf("/");
  return [path.slice(0, Math.max(at, 0)), Buffer.from(path.slice(at + 1)).toString("latin1")];
}

/** Takes a tree's contents apart: `MODE NAME NUL`, then the sha's bytes (git-cat-file(1), "Batch output", of a tree). */
function parseTree(text: string, width: number): Entries {
  const entries: Entries = new Map();
  for (let at = 0; at < text.length; ) {
    const blank = text.indexOf(" ", at);
    const end = text.indexOf("\0", blank);
    const next = end + 1 + width;
    const sha = Buffer.from(text.slice(end + 1, next), "latin1").toString("hex");
    entries.set(text.slice(blank + 1, end), { mode: text.slice(at, blank), sha });
    at = next;
  }
  return entries;
}

/** A tree's entries stand in the order of their bytes, a folder's name as if a slash followed it (base_name_compare in git's tree.c). */
function treeObject(entries: Entries, like: string): NewObject {
  const order = ([name, { mode }]: [string, { mode: string }]) => (mode === "40000" ? `${name}/` : name);
  const rows = [...entries].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  const body = rows.map(([name, { mode, sha }]) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(sha, "hex")]),
  );
  return newObject("tree", Buffer.concat(body), like);
}
