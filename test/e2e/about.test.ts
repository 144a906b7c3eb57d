import { spawn } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Project, projectToken, startProject } from "../support/project.ts";
import { root } from "../tools.ts";

let project: Project;
beforeAll(async () => {
  project = await startProject();
  await project.push("feat: one");
  await project.release({ tier: "staging" });
});
afterAll(() => project.close());

function twotier(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { registries } = project;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(root, "src/cli/bin.ts"), ...args], {
      cwd: project.dir,
      env: {
        ...{ PATH: process.env.PATH, HOME: project.dir, NO_COLOR: "1" },
        ...{ GITHUB_TOKEN: projectToken, GITHUB_API_URL: registries.github, GITHUB_SERVER_URL: registries.github },
        ...{ NPM_TOKEN: projectToken, TWOTIER_NPM_REGISTRY: registries.npm },
        ...{ PYPI_TOKEN: projectToken, TWOTIER_PYPI_URL: registries.pypi },
        ...{ DOCKERHUB_USERNAME: "project", DOCKERHUB_TOKEN: projectToken, TWOTIER_DOCKER_REGISTRY: registries.docker },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const out = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => (out.stdout += chunk));
    child.stderr.on("data", (chunk) => (out.stderr += chunk));
    child.on("close", (code) => resolve({ code, ...out }));
  });
}

describe("the commands about a release, as processes", () => {
  it("status prints a table, or one JSON document", async () => {
    const text = await twotier("status");
    expect(text.stderr).toBe("");
    expect(text.stdout).toContain("staging  0.1.1-rc.1");
    expect(text.stdout).toContain("0.1.1 from v0.1.1-rc.1");
    const json = JSON.parse((await twotier("status", "0.1.1-rc.1", "--json")).stdout);
    expect(json).toMatchObject({ schema: 1, version: "0.1.1-rc.1", complete: true, retracted: false });
  });

  it("verify ends with 0, and with 2 for a version that doesn't exist", async () => {
    const found = await twotier("verify", "0.1.1-rc.1", "--json");
    expect(found.code, found.stdout + found.stderr).toBe(0);
    expect(JSON.parse(found.stdout)).toMatchObject({ schema: 1, tag: "v0.1.1-rc.1", kind: "sealed" });
    const none = await twotier("verify", "0.7.0");
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("error[USAGE]: there is no release 0.7.0\nhint: ");
  });

  it("notes prints Markdown", async () => {
    expect((await twotier("notes", "v0.1.1-rc.1")).stdout).toContain("npm install @example/fast@0.1.1-rc.1");
  });

  it("rollback --plan ends with 0 and writes nothing; rollback ends with 3 while PyPI waits for a person, then with 0", async () => {
    const before = JSON.stringify([...(await project.refs())]);
    const plan = await twotier("rollback", "0.1.1-rc.1", "--plan");
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toContain("nothing was written");
    expect(JSON.stringify([...(await project.refs())])).toBe(before);
    const first = await twotier("rollback", "0.1.1-rc.1", "--json", "--yes");
    expect(first.code, first.stdout + first.stderr).toBe(3);
    const { steps, failures } = JSON.parse(first.stdout);
    expect(failures).toEqual([]);
    expect(steps.filter((step: { state: string }) => step.state === "manual")).toMatchObject([{ target: "pypi" }]);
    expect((await twotier("verify", "0.1.1-rc.1")).code).toBe(3);
    await project.registries.servers.pypi.admin.yank("fast-project", "0.1.1rc1");
    expect((await twotier("rollback", "0.1.1-rc.1", "--yes")).code).toBe(0);
    expect((await twotier("verify", "0.1.1-rc.1")).code).toBe(0);
  });
});
