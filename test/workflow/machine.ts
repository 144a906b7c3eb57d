import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { globOf } from "../../src/registries/faults/file.ts";
import { type Contexts, fill, holds, type Status, show } from "./expressions.ts";
import type { Job, Ran, Step, World } from "./runner.ts";

export interface Machine {
  name: string;
  job: Job;
  contexts: Contexts;
  world: World;
  /** Folder of the run: artifacts and machines. */
  state: string;
  /** Folder with the programs that are played. */
  bin: string;
  attempt: number;
}

/** action.yml of a composite action. */
interface Composite {
  inputs?: Record<string, { default?: unknown }>;
  outputs?: Record<string, { value: unknown }>;
  runs: { steps: Step[] };
}

type Outputs = Record<string, string>;

/** Where steps are: in the job, or in an action with its inputs. */
interface Scope {
  contexts: Contexts;
  env: Record<string, unknown>;
  outputs: Record<string, { outputs: Outputs }>;
}

/** The steps of one job, in order, in folders of their own that are removed afterwards. */
export async function runJobOn(given: Machine): Promise<Pick<Ran, "result" | "outputs" | "log" | "summary">> {
  const { name, job, contexts, world, state, bin, attempt } = given;
  const machine = mkdtempSync(path.join(state, "machine-"));
  const [workspace, temp] = [path.join(machine, "work"), path.join(machine, "temp")];
  for (const folder of [workspace, temp]) mkdirSync(folder);
  const ran = { log: "", summary: "" };
  const exported: Record<string, string> = {};
  let files = 0;

  const top: Scope = { contexts, env: {}, outputs: {} };
  const status = await runSteps(job.steps, top);
  const end: Contexts = { ...contexts, steps: top.outputs };
  const outputs = mapped(job.outputs ?? {}, (value) => show(fill(value, end)));
  rmSync(machine, { recursive: true, force: true });
  return { ...ran, result: status === "success" ? "success" : "failure", outputs };

  async function runSteps(steps: readonly Step[], scope: Scope): Promise<Status> {
    let status: Status = "success";
    for (const step of steps) {
      const now: Contexts = { ...scope.contexts, steps: scope.outputs, runner: { temp }, env: exported };
      if (!holds(step.if, now, status)) continue;
      const outputs: Outputs = {};
      if (step.id) scope.outputs[step.id] = { outputs };
      try {
        await runStep(step, now, { ...scope.env, ...(fill(step.env ?? {}, now) as object) }, outputs);
      } catch (error) {
        // What goes on after a failure is about its outputs, not about its result.
        if (step["continue-on-error"] !== true) status = "failure";
        ran.log += `${(error as Error).message}\n`;
      }
    }
    return status;
  }

  async function runStep(step: Step, now: Contexts, env: Record<string, unknown>, outputs: Outputs): Promise<void> {
    const values = fill(step.with ?? {}, now) as Record<string, unknown>;
    const action = step.uses === undefined ? undefined : world.actions?.[step.uses.replace(/@.*/, "")];
    if (action !== undefined) return await useComposite(action, values, now, env, outputs);
    if (step.uses !== undefined) return await useAction(step.uses, values);
    const number = ++files;
    const file = (kind: string) => path.join(temp, `${kind}-${number}`);
    for (const kind of ["output", "summary", "env"]) writeFileSync(file(kind), "");
    const cwd = path.resolve(workspace, show(fill(step["working-directory"] ?? ".", now)));
    try {
      await shell(String(fill(step.run, now)), step.shell === "bash", cwd, {
        ...machineEnv(),
        ...{ GITHUB_OUTPUT: file("output"), GITHUB_STEP_SUMMARY: file("summary"), GITHUB_ENV: file("env") },
        ...exported,
        ...mapped(env, show),
      });
    } finally {
      Object.assign(outputs, pairs(file("output")));
      Object.assign(exported, pairs(file("env")));
      ran.summary += readFileSync(file("summary"), "utf8");
    }
  }

  /** Its steps see its inputs and each other alone, and the variables of the step that uses it. */
  async function useComposite(
    folder: string,
    values: Record<string, unknown>,
    now: Contexts,
    env: Record<string, unknown>,
    outputs: Outputs,
  ): Promise<void> {
    const action = parse(readFileSync(path.join(folder, "action.yml"), "utf8")) as Composite;
    const unknown = Object.keys(values).filter((name) => !(name in (action.inputs ?? {})));
    if (unknown.length > 0) throw new Error(`the action has no input ${unknown.join(", ")}`);
    const inputs = Object.fromEntries(
      Object.entries(action.inputs ?? {}).map(([key, one]) => [key, show(values[key] ?? fill(one.default ?? "", now))]),
    );
    const { github, runner } = now;
    const scope: Scope = {
      contexts: { github, runner, inputs },
      env: { ...env, GITHUB_ACTION_PATH: folder },
      outputs: {},
    };
    const status = await runSteps(action.runs.steps, scope);
    const end = { ...scope.contexts, steps: scope.outputs };
    for (const [key, { value }] of Object.entries(action.outputs ?? {})) outputs[key] = show(fill(value, end));
    if (status !== "success") throw new Error(`${folder}: the action failed`);
  }

  async function useAction(uses: string, values: Record<string, unknown>): Promise<void> {
    const artifacts = path.join(state, "artifacts");
    mkdirSync(artifacts, { recursive: true });
    switch (uses.replace(/@.*/, "")) {
      case "actions/checkout": {
        if (values["fetch-depth"] !== 0 || values["persist-credentials"] !== false) throw new Error("checkout");
        await git(["clone", "--quiet", world.url, "."]);
        return git(["checkout", "--quiet", "--force", "-B", world.branch, world.sha]);
      }
      case "actions/upload-artifact": {
        const to = path.join(artifacts, String(values.name));
        const from = String(values.path);
        if (!existsSync(from) || readdirSync(from).length === 0) throw new Error(`no files in ${from}`);
        if (existsSync(to) && values.overwrite !== true) throw new Error(`there is an artifact ${values.name}`);
        rmSync(to, { recursive: true, force: true });
        // Neither hidden files nor modes are kept (actions/upload-artifact, README, "Limitations").
        cpSync(from, to, { recursive: true, filter: (file) => !path.basename(file).startsWith(".") });
        for (const one of readdirSync(to, { recursive: true, withFileTypes: true })) {
          if (one.isFile()) chmodSync(path.join(one.parentPath, one.name), 0o644);
        }
        return;
      }
      case "actions/download-artifact": {
        const match = globOf(String(values.pattern));
        for (const one of readdirSync(artifacts)) {
          if (match.test(one))
            cpSync(path.join(artifacts, one), path.join(String(values.path), one), { recursive: true });
        }
        return;
      }
      case "actions/setup-node":
      case "actions/setup-go":
      case "actions/setup-python":
        return;
      default:
        throw new Error(`nobody plays ${uses}`);
    }
  }

  function git(args: string[]): Promise<void> {
    return execute("git", args, workspace, { ...machineEnv(), GIT_TERMINAL_PROMPT: "0" });
  }

  /** GitHub's default on Linux is `bash -e {0}`; with `shell: bash` it is stricter (docs.github.com, "Defaults for shells"). */
  function shell(text: string, named: boolean, cwd: string, env: Record<string, string>): Promise<void> {
    const script = path.join(temp, "script.sh");
    writeFileSync(script, text);
    return execute("bash", [...(named ? ["--noprofile", "--norc", "-eo", "pipefail"] : ["-e"]), script], cwd, env);
  }

  async function execute(file: string, args: string[], cwd: string, env: Record<string, string>): Promise<void> {
    const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (ran.log += text));
    const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
    if (code !== 0) throw new Error(`${name}: exit code ${code}`);
  }

  function machineEnv(): Record<string, string> {
    const { PATH = "", HOME = "", GOFLAGS = "" } = process.env;
    return {
      PATH: `${bin}${path.delimiter}${PATH}`,
      ...{
        HOME: machine,
        GOCACHE: process.env.GOCACHE ?? path.join(HOME, ".cache/go-build"),
        GOFLAGS,
        LANG: "C.UTF-8",
      },
      ...{ CI: "true", GITHUB_ACTIONS: "true", RUNNER_TEMP: temp },
      ...{ GITHUB_REPOSITORY: world.repository, GITHUB_SHA: world.sha, GITHUB_REF_NAME: world.branch },
      ...{ GITHUB_SERVER_URL: world.server, GITHUB_API_URL: world.server, GITHUB_ACTOR: "someone" },
      ...{ GITHUB_RUN_ID: "1", GITHUB_RUN_ATTEMPT: String(attempt), GITHUB_EVENT_NAME: world.event },
      ...idTokenEnv(),
      ...world.env,
    };
  }

  function idTokenEnv(): Record<string, string> {
    if (!world.idToken || job.permissions?.["id-token"] !== "write") return {};
    const { url, token } = world.idToken;
    return { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token };
  }
}

function mapped(of: Record<string, unknown>, value: (one: unknown) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(of).map(([key, one]) => [key, value(one)]));
}

/** NAME=VALUE lines of a file of GitHub Actions. */
function pairs(file: string): Outputs {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
