import { inTurn, mine, type Part, type Row, wanted } from "./part.ts";
import * as races from "./races.ts";
import { makeTemplate } from "./world.ts";

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
  { name: "tiers", what: "a candidate against the stable version", rounds: 10, run: races.stagingAgainstProduction },
  {
    name: "twice",
    what: "two stable versions of one candidate",
    rounds: 6,
    run: (arena) => races.twoProductions(arena, 1),
  },
  {
    name: "two",
    what: "stable versions of two candidates",
    rounds: 6,
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
    const template = await makeTemplate();
    try {
      const rows = new Map<Race, Row>();
      const rounds: { one: Race; row: Row; seed: number }[] = [];
      for (const one of all) {
        const count = Math.max(1, Math.ceil(one.rounds * share));
        const turns = mine(
          Array.from({ length: count }, (_, round) => round),
          asked,
          (round) => round,
        );
        const row = { what: one.what, points: turns.length, runs: 0, converged: 0 };
        rows.set(one, row);
        for (const round of turns) rounds.push({ one, row, seed: seed + round });
      }
      await inTurn(wanted(rounds, rounds.length, asked, nameOf), async ({ one, row, seed }) => {
        const arena = await races.openArena(template, seed);
        const findings = await races.inArena(arena, one.run);
        row.runs++;
        if (findings.length === 0) row.converged++;
        report(`race: ${nameOf({ one, seed })}`, findings);
      });
      return [...rows.values()];
    } finally {
      template.remove();
    }
  },
};
