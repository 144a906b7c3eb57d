import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { resolveArtifacts } from "../../src/config/resolve.ts";
import { workflowFiles } from "../../src/generate/workflow/index.ts";
import { folderTree } from "../../src/git/folder.ts";
import type { Promotion } from "../../src/proof/types.ts";
import { type Project, projectToken, readToken, startProject } from "../support/project.ts";
import { needs } from "../tools.ts";
import { type Run, runWorkflow, type World } from "./runner.ts";

/** While it is there, the wheel can't be built. */
const broken = path.join(tmpdir(), `twotier-broken-${process.pid}`);

const config = `name: fast
repository: example/fast
trigger: { branch: main, paths: ["src/**"] }
version: { stamp: [] }
checks: ["test -f src/fast.txt"]
artifacts:
  - { name: tool, type: go, dir: tool, package: ., platforms: [linux/amd64, linux/arm64], ldflags: "-X main.version={version}" }
  - { name: npm, type: command, run: python3 -IS make.py npm, files: ["*.tgz"], kind: npm, package: "@example/fast" }
  - { name: wheel, type: command, run: "test ! -e ${broken} && python3 -IS make.py wheel", files: ["*.whl"], package: fast-project }
  - name: image
    type: image
    repository: example/fast
    platforms: [linux/amd64]
    files: { /tool: tool }
    entrypoint: [/tool]
  - { name: module, type: go-module, dir: sdk/go }
tiers: { production: { conditions: { checks: ["test -f make.py"] } } }
targets: { npm: true, pypi: true, docker: true, github: true, go: true }
`;
const files = {
  "twotier.yaml": config,
  "CHANGELOG.md": "# Changelog\n",
  "tool/go.mod": "module example.invalid/fast/tool\n\ngo 1.19\n",
  "tool/main.go": 'package main\n\nvar version = "dev"\n\nfunc main() { println(version) }\n',
};

let project: Project;
let world: Omit<World, "event" | "sha">;
const runs: Run[] = [];

beforeAll(async () => {
  project = await startProject({ files });
  // npm gives `latest` to a package's first version: twotier asks for a placeholder first.
  await project.registries.servers.npm;
  const parsed = parseConfig(config);
  const resolved = await resolveArtifacts(parsed, folderTree(project.dir, new AbortController().signal));
  const { registries } = project;
  world = {
    text: workflowFiles(parsed, resolved, "github")[0]?.text as string,
    repository: "example/fast",
    branch: "main",
    url: `${registries.git}/example/fast.git`,
    server: registries.github,
    secrets: {
      ...{ NPM_TOKEN: projectToken, PYPI_TOKEN: projectToken },
      ...{ DOCKERHUB_USERNAME: "project", DOCKERHUB_TOKEN: projectToken },
    },
    tokens: { write: projectToken, read: readToken },
    env: {
      ...{ TWOTIER_NPM_REGISTRY: registries.npm, TWOTIER_PYPI_URL: registries.pypi },
      TWOTIER_DOCKER_REGISTRY: registries.docker,
    },
  };
});
afterAll(async () => {
  rmSync(broken, { force: true });
  for (const run of runs) run.close();
  await project.close();
});

async function start(more: Partial<World> & Pick<World, "event" | "sha">): Promise<Run> {
  const run = await runWorkflow({ ...world, ...more });
  runs.push(run);
  return run;
}

const results = (run: Run) =>
  Object.fromEntries(["prepare", "build", "publish", "verify"].map((job) => [job, run.result(job)]));
const attempts = (run: Run) =>
  Object.fromEntries((run.jobs.get("build") ?? []).map(({ leg, attempts }) => [leg, attempts]));
const allDone = { prepare: "success", build: "success", publish: "success", verify: "success" };
const get = async (address: string) => (await fetch(address)).json() as Promise<never>;
const distTags = () => get(`${project.registries.npm}/-/package/@example%2ffast/dist-tags`);

describe.skipIf(needs(["go", "git", "python3"]))("the generated workflow", () => {
  test("makes a push a candidate, also when one build fails once and is run again", async () => {
    await project.release({ tier: "staging", force: true }, { claim: true }); // the npm package exists from here on
    const sha = await project.push("feat: something");
    writeFileSync(broken, "");
    const run = await start({ event: "push", sha });
    expect(results(run)).toEqual({ prepare: "success", build: "failure", publish: "skipped", verify: "skipped" });
    expect(run.log("build")).toContain("error[BUILD]: wheel: sh -c");
    expect([...(await project.refs()).keys()].filter((ref) => ref.includes("rc.2"))).toEqual([]);

    rmSync(broken);
    await run.rerunFailed();
    expect(results(run), run.log("publish")).toEqual(allDone);
    expect(attempts(run)).toEqual({ image: 1, npm: 1, "tool-linux-arm64": 1, "twotier-checks": 1, wheel: 2 });
    expect(await distTags()).toMatchObject({ next: "0.1.1-rc.2" });
    expect(run.jobs.get("publish")?.[0]).toMatchObject({
      environment: "staging",
      outputs: { version: "0.1.1-rc.2", tag: "v0.1.1-rc.2" },
    });
    expect(run.jobs.get("publish")?.[0]?.summary).toContain("## fast 0.1.1-rc.2");
  });

  test("does nothing on a push that triggers nothing, and says why", async () => {
    const run = await start({ event: "push", sha: await project.push("docs: more", { "README.md": "more\n" }) });
    expect(results(run)).toEqual({ prepare: "success", build: "skipped", publish: "skipped", verify: "skipped" });
    expect(run.log("prepare")).toContain("nothing to do: ");
  });

  test("makes the candidate stable when it is started by hand, and proves it on what the runners built", async () => {
    const { stdout } = await project.git(["rev-parse", "HEAD"]);
    const run = await start({ event: "workflow_dispatch", sha: stdout.trim() });
    expect(results(run), run.log("publish")).toEqual(allDone);
    expect(await distTags()).toMatchObject({ latest: "0.1.1", next: "0.1.1" });
    expect(run.jobs.get("publish")?.[0]?.environment).toBe("production");
    const assets = `${project.registries.github}/example/fast/releases/download/v0.1.1`;
    const promotion: Promotion = await get(`${assets}/promotion.json`);
    expect(promotion).toMatchObject({ verdict: "proven", candidate: { tag: "v0.1.1-rc.2" } });
    expect(promotion.rebuilt.map(({ name, reproduced }) => [name, reproduced])).toEqual([
      ["example-fast-0.1.1-rc.2.tgz", true],
      ["fast_project-0.1.1rc2-py3-none-any.whl", true],
      ["image.oci", true],
      ["tool-linux-amd64", true],
      ["tool-linux-arm64", true],
    ]);

    await run.rerunAll();
    expect(results(run)).toEqual({ prepare: "success", build: "skipped", publish: "skipped", verify: "skipped" });
  });

  test("publishes both tiers without secrets of npm and PyPI, where both trust the job that publishes", async () => {
    const { NPM_TOKEN: _npm, PYPI_TOKEN: _pypi, ...secrets } = world.secrets;
    const keyless = { secrets, idToken: project.registries.idToken };
    const sha = await project.push("fix: keyless");
    const candidate = await start({ ...keyless, event: "push", sha });
    expect(results(candidate), candidate.log("publish")).toEqual(allDone);
    expect(await distTags()).toMatchObject({ latest: "0.1.1", next: "0.1.2-rc.1" });
    const stable = await start({ ...keyless, event: "workflow_dispatch", sha });
    expect(results(stable), stable.log("publish")).toEqual(allDone);
    expect(await distTags()).toMatchObject({ latest: "0.1.2", next: "0.1.2-rc.1" });

    // No job but `publish` can ask for an ID token, and nothing else would let it in.
    const without = await start({ secrets, event: "push", sha: await project.push("fix: nobody") });
    expect(results(without)).toMatchObject({ build: "success", publish: "failure" });
    expect(without.log("publish")).toContain("or give the job `id-token: write` and npm a trusted publisher");
  });

  test("does nothing in a fork", async () => {
    const run = await start({ event: "push", sha: "0".repeat(40), repository: "somebody/fast" });
    expect(results(run)).toEqual({ prepare: "skipped", build: "skipped", publish: "skipped", verify: "skipped" });
  });
});
