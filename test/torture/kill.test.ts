import { expect, it } from "vitest";
import { kill } from "./kill-part.ts";

// A seeded part of all points that leaves `make test` its time; `make torture` takes them all.
it("a release that is killed anywhere is finished by the same command in another clone", {
  timeout: 600_000,
}, async () => {
  const lost: string[] = [];
  const report = (name: string, findings: readonly string[]) => {
    if (findings.length > 0) lost.push([name, ...findings].join("\n"));
  };
  const rows = await kill.run({ share: 0.1, seed: 20261122, job: 0, jobs: 1, report });
  expect(lost).toEqual([]);
  expect(rows.every((row) => row.points > 10)).toBe(true);
});
