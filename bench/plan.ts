import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { flagsOf, median, root, run, table } from "./measure.ts";

// What `plan` costs in long histories (bench/mkrepo.sh makes them): the whole process, no registry asked, the remote on
// disk, 20 commits after the last tag. Beside it, in the same round, what can't be done without: Node's own start and
// three calls of git, one after the other as a shell would run them. `--repos DIR` keeps the repositories there.

const flags = flagsOf(process.argv.slice(2));
const sizes = flags.small
  ? [
      [1_000, 50],
      [3_000, 150],
    ]
  : [
      [1_000, 50],
      [200_000, 10_000],
      [1_000_000, 50_000],
    ];
const kept = process.argv.indexOf("--repos");
const folder =
  kept < 0 ? mkdtempSync(path.join(tmpdir(), "twotier-bench-")) : path.resolve(process.argv[kept + 1] ?? ".");
mkdirSync(folder, { recursive: true });
const config = `name: synthetic
repository: example/synthetic
trigger: { paths: ["control-plane/**", "sdk/**"] }
artifacts:
  - { name: typescript, type: npm, dir: sdk/typescript }
  - { name: python, type: python, dir: sdk/python }
`;

interface Figures {
  commits: number;
  tags: number;
  /** Medians in milliseconds. */
  plan: number;
  node: number;
  forEachRef: number;
  log: number;
  lsRemote: number;
  /** Median over the rounds of plan against the sum of the four beside it. */
  ratio: number;
}

/** Makes such a repository, or takes the one that is there. Returns the clone. */
function repository(commits: number, tags: number): string {
  const dir = path.join(folder, `${commits}`);
  const work = path.join(dir, "work");
  if (existsSync(path.join(work, "twotier.yaml"))) return work;
  process.stderr.write(`making ${commits} commits with ${tags} tags ...\n`);
  const env = { ...process.env, TAIL: "19" };
  execFileSync("bash", [path.join(root, "bench/mkrepo.sh"), dir, `${commits}`, `${tags}`], { env, stdio: "ignore" });
  const git = (...args: string[]) => execFileSync("git", ["-C", work, ...args], { stdio: "ignore" });
  writeFileSync(path.join(work, "twotier.yaml"), config);
  git("add", "twotier.yaml");
  git("-c", "user.name=bench", "-c", "user.email=bench@example.invalid", "commit", "-m", "chore: adopt twotier");
  git("push", "origin", "HEAD:main");
  return work;
}

async function measure(commits: number, tags: number): Promise<Figures> {
  const cwd = repository(commits, tags);
  const time = async (file: string, ...args: string[]) => (await run(file, args, { cwd })).ms;
  const plan = ["plan", "--tier", "staging", "--offline", "--json"];
  const first = JSON.parse((await run(process.execPath, [path.join(root, "dist/main.js"), ...plan], { cwd })).stdout);
  const last = `v${first.lastStable}`;
  if (!first.release) throw new Error(`${cwd}: ${first.reason}`);
  const rounds: Omit<Figures, "commits" | "tags" | "ratio">[] = [];
  for (let round = 0; round < flags.rounds; round++) {
    rounds.push({
      node: await time(process.execPath, "-e", "0"),
      forEachRef: await time("git", "for-each-ref"),
      log: await time("git", "log", `${last}..HEAD`, "--name-only"),
      lsRemote: await time("git", "ls-remote", "--tags"),
      plan: await time(process.execPath, path.join(root, "dist/main.js"), ...plan),
    });
  }
  const of = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick));
  return {
    commits,
    tags,
    plan: of((one) => one.plan),
    node: of((one) => one.node),
    forEachRef: of((one) => one.forEachRef),
    log: of((one) => one.log),
    lsRemote: of((one) => one.lsRemote),
    ratio: of((one) => one.plan / (one.node + one.forEachRef + one.log + one.lsRemote)),
  };
}

try {
  const figures: Figures[] = [];
  for (const [commits = 0, tags = 0] of sizes) figures.push(await measure(commits, tags));
  const smallest = figures[0]?.plan ?? Number.NaN;
  if (flags.json) console.log(JSON.stringify({ plan: figures }));
  else {
    const head = [
      "commits",
      "tags",
      "plan",
      "node",
      "for-each-ref",
      "log",
      "ls-remote",
      "plan / sum",
      "plan / smallest",
    ];
    const ms = (value: number) => `${value.toFixed(0)} ms`;
    const rows = figures.map((one) => [
      one.commits.toLocaleString("en"),
      one.tags.toLocaleString("en"),
      ...[one.plan, one.node, one.forEachRef, one.log, one.lsRemote].map(ms),
      `${one.ratio.toFixed(2)} x`,
      `${(one.plan / smallest).toFixed(2)} x`,
    ]);
    console.log(table([head, ...rows]));
  }
} finally {
  if (kept < 0) rmSync(folder, { recursive: true, force: true });
}
