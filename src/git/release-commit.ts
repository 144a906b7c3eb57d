import type { Git } from "./push.ts";
import { type StampedFile, stampedTree } from "./stamped-tree.ts";
import { type NewObject, newObject, writeObjects } from "./write-objects.ts";

/** Who makes release commits, locks and tags: the product, so that the same release makes the same objects anywhere. */
export const identity = "twotier <twotier@users.noreply.github.com>";

/** A commit that may not be written yet, with the objects that it needs. */
export interface MadeCommit {
  sha: string;
  objects: NewObject[];
}

/**
 * The release commit, made without touching the work tree, the index or a branch: a child of the source commit whose
 * tree differs in the stamped files alone. Deterministic: the same source and stamps give the same sha everywhere.
 *
 * @param epoch seconds; the source commit's date
 * @returns what is to be written; the source commit itself, and nothing to write, where nothing is stamped
 * @throws ReleaseError GIT when the source is missing
 * @see two-tier.md, "Words" (release commit), "Trigger" (trailer)
 */
export async function releaseCommit(
  git: Git,
  source: string,
  stamped: readonly StampedFile[],
  release: { tag: string; epoch: number },
): Promise<MadeCommit> {
  const { tree, before, objects } = await stampedTree(git, source, stamped);
  if (tree === before) return { sha: source, objects: [] };
  const message = `chore(release): ${release.tag}\n\nTwotier-Release: ${release.tag}\n`;
  const commit = commitObject({ tree, parents: [source], epoch: release.epoch, message });
  return { sha: commit.sha, objects: [...objects, commit] };
}

/** The same, written. Returns its sha. */
export async function makeReleaseCommit(...args: Parameters<typeof releaseCommit>): Promise<string> {
  const { sha, objects } = await releaseCommit(...args);
  await writeObjects(args[0], objects);
  return sha;
}

/** A commit by the product's identity. */
export function commitObject(commit: {
  tree: string;
  parents: readonly string[];
  epoch: number;
  message: string;
}): NewObject {
  const text = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${identity} ${commit.epoch} +0000`,
    `committer ${identity} ${commit.epoch} +0000`,
    "",
    commit.message,
  ].join("\n");
  return newObject("commit", text, commit.tree);
}

/**
 * Writes an annotated tag object over a commit. Returns its sha.
 *
 * @param along objects that are to be written before it
 */
export async function makeTagObject(
  git: Git,
  tag: { name: string; commit: string; epoch: number; message: string },
  along: readonly NewObject[] = [],
): Promise<string> {
  const text = `object ${tag.commit}\ntype commit\ntag ${tag.name}\ntagger ${identity} ${tag.epoch} +0000\n\n${tag.message}`;
  const object = newObject("tag", text, tag.commit);
  await writeObjects(git, [...along, object]);
  return object.sha;
}
