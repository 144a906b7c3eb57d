import { nameOf, openHarness } from "./kill.ts";
import { inTurn, mine, type Part, type Row, wanted } from "./part.ts";
import { makePlayground } from "./world.ts";

const kinds = [
  ["request", "before", "before a request (ref updates are requests too)"],
  ["request", "after", "after a request was served, before its answer"],
  ["journal", "before", "before a write to the journal"],
  ["journal", "after", "after a write to the journal"],
] as const;

/** Kills releases with SIGKILL at every point, and finishes each in another clone. */
export const kill: Part = {
  name: "kill",
  async run(asked) {
    const { share, report } = asked;
    const harness = await openHarness();
    try {
      const all = mine(harness.points, asked, ({ n }) => n);
      const rows = new Map<string, Row>();
      for (const tier of ["staging", "production"] as const) {
        for (const [at, when, text] of kinds) {
          const points = all.filter((one) => one.tier === tier && one.at === at && one.when === when);
          const row = { what: `${tier}, killed ${text}`, points: points.length, runs: 0, converged: 0 };
          rows.set(`${tier} ${at} ${when}`, row);
        }
      }
      const points = wanted(all, Math.ceil(all.length * share), asked, nameOf);
      await inTurn(points, async (point) => {
        const { killed, findings } = await harness.run(point);
        const row = rows.get(`${point.tier} ${point.at} ${point.when}`) as Row;
        row.runs++;
        if (findings.length === 0) row.converged++;
        report(`kill: ${nameOf(point)} (${killed ?? "ended before"})`, findings);
      });
      return [...rows.values()];
    } finally {
      harness.close();
    }
  },
};

/** How many points of a release with the real builders. */
const realPoints = 10;

/** The same with the demo's project, whose builds take seconds: points spread over both tiers. */
export const realKill: Part = {
  name: "real",
  async run(asked) {
    const { share, report } = asked;
    const harness = await openHarness(makePlayground, false);
    try {
      const what = "the demo's release with its real builders, killed at such points";
      const count = Math.round(realPoints / asked.jobs);
      const row: Row = { what, points: count, runs: 0, converged: 0 };
      const all = mine(harness.points, asked, ({ n }) => n);
      const points = wanted(all, Math.ceil(count * share), asked, nameOf);
      await inTurn(points, async (point) => {
        const { killed, findings } = await harness.run(point);
        row.runs++;
        if (findings.length === 0) row.converged++;
        report(`real: ${nameOf(point)} (${killed ?? "ended before"})`, findings);
      });
      return [row];
    } finally {
      harness.close();
    }
  },
};
