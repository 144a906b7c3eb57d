import type { Git } from "./push.ts";

/** Refs as git prints them: full name -> what it names. */
export interface Refs {
  /** Sha of the ref itself: of an annotated tag, the tag object. */
  byName: Map<string, string>;
  /** Annotated tags alone: name -> sha of what they are over at last. */
  peeled: Map<string, string>;
  /** Branch that HEAD names, without `refs/heads/`; null where HEAD is detached or missing. */
  head: string | null;
}

/**
 * Reads all refs by one call (without a remote, two).
 *
 * @param remote name or address; null: this repository's own refs
 * @throws ReleaseError GIT
 */
export async function readRefs(git: Git, remote: string | null): Promise<Refs> {
  if (remote !== null) return parseRefs((await git(["ls-remote", "--symref", "--end-of-options", remote])).stdout);
  // show-ref takes the peeled shas from packed-refs; for-each-ref's %(*objectname) opens every tag.
  const [list, head] = await Promise.all([
    git(["show-ref", "--dereference", "--head"], { ok: [0, 1] }),
    git(["symbolic-ref", "--quiet", "HEAD"], { ok: [0, 1] }),
  ]);
  return parseRefs(`${head.code === 0 ? `ref: ${head.stdout.trim()}\tHEAD\n` : ""}${list.stdout}`);
}

const SPACE = 32;

/**
 * Reads the output of `git ls-remote --symref` (`SHA TAB NAME`) or `git show-ref -d --head` (`SHA SPACE NAME`), with
 * peeled lines (`NAME^{}`) and `ref: refs/heads/main TAB HEAD`. A repository may have 100,000 of them: no regular
 * expression a line.
 */
export function parseRefs(text: string): Refs {
  const refs: Refs = { byName: new Map(), peeled: new Map(), head: null };
  const { byName, peeled } = refs;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    if (text.startsWith("ref: ", start)) {
      const tab = text.indexOf("\t", start);
      if (text.slice(tab + 1, end) === "HEAD") refs.head = branchOf(text.slice(start + 5, tab));
    } else {
      let gap = start;
      while (gap < end && text.charCodeAt(gap) > SPACE) gap++;
      const sha = text.slice(start, gap);
      if (text.endsWith("^{}", end)) peeled.set(text.slice(gap + 1, end - 3), sha);
      else if (gap < end) byName.set(text.slice(gap + 1, end), sha);
    }
    start = end + 1;
  }
  return refs;
}

/** Name of a branch from its full ref; null for any other ref. */
export function branchOf(ref: string): string | null {
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : null;
}

/** What a ref names after following annotated tags; undefined where there is no such ref. */
export function commitOf(refs: Refs, ref: string): string | undefined {
  return refs.peeled.get(ref) ?? refs.byName.get(ref);
}
