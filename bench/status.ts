import path from "node:path";
import { startProject } from "../test/support/project.ts";
import { flagsOf, median, root, run, table } from "./measure.ts";

// `twotier status`, the whole process: a stable version and a candidate on npm, PyPI, an image registry, GitHub and Go's
// tags, and commits that wait. The registries run in this process. Beside it, in the same round, Node's own start and the
// one look at the remote's refs that it can't do without.

const flags = flagsOf(process.argv.slice(2));
const goalMs = 1000;
const project = await startProject();
try {
  await project.push("feat: one");
  await project.release({ tier: "production", allowUntested: true });
  await project.push("feat: two");
  await project.release({ tier: "staging" });
  for (let commit = 0; commit < 20; commit++) await project.push(`fix: ${commit}`);

  const { credentials: known, dir: cwd, registries } = project;
  const env = Object.fromEntries(
    Object.entries({
      GITHUB_API_URL: known.githubApiUrl,
      GITHUB_SERVER_URL: known.githubServerUrl,
      GITHUB_TOKEN: known.githubToken,
      NPM_TOKEN: known.npmToken,
      TWOTIER_NPM_REGISTRY: known.npmRegistry,
      PYPI_TOKEN: known.pypiToken,
      TWOTIER_PYPI_URL: known.pypiUrl,
      DOCKERHUB_USERNAME: known.dockerUsername,
      DOCKERHUB_TOKEN: known.dockerToken,
      TWOTIER_DOCKER_REGISTRY: known.dockerRegistry,
    }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const status = [path.join(root, "dist/main.js"), "status", "--json"];
  const found = JSON.parse((await run(process.execPath, status, { cwd, env })).stdout);
  const rows = [...(found.staging?.rows ?? []), ...(found.production?.rows ?? [])] as { state: string }[];
  if (rows.length !== 10 || rows.some((row) => row.state !== "present") || found.waiting.length !== 20) {
    throw new Error(`that isn't the status that was expected: ${JSON.stringify(found)}`);
  }
  const remote = `${registries.git}/example/fast.git`;
  const rounds: { status: number; node: number; lsRemote: number }[] = [];
  for (let round = 0; round < flags.rounds; round++) {
    rounds.push({
      node: (await run(process.execPath, ["-e", "0"])).ms,
      lsRemote: (await run("git", ["ls-remote", remote], { cwd })).ms,
      status: (await run(process.execPath, status, { cwd, env })).ms,
    });
  }
  const of = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick));
  const figures = {
    status: of((one) => one.status),
    node: of((one) => one.node),
    lsRemote: of((one) => one.lsRemote),
    ratio: of((one) => one.status / (one.node + one.lsRemote)),
  };
  if (flags.json) console.log(JSON.stringify({ status: { ...figures, goalMs } }));
  else {
    const ms = (value: number) => `${value.toFixed(0)} ms`;
    const cells = [ms(figures.status), ms(figures.node), ms(figures.lsRemote), figures.ratio.toFixed(2)];
    console.log(table([["status", "node", "ls-remote", "status / sum"], cells]));
    console.log(figures.status < goalMs ? `under ${goalMs} ms, as wanted` : `over ${goalMs} ms: too slow`);
  }
} finally {
  await project.close();
}
