import { nameOf, openHarness } from "./kill.ts";
import { inTurn, isMine, mine, type Part, type Row, wanted } from "./part.ts";
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
    const harness = await asked.harness();
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
  },
};

/** How many points of a release with the real builders. */
const realPoints = 10;

/**
 * The same with the demo's project, whose builds take seconds: points spread over both tiers. One job does it all, because
 * to begin costs as much as three of the points; meanwhile another one has the races.
 */
export const realKill: Part = {
  name: "real",
  async run(asked) {
    const { share, report } = asked;
    const what = "the demo's release with its real builders, killed at such points";
    if (!isMine(asked, 0)) return [{ what, points: 0, runs: 0, converged: 0 }];
    const row: Row = { what, points: realPoints, runs: 0, converged: 0 };
    const harness = await openHarness(makePlayground, false);
    try {
      const points = wanted(harness.points, Math.ceil(realPoints * share), asked, nameOf);
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
