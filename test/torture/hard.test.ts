import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FaultFile } from "../../src/registries/faults/index.ts";
import { commands, type Tier, type Undisturbed, undisturbedRun } from "./kill.ts";
import { differences, early, snapshotOf } from "./snapshot.ts";
import { makeTemplate, openWorld, type Template, type World } from "./world.ts";

let template: Template;
const wanted = {} as Record<Tier, Undisturbed>;

beforeAll(async () => {
  template = await makeTemplate();
  for (const tier of ["staging", "production"] as const) wanted[tier] = await undisturbedRun(template, tier);
});
afterAll(() => template?.remove());

async function inWorld(faults: FaultFile, work: (world: World) => Promise<void>): Promise<void> {
  const world = await openWorld(template, undefined, undefined, faults);
  try {
    await work(world);
  } finally {
    await world.close();
  }
}
const release = (world: World, tier: Tier, ...more: string[]) =>
  world.run(world.clone(), [...commands[tier], ...more]).done;
const lacking = async (world: World, tier: Tier) => differences(wanted[tier].after, await snapshotOf(world));

describe("one run brings the release where it should be", () => {
  const cases: [string, Tier, FaultFile][] = [
    [
      "although npm says it was staged before, after it took it",
      "staging",
      {
        faults: [
          {
            ...{ fault: "status", status: 409, when: "after", registry: "npm", method: "PUT", path: "/@example%2*ast" },
            body: { error: "Cannot publish over previously staged version" },
          },
        ],
      },
    ],
    [
      "although PyPI's and npm's caches don't know it yet",
      "production",
      {
        faults: [
          { fault: "stale", seconds: 3, registry: "pypi", path: "/simple/fast-project/" },
          { fault: "stale", seconds: 3, registry: "npm", path: "/@example%2*ast" },
        ],
      },
    ],
    ["although GitHub's list of releases lags", "staging", { settings: { github: { listLagSeconds: 3 } } }],
    ["although the registry's tokens end within a second", "staging", { settings: { docker: { tokenSeconds: 1 } } }],
    [
      "although every registry is busy at first",
      "staging",
      {
        faults: (["npm", "pypi", "docker", "github"] as const).map((registry) => ({
          ...{ fault: "status", status: 429, retryAfter: 1, registry, count: 2 },
        })),
      },
    ],
    ["although clocks differ by a day", "staging", { settings: { clockSkewSeconds: 86_400 } }],
    [
      "although releases and tags can't be changed once they are out",
      "production",
      { settings: { github: { immutableReleases: true }, docker: { immutableTags: ["v*", "staging-*"] } } },
    ],
  ];
  it.each(cases)("%s (%s)", async (_name, tier, faults) => {
    await inWorld(faults, async (world) => {
      const { code, output } = await release(world, tier);
      expect(code, output).toBe(0);
      // Lists may lag behind what was done.
      await expect.poll(() => lacking(world, tier), { timeout: 20_000, interval: 500 }).toEqual([]);
    });
  });
});

describe("a clear error, nothing shows too early, and the same command finishes it later:", () => {
  const cases: [string, string, FaultFile][] = [
    [
      "npm serves another tarball than it took",
      "CONFLICT",
      { faults: [{ fault: "corrupt", registry: "npm", path: "/@example/fast/-/**", count: "all" }] },
    ],
    [
      "a downloaded asset isn't what was uploaded",
      "CONFLICT",
      { faults: [{ fault: "corrupt", registry: "github", path: "/_storage/**", count: "all" }] },
    ],
    ["GitHub's disk is full", "REGISTRY", { faults: [{ fault: "full", registry: "github", bytes: 3000 }] }],
  ];
  it.each(cases)("%s", async (_name, error, faults) => {
    await inWorld(faults, async (world) => {
      const first = await release(world, "staging");
      expect(first.output).toContain(`error[${error}]: `);
      expect(first.output).toMatch(/^hint: /m);
      expect(first.code).toBe(1);
      world.registries.faults.clear();
      const { before, after, tag } = wanted.staging;
      const stopped = await snapshotOf(world);
      // The pre-release is public before everything is fetched back (two-tier.md, steps 10 and 11); pointers aren't.
      expect(early(before, stopped, after, tag).filter((one) => !one.startsWith("github v"))).toEqual([]);
      expect(stopped.get("npm @next")).toBe(before.get("npm @next"));
      const second = await release(world, "staging");
      expect(second.code, second.output).toBe(0);
      expect(await lacking(world, "staging")).toEqual([]);
    });
  });
});

describe("npm's scan", () => {
  it("isn't waited for by staging; the same command takes it up", async () => {
    await inWorld({ settings: { npm: { scanSeconds: 6 } } }, async (world) => {
      const first = await release(world, "staging", "--no-wait");
      expect(first.code, first.output).toBe(3);
      expect((await snapshotOf(world)).get("npm @next")).toBe("0.1.1-rc.1");
      const waits = await release(world, "staging", "--no-wait");
      expect([0, 3]).toContain(waits.code);
      await expect.poll(async () => (await release(world, "staging")).code, { timeout: 60_000 }).toBe(0);
      await expect.poll(async () => (await release(world, "staging")).output, { timeout: 60_000 }).toContain("nothing");
      expect(await lacking(world, "staging")).toEqual([]);
    });
  });

  it("is waited for by production, unless it is told not to", async () => {
    await inWorld({ settings: { npm: { scanSeconds: 8 } } }, async (world) => {
      const left = await release(world, "production", "--no-wait");
      expect(left.code, left.output).toBe(3);
      expect((await snapshotOf(world)).get("npm @latest")).toBe("0.1.0");
      const { code, output } = await release(world, "production");
      expect(code, output).toBe(0);
      expect(await lacking(world, "production")).toEqual([]);
    });
  });
});
