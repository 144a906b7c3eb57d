import type { Fault } from "../../src/registries/faults/index.ts";
import { commands, finish, type Tier, type Undisturbed } from "./kill.ts";
import { observe } from "./observer.ts";
import { inTurn, mine, type Part, type Row, wanted } from "./part.ts";
import { differences, snapshotOf } from "./snapshot.ts";
import type { Warm } from "./warm.ts";
import { openWorld, type Template } from "./world.ts";

const kinds: Record<string, Fault> = {
  "answered 503 after it was done": { fault: "status", status: 503, when: "after" },
  "done, and the connection breaks before the answer": { fault: "refuse", when: "after" },
  "cut in the middle": { fault: "cut", bytes: 1 },
};

interface Point {
  tier: Tier;
  kind: string;
  /** The request that fails, of those that may change something; 1-based. */
  n: number;
}

const nameOf = ({ tier, n, kind }: Point) => `${tier}, write ${n} ${kind}`;

/**
 * Each request that may change something fails once, in one of three ways, which the seed chooses, and one run is enough:
 * what a write left behind is read back, and only what is missing is sent again.
 */
export const faulty: Part = {
  name: "fault",
  async run(asked) {
    const { share, seed, only, report } = asked;
    const { template, undisturbed, warm } = await asked.harness();
    const points: Point[] = [];
    const rows: Row[] = [];
    for (const tier of ["staging", "production"] as const) {
      for (const [turn, kind] of Object.keys(kinds).entries()) {
        const all = Array.from({ length: undisturbed[tier].changes }, (_, at) => ({ tier, kind, n: at + 1 }));
        const own = mine(all, asked, ({ n }) => n).filter(({ n }) => only !== undefined || (n + turn + seed) % 3 === 0);
        points.push(...own);
        rows.push({ what: `${tier}, a write ${kind}`, points: own.length, runs: 0, converged: 0 });
      }
    }
    await inTurn(wanted(points, Math.ceil(points.length * share), asked, nameOf), async (point) => {
      const { hit, findings } = await faultyRun(template, undisturbed[point.tier], point, warm);
      const row = rows.find(({ what }) => what === `${point.tier}, a write ${point.kind}`) as Row;
      row.runs++;
      if (findings.length === 0) row.converged++;
      report(`fault: ${nameOf(point)} (${hit})`, findings);
    });
    return rows;
  },
};

async function faultyRun(template: Template, wanted: Undisturbed, { tier, kind, n }: Point, warm: Warm) {
  const world = await openWorld(template);
  const observer = observe(world, wanted.before);
  try {
    const { faults } = world.registries;
    const fault = kinds[kind] as Fault;
    faults.add({ ...fault, method: "POST|PUT|PATCH|DELETE", after: n - 1 });
    const { code, output } = await warm.run({ dir: world.clone(), args: commands[tier], env: world.env });
    faults.clear();
    const [happened] = faults.happened;
    const hit = happened ? `${happened.method} ${happened.path}` : "ended before";
    const lost = code === 0 ? [] : [`one run wasn't enough: ${output}`, ...(await finish(world, wanted, tier))];
    const { seen } = await observer.end();
    return { hit, findings: [...lost, ...seen, ...differences(wanted.after, await snapshotOf(world))] };
  } finally {
    await observer.end();
    await world.close();
  }
}
