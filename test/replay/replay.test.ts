import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Plan } from "../../src/core/plan.ts";
import { pathMatcher } from "../../src/version/trigger.ts";
import { History, plainConfig } from "../history.ts";

interface Row {
  sha: string;
  date: number;
  subject: string;
  changed: string[];
  trigger: boolean;
  version: string;
  tags: string[];
}

const text = readFileSync(new URL("playground.ndjson", import.meta.url), "utf8");
const rows: Row[] = text
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));

/** As the repository's workflow had them. */
const paths = ["control-plane/**", "sdk/**", "VERSION", ".github/workflows/release.yml"];
const config = { ...plainConfig, trigger: { branch: null, paths } };
const matches = pathMatcher(paths);
const isRelease = (row: Row | undefined) => row?.subject.startsWith("chore(release): v") ?? false;

/** Changed paths that give the row's own `trigger`: prefixes hide which workflow it was, and are cut off after 30. */
function pathsOf(row: Row): string[] {
  return row.trigger && !row.changed.some(matches) ? [...row.changed, ".github/workflows/release.yml"] : row.changed;
}

/** What came of a push, then and now. */
interface Difference {
  index: number;
  now: string | null;
  then: string | null;
}

/**
 * Why the engine decides otherwise than history did. The order counts: the first that fits explains a difference.
 * Each names what went wrong then (or what a row can't tell); none is the engine's mistake.
 */
const explanations: [
  reason: string,
  count: number,
  fits: (difference: Difference, row: Row, next: Row | undefined) => boolean,
][] = [
  [
    "pushed together with the next commit, which then got the candidate: rows are commits, not pushes",
    8,
    ({ now, then }, row, next) =>
      now !== null && then === null && !!next && !isRelease(next) && next.date - row.date < 60,
  ],
  [
    "the release workflow was switched off, and changes waited for the next push after",
    8,
    ({ index, now, then }) =>
      now !== null && then === null && index >= at("fix: disable broken CI workflows") && index < 10,
  ],
  [
    "VERSION was behind the tags: the next number existed as a tag elsewhere, and the run failed",
    23,
    ({ index, now, then }, row) =>
      now !== null &&
      then === null &&
      row.version === "0.1.41-rc.170" &&
      index < at("fix(release): prevent tag collision"),
  ],
  [
    "the path filter was broken by the move of all folders, until production was released by hand",
    4,
    ({ index, now, then }) => now !== null && then === null && index >= at("refactor: flatten control-plane"),
  ],
  [
    "the next push came within half an hour, while the release ran: one of the two lost as non-fast-forward",
    9,
    ({ now, then }, row, next) =>
      now !== null && then === null && !!next && !isRelease(next) && next.date - row.date < 30 * 60,
  ],
  [
    "a release commit released itself again: no change since",
    1,
    ({ now, then }, row) => now === null && then !== null && isRelease(row),
  ],
  [
    "a production release of the branch's head, with commits that no candidate had",
    1,
    ({ now, then }) => then !== null && !then.includes("-") && now?.includes("-") === true,
  ],
  [
    "a candidate of a line that is stable already: v0.1.42 is on the commit of v0.1.41",
    1,
    ({ now, then }) => now === "v0.1.43-rc.1" && then === "v0.1.42-rc.1",
  ],
];

const at = (subject: string) => rows.findIndex((row) => row.subject.startsWith(subject));

/** Walks the history with its own tags: at each commit, what would the engine release, and what was released? */
function walk(): { same: number; nothing: number; differences: Difference[] } {
  const history = new History(config);
  const differences: Difference[] = [];
  let [same, nothing] = [0, 0];
  for (const [index, row] of rows.entries()) {
    history.commit(row.subject, pathsOf(row));
    for (const tag of row.tags) history.tag(tag);
    history.versionText = row.version;
    const now = history.plan().tag;
    const next = rows[index + 1];
    const then = isRelease(next) ? (next?.tags[0] ?? null) : null;
    if (now !== then) differences.push({ index, now, then });
    else if (now === null) nothing++;
    else same++;
  }
  return { same, nothing, differences };
}

describe("the history of Playground, walked through the engine", () => {
  it("has path filters that agree with the engine's, row by row", () => {
    for (const row of rows) if (row.changed.some(matches)) expect([row.sha, row.trigger]).toEqual([row.sha, true]);
  });

  it("comes out as it did, but for differences that have a reason each", () => {
    const { same, nothing, differences } = walk();
    const counts: Record<string, number> = {};
    const unexplained: unknown[] = [];
    for (const difference of differences) {
      const row = rows[difference.index] as Row;
      const found = explanations.find(([, , fits]) => fits(difference, row, rows[difference.index + 1]));
      if (found) counts[found[0]] = (counts[found[0]] ?? 0) + 1;
      else unexplained.push({ ...difference, subject: row.subject, version: row.version });
    }
    expect(unexplained).toEqual([]);
    expect(counts).toEqual(Object.fromEntries(explanations));
    expect({ rows: rows.length, same, nothing }).toEqual({ rows: 877, same: 364, nothing: 458 });
  });

  it("makes a candidate of every change that counts, numbered without a hole, when the engine alone releases", () => {
    const history = new History(config);
    history.versionText = "0.1.41-rc.7";
    const tags: string[] = [];
    let pushes = 0;
    for (const row of rows) {
      if (isRelease(row)) continue;
      history.commit(row.subject, pathsOf(row));
      const { tag } = history.plan();
      if (row.trigger) pushes++;
      expect([row.subject, tag !== null]).toEqual([row.subject, row.trigger]);
      if (tag === null) continue;
      tags.push(tag);
      history.release(tag);
    }
    expect(tags).toEqual(Array.from({ length: pushes }, (_, n) => `v0.1.41-rc.${n + 8}`));
  });

  it("finalises the last candidate, and lists what the stable of then took along untested", () => {
    const history = new History(config);
    const production = rows.findIndex((row) => row.tags.includes("v0.1.41"));
    for (const row of rows.slice(0, production)) {
      history.commit(row.subject, pathsOf(row));
      for (const tag of row.tags) history.tag(tag);
    }
    const plan: Plan = history.plan({ tier: "production", acceptDifferences: "released by scripts" });
    expect(plan).toMatchObject({ version: "0.1.41", candidate: "v0.1.41-rc.392", lastStable: null });
    expect(plan.notInRelease.map((change) => change.subject)).toEqual([
      "refactor: flatten control-plane → repo root; ship /agents + IAM (#65)",
    ]);
  });
});
