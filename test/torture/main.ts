import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { testPath, testTemp } from "../support/environment.ts";
import { root } from "../tools.ts";
import { bundle } from "./bundle.ts";
import { chaosPart } from "./chaos-part.ts";
import { faulty } from "./faulty-part.ts";
import { type Harness, openHarness } from "./kill.ts";
import { kill, realKill } from "./kill-part.ts";
import type { Part, Row } from "./part.ts";
import { race } from "./race-part.ts";
import { smallHeap } from "./warm.ts";

// `make torture`: every way to disturb a release, and what became of each. All of it writes the table in README.md;
// a part of it, or some of the points, only prints it. Each job is a process of its own that takes every n-th run.
// Usage: node test/torture/main.ts [--part NAME] [--share 0.1] [--seed N] [--jobs N] [--only "staging before request 12"]

const parts: readonly Part[] = [kill, realKill, race, faulty, chaosPart];

const { values } = parseArgs({
  options: {
    part: { type: "string" },
    share: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    /** One point, as a LOST line names it. */
    only: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    /** For the processes that this one starts. */
    job: { type: "string" },
  },
});
process.env.PATH = testPath;
process.env.TMPDIR = testTemp;
const share = Number(values.share);
const seed = Number(values.seed);
const jobs = values.only === undefined ? Number(values.jobs) : 1;
const wanted = parts.filter((one) => values.part === undefined || one.name === values.part);

/** What a job says to the process that started it. */
type Message = { name: string; findings: readonly string[] } | { rows: Row[] };

if (values.job === undefined) await startJobs();
else await runJob(Number(values.job));

async function runJob(job: number): Promise<void> {
  const tell = (message: Message) => process.send?.(message);
  let made: Promise<Harness> | undefined;
  const harness = () => (made ??= openHarness());
  try {
    for (const part of wanted) {
      const report = (name: string, findings: readonly string[]) => tell({ name, findings });
      tell({ rows: await part.run({ share, seed, only: values.only, job, jobs, harness, report }) });
    }
  } finally {
    (await made)?.close();
  }
  process.disconnect?.();
}

async function startJobs(): Promise<void> {
  const begun = Date.now();
  const lost: string[] = [];
  let runs = 0;
  const report = (name: string, findings: readonly string[]) => {
    runs++;
    if (findings.length > 0) {
      const again = `make torture T="${againOf(name, seed)}"`;
      lost.push(name);
      console.error(`LOST ${name}\n${findings.map((one) => `  ${one}`).join("\n")}\n  again: ${again}`);
    } else if (runs % 50 === 0)
      console.error(`${runs} runs, ${Math.round((Date.now() - begun) / 1000)} s, ${lost.length} lost`);
  };
  const rows: Row[][] = [];
  const dir = mkdtempSync(path.join(tmpdir(), "twotier-jobs-"));
  const program = path.join(dir, "main.mjs");
  await bundle("test/torture/main.ts", program);
  const ends = Array.from({ length: jobs }, async (_, job) => {
    const args = [...process.argv.slice(2), "--seed", String(seed), "--job", String(job)];
    const child = fork(program, args, { execArgv: smallHeap });
    let part = 0;
    child.on("message", (message: Message) => {
      if ("name" in message) report(message.name, message.findings);
      else {
        const sum = added(rows[part], message.rows);
        console.error(`job ${job}: ${wanted[part]?.name} done after ${Math.round((Date.now() - begun) / 1000)} s`);
        if (rows[part] !== undefined) console.error(tableOf(sum));
        rows[part++] = sum;
      }
    });
    const [code] = await once(child, "close");
    if (code !== 0) lost.push(`job ${job} ended with ${code}`);
  });
  await Promise.all(ends);
  rmSync(dir, { recursive: true, force: true });

  if (values.only !== undefined && runs === 0) lost.push(`no point is called ${values.only}`);
  const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
  const summary = `${runs} runs in ${minutes} minutes on ${availableParallelism()} cores, seed ${seed}: \`make torture\`.\n`;
  const text = `${tableOf(rows.flat())}\n${summary}`;
  console.log(text);
  for (const one of lost) console.error(`LOST ${one}`);
  if (share === 1 && values.part === undefined && values.only === undefined) writeTable(text);
  if (lost.length > 0) process.exitCode = 1;
}

/** What takes up one run alone, by its name: `PART: POINT (...)`, or `PART: ..., seed N`. */
function againOf(name: string, seed: number): string {
  const [, part = "", point = ""] = /^(\w+): (.*?)(?: \(.*)?$/.exec(name) ?? [];
  return `--part ${part} --seed ${seed} --only '${point}'`;
}

/** The sums of what two jobs did of the same part. */
function added(before: Row[] | undefined, more: Row[]): Row[] {
  return more.map((row, at) => {
    const { points = 0, runs = 0, converged = 0 } = before?.[at] ?? {};
    return {
      what: row.what,
      points: points + row.points,
      runs: runs + row.runs,
      converged: converged + row.converged,
    };
  });
}

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
