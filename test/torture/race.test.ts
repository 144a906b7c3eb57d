import { afterAll, beforeAll, expect, it } from "vitest";
import * as races from "./races.ts";
import { makeTemplate, type Template } from "./world.ts";

let template: Template;
beforeAll(async () => {
  template = await makeTemplate();
});
afterAll(() => template?.remove());

/** `make torture` has 20 at once, and more rounds (race-part.ts). */
async function race(run: (arena: races.Arena) => Promise<string[]>, seed?: number): Promise<string[]> {
  return races.inArena(await races.openArena(template, seed), run);
}

it("releases of many pushes started together give consecutive candidates in the order of their commits", {
  timeout: 600_000,
}, async () => {
  expect(await race((arena) => races.manyPushes(arena, 6), 1)).toEqual([]);
});

it("many releases of one push give one candidate, and all of them succeed", { timeout: 600_000 }, async () => {
  expect(await race((arena) => races.onePush(arena, 5), 2)).toEqual([]);
});

it("no candidate of a line follows its stable version", async () => {
  for (const seed of [3, 4]) expect(await race(races.stagingAgainstProduction, seed), `seed ${seed}`).toEqual([]);
});

it("two production releases of one candidate make one", async () => {
  expect(await race((arena) => races.twoProductions(arena, 1), 6)).toEqual([]);
});

it("two production releases of two candidates make one, and one is refused", async () => {
  expect(await race((arena) => races.twoProductions(arena, 2), 7)).toEqual([]);
});

it("the lock of a killed run stops nobody", async () => {
  expect(await race(races.killedLock)).toEqual([]);
});

it("a run that was overtaken between its plan and its lock makes the next candidate of its own push", async () => {
  expect(await race(races.overtaken)).toEqual([]);
});
