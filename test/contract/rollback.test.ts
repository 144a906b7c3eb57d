import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Io, Item, Retracted, Target } from "../../src/core/target.ts";
import { type NpmRegistry, type SeedPackage, startNpm } from "../../src/registries/npm/index.ts";
import { createNpmTarget } from "../../src/targets/npm/index.ts";
import { type TestIo, testIo } from "./io.ts";

// The cells of the release process's two rollback tables that depend on npm's rules, which a whole release can't bring about.
// All other cells: test/e2e/rollback.test.ts, on every server: target-suite.ts ("takes back what it can").

const hour = 3_600_000;
const now = new Date("2026-11-22T12:00:00Z");
const scanned = new Set<string>();
let registry: NpmRegistry;
let io: TestIo;
beforeAll(async () => {
  registry = await startNpm({ now: () => now, pending: (name, version) => scanned.has(`${name}@${version}`) });
  io = testIo({ now: () => now });
});
afterAll(async () => {
  io.close();
  await registry.close();
});

async function undone(target: Target, items: Item[], about: Retracted, io: Io) {
  const before = (await target.undo?.plan(items, about, io)) ?? [];
  for (const action of before) if (action.state === "todo") await target.undo?.run(action, about, io);
  const after = (await target.undo?.plan(items, about, io)) ?? [];
  return { planned: before[0], left: after[0] };
}

describe("npm's cells of the rollback tables", () => {
  const rows: [
    cell: string,
    version: string,
    seed: (name: string) => Partial<SeedPackage>[],
    planned: [way: string, state: string, text: RegExp],
    left: [way: string, state: string, text: RegExp],
  ][] = [
    [
      "staging, within 72 hours: unpublished",
      "0.1.19-rc.1",
      () => [{ publishedAt: new Date(now.getTime() - 71 * hour) }],
      ["unpublish", "todo", /^unpublish it/],
      ["unpublish", "done", /^is unpublished$/],
    ],
    [
      "staging, later than 72 hours: deprecated",
      "0.1.19-rc.1",
      () => [{ publishedAt: new Date(now.getTime() - 73 * hour) }],
      ["deprecate", "todo", /within 72 hours\)$/],
      ["deprecate", "done", /^is deprecated: This candidate was taken back\. Install 0\.1\.18 instead\.$/],
    ],
    [
      "staging, something depends on it: npm refuses, so it is deprecated",
      "0.1.19-rc.1",
      (name) => [{}, { name: `${name}-user`, version: "1.0.0", manifest: { dependencies: { [name]: "*" } } }],
      ["unpublish", "todo", /or deprecate it, if something depends on it$/],
      ["deprecate", "done", /Install 0\.1\.18 instead\.$/],
    ],
    [
      "staging, still scanned: nothing can be done yet",
      "0.1.19-rc.9",
      () => [{}],
      ["deprecate", "manual", /run the same command again later$/],
      ["deprecate", "manual", /still scans it/],
    ],
    [
      "production, within 72 hours: deprecated, because lock files may hold it",
      "0.1.19",
      () => [{}],
      ["deprecate", "todo", /\(lock files may hold it\)$/],
      ["deprecate", "done", /^is deprecated: This version was taken back\. Install 0\.1\.18 instead\.$/],
    ],
  ];
  it.each(rows)("%s", async (cell, version, seed, planned, left) => {
    const name = `@example/cell-${rows.findIndex(([one]) => one === cell)}`;
    await registry.seed({ name, version: "0.1.18", publishedAt: new Date(now.getTime() - 1000 * hour) });
    for (const one of seed(name)) await registry.seed({ name, version, tags: ["next"], ...one });
    if (version.endsWith(".9")) scanned.add(`${name}@${version}`);
    const target = createNpmTarget({
      registry: registry.url,
      token: "any",
      packages: [name],
      tags: { staging: "next", production: "latest" },
      access: "public",
    });
    const item: Item = { target: "npm", id: `${name}@${version}`, digest: "sha512:", file: "", phase: "hidden" };
    const tier = version.includes("-") ? "staging" : "production";
    const about: Retracted = { tier, version, tag: `v${version}`, instead: "0.1.18", deleteTag: false };
    const found = await undone(target, [item], about, io);
    const [way, state, text] = planned;
    expect(found.planned).toMatchObject({ way, state, text: expect.stringMatching(text) });
    expect(found.left).toMatchObject({ way: left[0], state: left[1], text: expect.stringMatching(left[2]) });
    expect(await target.pointers?.read(`${name}@latest`, io)).toBe("0.1.18");
  });

  it("staging, the only version: deprecated, because npm keeps a package's last version", async () => {
    const name = "@example/alone";
    await registry.seed({ name, version: "0.1.0-rc.1" });
    const options = { registry: registry.url, token: "any", packages: [name], access: "public" } as const;
    const target = createNpmTarget({ ...options, tags: { staging: "next", production: "latest" } });
    const item: Item = { target: "npm", id: `${name}@0.1.0-rc.1`, digest: "sha512:", file: "", phase: "hidden" };
    const about: Retracted = {
      tier: "staging",
      version: "0.1.0-rc.1",
      tag: "v0.1.0-rc.1",
      instead: null,
      deleteTag: false,
    };
    const { planned, left } = await undone(target, [item], about, io);
    expect(planned?.text).toBe('deprecate it: "This candidate was taken back." (it is the package\'s only version)');
    expect(left).toMatchObject({ way: "deprecate", state: "done" });
  });
});
