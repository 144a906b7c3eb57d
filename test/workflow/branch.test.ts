import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { resolveArtifacts } from "../../src/config/resolve.ts";
import { workflowFiles } from "../../src/generate/workflow/index.ts";
import { folderTree } from "../../src/git/folder.ts";
import { type Project, projectToken, readToken, startProject } from "../support/project.ts";
import { needs } from "../tools.ts";
import { type Run, runWorkflow, type World } from "./runner.ts";

const config = `name: fast
repository: example/fast
trigger: { branch: trunk }
version: { stamp: [] }
artifacts:
  - { name: wheel, type: command, run: python3 -IS make.py wheel, files: ["*.whl"], package: fast-project }
targets: { pypi: true, github: true }
`;

describe.skipIf(needs(["git", "python3"]))("the generated workflow of a repository that releases from trunk", () => {
  let project: Project;
  let world: Omit<World, "event" | "sha">;
  const runs: Run[] = [];

  beforeAll(async () => {
    project = await startProject({ files: { "twotier.yaml": config, "CHANGELOG.md": "# Changelog\n" } });
    await project.git(["checkout", "--quiet", "-b", "trunk"]);
    const parsed = parseConfig(config);
    const resolved = await resolveArtifacts(parsed, folderTree(project.dir, new AbortController().signal));
    const { registries } = project;
    world = {
      text: workflowFiles(parsed, resolved, "github")[0]?.text as string,
      ...{ repository: "example/fast", branch: "trunk", url: `${registries.git}/example/fast.git` },
      server: registries.github,
      secrets: { PYPI_TOKEN: projectToken },
      tokens: { write: projectToken, read: readToken },
      env: { TWOTIER_PYPI_URL: registries.pypi },
    };
  });
  afterAll(async () => {
    for (const run of runs) run.close();
    await project.close();
  });

  const commit = async (message: string) => {
    writeFileSync(path.join(project.dir, "src/fast.txt"), message);
    await project.git(["commit", "--quiet", "--all", `--message=${message}`]);
    const { stdout } = await project.git(["rev-parse", "HEAD"]);
    return stdout.trim();
  };
  const start = async (sha: string, event: World["event"], branch = "trunk") => {
    const run = await runWorkflow({ ...world, event, sha, branch });
    runs.push(run);
    return run;
  };

  test("makes a push to trunk a candidate, and brings VERSION of the stable release to trunk alone", async () => {
    const { refs } = project;
    const sha = await commit("feat: something");
    await project.git(["push", "--quiet", "origin", "trunk"]);
    const main = (await refs()).get("refs/heads/main");
    const candidate = await start(sha, "push");
    expect(candidate.jobs.get("publish")?.[0], candidate.log("publish")).toMatchObject({
      result: "success",
      outputs: { tag: "v0.1.1-rc.1" },
    });
    const stable = await start(sha, "workflow_dispatch");
    expect(stable.jobs.get("publish")?.[0], stable.log("publish")).toMatchObject({ outputs: { tag: "v0.1.1" } });
    expect(stable.result("verify")).toBe("success");
    await project.git(["fetch", "--quiet", "origin", "trunk"]);
    expect((await project.git(["show", "FETCH_HEAD:VERSION"])).stdout).toBe("0.1.1\n");
    expect((await refs()).get("refs/heads/main")).toBe(main);
  });

  test("refuses a commit that isn't on trunk, when it is started by hand on another branch", async () => {
    await project.git(["checkout", "--quiet", "-b", "feature"]);
    const sha = await commit("feat: not merged");
    await project.git(["push", "--quiet", "origin", "feature"]);
    const run = await start(sha, "workflow_dispatch", "feature");
    expect(run.result("prepare")).toBe("failure");
    expect(run.jobs.get("prepare")?.[0]?.summary).toContain("**REFUSED**");
  });
});
