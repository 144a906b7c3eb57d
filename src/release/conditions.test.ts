import { describe, expect, it } from "vitest";
import { History, plainConfig } from "../../test/history.ts";
import { fillConditions } from "../config/defaults.ts";
import type { Config } from "../config/types.ts";
import type { Manifest } from "../core/manifest.ts";
import type { Plan, PlanCondition } from "../core/plan.ts";
import type { Io, Target } from "../core/target.ts";
import type { ReleaseError } from "../lib/errors.ts";
import { insideWindow, readConditions, refuseUnmet } from "./conditions.ts";
import type { Row } from "./rows.ts";

const item = { target: "npm", id: "a@0.1.19-rc.1", digest: "sha512:aa", file: "a.tgz", phase: "hidden" } as const;
const manifest = { version: "0.1.19-rc.1", items: [item], skipped: [] } as unknown as Manifest;
const now = new Date("2026-11-20T10:00:00Z"); // a Friday
const io = { now: () => now, signal: new AbortController().signal } as Io;

type Asked = NonNullable<NonNullable<Parameters<typeof fillConditions>[0]["tiers"]>["production"]>["conditions"];

const row = (state: Row["state"], text = "") => ({ target: "npm", id: "a@0.1.19-rc.1", state, text }) as const;

/** What holds of a candidate v0.1.19-rc.1, whose registry answers so. */
async function read(
  asked: Asked,
  more: {
    rows?: Pick<Row, "target" | "id" | "state" | "text">[];
    published?: Date;
    later?: Date;
    changelog?: string;
    approver?: string;
    checks?: string[];
  } = {},
): Promise<PlanCondition[]> {
  const history = new History();
  history.tag("v0.1.18");
  history.commit("feat: a");
  history.release("v0.1.19-rc.1");
  const conditions = fillConditions({ checks: more.checks, tiers: { production: { conditions: asked } } });
  const config: Config = {
    ...plainConfig,
    tiers: { ...plainConfig.tiers, production: { bookkeeping: "off", conditions } },
  };
  const target = {
    name: "npm",
    publishedAt: async () => more.published ?? null,
  } as unknown as Target;
  const plan = history.plan({ tier: "production" });
  const planned = {
    plan,
    config,
    resolved: { artifacts: [], stamp: [], packages: { npm: [], pypi: [], docker: [], go: [] } },
  };
  const { changelog = null, approver } = more;
  const other = { name: "pypi", publishedAt: async () => more.later ?? null } as unknown as Target;
  const targets = [target, other, { name: "docker" } as unknown as Target];
  const verify = async () => (more.rows ?? [row("ok"), row("unproven")]) as Row[];
  const found = await readConditions({ planned, manifest, targets, verify, changelog, approver, offline: false, io });
  return found.slice(1);
}

describe("conditions for production", () => {
  it("are none by default, but that there is a candidate", async () => {
    expect(await read(undefined)).toEqual([]);
  });

  it.each<[string, Asked, Parameters<typeof read>[1], boolean | null, RegExp]>([
    ["verified", { verified: true }, {}, true, /^1 thing of v0\.1\.19-rc\.1, read as users do$/],
    [
      "verified, and not as it should be",
      { verified: true },
      { rows: [row("ok"), row("differs", "is yanked"), row("unknown", "isn't reachable")] },
      false,
      /^npm: a@0\.1\.19-rc\.1 is yanked; npm: a@0\.1\.19-rc\.1 isn't reachable$/,
    ],
    ["old enough", { minAge: "24h" }, { published: new Date("2026-11-19T10:00:00Z") }, true, /1 d old/],
    ["too young", { minAge: "24h" }, { published: new Date("2026-11-19T10:30:00Z") }, false, /23 h 30 min old/],
    [
      "too young, because a part of it became public later",
      { minAge: "24h" },
      { published: new Date("2026-11-18T10:00:00Z"), later: new Date("2026-11-20T09:00:00Z") },
      false,
      /1 h old/,
    ],
    ["of unknown age", { minAge: "5m" }, {}, false, /no registry says when/],
    ["written about", { changelog: true }, { changelog: "## [0.1.19]\n\n- x\n" }, true, /has a section/],
    [
      "about to be written about",
      { changelog: true },
      { changelog: "# Changes\n" },
      true,
      /gets a section of 1 change$/,
    ],
    ["not written about", { changelog: true }, {}, false, /no CHANGELOG/],
    ["approved", { approvers: ["alice"] }, { approver: "alice" }, true, /alice approves/],
    ["approved by another", { approvers: ["alice"] }, { approver: "mallory" }, false, /mallory may not/],
    ["approved by nobody", { approvers: ["alice"] }, {}, false, /nobody is named/],
    ["to be checked", { checks: true }, { checks: ["make test"] }, null, /`make test` is run by the release/],
    ["to be tried", { docs: ["README.md"] }, {}, null, /README\.md/],
  ])("say of a candidate that it is %s", async (_, asked, more, holds, text) => {
    const [found] = await read(asked, more);
    expect(found).toMatchObject({ holds, text: expect.stringMatching(text) });
    if (holds === false) expect(found?.remedy).toBeTruthy();
  });

  it("stop a release, all at once, each with what to do", () => {
    const conditions: PlanCondition[] = [
      { name: "candidate", holds: false, text: "none" },
      { name: "approver", holds: false, text: "nobody is named", remedy: "name one" },
      { name: "window", holds: false, text: "closed", remedy: "wait" },
      { name: "checks", holds: null, text: "later" },
    ];
    let error: ReleaseError | undefined;
    try {
      refuseUnmet(conditions, { tag: "v0.1.19" } as Plan);
    } catch (thrown) {
      error = thrown as ReleaseError;
    }
    expect(error?.code).toBe("REFUSED");
    expect(error?.findings.map((one) => one.message)).toEqual(["approver: nobody is named", "window: closed"]);
    expect(error?.findings.map((one) => one.hint)).toEqual(["name one", "wait"]);
  });
});

describe("the window", () => {
  const week = ["mon", "tue", "wed", "thu", "fri"];
  it.each<[string, string, string[], string, string, string, boolean]>([
    ["inside", "2026-11-20T10:00:00Z", week, "09:00", "17:00", "UTC", true],
    ["its first minute", "2026-11-20T09:00:00Z", week, "09:00", "17:00", "UTC", true],
    ["its end", "2026-11-20T17:00:00Z", week, "09:00", "17:00", "UTC", false],
    ["another day", "2026-11-21T10:00:00Z", week, "09:00", "17:00", "UTC", false],
    ["another zone", "2026-11-20T16:30:00Z", week, "09:00", "17:00", "Europe/Berlin", false],
    ["the day of the zone", "2026-11-22T23:30:00Z", ["mon"], "00:00", "24:00", "Europe/Berlin", true],
    ["before midnight", "2026-11-20T23:00:00Z", ["fri"], "22:00", "02:00", "UTC", true],
    ["after midnight", "2026-11-21T01:00:00Z", ["fri"], "22:00", "02:00", "UTC", true],
    ["the night before", "2026-11-20T01:00:00Z", ["fri"], "22:00", "02:00", "UTC", false],
    ["summer time", "2026-07-03T07:30:00Z", week, "09:00", "17:00", "Europe/Berlin", true],
  ])("%s", (_, at, days, from, to, timezone, holds) => {
    expect(insideWindow({ days, from, to, timezone }, new Date(at)).holds).toBe(holds);
  });
});
