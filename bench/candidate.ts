import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gitCredentials } from "../src/git/credentials.ts";
import { type Registries, startRegistries } from "../src/registries/index.ts";
import { type Copy, copyRepository } from "../src/rehearse/clone.ts";
import { pushChange } from "../src/rehearse/story.ts";
import { tool } from "../test/tools.ts";
import { others, programs } from "./candidate/others.ts";
import type { Job } from "./candidate/worker.ts";
import { bundle, flagsOf, median, root, run, table } from "./measure.ts";

/**
 * The candidate of the demo from built files to verified, against the same files sent by `npm publish`, `twine upload`,
 * `skopeo copy` and `gh release create` one after the other; and the same command once more, when all is there.
 *
 *     node bench/candidate.ts [--json] [--small] [--rounds N]
 *
 * Both sides send to registries of src/registries, which run in this process.
 */
const flags = flagsOf(process.argv.slice(2));
const goals = { share: 0.5, againMs: 1500 };
const token = "bench-token";

interface Round {
  ours: number;
  theirs: number;
  /** The same command again, its whole process. */
  again: number;
  /** Milliseconds of each program. */
  each: Record<string, number>;
}

const absent = programs.filter((name) => tool(name) === undefined);
if (absent.length > 0) {
  const left = `candidate: ${absent.join(", ")} missing; \`make test\` gets it`;
  process.stdout.write(flags.json ? `${JSON.stringify({ left: [left] })}\n` : `left out: ${left}\n`);
} else await measure();

async function measure(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "twotier-bench-"));
  const registries = await startRegistries({ token, state: path.join(folder, "registries") });
  try {
    const worker = await bundle(path.join(import.meta.dirname, "candidate/worker.ts"), path.join(folder, "worker.mjs"));
    const copy = await repositoryAt(path.join(folder, "work"), registries);
    const job = jobOf(copy, registries);
    const rounds: Round[] = [];
    for (let round = 0; round < flags.rounds; round++) {
      process.stderr.write(`candidate: round ${round + 1} of ${flags.rounds}\n`);
      await pushChange(copy, { message: "feat: another round", triggers: true });
      const first = await work(worker, job);
      const second = await work(worker, job);
      const { version } = first;
      if (version === null || second.released) throw new Error("a candidate, then nothing to do: that was expected");
      const files = path.join(folder, "files", version);
      const { repository } = copy.config;
      await fetchBack(registries, repository, version, files);
      const release = { files, version, repository, branch: copy.branch, git: copy.git, token };
      const each = await others(release, path.join(folder, "theirs"));
      const theirs = Object.values(each).reduce((sum, ms) => sum + ms, 0);
      rounds.push({ ours: first.ms, theirs, again: second.wall, each });
    }
    report(rounds);
  } finally {
    await registries.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function repositoryAt(dir: string, registries: Registries): Promise<Copy> {
  const copy = await copyRepository(path.join(root, "examples/playground"), dir, new AbortController().signal);
  const { git } = copy;
  const env = gitCredentials(registries.git, token);
  copy.git = (args, options = {}) => git(args, { ...options, env: { ...env, ...options.env } });
  await copy.git(["remote", "add", "origin", `${registries.git}/${copy.config.repository}.git`]);
  await copy.git(["push", "--quiet", "origin", `HEAD:refs/heads/${copy.branch}`]);
  await copy.git(["push", "--quiet", "origin", "--tags"]);
  return copy;
}

function jobOf(copy: Copy, { npm, pypi, docker, github, git }: Registries): Job {
  return {
    dir: copy.dir,
    git,
    token,
    credentials: {
      npmRegistry: npm,
      npmToken: token,
      pypiUrl: pypi,
      pypiToken: token,
      dockerRegistry: docker,
      dockerUsername: "bench",
      dockerToken: token,
      githubApiUrl: github,
      githubServerUrl: github,
      githubToken: token,
    },
  };
}

async function work(
  worker: string,
  job: Job,
): Promise<{ released: boolean; version: string | null; ms: number; wall: number }> {
  const { stdout, ms } = await run(process.execPath, [worker, JSON.stringify(job)]);
  return { ...JSON.parse(stdout), wall: ms };
}

/** The files of a release as they were built: its assets, and its image as an OCI layout. */
async function fetchBack(
  { github, docker }: Registries,
  repository: string,
  version: string,
  to: string,
): Promise<void> {
  await mkdir(to, { recursive: true });
  const base = `${github}/${repository}/releases/download/v${version}`;
  const read = async (name: string) => Buffer.from(await (await fetch(`${base}/${name}`)).arrayBuffer());
  const checksums = (await read("checksums.txt")).toString();
  const names = checksums.split("\n").flatMap((line) => line.split(/\s+\*?/)[1] ?? []);
  for (const name of ["checksums.txt", ...names]) await writeFile(path.join(to, name), await read(name));
  const image = `docker://${docker}/playground/control-plane:staging-${version}`;
  const args = ["copy", "--quiet", "--all", "--src-tls-verify=false", image, `oci:${path.join(to, "image")}`];
  await run(tool("skopeo") as string, args);
}

function report(rounds: readonly Round[]): void {
  const of = (pick: (round: Round) => number) => Math.round(median(rounds.map(pick)));
  const share = Math.round(median(rounds.map(({ ours, theirs }) => ours / theirs)) * 100) / 100;
  const each = Object.fromEntries(
    programs.filter((name) => name !== "openssl").map((name) => [name, of((round) => round.each[name] ?? 0)]),
  );
  const figures = {
    oursMs: of(({ ours }) => ours),
    theirsMs: of(({ theirs }) => theirs),
    each,
    share,
    againMs: of(({ again }) => again),
  };
  const met = { share: share <= goals.share, again: figures.againMs < goals.againMs };
  if (flags.json) {
    process.stdout.write(
      `${JSON.stringify({ rounds: flags.rounds, small: flags.small, figures, goals, met, left: [] }, null, 2)}\n`,
    );
    return;
  }
  const detail = Object.entries(each)
    .map(([name, ms]) => `${name} ${ms}`)
    .join(" + ");
  const rows = [
    ["the demo's candidate", "twotier", "against", "ratio", "goals"],
    [
      "built files to verified",
      `${figures.oursMs} ms`,
      `${figures.theirsMs} ms (${detail})`,
      `${share} (<= ${goals.share})`,
      met.share ? "met" : "missed",
    ],
    ["the same command again", `${figures.againMs} ms`, "", `(< ${goals.againMs} ms)`, met.again ? "met" : "missed"],
  ];
  process.stdout.write(`${table(rows)}\n`);
}
