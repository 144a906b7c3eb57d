import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Target, TargetName } from "../../core/target.ts";
import { asReleaseError } from "../../lib/errors.ts";
import { baseEnv, exec } from "../../lib/exec.ts";
import type { Row } from "../rows.ts";
import type { Subject } from "../subject.ts";

/** What an installation is tried with. */
export interface Trial {
  subject: Subject;
  signal: AbortSignal;
  /** A folder of its own, made when asked. */
  folder(name: string): Promise<string>;
  /** This machine's environment, without what configures clients and without secrets. */
  env: Record<string, string>;
  /** Command that must print the version, of the artifact of that name; null: none is configured. */
  smoke(artifact: string): string | null;
}

export function trialIn(temp: string, subject: Subject, signal: AbortSignal): Trial {
  const env = baseEnv();
  for (const key of Object.keys(env))
    if (/^(PIP_|npm_|NPM_|GO(FLAGS|PROXY|PRIVATE|NOPROXY))/.test(key)) delete env[key];
  return {
    subject,
    signal,
    env: { ...env, HOME: temp, npm_config_update_notifier: "false", GIT_TERMINAL_PROMPT: "0" },
    async folder(name) {
      const folder = path.join(temp, name.replace(/[^A-Za-z0-9._-]/g, "_"));
      await mkdir(folder, { recursive: true });
      return folder;
    },
    smoke: (artifact) => subject.config.artifacts?.find((one) => one.name === artifact)?.smoke ?? null,
  };
}

/** Address of a target's registry. */
export function addressOf({ subject }: Trial, name: TargetName): string {
  return subject.targets.find((target: Target) => target.name === name)?.address ?? "";
}

/** Runs one installation; what it answers is the row's text. */
export async function attempt(target: TargetName, id: string, work: () => Promise<string>): Promise<Row> {
  const base = { target, what: "install" as const, id };
  try {
    return { ...base, state: "ok", text: await work() };
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    if (error.code === "TOOL_MISSING")
      return { ...base, state: "unknown", text: `${error.message}: it can't be tried here` };
    const said = (error.facts.output ?? "").trim().split("\n").slice(-3).join(" ");
    const found = error.facts.found;
    const text = said === "" ? error.message : `${error.message}: ${said}`;
    return { ...base, state: "differs", text, ...(found ? { expected: error.facts.expected ?? "", found } : {}) };
  }
}

/**
 * Runs a smoke command in a folder, with the installed programs first on the PATH. It must print the version, in
 * SemVer's or PEP 440's spelling.
 *
 * @returns the line with the version
 * @throws Error when it fails, or prints another version
 */
export async function smokeTest(
  { subject, env, signal }: Trial,
  command: string,
  cwd: string,
  programs: readonly string[],
): Promise<string> {
  const paths = [...programs, env.PATH ?? ""].join(path.delimiter);
  const run = await exec("sh", ["-c", command], { cwd, env: { ...env, PATH: paths }, signal, timeout: 120_000 });
  const lines = `${run.stdout}\n${run.stderr}`.split("\n").map((line) => line.trim());
  const spelled = [subject.version, subject.manifest?.pythonVersion ?? subject.version].map(
    (version) => new RegExp(`(^|[^0-9.])${version.replace(/[.+]/g, "\\$&")}($|[^0-9.A-Za-z-]|\\.(?!\\d))`),
  );
  const line = lines.find((one) => spelled.some((version) => version.test(one)));
  if (line !== undefined) return `\`${command}\` prints ${line.slice(0, 100)}`;
  const printed = lines
    .filter((one) => one !== "")
    .slice(0, 2)
    .join(" ")
    .slice(0, 200);
  throw new Error(`\`${command}\` doesn't print ${subject.version}, but ${printed || "nothing"}`);
}
