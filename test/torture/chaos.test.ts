import { afterAll, beforeAll, expect, it } from "vitest";
import { chaos } from "./chaos.ts";
import { type Harness, openHarness } from "./kill.ts";
import { inTurn } from "./part.ts";

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness?.close());

/** A few of the 500 seeds of `make torture` (chaos-part.ts). */
it("among random faults a release converges, or says what is wrong and converges the next time; nobody sees half of it", {
  timeout: 600_000,
}, async () => {
  const lost: string[] = [];
  const seeds = Array.from({ length: 4 }, (_, round) => 1000 + round);
  await inTurn(seeds, async (seed) => {
    const { ended, faults, looks, findings } = await chaos(harness.template, harness.undisturbed, seed);
    if (findings.length > 0) lost.push([`seed ${seed}: ${ended}`, ...findings, ...faults].join("\n"));
    if (looks < 1) lost.push(`seed ${seed}: nobody looked`);
  });
  expect(lost).toEqual([]);
});
