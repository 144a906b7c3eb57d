import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { FaultFile } from "../../src/registries/faults/index.ts";
import { commands, type Harness, openHarness, type Tier } from "./kill.ts";
import { differences, early, snapshotOf } from "./snapshot.ts";
import { openWorld, type World } from "./world.ts";

let harness: Harness;
let wanted: Harness["undisturbed"];
beforeAll(async () => {
  harness = await openHarness();
  wanted = harness.undisturbed;
});
afterAll(() => harness?.close());

async function inWorld(faults: FaultFile, work: (world: World) => Promise<void>): Promise<void> {
  const world = await openWorld(harness.template, undefined, undefined, faults);
  try {
    await work(world);
  } finally {
    await world.close();
  }
}
const release = (world: World, tier: Tier, ...more: string[]) =>
  world.run(world.clone(), [...commands[tier], ...more]).done;
/** Those with a protocol of their own; git's is in kill.ts and races.ts. */
const registries = ["npm", "pypi", "docker", "github"] as const;
const writes = "POST|PUT|PATCH";
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
        faults: registries.map((registry) => ({
          ...{ fault: "status", status: 429, retryAfter: 1, registry, count: 2 },
        })),
      },
    ],
    [
      "although every registry fails, before and after it did what was asked",
      "production",
      {
        faults: registries.flatMap((registry) =>
          ([500, 502, 503] as const).flatMap((status, at) => [
            { ...{ fault: "status", status, registry, method: writes }, after: 2 * at },
            { ...{ fault: "status", status, registry, method: writes, when: "after" }, after: 1 },
          ]),
        ),
      },
    ],
    [
      "although connections are refused, and uploads cut, which leaves starter assets",
      "staging",
      {
        faults: [
          ...registries.map((registry) => ({ fault: "refuse", registry, after: 3 }) as const),
          { fault: "cut", registry: "github", path: "**/assets?name=*", bytes: 10, count: 3 },
          ...(["npm", "pypi", "docker"] as const).map(
            (registry) => ({ fault: "cut", registry, method: writes, bytes: 10, after: 1 }) as const,
          ),
        ],
      },
    ],
    [
      "although GitHub's caches don't know yet what was done",
      "production",
      { faults: [{ fault: "stale", registry: "github", path: "/repos/**", seconds: 2 }] },
    ],
    ["although clocks differ by a day", "staging", { settings: { clockSkewSeconds: 86_400 } }],
    [
      "although releases and tags can't be changed once they are out",
      "production",
      { settings: { github: { immutableReleases: true }, docker: { immutableTags: ["v*", "staging-*"] } } },
    ],
  ];
  it.concurrent.each(cases)("%s (%s)", async (_name, tier, faults) => {
    await inWorld(faults, async (world) => {
      const { code, output } = await release(world, tier);
      expect(code, output).toBe(0);
      // Lists may lag behind what was done.
      const same = async () => expect(await lacking(world, tier)).toEqual([]);
      await vi.waitFor(same, { timeout: 20_000, interval: 500 });
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
    [
      "PyPI serves another file than it took",
      "CONFLICT",
      { faults: [{ fault: "corrupt", registry: "pypi", path: "/**.whl*", method: "GET", count: "all" }] },
    ],
    [
      "the image registry serves other manifests than it took",
      "REGISTRY",
      { faults: [{ fault: "corrupt", registry: "docker", path: "/v2/*/*/manifests/**", method: "GET", count: "all" }] },
    ],
    ["a credential ends in the middle", "AUTH", { faults: [{ fault: "expire", registry: "pypi", uses: 2 }] }],
    ["GitHub's disk is full", "REGISTRY", { faults: [{ fault: "full", registry: "github", bytes: 3000 }] }],
  ];
  it.concurrent.each(cases)("%s", async (_name, error, faults) => {
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

  it("may keep a version for good: it stays pending, and nothing points at it", async () => {
    await inWorld(
      { settings: { npm: { stuck: ["@example/fast@0.1.1", "@example/fast@0.1.1-rc.2"] } } },
      async (world) => {
        const stable = await release(world, "production", "--no-wait");
        expect(stable.code, stable.output).toBe(3);
        expect(stable.output).toContain("npm accepted @example/fast@0.1.1, but doesn't hand it out yet");
        expect((await snapshotOf(world)).get("npm @latest")).toBe("0.1.0");
        // An unfinished stable release is finished first: the same command says the same.
        expect((await release(world, "production", "--no-wait")).code).toBe(3);
      },
    );
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
