import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { conflict, type Step } from "./diff.ts";
import { at, gaveUp, pause, retrying, tries } from "./retry.ts";
import type { Files, Io, Item, Phase, Pointer, Seen, Target, Told } from "./target.ts";
import { phases } from "./target.ts";
import { keyOf, targetOf } from "./world.ts";

export interface ApplyOptions {
  targets: readonly Target[];
  files: Files;
  io: Io;
  /** Seconds to wait for an accepted item until it can be had; 0: don't wait, report it pending. */
  waitSeconds: (item: Item) => number;
  /** Orders two versions: < 0 when `a` is lower. */
  compareVersions: (a: string, b: string) => number;
  /** Registries asked at once within a phase. Default 8. */
  concurrency?: number;
}

/** What apply left behind. `pending` items were accepted but can't be had yet; their pointers were left alone. */
export interface Applied {
  pending: Item[];
  moved: { pointer: Pointer; from: string | null }[];
  kept: { pointer: Pointer; at: string }[];
}

/**
 * Does the steps of a plan and nothing else: phase after phase, independent items side by side, each write read back,
 * a failed or uncertain write read back before it is tried again.
 *
 * @throws ReleaseError CONFLICT, or the failure that didn't go away; running the same command again goes on.
 */
export async function apply(steps: readonly Step[], options: ApplyOptions): Promise<Applied> {
  const { targets, io } = options;
  const applied: Applied = { pending: [], moved: [], kept: [] };
  for (const phase of phases) await applyPhase(phase, steps, options);
  for (const step of steps) {
    if (step.do !== "promote") continue;
    const target = targetOf(targets, step.target);
    io.emit({ type: "item", target: step.target, id: "release", state: "promote" });
    await at(step.target, () =>
      retrying(`publishing the ${step.target} release`, io, async () => target.promote?.(io)),
    );
  }
  const verified = steps.filter((step) => step.do === "verify");
  await sideBySide(verified, options.concurrency ?? 8, async ({ item }) => {
    const seen = await at(item.target, () => verify(item, options));
    if (seen.state === "pending") applied.pending.push(item);
  });
  const waits = (pointer: Pointer) =>
    applied.pending.some((item) => item.target === pointer.target && item.id === pointer.itemId);
  const ready = steps.filter((step) => step.do === "point").filter((step) => !waits(step.pointer));
  await sideBySide(ready, options.concurrency ?? 8, ({ pointer, from }) =>
    at(pointer.target, () => point(pointer, from, options, applied)),
  );
  return applied;
}

/** Looks at pointers once more, and moves those up that are too low; never down. */
export async function movePointers(pointers: readonly Pointer[], options: ApplyOptions): Promise<void> {
  const applied: Applied = { pending: [], moved: [], kept: [] };
  await sideBySide(pointers, options.concurrency ?? 8, (pointer) => point(pointer, pointer.version, options, applied));
}

/** Publishes what a phase lacks, and reads it back; items named in `after` come first. */
export async function applyPhase(phase: Phase, steps: readonly Step[], options: ApplyOptions): Promise<void> {
  const mine = steps.filter((step) => (step.do === "publish" || step.do === "await") && step.phase === phase);
  const todo = mine.map((step) => (step as Extract<Step, { do: "publish" }>).item);
  const running = new Map<string, Promise<void>>();
  const slots = semaphore(options.concurrency ?? 8);
  const failed = new AbortController();
  const told: Item[] = [];
  const run = async (item: Item, publishIt: boolean) => {
    await Promise.all((item.after ?? []).map((id) => running.get(`${item.target} ${id}`)));
    if (!publishIt) return;
    await slots(async () => {
      if (failed.signal.aborted) return;
      try {
        if ((await at(item.target, () => publish(item, options))) === "told") told.push(item);
      } catch (error) {
        failed.abort();
        throw error;
      }
    });
  };
  // Items without predecessors first, so that `after` finds their promise.
  const ordered = [...todo].sort((a, b) => (a.after?.length ?? 0) - (b.after?.length ?? 0));
  for (const item of ordered) {
    const isPublish = mine.some((step) => step.do === "publish" && step.item === item);
    running.set(keyOf(item), run(item, isPublish));
  }
  const results = await Promise.allSettled(running.values());
  const reasons = results.filter((one) => one.status === "rejected").map((one) => one.reason);
  const errors = [...new Set(reasons)].map(asReleaseError);
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    const first = errors[0] as ReleaseError;
    throw new ReleaseError(first.code, `${errors.length} items failed`, { findings: errors, hint: first.hint });
  }
  // All at once: of items that are kept in one place a target makes one read.
  await sideBySide(told, told.length, (item) => at(item.target, () => confirm(item, options)));
}

/** Reads back what a registry's answer said of a write; what it doesn't show after all is published again. */
async function confirm(item: Item, options: ApplyOptions): Promise<void> {
  const seen = await readBack(item, targetOf(options.targets, item.target), options.io, 8);
  const other = conflict(item, seen.state === "absent" ? undefined : seen.digest);
  if (other) throw other;
  if (seen.state === "absent" || seen.state === "retracted") await publish(item, options, false);
}

/**
 * Brings one item to its registry.
 *
 * @param trusting false: reads back whatever the registry's answer says
 * @returns "told" where the registry's own answer says that it holds these bytes, and nobody has read them back yet
 */
export async function publish(
  item: Item,
  { targets, files, io }: ApplyOptions,
  trusting = true,
): Promise<"told" | "read back"> {
  const target = targetOf(targets, item.target);
  const started = io.now().getTime();
  io.emit({ type: "item", target: item.target, id: item.id, state: "publish" });
  for (let attempt = 1; ; attempt++) {
    let failure: ReleaseError | undefined;
    let told: Told | undefined;
    try {
      const answer = await target.publish(item, files, io);
      if (trusting) told = answer;
    } catch (thrown) {
      failure = asReleaseError(thrown);
      if (failure.code === "INTERRUPTED") throw failure;
    }
    // Uncertain or failed: only what is read back counts (registry-facts.md: 403/409 can follow a write that landed).
    const seen = told ?? (await readBack(item, target, io, failure ? 1 : 8));
    const other = conflict(item, seen.state === "absent" ? undefined : seen.digest);
    if (other) throw other;
    if (seen.state !== "absent" && seen.state !== "retracted") {
      const state = seen.state === "present" ? "present" : seen.state;
      io.emit({ type: "item", target: item.target, id: item.id, state, ms: io.now().getTime() - started });
      return told ? "told" : "read back";
    }
    const error = failure ?? notThere(item);
    if (failure && !failure.retryable) throw error;
    if (attempt === tries) throw gaveUp(`publishing ${item.id} to ${item.target}`, error);
    await pause(`publishing ${item.id}`, attempt, error, io);
  }
}

async function readBack(item: Item, target: Target, io: Io, looks: number): Promise<Seen> {
  let seen: Seen = { state: "absent" };
  for (let look = 0; look < looks; look++) {
    if (look > 0) await waitFor(`${item.target} to show ${item.id}`, Math.min(5000, 100 * 2 ** look), io);
    seen = await retrying(`reading back ${item.id}`, io, () => target.observe(item, io));
    if (seen.state !== "absent") return seen;
  }
  return seen;
}

/** Waits, and says what for where people would notice. */
async function waitFor(what: string, ms: number, io: Io): Promise<void> {
  if (ms >= 1000) io.emit({ type: "wait", for: what, seconds: Math.round(ms / 1000) });
  await io.sleep(ms);
}

function notThere(item: Item): ReleaseError {
  return new ReleaseError("REGISTRY", `${item.target} took ${item.id}, but doesn't show it`, {
    retryable: true,
    hint: "run the same command again: it reads what is there and goes on",
  });
}

/**
 * Reads an item the way an installer does, waiting for it where the options say so.
 *
 * @throws ReleaseError CONFLICT for other bytes, REGISTRY when it isn't there.
 */
export async function verify(item: Item, { targets, io, waitSeconds }: ApplyOptions): Promise<Seen> {
  const target = targetOf(targets, item.target);
  const deadline = io.now().getTime() + waitSeconds(item) * 1000;
  const patience = io.now().getTime() + 15_000;
  for (let look = 0; ; look++) {
    const seen = await retrying(`verifying ${item.id}`, io, () => target.verify(item, io));
    const other = conflict(item, seen.state === "absent" ? undefined : seen.digest);
    if (other) throw other;
    if (seen.state === "present") {
      io.emit({ type: "item", target: item.target, id: item.id, state: "verify" });
      return seen;
    }
    const until = seen.state === "pending" ? deadline : Math.max(patience, deadline);
    const left = until - io.now().getTime();
    if (left <= 0) {
      if (seen.state === "pending") {
        io.emit({ type: "item", target: item.target, id: item.id, state: "pending" });
        return seen;
      }
      throw new ReleaseError("REGISTRY", `${item.target} doesn't let users have ${item.id}`, {
        facts: { state: seen.state },
        hint: "run the same command again: it reads what is there and goes on",
      });
    }
    const wait = Math.min(left, 250 * 2 ** Math.min(look, 6));
    if (look > 1)
      io.emit({ type: "wait", for: `${item.target} to let users have ${item.id}`, seconds: Math.ceil(left / 1000) });
    await io.sleep(wait);
  }
}

/**
 * Moves a pointer up, never down, and reads it back. One that was elsewhere is written even when it is right by now:
 * a registry may have moved it by a rule of its own, which the next release would change again (GitHub's "latest").
 *
 * @param from the version it selected when the plan was made
 */
async function point(pointer: Pointer, from: string | null, options: ApplyOptions, applied: Applied): Promise<void> {
  const { targets, io } = options;
  const store = targetOf(targets, pointer.target).pointers;
  if (!store) throw new ReleaseError("INTERNAL", `${pointer.target} has no pointers`);
  const read = () => retrying(`reading ${pointer.name}`, io, () => store.read(pointer.name, io));
  let at = await read();
  if (at === pointer.version && from === pointer.version) return;
  for (let attempt = 1; ; attempt++) {
    if (at !== null && options.compareVersions(at, pointer.version) > 0) {
      applied.kept.push({ pointer, at });
      return;
    }
    let failure: ReleaseError | undefined;
    try {
      await store.write(pointer, io);
    } catch (thrown) {
      failure = asReleaseError(thrown);
      if (failure.code === "INTERRUPTED") throw failure;
    }
    at = await read();
    if (at === pointer.version) break;
    if ((failure && !failure.retryable) || attempt === tries) throw failure ?? staysAt(pointer, at);
    if (failure) await pause(`moving ${pointer.name}`, attempt, failure, io);
    else await waitFor(`${pointer.target} to show ${pointer.name} at ${pointer.version}`, 200 * 2 ** attempt, io);
  }
  applied.moved.push({ pointer, from });
  io.emit({ type: "pointer", target: pointer.target, name: pointer.name, from, to: pointer.version });
}

function staysAt(pointer: Pointer, at: string | null): ReleaseError {
  return new ReleaseError("REGISTRY", `${pointer.target} ${pointer.name} stays at ${at ?? "nothing"}`, {
    facts: { wanted: pointer.version },
    hint: "run the same command again: it reads what is there and goes on",
  });
}

function semaphore(limit: number): <T>(run: () => Promise<T>) => Promise<T> {
  let free = limit;
  const queue: (() => void)[] = [];
  return async (run) => {
    if (free === 0) await new Promise<void>((resolve) => queue.push(resolve));
    else free--;
    try {
      return await run();
    } finally {
      const next = queue.shift();
      if (next) next();
      else free++;
    }
  };
}

/** Runs `work` on all, at most `limit` at once; waits for all before it throws the first failure. */
export async function sideBySide<T>(all: readonly T[], limit: number, work: (one: T) => Promise<void>): Promise<void> {
  const slots = semaphore(limit);
  const results = await Promise.allSettled(all.map((one) => slots(() => work(one))));
  for (const result of results) if (result.status === "rejected") throw asReleaseError(result.reason);
}
