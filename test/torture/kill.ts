import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { answered } from "../../src/registries/faults/index.ts";
import type { Around } from "../../src/registries/server.ts";
import { observe } from "./observer.ts";
import { differences, early, type Snapshot, snapshotOf } from "./snapshot.ts";
import { openWarm, type Warm } from "./warm.ts";
import { makeTemplate, openWorld, type Template, type World } from "./world.ts";

export type Tier = "staging" | "production";

/** Where a release is killed: before a registry is asked, or after it did what was asked and before it answered; or at a line of the journal. */
export interface Point {
  tier: Tier;
  at: "request" | "journal";
  /** 1-based */
  n: number;
  when: "before" | "after";
}

/** What became of one point. */
export interface Outcome {
  point: Point;
  /** The request at which it was killed; undefined where the release ended before that point. */
  killed: string | undefined;
  /** What is wrong; empty: it converged. */
  findings: string[];
  ms: number;
}

/** An undisturbed release, which all others are compared with. */
export interface Undisturbed {
  before: Snapshot;
  after: Snapshot;
  requests: number;
  /** Requests that may change something. */
  changes: number;
  /** Lines of the journal. */
  writes: number;
  tag: string;
}

export const commands: Record<Tier, readonly string[]> = {
  staging: ["release", "--tier", "staging"],
  production: ["release", "--tier", "production", "--yes"],
};

export function nameOf({ tier, at, n, when }: Point): string {
  return `${tier} ${when} ${at} ${n}`;
}

/** The template, the undisturbed releases, and every point of them. */
export interface Harness {
  template: Template;
  warm: Warm;
  undisturbed: Record<Tier, Undisturbed>;
  points: Point[];
  run(point: Point): Promise<Outcome>;
  close(): void;
}

/** @param watched whether somebody looks at the fast project's pointers meanwhile */
export async function openHarness(make = makeTemplate, watched = true): Promise<Harness> {
  const template = await make();
  const warm = openWarm(template);
  const points: Point[] = [];
  const undisturbed = {} as Record<Tier, Undisturbed>;
  try {
    for (const tier of ["staging", "production"] as const) {
      const one = await undisturbedRun(template, tier);
      undisturbed[tier] = one;
      for (const when of ["before", "after"] as const) {
        for (let n = 1; n <= one.requests; n++) points.push({ tier, at: "request", n, when });
        for (let n = 1; n <= one.writes; n++) points.push({ tier, at: "journal", n, when });
      }
    }
  } catch (error) {
    template.remove();
    throw error;
  }
  return {
    ...{ template, warm, undisturbed, points },
    // Every tenth time by a process that has only just been started, as users' are.
    run: (point) => killedRun(template, undisturbed[point.tier], point, watched, point.n % 10 === 0 ? undefined : warm),
    close() {
      warm.close();
      template.remove();
    },
  };
}

export async function undisturbedRun(template: Template, tier: Tier): Promise<Undisturbed> {
  let [requests, changes] = [0, 0];
  let counting = false;
  const around: Around = (request, response, handle) => {
    if (counting) requests++;
    if (counting && request.method !== "GET" && request.method !== "HEAD") changes++;
    return handle(response);
  };
  const world = await openWorld(template, () => around);
  try {
    const before = await snapshotOf(world);
    const clone = world.clone();
    counting = true;
    const { code, output } = await world.run(clone, commands[tier]).done;
    counting = false;
    if (code !== 0) throw new Error(`the undisturbed ${tier} release ended with ${code}:\n${output}`);
    const journal = path.join(clone, ".twotier/journal");
    const writes = readdirSync(journal).flatMap((file) => readFileSync(path.join(journal, file), "utf8").split("\n"));
    const lines = writes.filter((line) => line !== "").length;
    return { before, after: await snapshotOf(world), requests, changes, writes: lines, tag: template.tags[tier] };
  } finally {
    await world.close();
  }
}

async function killedRun(
  template: Template,
  wanted: Undisturbed,
  point: Point,
  watched: boolean,
  warm: Warm | undefined,
): Promise<Outcome> {
  const begun = Date.now();
  const findings: string[] = [];
  let killed: string | undefined;
  let armed = true;
  let seen = 0;
  let active = 0;
  let kill = () => {};
  const around: Around = async (request, response, handle) => {
    active++;
    try {
      if (!armed || point.at !== "request" || ++seen !== point.n) return await handle(response);
      killed = `${request.method} ${request.url}`;
      if (point.when === "after") await answered(request, response, handle);
      kill();
      response.destroy();
    } finally {
      active--;
    }
  };
  const world = await openWorld(template, () => around);
  const observer = watched ? observe(world, wanted.before) : undefined;
  try {
    const first = world.run(world.clone(), commands[point.tier], { preload: preload(point) });
    kill = first.kill;
    const { code, output } = await first.done;
    armed = false;
    if (point.at === "journal" && code === -1) killed = `line ${point.n} of the journal`;
    if (killed === undefined && code !== 0) findings.push(`wasn't killed, but ended with ${code}: ${output}`);
    while (active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const stopped = await snapshotOf(world);
    findings.push(...early(wanted.before, stopped, wanted.after, wanted.tag));
    findings.push(...(await finish(world, wanted, point.tier, warm)));
    findings.push(...((await observer?.end())?.seen ?? []));
  } finally {
    await observer?.end();
    await world.close();
  }
  return { point, killed, findings, ms: Date.now() - begun };
}

/** The same command again, in another clone, as another machine would. */
export async function finish(world: World, wanted: Undisturbed, tier: Tier, warm?: Warm): Promise<string[]> {
  const again = { dir: world.clone(), args: commands[tier], env: world.env };
  const { code, output } = await (warm ? warm.run(again) : world.run(again.dir, again.args).done);
  if (code !== 0) return [`the second run ended with ${code}: ${output}`];
  return differences(wanted.after, await snapshotOf(world));
}

function preload({ at, n, when }: Point): string | undefined {
  if (at !== "journal") return undefined;
  const module = new URL("./kill-at.mjs", import.meta.url);
  module.search = new URLSearchParams({ write: String(n), when }).toString();
  return module.href;
}
