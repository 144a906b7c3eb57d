import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Socket } from "node:net";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import type { Git } from "./push.ts";

export interface GitObject {
  sha: string;
  type: "commit" | "tree" | "blob" | "tag";
  /** Contents as text; broken UTF-8 is replaced. */
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
        found.push({ sha, type: type as GitObject["type"], text: this.rest.toString("utf8", end + 1, end + 1 + size) });
      } else found.push(null);
      at = next;
    }
    this.rest = this.rest.subarray(at);
    return found;
  }
}

/** A `git cat-file --batch` that stays: starting git costs more than most reads. It ends with `close`, or with us. */
export class ObjectReader {
  private child: ChildProcessWithoutNullStreams | undefined;
  private readonly start: () => ChildProcessWithoutNullStreams;
  private waiting: { resolve: (object: GitObject | null) => void; reject: (error: Error) => void }[] = [];

  constructor(start: () => ChildProcessWithoutNullStreams) {
    this.start = start;
  }

  /** @throws ReleaseError GIT when git ends, INTERRUPTED on abort */
  readonly read: ReadObjects = (names) => {
    this.child ??= this.begin();
    hold(this.child, true);
    const answers = names.map(
      () => new Promise<GitObject | null>((resolve, reject) => this.waiting.push({ resolve, reject })),
    );
    this.child.stdin.write(names.map(line).join(""));
    return Promise.all(answers);
  };

  /** Ends the process; the next read starts another, with the environment of then. */
  close(): void {
    this.child?.removeAllListeners();
    this.child?.on("error", () => {});
    this.child?.kill();
    this.child = undefined;
  }

  private begin(): ChildProcessWithoutNullStreams {
    const child = this.start();
    const parser = new BatchParser();
    let words = "";
    const fail = (error: Error) => {
      if (this.child === child) this.child = undefined;
      for (const { reject } of this.waiting.splice(0)) reject(error);
    };
    child.stdout.on("data", (chunk: Buffer) => {
      for (const object of parser.push(chunk)) this.waiting.shift()?.resolve(object);
      if (this.waiting.length === 0) hold(child, false);
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
    return child;
  }
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
