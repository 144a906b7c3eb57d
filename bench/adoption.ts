import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gitFor, setRemote } from "../test/adoption/layouts.ts";
import { flagsOf, root, run } from "./measure.ts";

/**
 * From a repository without anything of twotier to a rehearsal that passed, without an edit: examples/playground without
 * its twotier.yaml, workflow and scripts, then `init --yes`, then `rehearse`.
 *
 *     node bench/adoption.ts [--json]
 */
const flags = flagsOf(process.argv.slice(2));
const goal = 120;
const command = path.join(root, "dist/main.js");
const dir = mkdtempSync(path.join(tmpdir(), "twotier-bench-adoption-"));
try {
  const source = path.join(root, "examples/playground");
  for (const file of gitFor(source)("ls-files", "-z").split("\0")) {
    if (file !== "" && !/^(?:twotier\.yaml|scripts\/|\.github\/)/.test(file))
      cpSync(path.join(source, file), path.join(dir, file));
  }
  const git = gitFor(dir);
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=feat: begin");
  git("tag", "v0.1.18");
  setRemote(git, "https://github.com/hanzoai/playground.git");

  const init = await run(process.execPath, [command, "init", "--yes"], { cwd: dir });
  const rehearsed = await run(process.execPath, [command, "rehearse", "--json"], { cwd: dir });
  const { acts, readings } = JSON.parse(rehearsed.stdout) as { acts: unknown[]; readings: { ok: boolean }[] };
  const passed = readings.every((one) => one.ok);
  const seconds = { init: init.ms / 1000, rehearse: rehearsed.ms / 1000, both: (init.ms + rehearsed.ms) / 1000 };
  if (flags.json) console.log(JSON.stringify({ seconds, goal, passed, acts: acts.length, readings: readings.length }));
  else {
    const found = `${acts.length} acts, ${readings.length} readings, ${passed ? "all as they should be" : "not all as they should be"}`;
    console.log(`init ${seconds.init.toFixed(1)} s + rehearse ${seconds.rehearse.toFixed(1)} s (${found})`);
    console.log(`${seconds.both.toFixed(0)} s, goal: under ${goal} s`);
  }
  if (!passed) process.exitCode = 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
