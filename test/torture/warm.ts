import { type ChildProcess, fork, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { bundle } from "./bundle.ts";
import type { Template } from "./world.ts";

/** Options of Node for a process that lives long and starts thousands of others: each start copies what its memory is. */
export const smallHeap = ["--max-semi-space-size=2", "--max-old-space-size=128"];

/** And for one that runs for a second, or is to stay small: compiling its code once more costs more than it saves. */
export const quickCode = ["--no-opt", "--no-maglev"];

/** A command line of the product. */
export interface Asked {
  /** Folder that it runs in. */
  dir: string;
  args: readonly string[];
  /** All its variables. */
  env: Record<string, string>;
}

/** Runs the product's command line where its code is compiled already: starting it is half of what a short run costs. */
export interface Warm {
  run(asked: Asked): Promise<{ code: number; output: string }>;
  close(): void;
}

/** Processes are begun when they are needed, and wait for the next command when one has ended. */
export function openWarm({ dir }: Template): Warm {
  const program = path.join(dir, "warm.mjs");
  let written: Promise<void> | undefined;
  const all: ChildProcess[] = [];
  const idle: ChildProcess[] = [];
  return {
    async run(asked) {
      written ??= bundle("test/torture/warm-process.ts", program);
      await written;
      let child = idle.pop();
      if (!child) {
        const stdio: StdioOptions = ["ignore", "ignore", "inherit", "ipc"];
        child = fork(program, { execArgv: [...smallHeap, ...quickCode], stdio });
        child.setMaxListeners(0);
        all.push(child);
      }
      const answer = once(child, "message");
      const gone = once(child, "close").then(() => [{ code: -1, output: "the process that runs it has ended" }]);
      child.send(asked);
      const [ran] = (await Promise.race([answer, gone])) as [{ code: number; output: string }];
      if (child.exitCode === null && child.signalCode === null) idle.push(child);
      return ran;
    },
    close() {
      for (const child of all) child.kill("SIGKILL");
    },
  };
}
