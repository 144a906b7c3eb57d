import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";
import { ReleaseError } from "../lib/errors.ts";
import { baseEnv, type ExecResult, exec } from "../lib/exec.ts";
import type { BuildContext } from "./types.ts";

/** How to get the programs that builders run: Debian's package and Homebrew's formula. */
const sources: Record<string, string> = {
  go: "apt-get install golang-go, or brew install go, or https://go.dev/dl",
  python3: "apt-get install python3 python3-build python3-venv, or brew install python-build",
  npm: "apt-get install npm, or brew install node, or https://nodejs.org",
  buildah: "apt-get install buildah, or install Docker with buildx: https://docs.docker.com/engine/install",
  sh: "install a POSIX shell",
  git: "apt-get install git, or brew install git",
};

/** Sentence that says how to install a program. */
export function howToGet(program: string): string {
  return sources[program] ?? `install ${program} and put it on the PATH`;
}

/** All files named so in the folders of PATH that may be run, in its order. */
export function programs(name: string, PATH = baseEnv().PATH ?? ""): string[] {
  const names = process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
  return PATH.split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .flatMap((folder) => names.map((file) => path.join(folder, file)))
    .filter(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Variables that every builder's children get, beside what `baseEnv` keeps. They take the machine's clock, language
 * and hash seed out of what is built (https://reproducible-builds.org/docs/source-date-epoch/, .../locales/, .../timezones/).
 */
export function buildEnv(epoch: number): Record<string, string> {
  const env = baseEnv();
  for (const key of Object.keys(env)) if (/^(LC_.*|LANG|LANGUAGE|TZ|GOFLAGS)$/.test(key)) delete env[key];
  return {
    ...env,
    SOURCE_DATE_EPOCH: String(epoch),
    LC_ALL: process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8",
    TZ: "UTC",
    PYTHONHASHSEED: "0",
  };
}

export interface RunOptions {
  cwd: string;
  env?: Record<string, string>;
  /** What to do when it fails; the default names the command to try by hand. */
  hint?: (output: string) => string | undefined;
  /** True: what it prints is an answer for the builder, no news for the user. */
  quiet?: boolean;
}

/**
 * Runs a builder's program with umask 022, its output going to the events.
 *
 * @throws ReleaseError TOOL_MISSING with how to get it; BUILD with the artifact, the last lines and a hint.
 */
export async function run(
  context: Pick<BuildContext, "io" | "epoch" | "temp">,
  artifact: string,
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<ExecResult> {
  if (!path.isAbsolute(program) && programs(program).length === 0) throw missing(program, artifact);
  const last: string[] = [];
  // Modes of new files follow the umask, and some archives keep them.
  const [file, ...rest] =
    process.platform === "win32" ? [program, ...args] : ["sh", "-c", 'umask 022; exec "$0" "$@"', program, ...args];
  try {
    return await exec(file as string, rest, {
      cwd: options.cwd,
      // What a stopped child leaves in TMPDIR goes with our folder.
      env: { ...buildEnv(context.epoch), TMPDIR: context.temp, ...options.env },
      signal: context.io.signal,
      group: true,
      onLine(line) {
        last.push(line);
        if (last.length > 20) last.shift();
        if (!options.quiet) context.io.emit({ type: "output", from: artifact, line });
      },
    });
  } catch (cause) {
    if (!(cause instanceof ReleaseError) || cause.code !== "BUILD") throw cause;
    const how = /(ended with exit code \d+|was ended by \w+)$/.exec(cause.message)?.[1] ?? "failed";
    const output = last.join("\n");
    const command = [path.basename(program), ...args].join(" ");
    throw new ReleaseError("BUILD", `${artifact}: ${shorten(command)} ${how}`, {
      facts: { artifact, in: options.cwd, output: output || undefined },
      hint: options.hint?.(output) ?? `run it by hand in a checkout of the release commit: ${shorten(command)}`,
      cause,
    });
  }
}

/** The error for a program that an artifact needs and that isn't there. */
export function missing(program: string, artifact: string): ReleaseError {
  return new ReleaseError("TOOL_MISSING", `${program} is needed to build ${artifact}, and isn't on the PATH`, {
    facts: { tool: program, artifact },
    hint: howToGet(program),
  });
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
