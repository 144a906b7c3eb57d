import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  /** Both, as a person would have seen them. */
  output: string;
}

/** Runs a foreign program to its end; never throws for an exit code. Its environment is `env` and PATH alone. */
export function run(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { PATH: process.env.PATH ?? "", LANG: "C.UTF-8", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const ran: Ran = { code: -1, stdout: "", stderr: "", output: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      ran.stdout += chunk;
      ran.output += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      ran.stderr += chunk;
      ran.output += chunk;
    });
    child.stdin.on("error", () => {}); // the program may end without reading it
    child.stdin.end(options.input);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...ran, code: code ?? -1 }));
  });
}

/** As `run`, for what has to work. @throws Error with all output when it doesn't */
export async function runOk(...args: Parameters<typeof run>): Promise<Ran> {
  const ran = await run(...args);
  if (ran.code !== 0) throw new Error(`${[args[0], ...args[1]].join(" ")} ended with ${ran.code}:\n${ran.output}`);
  return ran;
}

/** A new folder for a test, and how to be rid of it. */
export async function temporary(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "twotier-test-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
