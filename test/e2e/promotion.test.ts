import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReleaseError } from "../../src/lib/errors.ts";
import type { Promotion } from "../../src/proof/types.ts";
import { checklistOf } from "../../src/release/evidence.ts";
import { type Project, startProject } from "../support/project.ts";

let project: Project;
afterEach(() => project.close());

/** The fast project with everything, or with its npm package on npm and GitHub alone, which is built and released sooner. */
async function start(what: "everything" | "npm") {
  const small = [
    "name: fast",
    "repository: example/fast",
    'trigger: { branch: main, paths: ["src/**"] }',
    "version: { stamp: [] }",
    "artifacts:",
    '  - { name: npm, type: command, run: python3 -IS make.py npm, files: ["*.tgz"], kind: npm, package: "@example/fast" }',
    "targets: { npm: true, github: true }",
  ];
  const config: Record<string, string> = what === "npm" ? { "twotier.yaml": `${small.join("\n")}\n` } : {};
  project = await startProject({ files: { "CHANGELOG.md": "# Changelog\n", ...config } });
}

const asset = async (tag: string, name: string) => {
  const answer = await fetch(`${project.registries.github}/example/fast/releases/download/${tag}/${name}`);
  expect(answer.status).toBe(200);
  return answer.text();
};
const promotion = async () => JSON.parse(await asset("v0.1.1", "promotion.json")) as Promotion;
const refusal = () =>
  project.release({ tier: "production" }).then(
    () => expect.unreachable(),
    (error: ReleaseError) => ({ code: error.code, sentences: error.findings.map((one) => one.message) }),
  );
const locks = async () => [...(await project.refs()).keys()].filter((ref) => ref.startsWith("refs/twotier/"));

/** Changes how the fast project's files are made, from the candidate's commit on, and releases that candidate. */
async function candidate(append: string) {
  const make = (await project.git(["show", "HEAD:make.py"])).stdout;
  await project.push("feat: something", { "make.py": `${append}\n${make}`, "src/fast.txt": "1\n" });
  return project.release({ tier: "staging" });
}

const stable = 'import os as o; STABLE = "-" not in o.environ["VERSION"]';
const tarPatch = (...lines: string[]) =>
  [
    `${stable}\nimport tarfile as t\nold = t.TarFile.addfile\ndef add(self, info, body=None):`,
    ...lines.map((line) => `    ${line}`),
    "    return old(self, info, body)\nt.TarFile.addfile = add",
  ].join("\n");

describe("a promotion of all kinds of packages", () => {
  beforeEach(() => start("everything"));

  it("is proven: the candidate is reproduced, and what differs is the version's spelling", async () => {
    await candidate("");
    await project.release({ tier: "production" });
    const proof = await promotion();
    expect(proof).toMatchObject({ verdict: "proven", accepted: null, unexplained: [], version: "0.1.1" });
    expect(proof.candidate.tag).toBe("v0.1.1-rc.1");
    expect(proof.rebuilt.map(({ name, reproduced }) => [name, reproduced])).toEqual([
      ["example-fast-0.1.1-rc.1.tgz", true],
      ["fast-linux-amd64", true],
      ["fast_project-0.1.1rc1-py3-none-any.whl", true],
      ["fast_project-0.1.1rc1.tar.gz", true],
      ["image.oci", true],
    ]);
    expect(proof.registries.length).toBeGreaterThan(10);
    expect(proof.registries.filter((one) => !one.same)).toEqual([]);
    expect(proof.tree.map(({ entry, verdict }) => [entry, verdict])).toEqual([
      ["CHANGELOG.md", "stamped"],
      ["VERSION", "version"],
    ]);
    const wheel = proof.files.find((file) => file.name.endsWith(".whl"));
    expect(wheel?.differences.map(({ entry, verdict }) => [entry, verdict])).toEqual([
      ["fast_project/__init__.py", "version"],
      ["fast_project-0.1.1.dist-info/METADATA", "version"],
      ["fast_project-0.1.1.dist-info/RECORD", "derived"],
    ]);
    expect(await asset("v0.1.1", "promotion.md")).toContain("# fast 0.1.1 is v0.1.1-rc.1");
    expect(await asset("v0.1.1", "checksums.txt")).toMatch(/ {2}promotion\.json\n.* {2}promotion\.md\n/);
  });

  it.each([
    [
      "a dependency that only the stable version has",
      `${stable}\nimport zipfile as z\nold = z.ZipFile.writestr\nz.ZipFile.writestr = lambda self, info, text: old(self, info, text.replace("Summary", "Requires-Dist: evil\\nSummary") if STABLE and "METADATA" in info.filename else text)`,
      [
        'fast_project-0.1.1-py3-none-any.whl, fast_project-0.1.1.dist-info/METADATA: line 4: "Summary: made in milliseconds", then "Requires-Dist: evil"',
        "fast_project-0.1.1-py3-none-any.whl, fast_project-0.1.1.dist-info/RECORD: RECORD's digest of fast_project-0.1.1.dist-info/METADATA isn't its own",
      ],
    ],
    [
      "a date, a mode, entries that come and go",
      tarPatch(
        'if STABLE and info.name.endswith("package.json"): info.mtime = 1700000000',
        'if STABLE and info.name.endswith("PKG-INFO"): info.mode = 0o777',
        'if STABLE and info.name.endswith("index.js"): info.name = "package/evil.js"',
      ),
      [
        "example-fast-0.1.1.tgz, package/package.json: date 1970-01-01T00:00:00.000Z, then 2023-11-14T22:13:20.000Z",
        "example-fast-0.1.1.tgz, package/evil.js: the candidate has no such entry",
        "example-fast-0.1.1.tgz, package/index.js: only the candidate has it",
        "fast_project-0.1.1.tar.gz, fast_project-0.1.1/PKG-INFO: mode 644, then 777",
      ],
    ],
    [
      "a time of day in what the candidate consists of",
      'import os, time\nif os.sys.argv[1] == "binary": open(os.environ["OUT"] + "/clock-linux-amd64", "w").write(str(time.time_ns()))',
      [
        expect.stringMatching(
          /^clock-linux-amd64 of v0\.1\.1-rc\.1, built again here, isn't what was tested: line 1: "\d+", then "\d+"$/,
        ),
        expect.stringMatching(/^clock-linux-amd64: line 1: "\d+", then "\d+"$/),
      ],
    ],
  ])("that isn't proven stops, and leaves no lock: %s", async (_, code, expected) => {
    if (code.includes("clock")) {
      const config = (await project.git(["show", "HEAD:twotier.yaml"])).stdout;
      const files = '["fast-linux-amd64", "clock-linux-amd64"]';
      await project.push("ci: clock", { "twotier.yaml": config.replace('["fast-linux-amd64"]', files) });
    }
    await candidate(code);
    const { code: error, sentences } = await refusal();
    expect(error).toBe("REFUSED");
    expect(sentences).toEqual(expected);
    expect(await locks()).toEqual([]);
    expect((await project.refs()).has("refs/tags/v0.1.1")).toBe(false);
  });
});

describe("a promotion", () => {
  beforeEach(() => start("npm"));

  it("goes on with a reason, which is recorded with what it accepts", async () => {
    await candidate(tarPatch('if STABLE and info.name.endswith("index.js"): old(self, t.TarInfo("package/more.js"))'));
    await project.release({ tier: "production", acceptDifferences: "more.js is meant" });
    expect(await promotion()).toMatchObject({
      verdict: "accepted",
      accepted: "more.js is meant",
      unexplained: ["example-fast-0.1.1.tgz, package/more.js: the candidate has no such entry"],
    });
    expect(await asset("v0.1.1", "promotion.md")).toContain("**Accepted without full proof:** more.js is meant");
  });

  it("of a candidate that is taken back while it is compared gives the number back", async () => {
    await candidate("");
    const onStep = async (step: string) => {
      if (step !== "locked") return;
      await project.git(["push", "--quiet", "origin", "HEAD:refs/twotier/retracted/v0.1.1-rc.1"]);
    };
    expect((await project.release({ tier: "production" }, { onStep })).released).toBe(false);
    expect(await locks()).toEqual(["refs/twotier/retracted/v0.1.1-rc.1"]);
  });

  it("of another tool's candidate, which has no manifest, is never proven", async () => {
    await project.push("feat: something");
    await project.git(["tag", "v0.1.1-rc.1"]);
    await project.git(["push", "--quiet", "origin", "v0.1.1-rc.1"]);
    await expect(project.release({ tier: "production" })).rejects.toMatchObject({ code: "REFUSED" });
    await project.release({ tier: "production", acceptDifferences: "the last one of the old scripts" });
    expect(await promotion()).toMatchObject({
      verdict: "accepted",
      accepted: "the last one of the old scripts",
      unexplained: ["v0.1.1-rc.1 was released by another tool: there is no manifest to compare with"],
      candidateTools: null,
      files: [],
    });
  });

  it("stops when a registry no longer holds what was tested", async () => {
    await candidate("");
    const auth = { authorization: "Bearer project-token" };
    const releases = `${project.registries.github}/repos/example/fast/releases`;
    const { assets } = (await (await fetch(`${releases}/tags/v0.1.1-rc.1`, { headers: auth })).json()) as {
      assets: { id: number; name: string }[];
    };
    const gone = assets.find((one) => one.name.endsWith(".tgz"));
    await fetch(`${releases}/assets/${gone?.id}`, { method: "DELETE", headers: auth });
    expect((await refusal()).sentences).toEqual([
      "github: example-fast-0.1.1-rc.1.tgz of v0.1.1-rc.1: the registry doesn't hold it any more",
    ]);
  });

  it("of a release that was begun makes the same files again, and records no reason where there was nothing to accept", async () => {
    await candidate("");
    const stop = new ReleaseError("INTERRUPTED", "killed");
    const onStep = async (step: string) => {
      if (step === "locked") throw stop;
    };
    await expect(project.release({ tier: "production" }, { onStep })).rejects.toBe(stop);
    const hurry = { tier: "production", acceptDifferences: "in a hurry" } as const;
    const result = await project.release(hurry, { dir: await project.clone() });
    expect(result.manifest?.files.map((file) => file.name)).toContain("promotion.json");
    expect(await promotion()).toMatchObject({ verdict: "proven", accepted: null });
  });
});

describe("conditions for production", () => {
  beforeEach(() => start("npm"));

  const withConditions = async (conditions: string, files: Record<string, string> = {}) => {
    const config = (await project.git(["show", "HEAD:twotier.yaml"])).stdout;
    const text = `${config}tiers: { production: { conditions: ${conditions} } }\n`;
    await project.push("feat: conditions", { "twotier.yaml": text, "src/fast.txt": "2\n", ...files });
    return project.release({ tier: "staging" });
  };
  const planned = async (more: { approver?: string } = {}) => {
    const session = await project.session({ tier: "production" }, more);
    const { plan } = await session.plan();
    await session.close();
    return plan.conditions.map(({ name, holds, text }) => [name, holds, text]);
  };

  it("are told by the plan and asked by the release; commands run on the source commit", async () => {
    const readme = "# Fast\n\n<!-- twotier:run -->\n```sh\ngrep -q 2 src/fast.txt\n```\n";
    const asked =
      "{ verified: true, minAge: 1d, changelog: true, approvers: [alice], checks: [test -f VERSION], docs: [README.md] }";
    await withConditions(asked, { "README.md": readme });
    const conditions = await planned({ approver: "mallory" });
    expect(conditions).toEqual([
      ["candidate", true, "v0.1.1-rc.1 is complete"],
      ["verified", true, expect.stringMatching(/^\d+ things of v0\.1\.1-rc\.1, read as users do$/)],
      ["minAge", false, expect.stringMatching(/^v0\.1\.1-rc\.1 is (\d+ s|1 min) old, 1 d are asked for$/)],
      ["changelog", true, "CHANGELOG.md gets a section of 1 change"],
      ["approver", false, "mallory may not"],
      ["checks", null, "`test -f VERSION` is run by the release"],
      ["examples", null, "the marked examples of README.md are run by the release"],
    ]);
    const session = await project.session({ tier: "production" });
    const checklist = await checklistOf(session, false, false);
    await session.close();
    expect(checklist).toMatch(
      /- \[x\] Staging release v0\.1\.1-rc\.1 is what was sealed, everywhere: \d+ things read back/,
    );
    expect(checklist).toContain(
      "- [ ] SDK installation verified (`pip install --pre`, npm @next): not tried; add --prove",
    );
    const { code, sentences } = await refusal();
    expect(code).toBe("REFUSED");
    expect(sentences.map((one) => one.split(":")[0])).toEqual(["minAge", "approver"]);
    expect(await locks()).toEqual([]);
  });

  it("that run commands stop the release when one fails, and let it go on when all succeed", async () => {
    await withConditions("{ checks: [test -f MISSING, 'grep -q 2 src/fast.txt'], docs: [README.md] }", {
      "README.md": "<!-- twotier:run -->\n```sh\ntest -f OTHER\n```\n",
    });
    expect((await refusal()).sentences).toEqual([
      "checks: `test -f MISSING` ended with exit code 1",
      "examples: README.md: line 2 ended with exit code 1",
    ]);
    const config = (await project.git(["show", "HEAD:twotier.yaml"])).stdout;
    await project.push("fix: it", { "twotier.yaml": config, MISSING: "", OTHER: "", "src/fast.txt": "2 again\n" });
    await project.release({ tier: "staging" });
    const result = await project.release({ tier: "production" });
    expect(result.manifest?.candidate?.tag).toBe("v0.1.1-rc.2");
  });
});
