import { expect, it } from "vitest";
import { exec } from "../../src/lib/exec.ts";
import { nameOf, type Point } from "./kill.ts";
import { wanted } from "./part.ts";

const main = new URL("./main.ts", import.meta.url).pathname;

// A seeded tenth of all points; `make torture` takes them all. In processes of its own: the smaller the process that
// starts thousands of others, the less each start costs.
it("a release that is killed anywhere is finished by the same command in another clone", {
  timeout: 600_000,
}, async () => {
  const args = [main, "--part", "kill", "--share", "0.1", "--seed", "20261122", "--jobs", "1"];
  const { code, stdout, stderr } = await exec(process.execPath, args, { ok: [0, 1] });
  expect(stderr.split("\n").filter((line) => line.includes("LOST"))).toEqual([]);
  expect(code).toBe(0);
  const [, runs] = /^(\d+) runs in /m.exec(stdout) ?? [];
  expect(Number(runs)).toBeGreaterThan(80);
});

it("one point is taken up again by its name alone", () => {
  const all: Point[] = [11, 12, 13].map((n) => ({ tier: "staging", at: "request", n, when: "before" }));
  const asked = { seed: 1, only: "staging before request 12" };
  expect(wanted(all, 3, asked, nameOf)).toEqual([all[1]]);
});
