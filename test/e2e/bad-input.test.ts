import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { asReleaseError, type ReleaseError } from "../../src/lib/errors.ts";
import { createTargets } from "../../src/targets/create.ts";
import { type Project, startProject } from "../support/project.ts";
import { root } from "../tools.ts";

let project: Project;
beforeAll(async () => {
  project = await startProject();
  await project.push("feat: first");
  await project.release({ tier: "staging" });
});
afterAll(() => project.close());

const read = async (url: string) => (await fetch(url, { headers: { authorization: "Bearer project-token" } })).text();

/** Everything that a release could have written. */
async function world(): Promise<string> {
  const { npm, pypi, docker, github } = project.registries;
  const pages = await Promise.all([
    read(`${npm}/@example%2ffast`),
    read(`${pypi}/simple/fast-project/`),
    read(`http://${docker}/v2/example/fast/tags/list`),
    read(`${github}/repos/example/fast/releases`),
  ]);
  return JSON.stringify([[...(await project.refs())], pages]);
}

async function refusal(run: () => Promise<unknown>): Promise<ReleaseError> {
  const before = await world();
  const error = await run().then(
    () => undefined,
    (thrown) => asReleaseError(thrown),
  );
  expect(await world()).toBe(before);
  expect(error).toBeDefined();
  return error as ReleaseError;
}

/** All errors in an error. */
const all = (error: ReleaseError): ReleaseError[] => [error, ...error.findings.flatMap(all)];

describe("a release that can't be made says so before anything is written:", () => {
  it("missing credentials, of all targets at once, each with the variable to set", async () => {
    await project.push("fix: with no credential");
    const bare = { githubApiUrl: project.registries.github, githubServerUrl: project.registries.github };
    const { npm, pypi, docker } = project.registries;
    const error = await refusal(() =>
      project.release(
        { tier: "staging" },
        {
          makeTargets: (config, resolved, repository, release) =>
            createTargets(
              config,
              resolved,
              { ...bare, npmRegistry: npm, pypiUrl: pypi, dockerRegistry: docker },
              repository,
              release,
            ),
        },
      ),
    );
    expect(error.code).toBe("PREFLIGHT");
    const text = all(error)
      .map(({ message, hint }) => `${message} ${hint}`)
      .join("\n");
    for (const name of ["NPM_TOKEN", "PYPI_TOKEN", "DOCKERHUB_TOKEN", "GITHUB_TOKEN"]) expect(text).toContain(name);
  });

  it("refused credentials, of all targets at once", async () => {
    const wrong = Object.fromEntries(
      Object.entries(project.credentials).map(([key, value]) => [key, /token/i.test(key) ? "wrong-token-123" : value]),
    );
    const error = await refusal(() =>
      project.release(
        { tier: "staging" },
        {
          makeTargets: (config, resolved, repository, release) =>
            createTargets(config, resolved, wrong, repository, release),
        },
      ),
    );
    expect(error.code).toBe("PREFLIGHT");
    const targets = error.findings.map(({ message }) => message.split(":")[0]);
    for (const name of ["npm", "pypi", "docker", "github"]) expect(targets).toContain(name);
  });

  const configured = async (change: (yaml: string) => string) => {
    const { stdout } = await project.git(["show", "HEAD:twotier.yaml"]);
    await project.push("feat: another configuration", {
      "twotier.yaml": change(stdout),
      "src/fast.txt": `${Math.random()}`,
    });
    try {
      return await refusal(() => project.release({ tier: "staging" }));
    } finally {
      await project.push("fix: the configuration", { "twotier.yaml": stdout });
    }
  };

  it("a misspelt key, with the place and what was meant", async () => {
    const error = await configured((yaml) => yaml.replace("artifacts:", "artefacts:"));
    expect(error.code).toBe("CONFIG");
    const text = all(error)
      .map(({ message, hint }) => `${message} ${hint}`)
      .join("\n");
    expect(text).toMatch(/twotier\.yaml:\d+:\d+/);
    expect(text).toContain('"artifacts"');
  });

  it("a stamp pattern that matches nothing, and one that matches twice", async () => {
    const stamp = "stamp: [{file: src/fast.txt, pattern: 'version {version}'}]";
    expect((await configured((yaml) => yaml.replace("stamp: []", stamp))).code).toBe("CONFIG");
    const twice = "stamp: [{file: twotier.yaml, pattern: '# {version}'}]\n  # 1.2.3 and\n  # 1.2.3";
    const error = await configured((yaml) => yaml.replace("stamp: []", twice));
    expect(
      all(error)
        .map((one) => one.message)
        .join("\n"),
    ).toMatch(/twice|2 times/);
  });

  it("a label that PyPI can't spell", async () => {
    const error = await configured((yaml) => `${yaml}tiers: {staging: {label: nightly}}\n`);
    expect(error.code).toBe("CONFIG");
    expect(
      all(error)
        .map((one) => one.message)
        .join("\n"),
    ).toContain("nightly");
  });

  it("a command that fails, and one whose glob finds nothing: the number stays free to take", async () => {
    const { stdout } = await project.git(["show", "HEAD:twotier.yaml"]);
    await project.push("feat: no file", { "twotier.yaml": stdout.replace('["fast-linux-amd64"]', '["*.nothing"]') });
    const failed = await project.release({ tier: "staging" }).catch(asReleaseError);
    expect(failed).toMatchObject({ code: "BUILD" });
    await project.push("fix: a file again", { "twotier.yaml": stdout, "src/fast.txt": "again\n" });
    const { manifest } = await project.release({ tier: "staging" });
    expect(manifest?.version).toMatch(/^0\.1\.1-rc\.\d+$/);
  });

  it("a source that isn't on the remote's branch", async () => {
    const dir = await project.clone();
    const git = (...args: string[]) => execFileSync("git", args, { cwd: dir });
    writeFileSync(path.join(dir, "src/fast.txt"), "local\n");
    git("-c", "user.name=A", "-c", "user.email=a@example.invalid", "commit", "--quiet", "--all", "--message=local");
    const error = await refusal(() => project.release({ tier: "staging" }, { dir }));
    expect(error.code).toBe("REFUSED");
    expect(error.hint).toContain("git push");
  });

  it("hostile commit messages and tags are shown as words, in notes and on the terminal", async () => {
    const hostile = "feat: \u001b[31mred\u001b[0m <script>alert(1)</script> [x](javascript:1) $(rm -rf ~) `id`";
    await project.push(hostile, { "src/fast.txt": "hostile\n" });
    await project.git(["tag", "v0.1.0-rc02"]);
    await project.git(["push", "--quiet", "origin", "v0.1.0-rc02"]);
    const { manifest, plan } = await project.release({ tier: "staging" });
    expect(plan.ignoredTags.map((one) => one.tag)).toEqual(["v0.1.0-rc02"]);
    const body = JSON.parse(
      await read(`${project.registries.github}/repos/example/fast/releases/tags/${manifest?.tag}`),
    ).body;
    expect(body).not.toMatch(/<script>|\u001b|\[x\]\(javascript/);
  });
});

describe("the command line", () => {
  let dir: string | undefined;
  const made: string[] = [];
  afterEach(() => {
    for (const one of made.splice(0)) rmSync(one, { recursive: true, force: true });
    dir = undefined;
  });
  const run = (args: string[], cwd: string) =>
    spawnSync(process.execPath, [path.join(root, "src/cli/bin.ts"), ...args], {
      cwd,
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    });
  const folder = () => {
    dir = mkdtempSync(path.join(tmpdir(), "twotier-cli-"));
    made.push(dir);
    return dir;
  };
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.invalid", ...args], { cwd: dir });

  it("says where there is no repository, and exits 2", () => {
    const { status, stderr, stdout } = run(["plan", "--tier", "staging"], folder());
    expect(stderr).toMatch(/error\[USAGE\]: .*isn't in a git repository/);
    expect(stderr).toContain("hint: ");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  it("refuses a shallow clone with the command that mends it", async () => {
    const from = await project.clone();
    execFileSync("git", ["clone", "--quiet", "--depth=1", `file://${from}`, path.join(folder(), "shallow")]);
    const { status, stderr } = run(["plan", "--tier", "staging"], path.join(dir as string, "shallow"));
    expect(stderr).toContain("git fetch --unshallow");
    expect(status).toBe(2);
  });

  it("plans without a remote, with a warning, and a dirty tree isn't used", () => {
    folder();
    git("init", "--quiet", "--initial-branch=main");
    writeFileSync(path.join(dir as string, "package.json"), '{"name": "a", "version": "0.0.0"}\n');
    writeFileSync(path.join(dir as string, "twotier.yaml"), "name: a\nrepository: a/a\n");
    git("add", ".");
    git("commit", "--quiet", "--message=feat: a");
    writeFileSync(path.join(dir as string, "twotier.yaml"), "broken: [\n");
    const { status, stdout, stderr } = run(["plan", "--tier", "staging", "--offline", "--json"], dir as string);
    expect(stderr).toBe("");
    const plan = JSON.parse(stdout);
    expect(plan).toMatchObject({ schema: 1, release: true, version: "0.0.1-rc.1", pythonVersion: "0.0.1rc1" });
    expect(plan.warnings.join("\n")).toMatch(/no remote[\s\S]*aren't committed/);
    expect(status).toBe(0);
  });

  it("names the tier that is missing, the flag that was meant, and the help to read", () => {
    expect(run(["plan"], folder()).stderr).toContain("--tier staging");
    const typo = run(["plan", "--teir", "staging"], dir as string);
    expect(typo.stderr).toMatch(/error\[USAGE\]: unknown option '--teir'[\s\S]*--tier/);
    expect(typo.status).toBe(2);
    expect(run(["plan", "--tier", "prod"], dir as string).stderr).toContain("staging, production");
    expect(run(["relaese"], dir as string).stderr).toContain("release");
  });

  it("prints the error as the one JSON document where that was asked for", () => {
    const { stdout } = run(["plan", "--tier", "staging", "--json"], folder());
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE", retryable: false } });
  });

  it("has help with examples for each command", () => {
    for (const command of ["plan", "release", "rehearse", "registries"]) {
      const { stdout, status } = run([command, "--help"], folder());
      expect(stdout).toContain("Examples:");
      expect(status).toBe(0);
    }
  });
});
