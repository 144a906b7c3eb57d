import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

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
export function openWarm(): Warm {
  const all: ChildProcess[] = [];
  const idle: ChildProcess[] = [];
  return {
    async run(asked) {
      let child = idle.pop();
      if (!child) {
        child = fork(new URL("./warm-process.ts", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
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
