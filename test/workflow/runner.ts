import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { productVersion } from "../../src/lib/product.ts";
import { root } from "../tools.ts";
import { type Contexts, fill, holds, type Status, show } from "./expressions.ts";
import { runJobOn } from "./machine.ts";

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
  shell?: string;
  "working-directory"?: string;
  "continue-on-error"?: boolean;
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
  /** What jobs with `id-token: write` are given to get ID tokens with. */
  idToken?: { url: string; token: string };
  /** Variables of every machine. */
  env?: Record<string, string>;
  /** Composite actions that steps may use, and the folder that each is in. */
  actions?: Record<string, string>;
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
    const { outputs, ...ran } = await runJobOn({ name, job, contexts, world, state, bin, attempt });
    return { ...ran, outputs, leg, attempts: attempts + 1, environment: show(fill(job.environment, contexts)) };
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
