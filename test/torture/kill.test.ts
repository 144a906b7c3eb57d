import { afterAll, beforeAll, expect, it } from "vitest";
import { type Harness, nameOf, openHarness } from "./kill.ts";
import { sample } from "./random.ts";

// A seeded tenth of all points; `make torture` takes them all.
const seed = 20261122;
let harness: Harness;

beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness?.close());

it("a release that is killed anywhere is finished by the same command in another clone", {
  timeout: 600_000,
}, async () => {
  const points = sample(harness.points, Math.ceil(harness.points.length / 10), seed);
  const lost: string[] = [];
  const work = async () => {
    for (let point = points.shift(); point; point = points.shift()) {
      const { killed, findings } = await harness.run(point);
      if (findings.length > 0) lost.push(`${nameOf(point)} (${killed}):\n${findings.join("\n")}`);
    }
  };
  await Promise.all([work(), work()]);
  expect(lost).toEqual([]);
});
