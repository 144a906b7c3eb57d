import { chaos } from "./chaos.ts";
import { undisturbedRun } from "./kill.ts";
import { inTurn, type Part, type Row } from "./part.ts";
import { makeTemplate } from "./world.ts";

const rounds = 500;

/** Releases among random faults; what every user could see meanwhile is looked at all the time. */
export const chaosPart: Part = {
  name: "chaos",
  async run({ share, seed, jobs, report }) {
    const template = await makeTemplate();
    try {
      const wanted = {
        staging: await undisturbedRun(template, "staging"),
        production: await undisturbedRun(template, "production"),
      };
      const row: Row = { what: "random faults, and an observer", points: rounds, runs: 0, converged: 0 };
      const seeds = Array.from({ length: Math.ceil(rounds * share) }, (_, round) => seed + round);
      await inTurn(seeds, jobs, async (one) => {
        const { tier, ended, faults, findings } = await chaos(template, wanted, one);
        row.runs++;
        if (findings.length === 0) row.converged++;
        const name = `chaos: seed ${one} (again: --part chaos --seed ${one} --share ${1 / rounds}), ${tier}, ${ended}`;
        report(name, findings.length === 0 ? [] : [...findings, ...faults.map((text) => `after ${text}`)]);
      });
      return [row];
    } finally {
      template.remove();
    }
  },
};
