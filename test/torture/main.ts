import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { testPath } from "../support/path.ts";
import { root } from "../tools.ts";
import { chaosPart } from "./chaos-part.ts";
import { faulty } from "./faulty-part.ts";
import { kill, realKill } from "./kill-part.ts";
import type { Part, Row } from "./part.ts";
import { race } from "./race-part.ts";

// `make torture`: every way to disturb a release, and what became of each. All of it writes the table in README.md;
// a part of it, or some of the points, only prints it.
// Usage: node test/torture/main.ts [--part NAME] [--share 0.1] [--seed N] [--jobs N]

const parts: readonly Part[] = [kill, realKill, race, faulty, chaosPart];

const { values } = parseArgs({
  options: {
    part: { type: "string" },
    share: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    jobs: { type: "string", default: String(availableParallelism()) },
  },
});
process.env.PATH = testPath;
const share = Number(values.share);
const seed = Number(values.seed);
const begun = Date.now();
const lost: string[] = [];
let runs = 0;

const report = (name: string, findings: readonly string[]) => {
  runs++;
  if (findings.length > 0) {
    const command = `make torture T="--part ${name.split(":")[0]} --seed ${seed} --share ${share}"`;
    lost.push(name);
    console.error(`LOST ${name}\n${findings.map((one) => `  ${one}`).join("\n")}\n  again: ${command}`);
  } else if (runs % 50 === 0)
    console.error(`${runs} runs, ${Math.round((Date.now() - begun) / 1000)} s, ${lost.length} lost`);
};

const rows: Row[] = [];
for (const part of parts.filter((one) => values.part === undefined || one.name === values.part)) {
  rows.push(...(await part.run({ share, seed, jobs: Number(values.jobs), report })));
}
const table = tableOf(rows);
console.log(`${table}\n${summary()}`);
if (share === 1 && values.part === undefined) writeTable(`${table}\n${summary()}`);
if (lost.length > 0) process.exitCode = 1;

function tableOf(all: readonly Row[]): string {
  const lines = all.map(
    (row) => `| ${row.what} | ${row.points} | ${row.runs} | ${row.converged} | ${row.runs - row.converged} |`,
  );
  return [
    "| what happens to a release | points | runs | converged | lost |",
    "|---|--:|--:|--:|--:|",
    ...lines,
    "",
  ].join("\n");
}

function summary(): string {
  const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
  return `${runs} runs in ${minutes} minutes on ${availableParallelism()} cores, seed ${seed}: \`make torture\`.\n`;
}

/** Puts the table between the markers in README.md. */
function writeTable(text: string): void {
  const file = path.join(root, "README.md");
  const readme = readFileSync(file, "utf8");
  const marked = /(<!-- torture -->\n)[\s\S]*?(<!-- \/torture -->)/;
  if (!marked.test(readme)) throw new Error("README.md has no <!-- torture --> ... <!-- /torture -->");
  writeFileSync(
    file,
    readme.replace(marked, (_all, open: string, close: string) => `${open}${text}${close}`),
  );
}
