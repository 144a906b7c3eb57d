import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { pins } from "../../src/generate/workflow/pins.ts";
import { productVersion } from "../../src/lib/product.ts";
import { type Project, projectToken, readToken, startProject } from "../support/project.ts";
import { needs, root, toolPath } from "../tools.ts";
import { type Run, runWorkflow, type Step, type World } from "./runner.ts";

const text = readFileSync(path.join(root, "action.yml"), "utf8");
const action = parse(text) as { inputs: Record<string, object>; runs: { steps: Step[] } };

const config = `name: fast
repository: example/fast
trigger: { branch: main, paths: ["src/**"] }
version: { stamp: [] }
artifacts:
  - { name: npm, type: command, run: python3 -IS make.py npm, files: ["*.tgz"], kind: npm, package: "@example/fast" }
  - { name: wheel, type: command, run: "test ! -e src/broken && python3 -IS make.py wheel", files: ["*.whl"], package: fast-project }
targets: { npm: true, pypi: true, github: true }
`;

/** A step behind the action that runs whatever became of it. */
const after = `      - { id: after, if: always(), run: 'echo "text=after $IT" >>"$GITHUB_OUTPUT"', env: { IT: "\${{ steps.twotier.outputs.released }}" } }\n`;

/** A workflow with one job that uses the action, and another that gets its outputs. */
const workflow = (uses: string, inputs: Record<string, string>, more = after) => `on: push
permissions: {}
jobs:
  release:
    runs-on: ubuntu-latest
    permissions: { contents: write }
    outputs:
      released: \${{ steps.twotier.outputs.released }}
      version: \${{ steps.twotier.outputs.version }}
      tag: \${{ steps.twotier.outputs.tag }}
      outcome: \${{ steps.after.outputs.text }}
    steps:
      - uses: actions/checkout@${pins["actions/checkout"].sha} # ${pins["actions/checkout"].version}
        with: { fetch-depth: 0, persist-credentials: false }
      - id: twotier
        uses: ${uses}
        with: ${JSON.stringify(inputs)}
        env:
          NPM_TOKEN: \${{ secrets.NPM_TOKEN }}
          PYPI_TOKEN: \${{ secrets.PYPI_TOKEN }}
${more}`;

describe("action.yml", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "twotier-action-"));
  const used = path.join(folder, ".github/workflows/release.yml");
  mkdirSync(path.dirname(used), { recursive: true });
  mkdirSync(path.join(folder, ".git")); // actionlint looks for the repository's root
  copyFileSync(path.join(root, "action.yml"), path.join(folder, "action.yml"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("has no expression inside what a shell reads, and pins what it uses as the workflow does", () => {
    for (const { run } of action.runs.steps) expect(run ?? "").not.toContain("${{");
    const { sha, version } = pins["actions/setup-node"];
    expect(text.match(/uses: .*/g)).toEqual([`uses: actions/setup-node@${sha} # ${version}`]);
  });

  test("describes its inputs, and the pages list each of them", () => {
    const page = readFileSync(path.join(root, "docs/github-actions.md"), "utf8");
    for (const [name, input] of Object.entries(action.inputs)) {
      expect(input, name).toHaveProperty("description", expect.stringMatching(/./));
      expect(page).toContain(`| \`${name}\` |`);
    }
  });

  test.skipIf(needs(["check-jsonschema"]))("fits GitHub's schema", () => {
    const args = ["--builtin-schema", "vendor.github-actions", path.join(root, "action.yml")];
    expect(execFileSync(toolPath("check-jsonschema"), args, { encoding: "utf8" })).toContain("ok");
  });

  test.skipIf(needs(["actionlint"]))("has the inputs and outputs that actionlint finds used of it", () => {
    const lint = () => spawnSync(toolPath("actionlint"), [used], { encoding: "utf8", cwd: folder }).stdout;
    writeFileSync(used, workflow("./", { tier: "staging", args: "--no-wait" }));
    expect(lint()).toBe("");
    writeFileSync(used, workflow("./", { teir: "staging" }));
    expect(lint()).toContain('input "teir" is not defined');
  });

  test.skipIf(needs(["zizmor"]))("has nothing that zizmor finds", () => {
    const args = ["--offline", "--no-exit-codes", "--format=json", path.join(root, "action.yml")];
    expect(JSON.parse(spawnSync(toolPath("zizmor"), args, { encoding: "utf8" }).stdout)).toEqual([]);
  });

  test.skipIf(needs(["shellcheck"]))("is a script that shellcheck finds nothing in", () => {
    const script = path.join(folder, "script.sh");
    writeFileSync(script, action.runs.steps.find(({ id }) => id === "twotier")?.run as string);
    expect(spawnSync(toolPath("shellcheck"), ["-s", "bash", script], { encoding: "utf8" }).stdout).toBe("");
  });
});

describe.skipIf(needs(["git", "python3"]))("a job that uses the action", () => {
  let project: Project;
  let world: Omit<World, "event" | "sha" | "text">;
  /** The action as GitHub fetches it: without anything installed. */
  let fetched: string;
  const runs: Run[] = [];

  beforeAll(async () => {
    project = await startProject({ files: { "twotier.yaml": config, "CHANGELOG.md": "# Changelog\n" } });
    fetched = mkdtempSync(path.join(tmpdir(), "twotier-fetched-"));
    copyFileSync(path.join(root, "action.yml"), path.join(fetched, "action.yml"));
    writeFileSync(path.join(fetched, "VERSION"), `${productVersion}\n`);
    const { registries } = project;
    world = {
      ...{ repository: "example/fast", branch: "main", url: `${registries.git}/example/fast.git` },
      server: registries.github,
      secrets: { NPM_TOKEN: projectToken, PYPI_TOKEN: projectToken },
      tokens: { write: projectToken, read: readToken },
      env: { TWOTIER_NPM_REGISTRY: registries.npm, TWOTIER_PYPI_URL: registries.pypi },
      actions: { "./": root, "hanzoai/twotier": fetched },
    };
    await project.release({ tier: "staging", force: true }, { claim: true }); // the npm package exists from here on
  });
  afterAll(async () => {
    for (const run of runs) run.close();
    await project.close();
    rmSync(fetched, { recursive: true, force: true });
  });

  async function use(sha: string, inputs: Record<string, string>, uses = "./") {
    const run = await runWorkflow({ ...world, event: "push", sha, text: workflow(uses, inputs) });
    runs.push(run);
    const [job] = run.jobs.get("release") ?? [];
    if (!job) throw new Error("no job ran");
    return job;
  }
  const released = (version: string) => ({ released: "true", version, tag: `v${version}` });
  const nothing = { released: "false", version: "", tag: "" };

  test("makes a push a candidate, and says what it was and where it is", async () => {
    const job = await use(await project.push("feat: something"), { tier: "staging" });
    expect(job.result, job.log).toBe("success");
    expect(job.outputs).toEqual({ ...released("0.1.1-rc.2"), outcome: "after true" });
    expect(job.summary).toContain("## fast 0.1.1-rc.2\n");
    expect(job.summary).toContain("| npm | @example/fast@0.1.1-rc.2 | → next |\n");
    expect(job.summary).toContain(`[The release](${project.registries.github}/example/fast/releases/tag/v0.1.1-rc.2)`);
  });

  test("plans, with the version that is asked for, and says what would be released", async () => {
    const sha = await project.push("feat: more");
    const job = await use(sha, { command: "plan", tier: "staging", version: productVersion }, "hanzoai/twotier@v1");
    expect(job.outputs).toEqual({ ...released("0.1.1-rc.3"), released: "false", outcome: "after false" });
    expect(job.summary).toContain("## v0.1.1-rc.3 would be released\n");
    const { log } = await use(sha, { command: "plan", tier: "staging", version: "9.9.9" });
    expect(log).toContain("npx: --yes twotier@9.9.9 plan --tier staging");
  });

  test("makes the candidate stable, with inputs and arguments that hold blanks and quotes", async () => {
    const { stdout } = await project.git(["rev-parse", "HEAD"]);
    const skip = { skip: "npm", reason: `it's "down" $(touch pwned)`, args: "--timeout\n20\n" };
    const job = await use(stdout.trim(), { tier: "production", ...skip }, "hanzoai/twotier@v1");
    expect(job.result, job.log).toBe("success");
    expect(job.outputs).toMatchObject(released("0.1.1"));
    expect(job.summary).toContain('npm was skipped: it\'s "down" $(touch pwned)');
    expect(job.summary).toContain("- 1 commit on main is not in it");
  });

  test("has nothing to do on a push that triggers nothing, and says why", async () => {
    await use(await project.push("feat: last"), { tier: "staging" });
    const job = await use(await project.push("docs: more", { "README.md": "more\n" }), { tier: "staging" });
    expect(job.result, job.log).toBe("success");
    expect(job.outputs).toEqual({ ...nothing, outcome: "after false" });
    expect(job.summary).toContain("## Nothing to release\n");
  });

  test("fails where the release fails, and its outputs and summary say so also to steps that go on", async () => {
    const job = await use(await project.push("feat: broken", { "src/broken": "" }), { tier: "staging" });
    expect(job.result).toBe("failure");
    expect(job.outputs).toEqual({ ...nothing, outcome: "after false" });
    expect(job.summary).toMatch(/## twotier release failed\n\n- \*\*BUILD\*\* wheel: /);
    const wrong = await use(await project.push("feat: none"), { tier: "prodution" });
    expect(wrong).toMatchObject({ result: "failure", outputs: nothing });
    expect(wrong.summary).toContain("**USAGE**");
  });

  test("fails in a fork that has no secrets, and writes nothing", async () => {
    const refs = await project.refs();
    const fork = { repository: "somebody/fast", secrets: {}, tokens: { write: readToken, read: readToken } };
    const { stdout } = await project.git(["rev-parse", "HEAD"]);
    const run = await runWorkflow({
      ...{ ...world, ...fork, event: "push", sha: stdout.trim() },
      text: workflow("./", { tier: "staging" }),
    });
    runs.push(run);
    expect(run.result("release")).toBe("failure");
    expect(run.jobs.get("release")?.[0]?.summary).toContain("**PREFLIGHT** npm: no token for npm");
    expect(await project.refs()).toEqual(refs);
  });
});
