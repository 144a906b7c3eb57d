import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Socket } from "node:net";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import type { Git } from "./push.ts";

export interface GitObject {
  sha: string;
  type: "commit" | "tree" | "blob" | "tag";
  /** Contents as text; broken UTF-8 is replaced. Of a tree, which is no text, one character for each byte (latin1). */
  text: string;
}

/** Reads objects by name; null for each that isn't there. */
export type ReadObjects = (names: readonly string[]) => Promise<(GitObject | null)[]>;

/**
 * Reads objects: through the process that a repository keeps for this, else by one call of `git cat-file --batch`.
 *
 * @param names shas, or `SHA:PATH`
 * @returns one for each name, null where there is none
 */
export async function readObjects(git: Git, names: readonly string[]): Promise<(GitObject | null)[]> {
  if (names.length === 0) return [];
  if (git.objects) return git.objects(names);
  const { stdout } = await git(["cat-file", "--batch"], { input: names.map(line).join(""), encoding: "latin1" });
  const parser = new BatchParser();
  return parser.push(Buffer.from(stdout, "latin1"));
}

/** A name that git could take for two is asked as one that doesn't exist. */
const line = (name: string) => `${/[\n\r\0]/.test(name) ? "?" : name}\n`;

/** Takes apart what `cat-file --batch` prints: `SHA TYPE SIZE LF contents LF`, or `NAME missing LF`. */
export class BatchParser {
  private rest: Buffer = Buffer.alloc(0);

  /** Adds bytes; returns the objects that are whole now. */
  push(chunk: Buffer): (GitObject | null)[] {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const found: (GitObject | null)[] = [];
    let at = 0;
    for (let end = this.rest.indexOf(10); end >= 0; end = this.rest.indexOf(10, at)) {
      const head = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d+)$/.exec(this.rest.toString("latin1", at, end));
      const size = Number(head?.[3] ?? 0);
      const next = head ? end + 1 + size + 1 : end + 1;
      if (next > this.rest.length) break;
      if (head) {
        const [, sha = "", type] = head;
        const encoding = type === "tree" ? "latin1" : "utf8";
        const text = this.rest.toString(encoding, end + 1, end + 1 + size);
        found.push({ sha, type: type as GitObject["type"], text });
      } else found.push(null);
      at = next;
    }
    this.rest = this.rest.subarray(at);
    return found;
  }
}

/** A `git cat-file --batch` that stays: starting git costs more than most reads. It ends with `close`, or with us. */
export class ObjectReader {
  private reader: Reader | undefined;
  private readonly start: () => ChildProcessWithoutNullStreams;

  constructor(start: () => ChildProcessWithoutNullStreams) {
    this.start = start;
  }

  /** @throws ReleaseError GIT when git ends, INTERRUPTED on abort */
  readonly read: ReadObjects = (names) => {
    this.reader ??= this.begin();
    const { child, waiting } = this.reader;
    hold(child, true);
    const answers = names.map(
      () => new Promise<GitObject | null>((resolve, reject) => waiting.push({ resolve, reject })),
    );
    child.stdin.write(names.map(line).join(""));
    return Promise.all(answers);
  };

  /** Ends the process when it has answered what it was asked; the next read starts another, with the environment of then. */
  close(): void {
    this.reader?.child.stdin.end();
    this.reader = undefined;
  }

  private begin(): Reader {
    const child = this.start();
    const waiting: Reader["waiting"] = [];
    const reader = { child, waiting };
    const parser = new BatchParser();
    let words = "";
    const fail = (error: Error) => {
      if (this.reader === reader) this.reader = undefined;
      for (const { reject } of waiting.splice(0)) reject(error);
    };
    child.stdout.on("data", (chunk: Buffer) => {
      for (const object of parser.push(chunk)) waiting.shift()?.resolve(object);
      if (waiting.length === 0) hold(child, false);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      words = (words + chunk.toString("utf8")).slice(-2000);
    });
    child.stdin.on("error", () => {}); // EPIPE: `close` tells
    child.on("error", (cause) => {
      // Who stopped it said why (a time limit, a signal).
      fail(
        cause.name === "AbortError"
          ? asReleaseError(cause)
          : new ReleaseError("TOOL_MISSING", "git isn't installed, or isn't on the PATH", {
              cause,
              facts: { tool: "git" },
            }),
      );
    });
    child.on("close", () =>
      fail(new ReleaseError("GIT", "git cat-file ended", { facts: { git: words.trim() || undefined } })),
    );
    return reader;
  }
}

/** One process, and who waits for its answers, in the order in which they asked. */
interface Reader {
  child: ChildProcessWithoutNullStreams;
  waiting: { resolve: (object: GitObject | null) => void; reject: (error: Error) => void }[];
}

/** Whether a process that waits for questions keeps ours alive: only while there is one. Bun's pipes don't, of themselves. */
function hold(child: ChildProcessWithoutNullStreams, alive: boolean): void {
  for (const end of [child, child.stdin, child.stdout, child.stderr] as Partial<Pick<Socket, "ref" | "unref">>[]) {
    if (alive) end.ref?.();
    else end.unref?.();
  }
}

/** The message of a commit's or a tag's object: what follows its header. */
export function messageOf(object: GitObject): string {
  const end = object.text.indexOf("\n\n");
  return end < 0 ? "" : object.text.slice(end + 2);
}
