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
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { productVersion } from "../../src/lib/product.ts";
import { globOf } from "../../src/registries/faults/file.ts";
import { root } from "../tools.ts";
import { type Contexts, fill, holds, type Status, show } from "./expressions.ts";

/**
 * Runs a GitHub Actions workflow on this machine: the jobs in the order of their needs, each in a folder of its own, with
 * outputs, matrix, artifacts, environments and rights. GitHub's own actions are played; `npx twotier` is this checkout.
 */

export interface Step {
  id?: string;
  name?: string;
  if?: string | boolean;
  uses?: string;
  with?: Record<string, unknown>;
  run?: string;
  env?: Record<string, unknown>;
}

export interface Job {
  needs?: string | string[];
  if?: string | boolean;
  permissions?: Record<string, string>;
  outputs?: Record<string, unknown>;
  strategy?: { matrix?: { include: unknown }; "fail-fast"?: boolean };
  environment?: unknown;
  steps: Step[];
}

export interface Workflow {
  on: Record<string, { branches?: string[]; inputs?: Record<string, { default?: unknown; type?: string }> }>;
  jobs: Record<string, Job>;
}

export interface World {
  /** Text of the workflow, or what reads it from a clone. */
  text: string;
  event: "push" | "workflow_dispatch";
  /** What a person fills in; the others have their defaults. */
  inputs?: Record<string, unknown>;
  /** owner/name that it runs in. */
  repository: string;
  branch: string;
  sha: string;
  /** Address to clone from. */
  url: string;
  /** Addresses of GitHub. */
  server: string;
  secrets: Record<string, string>;
  /** Tokens of jobs that may write the repository's contents, and of those that may not. */
  tokens: { write: string; read: string };
  /** Variables of every machine. */
  env?: Record<string, string>;
}

export interface Ran {
  result: "success" | "failure" | "skipped";
  outputs: Record<string, string>;
  /** Name in the matrix, "" without one. */
  leg: string;
  environment: string;
  /** All that its steps printed. */
  log: string;
  summary: string;
  /** How often it ran. */
  attempts: number;
}

export interface Run {
  jobs: Map<string, Ran[]>;
  result(job: string): Ran["result"];
  log(job: string): string;
  /** Runs the jobs that failed again, and those that wait for them. */
  rerunFailed(): Promise<void>;
  rerunAll(): Promise<void>;
  close(): void;
}

/** Starts a workflow as its event does, and runs it to its end. */
export async function runWorkflow(world: World): Promise<Run> {
  const workflow = parse(world.text) as Workflow;
  const state = mkdtempSync(path.join(tmpdir(), "twotier-workflow-"));
  const bin = path.join(state, "bin");
  mkdirSync(bin);
  const node = path.join(root, "node_modules/node/bin/node");
  // Pinned to the version that wrote the workflow: npx gets exactly this one.
  const npx = `#!/bin/sh\n[ "$1 $2" = "--yes twotier@${productVersion}" ] || { echo "npx: $*" >&2; exit 9; }\nshift 2\nexec "${node}" "${root}/src/cli/bin.ts" "$@"\n`;
  writeFileSync(path.join(bin, "npx"), npx, { mode: 0o755 });
  const run: Run = {
    jobs: new Map(),
    result: (job) => resultOf(run.jobs.get(job) ?? []),
    log: (job) => (run.jobs.get(job) ?? []).map((one) => one.log).join("\n"),
    rerunFailed: () => go(false),
    rerunAll: () => go(true),
    close: () => rmSync(state, { recursive: true, force: true }),
  };
  let attempt = 0;
  await go(true);
  return run;

  async function go(all: boolean): Promise<void> {
    attempt++;
    const again = new Set<string>();
    for (const [name, job] of inOrder(workflow.jobs)) {
      const needs = needsOf(job);
      const before = run.jobs.get(name);
      if (!all && before && resultOf(before) === "success" && !needs.some((one) => again.has(one))) continue;
      again.add(name);
      run.jobs.set(name, await runJob(name, job, all || needs.some((one) => again.has(one)) ? [] : (before ?? [])));
    }
  }

  async function runJob(name: string, job: Job, before: readonly Ran[]): Promise<Ran[]> {
    const needs = needsOf(job);
    const done = needs.map((one) => run.result(one));
    // failure() is about all ancestors (docs.github.com, "Expressions", failure with dependent jobs).
    const status: Status = ancestorsOf(name).some((one) => run.result(one) === "failure") ? "failure" : "success";
    const contexts: Contexts = {
      ...contextsOf(job),
      needs: Object.fromEntries(
        needs.map((one) => [one, { result: run.result(one), outputs: run.jobs.get(one)?.at(-1)?.outputs ?? {} }]),
      ),
    };
    const skipped = { outputs: {}, leg: "", environment: "", log: "", summary: "", attempts: 0 };
    // A job whose need was skipped is skipped too, unless its condition has a status function.
    const ready = done.includes("skipped") && !/\b(success|failure|cancelled|always)\(/.test(String(job.if));
    if (ready || !holds(job.if, contexts, status)) return [{ ...skipped, result: "skipped" }];
    const matrix = job.strategy?.matrix ? (fill(job.strategy.matrix.include, contexts) as { name: string }[]) : [null];
    const legs: Ran[] = [];
    for (const leg of matrix) {
      const earlier = before.find((one) => one.leg === (leg?.name ?? ""));
      if (earlier?.result === "success") legs.push(earlier);
      else
        legs.push(await runLeg(name, job, { ...contexts, matrix: leg ?? {} }, leg?.name ?? "", earlier?.attempts ?? 0));
    }
    return legs;
  }

  function ancestorsOf(name: string): string[] {
    return needsOf(workflow.jobs[name] as Job).flatMap((one) => [one, ...ancestorsOf(one)]);
  }

  function contextsOf(job: Job): Contexts {
    const inputs = workflow.on[world.event]?.inputs ?? {};
    const values = Object.entries(inputs).map(([key, { default: value, type }]) => {
      const given = world.inputs?.[key] ?? value ?? (type === "boolean" ? false : "");
      return [key, given];
    });
    return {
      github: {
        ...{ event_name: world.event, repository: world.repository, ref_name: world.branch, sha: world.sha },
        ...{ actor: "someone", token: world.tokens[job.permissions?.contents === "write" ? "write" : "read"] },
      },
      inputs: world.event === "push" ? {} : Object.fromEntries(values),
      secrets: world.secrets,
    };
  }

  async function runLeg(name: string, job: Job, contexts: Contexts, leg: string, attempts: number): Promise<Ran> {
    const machine = mkdtempSync(path.join(state, "machine-"));
    const [workspace, temp] = [path.join(machine, "work"), path.join(machine, "temp")];
    for (const folder of [workspace, temp]) mkdirSync(folder);
    const ran: Ran = {
      ...{ result: "success", outputs: {}, leg, log: "", summary: "", attempts: attempts + 1 },
      environment: show(fill(job.environment, contexts)),
    };
    const steps: Record<string, { outputs: Record<string, string> }> = {};
    let status: Status = "success";
    const exported: Record<string, string> = {};
    for (const [index, step] of job.steps.entries()) {
      const now: Contexts = { ...contexts, steps, runner: { temp }, env: exported };
      if (!holds(step.if, now, status)) continue;
      const values = fill(step.with ?? {}, now) as Record<string, unknown>;
      try {
        if (step.uses !== undefined) await useAction(step.uses, values, workspace);
        else {
          const file = (kind: string) => path.join(temp, `${kind}-${index}`);
          for (const kind of ["output", "summary", "env"]) writeFileSync(file(kind), "");
          const env = fill(step.env ?? {}, now) as Record<string, unknown>;
          await shell(String(fill(step.run, now)), workspace, {
            ...machineEnv(machine, temp),
            ...{ GITHUB_OUTPUT: file("output"), GITHUB_STEP_SUMMARY: file("summary"), GITHUB_ENV: file("env") },
            ...exported,
            ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, show(value)])),
          });
          if (step.id) steps[step.id] = { outputs: pairs(file("output")) };
          Object.assign(exported, pairs(file("env")));
          ran.summary += readFileSync(file("summary"), "utf8");
        }
      } catch (error) {
        status = "failure";
        ran.log += `${(error as Error).message}\n`;
      }
    }
    ran.result = status === "success" ? "success" : "failure";
    const end: Contexts = { ...contexts, steps };
    for (const [key, value] of Object.entries(job.outputs ?? {})) ran.outputs[key] = show(fill(value, end));
    rmSync(machine, { recursive: true, force: true });
    return ran;

    async function useAction(uses: string, values: Record<string, unknown>, workspace: string): Promise<void> {
      const artifacts = path.join(state, "artifacts");
      mkdirSync(artifacts, { recursive: true });
      switch (uses.replace(/@.*/, "")) {
        case "actions/checkout": {
          if (values["fetch-depth"] !== 0 || values["persist-credentials"] !== false) throw new Error("checkout");
          await git(["clone", "--quiet", world.url, "."], workspace);
          return git(["checkout", "--quiet", "--force", "-B", world.branch, world.sha], workspace);
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

    function git(args: string[], cwd: string): Promise<void> {
      const env = { ...machineEnv(machine, temp), GIT_TERMINAL_PROMPT: "0" };
      return execute("git", args, cwd, env);
    }

    function shell(text: string, cwd: string, env: Record<string, string>): Promise<void> {
      // GitHub's default on Linux: `bash -e {0}`
      const script = path.join(temp, "script.sh");
      writeFileSync(script, text);
      return execute("bash", ["-e", script], cwd, env);
    }

    async function execute(file: string, args: string[], cwd: string, env: Record<string, string>): Promise<void> {
      const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (ran.log += text));
      const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
      if (code !== 0) throw new Error(`${name}: exit code ${code}`);
    }
  }

  function machineEnv(home: string, temp: string): Record<string, string> {
    const { PATH = "", HOME = "", GOFLAGS = "" } = process.env;
    return {
      PATH: `${bin}${path.delimiter}${PATH}`,
      ...{ HOME: home, GOCACHE: process.env.GOCACHE ?? path.join(HOME, ".cache/go-build"), GOFLAGS, LANG: "C.UTF-8" },
      ...{ CI: "true", GITHUB_ACTIONS: "true", RUNNER_TEMP: temp },
      ...{ GITHUB_REPOSITORY: world.repository, GITHUB_SHA: world.sha, GITHUB_REF_NAME: world.branch },
      ...{ GITHUB_SERVER_URL: world.server, GITHUB_API_URL: world.server, GITHUB_ACTOR: "someone" },
      ...{ GITHUB_RUN_ID: "1", GITHUB_RUN_ATTEMPT: String(attempt), GITHUB_EVENT_NAME: world.event },
      ...world.env,
    };
  }
}

function needsOf({ needs = [] }: Job): string[] {
  return typeof needs === "string" ? [needs] : needs;
}

function inOrder(jobs: Record<string, Job>): [string, Job][] {
  const left = new Map(Object.entries(jobs));
  const ordered: [string, Job][] = [];
  while (left.size > 0) {
    const next = [...left].find(([, job]) => needsOf(job).every((one) => !left.has(one)));
    if (!next) throw new Error("jobs need each other");
    left.delete(next[0]);
    ordered.push(next);
  }
  return ordered;
}

function resultOf(legs: readonly Ran[]): Ran["result"] {
  if (legs.some((one) => one.result === "failure")) return "failure";
  return legs.length > 0 && legs.every((one) => one.result === "skipped") ? "skipped" : "success";
}

/** NAME=VALUE lines of a file of GitHub Actions. */
function pairs(file: string): Record<string, string> {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
