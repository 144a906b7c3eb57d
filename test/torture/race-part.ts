import { inTurn, isMine, type Part, type Row, wanted } from "./part.ts";
import * as races from "./races.ts";

interface Race {
  name: string;
  what: string;
  /** How often, each time in another order. */
  rounds: number;
  run(arena: races.Arena): Promise<string[]>;
}

/** How many releases are started together. */
const many = 20;

const all: readonly Race[] = [
  {
    name: "pushes",
    what: `${many} pushes released at once`,
    rounds: 2,
    run: (arena) => races.manyPushes(arena, many),
  },
  {
    name: "push",
    what: `one push released ${many} times at once`,
    rounds: 2,
    run: (arena) => races.onePush(arena, many),
  },
  { name: "tiers", what: "a candidate against the stable version", rounds: 6, run: races.stagingAgainstProduction },
  {
    name: "twice",
    what: "two stable versions of one candidate",
    rounds: 4,
    run: (arena) => races.twoProductions(arena, 1),
  },
  {
    name: "two",
    what: "stable versions of two candidates",
    rounds: 4,
    run: (arena) => races.twoProductions(arena, 2),
  },
  { name: "lock", what: "a lock whose run was killed", rounds: 2, run: races.killedLock },
  { name: "overtaken", what: "a run overtaken before it took its number", rounds: 2, run: races.overtaken },
];

const nameOf = ({ one, seed }: { one: Race; seed: number }) => `${one.name}, seed ${seed}`;

/** Releases that run at the same time, requests to git in an order of the seed's. */
export const race: Part = {
  name: "race",
  async run(asked) {
    const { share, seed, report } = asked;
    const { template } = await asked.harness();
    const rows = new Map<Race, Row>();
    const rounds: { one: Race; row: Row; seed: number }[] = [];
    for (const one of all) {
      const count = isMine(asked, 1) ? Math.max(1, Math.ceil(one.rounds * share)) : 0;
      const row = { what: one.what, points: count, runs: 0, converged: 0 };
      rows.set(one, row);
      for (let round = 0; round < count; round++) rounds.push({ one, row, seed: seed + round });
    }
    await inTurn(wanted(rounds, rounds.length, asked, nameOf), async ({ one, row, seed }) => {
      const arena = await races.openArena(template, seed);
      const findings = await races.inArena(arena, one.run);
      row.runs++;
      if (findings.length === 0) row.converged++;
      report(`race: ${nameOf({ one, seed })}`, findings);
    });
    return [...rows.values()];
  },
};
