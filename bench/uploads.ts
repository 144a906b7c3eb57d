import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { bundle, flagsOf, median, table } from "./measure.ts";
import { cases, type Measured } from "./uploads/cases.ts";

/**
 * How fast uploads are and how much memory they take, against the same bytes sent by others.
 *
 *     node bench/uploads.ts [--json] [--small] [--rounds N] [--only asset,wheel,image,tarball]
 *
 * Medians of 7. In each round ours and theirs run one after the other, in turns which comes first; the ratio is taken
 * round by round, so that what else the machine does falls on both.
 */
const flags = flagsOf(process.argv.slice(2));
const folder = await mkdtemp(path.join(tmpdir(), "twotier-bench-"));

interface Figure {
  name: string;
  megabytes: number;
  ours: { ms: number; megabytesPerSecond: number; peakMegabytes: number };
  theirs: { what: string; ms: number; megabytesPerSecond: number };
  ratio: number;
  goals: { ratio: number; peakMegabytes: number };
  met: boolean;
}

const worker = await bundle(path.join(import.meta.dirname, "uploads/worker.ts"), path.join(folder, "worker.mjs"));

const figures: Figure[] = [];
const left: string[] = [];
try {
  for (const one of cases) {
    if (flags.only.length > 0 && !flags.only.includes(one.name)) continue;
    const missing = one.missing();
    if (missing) {
      left.push(`${one.name}: ${missing}`);
      continue;
    }
    const prepared = await one.prepare(path.join(folder, one.name), flags.small, worker);
    try {
      const rounds: { ours: Measured; theirs: Measured }[] = [];
      for (let round = 0; round < flags.rounds; round++) {
        process.stderr.write(`${one.name}: round ${round + 1} of ${flags.rounds}\n`);
        const first = round % 2 === 0 ? await prepared.ours(round) : undefined;
        const theirs = await prepared.theirs(round);
        rounds.push({ ours: first ?? (await prepared.ours(round)), theirs });
      }
      const megabytes = prepared.bytes / 1e6;
      const of = (ms: number) => ({ ms: Math.round(ms), megabytesPerSecond: Math.round((megabytes / ms) * 1000) });
      const ratio = median(rounds.map(({ ours, theirs }) => theirs.ms / ours.ms));
      const peakMegabytes = Math.round(median(rounds.map(({ ours }) => ours.peak / 1e6)));
      figures.push({
        name: one.name,
        megabytes: Math.round(megabytes),
        ours: { ...of(median(rounds.map(({ ours }) => ours.ms))), peakMegabytes },
        theirs: { what: one.against, ...of(median(rounds.map(({ theirs }) => theirs.ms))) },
        ratio: Math.round(ratio * 100) / 100,
        goals: one.goals,
        met: ratio >= one.goals.ratio && peakMegabytes < one.goals.peakMegabytes,
      });
    } finally {
      await prepared.close();
      await rm(path.join(folder, one.name), { recursive: true, force: true });
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

if (flags.json) {
  process.stdout.write(`${JSON.stringify({ rounds: flags.rounds, small: flags.small, figures, left }, null, 2)}\n`);
} else {
  const rows = figures.map(({ name, megabytes, ours, theirs, ratio, goals, met }) => [
    `${name}, ${megabytes} MB`,
    `${ours.megabytesPerSecond} MB/s`,
    `${theirs.megabytesPerSecond} MB/s (${theirs.what})`,
    `${ratio} (>= ${goals.ratio})`,
    `${ours.peakMegabytes} MB (< ${goals.peakMegabytes})`,
    met ? "met" : "missed",
  ]);
  const head = ["upload", "twotier", "against", "ratio", "peak memory", "goals"];
  process.stdout.write(`${table([head, ...rows])}\n`);
  for (const line of left) process.stdout.write(`left out: ${line}\n`);
}
