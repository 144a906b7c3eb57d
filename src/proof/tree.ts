import { readObjects } from "../git/objects.ts";
import type { Git } from "../git/push.ts";
import type { Digest } from "../lib/hash.ts";
import { printable } from "../lib/text.ts";
import { stampedPair } from "./compare.ts";
import { compareSpelled, type Spelling } from "./spelling.ts";
import type { Difference } from "./types.ts";

/**
 * Compares the trees of two release commits of one source: they may differ in the version's spelling, and the stable
 * one has its section in CHANGELOG.md.
 *
 * @returns what differs, and the contents of explained files, by digest
 * @throws ReleaseError GIT when a commit is missing
 */
export async function compareTrees(
  git: Git,
  candidate: string,
  stable: string,
  spellings: readonly Spelling[],
  changelog: string,
): Promise<{ differences: Difference[]; stamped: Map<Digest, Digest> }> {
  const differences: Difference[] = [];
  const stamped = new Map<Digest, Digest>();
  const { stdout } = await git(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", candidate, stable]);
  const tokens = stdout.split("\0");
  for (let at = 0; at + 1 < tokens.length; at += 2) {
    const file = tokens[at + 1] as string;
    const [, before = "", after = "", from = "", to = "", kind = ""] =
      /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) (\w)/.exec(tokens[at] as string) ?? [];
    const report = (verdict: Difference["verdict"], note: string) =>
      void differences.push({ entry: printable(file), verdict, note });
    if (kind !== "M" || before !== after) {
      const how: Record<string, string> = { A: "only the stable release has it", D: "only the candidate has it" };
      report("differs", how[kind] ?? `mode ${before}, then ${after}`);
      continue;
    }
    const [a, b] = (await readObjects(git, [from, to])).map((object) => object?.text ?? "") as [string, string];
    const spelled = compareSpelled(Buffer.from(a), Buffer.from(b), spellings);
    // Bytes that are no UTF-8 were replaced when they were read: such texts can't be compared.
    const text = !a.includes("\ufffd") && !b.includes("\ufffd");
    if (text && "places" in spelled) {
      report("version", spelled.places === 1 ? "the version, once" : `the version, ${spelled.places} times`);
    } else if (text && file === changelog && isInsertion(a, b)) report("stamped", "the section of the release");
    else {
      report("differs", "other contents than the version");
      continue;
    }
    const [left, right] = stampedPair(a, b);
    stamped.set(left, right);
  }
  return { differences, stamped };
}

/** True where `after` is `before` with one piece put in. */
function isInsertion(before: string, after: string): boolean {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < before.length - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return start + end === before.length;
}
