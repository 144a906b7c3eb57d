import { spawn } from "node:child_process";
import path from "node:path";
import { build } from "esbuild";
import { shellParts } from "../scripts/shell-parts.ts";

/** What benches share: flags, processes with a clock, medians, a table. */

export interface Flags {
  json: boolean;
  /** Sizes and rounds that show that the bench works, not how fast anything is. */
  small: boolean;
  rounds: number;
  /** Names of the figures to make; empty: all. */
  only: string[];
}

/** `--json`, `--small`, `--rounds N`, `--only A,B`; the default is 7 rounds, 1 with `--small`. */
export function flagsOf(argv: readonly string[]): Flags {
  const value = (name: string) => {
    const at = argv.indexOf(name);
    return at < 0 ? undefined : argv[at + 1];
  };
  const small = argv.includes("--small");
  return {
    json: argv.includes("--json"),
    small,
    rounds: Number(value("--rounds") ?? (small ? 1 : 7)),
    only: value("--only")?.split(",") ?? [],
  };
}

export const root = path.resolve(import.meta.dirname, "..");

/** Runs a program to its end. @throws Error with its last lines when it fails */
export function run(
  file: string,
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<{ ms: number; stdout: string }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr = (stderr + chunk).slice(-4000)));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve({ ms: performance.now() - started, stdout });
      else reject(new Error(`${file} ${args.slice(0, 3).join(" ")} ended with ${code}:\n${stderr}${stdout}`));
    });
  });
}

/** A script as the product is published, in one file: Node's own stripping of types costs 40 ms and 20 MB. Returns `to`. */
export async function bundle(script: string, to: string): Promise<string> {
  await build({
    entryPoints: [script],
    outfile: to,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22.18",
    // CommonJS packages call require() for Node's own modules (scripts/build.ts).
    banner: {
      js: 'import { createRequire as benchRequire } from "node:module"; const require = benchRequire(import.meta.url);',
    },
    plugins: [shellParts],
    logLevel: "error",
  });
  return to;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/** Aligned columns under a head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
