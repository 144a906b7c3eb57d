import { chaos } from "./chaos.ts";
import { inTurn, mine, type Part, type Row, wanted } from "./part.ts";

const all = 500;

const nameOf = (seed: number) => `seed ${seed}`;

/** Releases among random faults; what every user could see meanwhile is looked at all the time. */
export const chaosPart: Part = {
  name: "chaos",
  async run(asked) {
    const { share, seed, report } = asked;
    const { template, undisturbed } = await asked.harness();
    const rounds = Array.from({ length: Math.ceil(all * share) }, (_, round) => round);
    const seeds = mine(rounds, asked, (round) => round).map((round) => seed + round);
    const row: Row = { what: "random faults, and an observer", points: seeds.length, runs: 0, converged: 0 };
    await inTurn(wanted(seeds, seeds.length, asked, nameOf), async (one) => {
      const { tier, ended, faults, findings } = await chaos(template, undisturbed, one);
      row.runs++;
      if (findings.length === 0) row.converged++;
      const name = `chaos: ${nameOf(one)} (${tier}, ${ended})`;
      report(name, findings.length === 0 ? [] : [...findings, ...faults.map((text) => `after ${text}`)]);
    });
    return [row];
  },
};
