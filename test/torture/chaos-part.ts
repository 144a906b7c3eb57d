import { chaos } from "./chaos.ts";
import { undisturbedRun } from "./kill.ts";
import { inTurn, mine, type Part, type Row } from "./part.ts";
import { makeTemplate } from "./world.ts";

const all = 500;

/** Releases among random faults; what every user could see meanwhile is looked at all the time. */
export const chaosPart: Part = {
  name: "chaos",
  async run({ share, seed, report, ...job }) {
    const template = await makeTemplate();
    try {
      const wanted = {
        staging: await undisturbedRun(template, "staging"),
        production: await undisturbedRun(template, "production"),
      };
      const rounds = Array.from({ length: Math.ceil(all * share) }, (_, round) => round);
      const seeds = mine(rounds, job, (round) => round).map((round) => seed + round);
      const row: Row = { what: "random faults, and an observer", points: seeds.length, runs: 0, converged: 0 };
      await inTurn(seeds, async (one) => {
        const { tier, ended, faults, findings } = await chaos(template, wanted, one);
        row.runs++;
        if (findings.length === 0) row.converged++;
        const name = `chaos: seed ${one} (again: --part chaos --seed ${one} --share ${1 / all}), ${tier}, ${ended}`;
        report(name, findings.length === 0 ? [] : [...findings, ...faults.map((text) => `after ${text}`)]);
      });
      return [row];
    } finally {
      template.remove();
    }
  },
};
