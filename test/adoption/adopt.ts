import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { testPath } from "../support/environment.ts";
import { root, tool } from "../tools.ts";
import { type Layout, makeRepository } from "./layouts.ts";

/** What came of a layout that was adopted by `init --yes` and rehearsed without an edit. */
export interface Adopted {
  acts: number;
  staging: string | null;
  production: string | null;
  /** What didn't read back as it should. */
  failed: string[];
  /** Seconds of both commands. */
  seconds: number;
}

/**
 * Plays both commands as a user does, each as a process of its own.
 *
 * @throws Error with what a command said, where it failed
 */
export async function adopt(layout: Layout): Promise<Adopted> {
  const { dir } = makeRepository(layout);
  const started = performance.now();
  try {
    await twotier(dir, ["init", "--yes"]);
    const { acts, staging, production, readings } = JSON.parse(await twotier(dir, ["rehearse", "--json"])) as {
      acts: unknown[];
      staging: string | null;
      production: string | null;
      readings: { command: string; ok: boolean; result: string }[];
    };
    const failed = readings.filter((one) => !one.ok).map((one) => `${one.command}: ${one.result}`);
    return { acts: acts.length, staging, production, failed, seconds: (performance.now() - started) / 1000 };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Runs the checkout's twotier in a folder; stdout of it. @throws Error where it doesn't end with 0 */
export function twotier(dir: string, args: readonly string[], more: Record<string, string> = {}): Promise<string> {
  const cargo = tool("cargo");
  const PATH = cargo === undefined ? testPath : `${testPath}${path.delimiter}${path.dirname(cargo)}`;
  const env = {
    ...process.env,
    PATH,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    NO_COLOR: "1",
    ...more,
  };
  const child = spawn(process.execPath, [path.join(root, "src/cli/bin.ts"), ...args], { cwd: dir, env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new Error(`twotier ${args.join(" ")} ended with ${code}:\n${stderr.slice(-4000)}${stdout.slice(-2000)}`),
        );
    });
  });
}
