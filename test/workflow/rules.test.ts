import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../src/config/parse.ts";
import { resolveArtifacts } from "../../src/config/resolve.ts";
import { mergeOwn, workflowFiles } from "../../src/generate/workflow/index.ts";
import { folderTree } from "../../src/git/folder.ts";
import { needs, root, toolPath } from "../tools.ts";
import type { Workflow } from "./runner.ts";

const playground = path.join(root, "examples/playground");
const config = parseConfig(readFileSync(path.join(playground, "twotier.yaml"), "utf8"));
const resolved = await resolveArtifacts(config, folderTree(playground, new AbortController().signal));
const folder = mkdtempSync(path.join(tmpdir(), "twotier-rules-"));
const written = (["github", "gitlab"] as const).flatMap((provider) => workflowFiles(config, resolved, provider));
for (const file of written) {
  mkdirSync(path.dirname(path.join(folder, file.path)), { recursive: true });
  writeFileSync(path.join(folder, file.path), file.text);
}
const [github = "", gitlab = ""] = written.map((file) => path.join(folder, file.path));
const text = written[0]?.text as string;
const workflow = parse(text) as Workflow & Record<string, unknown>;
const jobs = Object.entries(workflow.jobs);
const steps = jobs.flatMap(([, job]) => job.steps);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the generated workflow by the rules", () => {
  test("is short", () => expect(text.split("\n").length).toBeLessThan(150));

  test("pins every action by commit, with its version beside it", () => {
    for (const line of text.match(/uses: .*/g) ?? [])
      expect(line).toMatch(/^uses: actions\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test("has no expression inside what a shell reads", () => {
    for (const { run } of steps) expect(run ?? "").not.toContain("${{");
  });

  test("gives rights to write, tokens of registries and an environment to publish alone", () => {
    expect(workflow.permissions).toEqual({});
    for (const [name, job] of jobs) {
      const publishes = name === "publish";
      expect(Object.values(job.permissions ?? {}).includes("write"), name).toBe(publishes);
      expect("id-token" in (job.permissions ?? {}), name).toBe(publishes);
      expect(JSON.stringify(job).includes("secrets."), name).toBe(publishes);
      expect(job.environment !== undefined, name).toBe(publishes);
    }
  });

  test("runs nothing but twotier where it publishes, without any cache", () => {
    const runs = workflow.jobs.publish?.steps.flatMap(({ run }) => run ?? []) ?? [];
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatch(/^npx --yes twotier@\S+ publish /);
    expect(text).not.toContain("actions/cache");
    for (const one of steps.filter(({ uses }) => uses?.startsWith("actions/setup-node")))
      expect(one.with?.["package-manager-cache"]).toBe(false);
  });

  test("leaves no credential in a clone, lets runs wait for each other, and sees every push", () => {
    for (const one of steps.filter(({ uses }) => uses?.startsWith("actions/checkout")))
      expect(one.with).toEqual({ "fetch-depth": 0, "persist-credentials": false });
    expect(workflow.concurrency).toEqual({ group: "release", queue: "max", "cancel-in-progress": false });
    expect(workflow.on.push).toEqual({ branches: ["main"] });
  });

  test("asks for the inputs of the release process, with its defaults", () => {
    const inputs = Object.entries(workflow.on.workflow_dispatch?.inputs ?? {});
    expect(inputs.map(([name, input]) => [name, input.default])).toEqual([
      ...[
        ["release_environment", "production"],
        ["release_component", "patch"],
      ],
      ...[
        ["publish_pypi", true],
        ["publish_npm", true],
        ["publish_docker", true],
      ],
      ...[
        ["prerelease_label", undefined],
        ["candidate", undefined],
      ],
    ]);
  });

  test("stands in the example as it is generated, but for the version that wrote it", () => {
    const plain = (of: string) => of.replace(/twotier@[\w.-]+/g, "twotier@").replace(/begin sha256:\w+/, "begin");
    const there = readFileSync(path.join(playground, ".github/workflows/release.yml"), "utf8");
    expect(plain(there)).toBe(plain(text));
  });
});

describe("the branch that releases come from", () => {
  test.each(["trunk", "release/next", "2.x", "1.20", "on", "no", "true"])("%s stands in the workflows", (branch) => {
    const of = { ...config, trigger: { ...config.trigger, branch } };
    const [github, gitlab] = (["github", "gitlab"] as const).map((provider) => {
      return parse(workflowFiles(of, resolved, provider)[0]?.text as string);
    });
    expect(github.on.push).toEqual({ branches: [branch] });
    expect(gitlab.workflow.rules[0].if).toContain(`$CI_COMMIT_BRANCH == "${branch}" &&`);
  });

  test.each(["feature*", "a b", "x\n- y", "!main", "v[12]"])(
    "%j can't, because GitHub reads more into it",
    (branch) => {
      const of = { ...config, trigger: { ...config.trigger, branch } };
      expect(() => workflowFiles(of, resolved, "github")).toThrow("trigger.branch can't stand in a workflow");
    },
  );
});

describe("programs of others about the generated workflow", () => {
  test.skipIf(needs(["check-jsonschema"]))("fits GitHub's and GitLab's schemas", () => {
    const check = (...args: string[]) => execFileSync(toolPath("check-jsonschema"), args, { encoding: "utf8" });
    expect(check("--builtin-schema", "vendor.github-workflows", github)).toContain("ok");
    expect(check("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", gitlab)).toContain("ok");
  });

  test.skipIf(needs(["actionlint"]))("has nothing that actionlint finds, but for a key newer than it", () => {
    const ran = spawnSync(toolPath("actionlint"), ["-ignore", 'unexpected key "queue"', github], { encoding: "utf8" });
    expect(ran.stdout).toBe("");
  });

  test.skipIf(needs(["zizmor"]))("has nothing that zizmor finds", () => {
    const ran = spawnSync(toolPath("zizmor"), ["--offline", "--no-exit-codes", "--format=json", github], {
      encoding: "utf8",
    });
    expect(JSON.parse(ran.stdout)).toEqual([]);
  });
});

describe("a workflow that people have changed", () => {
  const [file] = workflowFiles(config, resolved, "github");
  const at = path.join(folder, file?.path as string);
  const merged = async (there: string, force = false) => {
    writeFileSync(at, there);
    return (await mergeOwn(folder, [file as NonNullable<typeof file>], { force }))[0]?.text;
  };

  test("keeps the lines outside of the marks, and Windows' line ends", async () => {
    const own = `# ours\n${text}  notify:\n    runs-on: ubuntu-latest\n`;
    expect(await merged(own)).toBe(own);
    const windows = own.replaceAll("\n", "\r\n");
    expect(await merged(windows)).toBe(windows);
  });

  test("is refused, with a diff, where the lines between the marks were changed, or there are none", async () => {
    const changed = text.replace("timeout-minutes: 30", "timeout-minutes: 31");
    for (const there of [changed, "name: mine\n"]) {
      await expect(merged(there)).rejects.toMatchObject({
        code: "REFUSED",
        facts: { diff: expect.stringContaining("+") },
      });
      expect(await merged(there, true)).toBe(text);
    }
  });

  test("is refused with Windows' line ends too, with the changed line alone as the difference", async () => {
    const changed = `${text}  # ours\n`.replace("timeout-minutes: 30", "timeout-minutes: 31").replaceAll("\n", "\r\n");
    const { diff } = (await merged(changed).catch((error) => error.facts)) as { diff: string };
    expect(diff.split("\n").filter((line) => /^[+-] /.test(line))).toEqual([
      "-    timeout-minutes: 31\r",
      "+    timeout-minutes: 30\r",
    ]);
    expect(await merged(changed, true)).toBe(`${text}  # ours\n`.replaceAll("\n", "\r\n"));
  });

  test("of another version of twotier is brought up to date, and own lines and line ends stay", async () => {
    const { text: older } = workflowFiles({ ...config, repository: "some/other" }, resolved, "github")[0] ?? {};
    const own = (of = "") => `# ours\n${of}  notify:\n`.replaceAll("\n", "\r\n");
    expect(await merged(own(older))).toBe(own(text));
  });
});
