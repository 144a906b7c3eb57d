import type { Git } from "./push.ts";

export interface GitObject {
  sha: string;
  type: "commit" | "tree" | "blob" | "tag";
  /** Contents as text; broken UTF-8 is replaced. */
  text: string;
}

/**
 * Reads objects by one call of `git cat-file --batch`.
 *
 * @param names shas, or `SHA:PATH`; without newlines
 * @returns one for each name, null where there is none
 */
export async function readObjects(git: Git, names: readonly string[]): Promise<(GitObject | null)[]> {
  if (names.length === 0) return [];
  const input = `${names.map((name) => (/[\n\r]/.test(name) ? "?" : name)).join("\n")}\n`;
  const { stdout } = await git(["cat-file", "--batch"], { input, encoding: "latin1" });
  return parseBatch(stdout, names.length);
}

/** Reads what `cat-file --batch` prints, a character a byte: `SHA TYPE SIZE LF contents LF`, or `NAME missing LF`. */
export function parseBatch(bytes: string, count: number): (GitObject | null)[] {
  const found: (GitObject | null)[] = [];
  for (let at = 0; found.length < count; ) {
    const end = bytes.indexOf("\n", at);
    const head = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d+)$/.exec(bytes.slice(at, end));
    at = end + 1;
    if (!head) found.push(null);
    else {
      const size = Number(head[3]);
      const text = Buffer.from(bytes.slice(at, at + size), "latin1").toString("utf8");
      found.push({ sha: head[1] as string, type: head[2] as GitObject["type"], text });
      at += size + 1;
    }
    if (end < 0) break;
  }
  return found;
}

/** The message of a commit's or a tag's object: what follows its header. */
export function messageOf(object: GitObject): string {
  const end = object.text.indexOf("\n\n");
  return end < 0 ? "" : object.text.slice(end + 2);
}
