import type { Git } from "./push.ts";

/** Refs by their full names. */
export interface Refs {
  /** Branch that HEAD names, without `refs/heads/`; null where HEAD is detached or missing. */
  readonly head: string | null;
  names(): IterableIterator<string>;
  /**
   * Sha that a ref itself names (of an annotated tag, the tag object); undefined where there is no such ref, or where
   * what stands there is no sha: a server may put line ends into a name, and git prints them.
   */
  get(name: string): string | undefined;
  /** The same after following annotated tags. */
  commit(name: string): string | undefined;
  /** All of them: name -> sha of the ref itself. */
  readonly byName: Map<string, string>;
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

/**
 * The refs of a remote as this clone last saw them, asking nobody: its branches, and all tags that are here.
 *
 * @throws ReleaseError GIT
 */
export async function seenRefs(git: Git, remote: string): Promise<Refs> {
  const prefix = `refs/remotes/${remote}/`;
  const [list, head] = await Promise.all([
    git(["show-ref", "--dereference"], { ok: [0, 1] }),
    git(["symbolic-ref", "--quiet", `${prefix}HEAD`], { ok: [0, 1] }),
  ]);
  const branch = head.stdout.trim().slice(prefix.length);
  const lines = list.stdout.split("\n").flatMap((line) => {
    const at = line.indexOf(" ") + 1;
    if (line.endsWith(`${prefix}HEAD`)) return [];
    if (line.startsWith(prefix, at)) return `${line.slice(0, at)}refs/heads/${line.slice(at + prefix.length)}`;
    return line.startsWith("refs/tags/", at) ? line : [];
  });
  return parseRefs([...(branch === "" ? [] : [`ref: refs/heads/${branch}\tHEAD`]), ...lines, ""].join("\n"));
}

/**
 * Reads the output of `git ls-remote --symref` (`SHA TAB NAME`) or `git show-ref -d --head` (`SHA SPACE NAME`), with
 * `ref: refs/heads/main TAB HEAD`; an annotated tag is followed by a line for what it is over, `NAME^{}`.
 *
 * A repository may have 100,000 lines: only names are taken out of them, shas when they are asked for.
 */
export function parseRefs(text: string): Refs {
  const lines = new Map<string, number>();
  let head: string | null = null;
  let width = 0;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    if (text.startsWith("ref: ", start)) {
      const tab = text.indexOf("\t", start);
      if (text.slice(tab + 1, end) === "HEAD") head = branchOf(text.slice(start + 5, tab));
    } else {
      // All shas of a repository are of one length, 40 or 64.
      if (width === 0) width = text.slice(start, end).search(/[\t ]/);
      if (!text.endsWith("^{}", end)) lines.set(text.slice(start + width + 1, end), start);
    }
    start = end + 1;
  }
  const shaAt = (start: number) => {
    const sha = text.slice(start, start + width);
    return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(sha) ? sha : undefined;
  };
  const get = (name: string) => {
    const start = lines.get(name);
    return start === undefined ? undefined : shaAt(start);
  };
  return {
    head,
    names: () => lines.keys(),
    get,
    commit(name) {
      const start = lines.get(name);
      if (start === undefined) return undefined;
      const next = start + width + 1 + name.length + 1;
      const peeled = text.startsWith(`${name}^{}`, next + width + 1);
      return peeled ? shaAt(next) : get(name);
    },
    get byName() {
      return new Map(
        [...lines.keys()].flatMap((name): [string, string][] => {
          const sha = get(name);
          return sha === undefined ? [] : [[name, sha]];
        }),
      );
    },
  };
}

/** Name of a branch from its full ref; null for any other ref. */
export function branchOf(ref: string): string | null {
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : null;
}

/** What a ref names after following annotated tags; undefined where there is no such ref. */
export function commitOf(refs: Refs, ref: string): string | undefined {
  return refs.commit(ref);
}
