import { globSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { flagsOf, median, root, run, table } from "./measure.ts";

// What every run costs before it does anything, and what is installed. `twotier --version` against an empty module:
// both started by the same Node, one after the other, as often as the flags say (three times that; they are short).

const flags = flagsOf(process.argv.slice(2));
const temp = mkdtempSync(path.join(tmpdir(), "twotier-bench-"));
try {
  const empty = path.join(temp, "empty.mjs");
  writeFileSync(empty, "");
  const command = path.join(root, "dist/main.js");
  const cases = {
    "empty module": [empty],
    "twotier --version": [command, "--version"],
    "twotier --help": [command, "--help"],
  };
  const times = new Map<string, number[]>(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round < flags.rounds * 3; round++) {
    for (const [name, args] of Object.entries(cases)) times.get(name)?.push((await run(process.execPath, args)).ms);
  }
  const base = median(times.get("empty module") ?? []);
  const starts = [...times].map(([name, all]) => ({ name, ms: median(all), ratio: median(all) / base }));

  const files = globSync("{dist,schema}/**", { cwd: root }).map((file) => lstatSync(path.join(root, file)));
  const megabytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0) / 1e6;

  if (flags.json) console.log(JSON.stringify({ starts, installed: { packages: 1, megabytes } }));
  else {
    const rows = starts.map(({ name, ms, ratio }) => [name, `${ms.toFixed(0)} ms`, `${ratio.toFixed(2)} x`]);
    console.log(table([["start", "median", "against empty"], ...rows]));
    console.log(`installed: 1 package, ${megabytes.toFixed(1)} MB`);
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}
