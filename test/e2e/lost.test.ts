import { execFile } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Project, projectToken, startProject } from "../support/project.ts";
import { needs, root } from "../tools.ts";

const config = `name: fast
repository: example/fast
trigger: { branch: main, paths: ["src/**"] }
version: { stamp: [] }
artifacts:
  - { name: wheel, type: command, run: python3 -IS make.py wheel, files: ["*.whl"], package: fast-project }
targets: { pypi: true, github: true }
`;

describe.skipIf(needs(["git", "python3"]))("publish, when something was released since prepare", () => {
  let project: Project;
  beforeAll(async () => {
    project = await startProject({ files: { "twotier.yaml": config, "CHANGELOG.md": "# Changelog\n" } });
  });
  afterAll(() => project.close());

  /** A machine of its own, with a clone. */
  async function machine() {
    const dir = await project.clone();
    const { registries } = project;
    const env = {
      ...{ PATH: process.env.PATH, HOME: dir, LANG: "C.UTF-8", GITHUB_TOKEN: projectToken, PYPI_TOKEN: projectToken },
      ...{ GITHUB_API_URL: registries.github, GITHUB_SERVER_URL: registries.github },
      TWOTIER_PYPI_URL: registries.pypi,
    };
    const run = (...args: string[]) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        execFile(process.execPath, [path.join(root, "src/cli/bin.ts"), ...args], { cwd: dir, env }, (error, out, err) =>
          resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout: out, stderr: err }),
        );
      });
    return {
      async prepareAndBuild(tier: string) {
        const prepared = await run("prepare", "--tier", tier, "--json");
        expect(prepared.code, prepared.stderr).toBe(0);
        const built = await run("build", "--part", "wheel");
        expect(built.code, built.stderr).toBe(0);
        return JSON.parse(prepared.stdout).tag as string;
      },
      publish: () => run("publish", "--json"),
    };
  }

  /** All that anybody can see of the releases. */
  async function world() {
    const { registries } = project;
    const pypi = await fetch(`${registries.pypi}/simple/fast-project/`);
    const releases = await fetch(`${registries.github}/repos/example/fast/releases`, {
      headers: { authorization: `Bearer ${projectToken}` },
    });
    const shown = (await releases.json()) as { tag_name: string; draft: boolean }[];
    return {
      refs: await project.refs(),
      pypi: await pypi.text(),
      releases: shown.map((one) => `${one.tag_name} ${one.draft}`),
    };
  }

  test("production that lost to another candidate has failed, and writes nothing", async () => {
    await project.push("feat: first");
    await project.release({ tier: "staging" });
    const slow = await machine();
    expect(await slow.prepareAndBuild("production")).toBe("v0.1.1");
    await project.push("feat: second");
    await project.release({ tier: "staging" });
    expect((await project.release({ tier: "production" })).manifest).toMatchObject({
      candidate: { tag: "v0.1.1-rc.2" },
    });
    const before = await world();
    const { code, stdout, stderr } = await slow.publish();
    expect(JSON.parse(stdout || "{}"), stderr).toMatchObject({ error: { code: "LOST" } });
    expect(code).toBe(1);
    expect(await world()).toEqual(before);
  });

  test("a candidate whose number another commit has got has failed, and writes nothing", async () => {
    const source = await project.push("feat: third");
    await project.push("feat: fourth");
    const slow = await machine();
    expect(await slow.prepareAndBuild("staging")).toBe("v0.1.2-rc.1");
    expect((await project.release({ tier: "staging" }, { source })).manifest).toMatchObject({ tag: "v0.1.2-rc.1" });
    const before = await world();
    const { code, stdout, stderr } = await slow.publish();
    expect(JSON.parse(stdout || "{}"), stderr).toMatchObject({ error: { code: "LOST" } });
    expect(code).toBe(1);
    expect(await world()).toEqual(before);
  });

  test("a candidate that another run has made of the same commit is that run's: nothing is left to do", async () => {
    await project.push("feat: fifth");
    const slow = await machine();
    expect(await slow.prepareAndBuild("staging")).toBe("v0.1.2-rc.2");
    await project.release({ tier: "staging" });
    const { code, stdout, stderr } = await slow.publish();
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ released: false, tag: null });
  });
});
