import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { resolveArtifacts } from "../../src/config/resolve.ts";
import { examine } from "../../src/doctor/examine.ts";
import { type Code, codes, type Diagnosis } from "../../src/doctor/types.ts";
import { installerFiles } from "../../src/generate/installer/index.ts";
import { gitCredentials } from "../../src/git/credentials.ts";
import { folderTree } from "../../src/git/folder.ts";
import { makeLock } from "../../src/git/lock.ts";
import { pushRefs } from "../../src/git/push.ts";
import { openRepository } from "../../src/git/repository.ts";
import { ReleaseError, registerSecret } from "../../src/lib/errors.ts";
import { githubIdTokens } from "../../src/lib/id-token.ts";
import { type Credentials, createTargets } from "../../src/targets/create.ts";
import { type Project, projectToken, startProject, testIo } from "../support/project.ts";
import { root } from "../tools.ts";

const name = "example/fast";
let project: Project;
let wellConfigured: string;
/** Before anything was released. */
let first: Diagnosis;
beforeAll(async () => {
  project = await startProject();
  const yaml = readFileSync(path.join(project.dir, "twotier.yaml"), "utf8");
  wellConfigured = yaml.replace('["src/**"]', '["src/**", "sdk/**", VERSION, make.py]');
  await project.push("chore: every file that matters triggers", {
    ...{ "twotier.yaml": wellConfigured, "src/fast.txt": "one\n" },
  });
  first = await look();
  await project.release({ tier: "staging" });
});
afterAll(() => project.close());

/** What doctor finds, with other credentials or settings. */
async function look(
  change: { credentials?: Partial<Credentials>; offline?: boolean; variables?: Record<string, string> } = {},
): Promise<Diagnosis> {
  const credentials = { ...project.credentials, ...change.credentials };
  const offline = change.offline ?? false;
  return examine({
    dir: project.dir,
    offline,
    io: testIo(),
    variable: (variable) => change.variables?.[variable],
    open: (io, stale) =>
      project.session(
        { tier: "staging", offline },
        {
          io,
          repository: openRepository(
            project.dir,
            io.signal,
            gitCredentials(project.registries.git, projectToken),
            stale,
          ),
          makeTargets: (config, resolved, repository, context) =>
            createTargets(config, resolved, credentials, repository, context),
        },
      ),
  });
}

const integrityOf = (bytes: Buffer) => `sha512-${createHash("sha512").update(bytes).digest("base64")}`;

const codesOf = ({ findings }: Diagnosis) => findings.filter((one) => one.level !== "note").map((one) => one.code);
const whats = ({ findings }: Diagnosis, code: Code) =>
  findings.filter((one) => one.code === code).map((one) => one.what);

/** Writes files for as long as `work` takes. */
async function withFiles(files: Record<string, string>, work: () => Promise<void>): Promise<void> {
  const before = Object.keys(files).map((file) => {
    const at = path.join(project.dir, file);
    try {
      return [at, readFileSync(at, "utf8")] as const;
    } catch {
      return [at, null] as const;
    }
  });
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(project.dir, file)), { recursive: true });
      writeFileSync(path.join(project.dir, file), text);
    }
    await work();
  } finally {
    for (const [at, text] of before)
      if (text === null) rmSync(at);
      else writeFileSync(at, text);
  }
}

describe("doctor", () => {
  test("finds nothing to do in a project that is as it should be, and looks at everything", async () => {
    const found = await look();
    expect(found.findings.filter((one) => one.level !== "note")).toEqual([]);
    expect(found.findings.map((one) => one.code)).toEqual(["pypi-rights"]);
    expect(found.checks.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "twotier.yaml ok",
      "repository ok",
      "tools ok",
      "registries ok",
      "settings ok",
      "releases ok",
      "generated files skipped",
      "trigger ok",
      "stamps ok",
      "workflows skipped",
      "notifications skipped",
      "actions skipped",
    ]);
  });

  test("finds names that registries don't know yet, and that there is no candidate, before the first release", () => {
    expect(codesOf(first)).toEqual(["npm-unclaimed", "pypi-new"]);
    expect(first.findings.map((one) => one.code)).toContain("no-candidate");
    expect(first.findings.find((one) => one.code === "npm-unclaimed")?.remedy).toContain("--claim");
  });

  test("writes nothing", async () => {
    const state = async () => [
      ...(await project.refs()),
      (await project.git(["status", "--porcelain"])).stdout,
      await (await fetch(`${project.registries.npm}/@example%2ffast`)).text(),
      await (await fetch(`${project.registries.pypi}/simple/fast-project/`)).text(),
    ];
    const before = await state();
    await look();
    expect(await state()).toEqual(before);
  });

  test.each<[string, (yaml: string) => string, Code, RegExp]>([
    [
      "a repository that GitHub doesn't know",
      (yaml) => yaml.replace("example/fast", "example/gone"),
      "repository",
      /example\/gone/,
    ],
    [
      "a name that npm doesn't take",
      (yaml) => yaml.replaceAll("@example/fast", "@Example/Fast"),
      "name",
      /@Example\/Fast/,
    ],
    [
      "a bucket without keys",
      (yaml) => `${yaml}  site: { bucket: some-bucket }\ninstaller: { url: "https://example.invalid" }\n`,
      "site-place",
      /no keys for the bucket/,
    ],
  ])("finds %s", async (_, change, code, message) => {
    await withFiles({ "twotier.yaml": change(wellConfigured) }, async () => {
      const found = await look({ credentials: { site: undefined } });
      expect(whats(found, code).join("\n")).toMatch(message);
    });
  });

  test.each<[string, Partial<Credentials>, Code, RegExp]>([
    ["no npm token", { npmToken: undefined }, "token", /no token for npm/],
    ["a refused npm token", { npmToken: "wrong-token" }, "token", /refused the token/],
    ["a refused PyPI token", { pypiToken: "wrong-token" }, "token", /pypi|Python/i],
    ["no account for images", { dockerUsername: undefined }, "token", /DOCKERHUB_USERNAME isn't set/],
    ["a refused account for images", { dockerToken: "wrong-token" }, "rights", /can't be pushed to/],
    ["a refused GitHub token", { githubToken: "wrong-token" }, "token", /GitHub refused/],
    ["no GitHub token", { githubToken: undefined }, "token", /GITHUB_TOKEN isn't set/],
    ["an npm registry that isn't there", { npmRegistry: "http://127.0.0.1:1" }, "unreachable", /127\.0\.0\.1:1/],
    ["an index that isn't there", { pypiUrl: "http://127.0.0.1:1" }, "unreachable", /127\.0\.0\.1:1/],
  ])("finds %s, and goes on with the rest", async (_, credentials, code, message) => {
    const found = await look({ credentials });
    expect(whats(found, code).join("\n")).toMatch(message);
    expect(found.checks).toHaveLength(12);
    expect(JSON.stringify(found)).not.toContain("wrong-token");
  });

  test("wants no token of npm and PyPI where the workflow has `id-token: write`, and asks them where a job is given one", async () => {
    const workflow = `on: { push: { branches: [main] } }
jobs:
  publish:
    runs-on: ubuntu-latest
    permissions: { contents: write, id-token: write }
    steps: [{ run: "twotier publish", env: { DOCKERHUB_USERNAME: a, DOCKERHUB_TOKEN: b } }]
`;
    await withFiles({ ".github/workflows/release.yml": workflow }, async () => {
      const none = { npmToken: undefined, pypiToken: undefined };
      const here = await look({ credentials: none });
      expect(codesOf(here)).toEqual([]);
      expect(whats(here, "token").join("\n")).toMatch(/no token for npm here; the workflow needs none/);

      const { url, token } = project.registries.idToken;
      const idTokens = githubIdTokens(url, token);
      const job = { ...none, npmIdTokens: idTokens, pypiIdTokens: idTokens };
      expect(whats(await look({ credentials: job }), "token")).toEqual([]);
      const stranger = githubIdTokens(url, "not-the-job");
      const refused = await look({
        credentials: { ...job, npmIdTokens: stranger, pypiIdTokens: stranger },
        variables: { ACTIONS_ID_TOKEN_REQUEST_URL: url },
      });
      expect(codesOf(refused)).toEqual(["token", "token"]);
    });
  });

  test("asks no registry when offline", async () => {
    const nowhere = "http://127.0.0.1:1";
    const found = await look({
      offline: true,
      credentials: { npmRegistry: nowhere, pypiUrl: nowhere, npmToken: undefined },
    });
    expect(codesOf(found)).toEqual([]);
    expect(found.checks.filter((one) => one.text.includes("--offline")).map((one) => one.name)).toEqual([
      "registries",
      "settings",
    ]);
  });

  test("finds a protected branch, which bookkeeping can't push to", async () => {
    const { admin } = project.registries.servers.github;
    await admin.protectBranch(name, "main");
    expect(codesOf(await look())).toEqual(["branch-rules"]);
    const off = `${wellConfigured}tiers: { production: { bookkeeping: pull-request } }\n`;
    await withFiles({ "twotier.yaml": off }, async () => expect(codesOf(await look())).toEqual(["uncommitted"]));
    await admin.protectBranch(name, "main", false);
  });

  test("tells that releases are immutable, as a note", async () => {
    const { admin } = project.registries.servers.github;
    admin.setImmutableReleases(name, true);
    const found = await look();
    admin.setImmutableReleases(name, false);
    expect(codesOf(found)).toEqual([]);
    expect(found.findings.map((one) => one.code)).toContain("immutable-releases");
  });

  test("finds a lock that nobody finishes, and whose it is; a draft without a tag", async () => {
    const sha = (await project.git(["rev-parse", "HEAD"])).stdout.trim();
    const lock = await makeLock(project.git, { tag: "v0.1.1-rc.9", commit: sha, source: sha, runId: "vm:1", epoch: 1 });
    const ref = "refs/twotier/lock/v0.1.1-rc.9";
    await pushRefs(project.git, "origin", [{ ref, to: lock, expect: null }]);
    const { github } = project.registries;
    const headers = { authorization: `Bearer ${projectToken}`, "content-type": "application/json" };
    const draft = { tag_name: "v0.1.1-rc.8", draft: true, body: "<!-- twotier draft 00 -->" };
    const made = await fetch(`${github}/repos/${name}/releases`, {
      ...{ method: "POST", headers, body: JSON.stringify(draft) },
    });
    expect(made.status).toBe(201);
    const found = await look();
    expect(codesOf(found)).toEqual(["orphan-draft", "unfinished"]);
    expect(whats(found, "unfinished")).toEqual(["v0.1.1-rc.9 was begun by vm:1, and isn't finished"]);
    const { id } = (await made.json()) as { id: number };
    await fetch(`${github}/repos/${name}/releases/${id}`, { method: "DELETE", headers });
    await pushRefs(project.git, "origin", [{ ref, to: null, expect: lock }]);
    expect(codesOf(await look())).toEqual([]);
  });

  test("finds what twotier.yaml gets wrong, all of it, and still looks at the actions", async () => {
    const files = {
      "twotier.yaml": wellConfigured.replace('"src/**"', '"source/**"').replace("npm: true", "npm: { tgas: 1 }"),
      ".github/workflows/ci.yml": "jobs: { a: { steps: [{ uses: actions/checkout@v5 }] } }\n",
    };
    await withFiles(files, async () => {
      const found = await look();
      expect(codesOf(found)).toContain("config");
      expect(codesOf(found)).toContain("action-unpinned");
      expect(found.checks.map((one) => one.name)).toEqual(["twotier.yaml", "actions"]);
    });
    rmSync(path.join(project.dir, "twotier.yaml"));
    expect(whats(await look(), "config")).toEqual(["there is no twotier.yaml here"]);
    writeFileSync(path.join(project.dir, "twotier.yaml"), wellConfigured);
  });

  test("finds a trigger glob that matches no file, by its line", async () => {
    await withFiles({ "twotier.yaml": wellConfigured.replace('"src/**"', '"source/**"') }, async () => {
      expect(whats(await look(), "config")).toEqual([
        expect.stringMatching(/^twotier\.yaml:5:.*source\/\*\* matches no file/),
      ]);
    });
  });

  test("finds generated files that have drifted", async () => {
    const installer = `${wellConfigured}installer: true\n`;
    await withFiles({ "twotier.yaml": installer }, async () => {
      expect(whats(await look(), "drift")).toEqual([
        "scripts/install.sh isn't there, and twotier.yaml has an installer",
      ]);
    });
    const config = parseConfig(installer);
    const resolved = await resolveArtifacts(config, folderTree(project.dir));
    const files = Object.fromEntries(installerFiles(config, resolved).map((one) => [one.path, one.text]));
    await withFiles(
      { "twotier.yaml": installer, ...files, "scripts/install.sh": `${files["scripts/install.sh"]}\n# mine\n` },
      async () => {
        expect(whats(await look(), "drift")[0]).toMatch(/^scripts\/install\.sh isn't what twotier\.yaml says/);
      },
    );
  });

  test("finds an address for notifications that isn't set, and never shows one that is", async () => {
    const yaml = `${wellConfigured}notify: [{ type: slack, env: SLACK_URL }]\n`;
    await withFiles({ "twotier.yaml": yaml }, async () => {
      expect(whats(await look(), "notify")).toEqual(["slack can't be told of releases: SLACK_URL isn't set"]);
      const set = await look({ variables: { SLACK_URL: "https://hooks.example.invalid/secret" } });
      expect(whats(set, "notify")).toEqual([]);
      expect(JSON.stringify(set)).not.toContain("secret");
    });
  });

  test("finds that a folder is in no repository; looks at the whole one from any of its folders", async () => {
    const asked = { offline: true, io: testIo(), variable: () => undefined };
    const folder = mkdtempSync(path.join(tmpdir(), "twotier-none-"));
    const none = await examine({ ...asked, dir: folder, open: () => project.session({}) });
    rmSync(folder, { recursive: true });
    expect(none.findings.map((one) => one.what)).toEqual([`${folder} isn't in a git repository`]);
    const below = await examine({ ...asked, dir: path.join(project.dir, "src"), open: () => project.session({}) });
    expect(codesOf(below)).toEqual([]);
    expect(below.name).toBe("fast");
  });

  test("finds a clone that can't be released from, or whose remote doesn't answer", async () => {
    const nowhere = await examine({
      ...{ dir: project.dir, offline: true, io: testIo(), variable: () => undefined },
      open: async () => {
        throw new ReleaseError("USAGE", "this clone is shallow", { hint: "git fetch --unshallow" });
      },
    });
    expect(nowhere.findings).toMatchObject([
      { code: "refused", what: "this clone is shallow", remedy: "git fetch --unshallow" },
    ]);
    registerSecret("secret-name");
    await project.git(["remote", "set-url", "origin", "http://127.0.0.1:1/secret-name.git"]);
    const away = await look();
    await project.git(["remote", "set-url", "origin", `${project.registries.git}/${name}.git`]);
    expect(whats(away, "unreachable")).toEqual([
      expect.stringMatching(
        /^git ls-remote failed in .*: fatal: unable to access 'http:\/\/127\.0\.0\.1:1\/\[redacted\]\.git\/': /,
      ),
      expect.stringContaining("go: the remote couldn't be asked"),
    ]);
    // What the clone and the folder tell is looked at all the same.
    expect(away.checks.map(({ name, state }) => `${name} ${state}`)).toEqual(
      expect.arrayContaining(["remote found", "tools ok", "releases ok", "trigger ok", "stamps ok"]),
    );
  });

  test("asks not even the remote when offline, and goes by what the clone last fetched of it", async () => {
    await project.git(["fetch", "--quiet", "--tags", "origin"]);
    const online = await look();
    await project.git(["remote", "set-url", "origin", "http://127.0.0.1:1/x.git"]);
    const offline = await look({ offline: true });
    await project.git(["remote", "set-url", "origin", `${project.registries.git}/${name}.git`]);
    expect(codesOf(offline)).toEqual([]);
    const text = (of: Diagnosis) => of.checks.find((one) => one.name === "repository")?.text;
    expect(text(offline)).toBe(text(online)?.replace("origin;", "origin as it was last fetched;"));
  });
});

describe("the command", () => {
  const run = (...args: string[]) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      const { registries } = project;
      const child = spawn(process.execPath, [path.join(root, "src/cli/bin.ts"), "doctor", ...args], {
        cwd: project.dir,
        env: {
          ...{ PATH: process.env.PATH, HOME: project.dir, NO_COLOR: "1" },
          ...{ GITHUB_TOKEN: projectToken, GITHUB_API_URL: registries.github, GITHUB_SERVER_URL: registries.github },
          ...{ NPM_TOKEN: "wrong-npm-token", TWOTIER_NPM_REGISTRY: registries.npm },
          ...{ PYPI_TOKEN: projectToken, TWOTIER_PYPI_URL: registries.pypi },
          ...{
            DOCKERHUB_USERNAME: "project",
            DOCKERHUB_TOKEN: projectToken,
            TWOTIER_DOCKER_REGISTRY: registries.docker,
          },
        },
      });
      const out = { stdout: "", stderr: "" };
      child.stdout.on("data", (chunk) => (out.stdout += chunk));
      child.stderr.on("data", (chunk) => (out.stderr += chunk));
      child.on("close", (code) => resolve({ code, ...out }));
    });

  test("ends with 3 where something needs doing and with 0 where nothing does, and shows no token", async () => {
    const [found, offline] = await Promise.all([run(), run("--offline", "--json")]);
    expect(found.code, found.stderr).toBe(3);
    expect(found.stderr).toBe("");
    expect(found.stdout).toContain("\nerror [token] npm ");
    expect(found.stdout).toMatch(/\n {2}why {5}.*\n {2}remedy {2}/);
    expect(found.stdout).not.toMatch(/wrong-npm-token|project-token/);
    expect(offline.code, offline.stdout).toBe(0);
    expect(JSON.parse(offline.stdout)).toMatchObject({ schema: 1, name: "fast", findings: [] });
  });
});

describe("npm's latest", () => {
  test("is found at a candidate", async () => {
    const tag = `${project.registries.npm}/-/package/@example%2ffast/dist-tags/latest`;
    const headers = { authorization: `Bearer ${projectToken}`, "content-type": "application/json" };
    const moved = await fetch(tag, { method: "PUT", headers, body: '"0.1.1-rc.1"' });
    expect(moved.ok, await moved.text()).toBe(true);
    const found = (await look()).findings.find((one) => one.code === "npm-latest");
    expect(found).toMatchObject({ level: "error", what: "npm's latest of @example/fast is at 0.1.1-rc.1" });
    expect(found?.remedy).toBe("release a stable version: it moves the dist-tag");
    await fetch(tag, { method: "PUT", headers, body: '"0.0.0"' });
    expect(codesOf(await look())).toEqual([]);
  });
});

describe("a commit behind the branch", () => {
  test("is found where its workflow files are others: GITHUB_TOKEN may not release it", async () => {
    await project.push("feat: two", { "src/fast.txt": "two\n" });
    await project.push("ci: one", { ".github/workflows/ci.yml": "jobs: {}\n" });
    expect(codesOf(await look())).toEqual([]);
    await project.git(["checkout", "--quiet", "--detach", "HEAD~1"]);
    const found = await look();
    await project.git(["checkout", "--quiet", "main"]);
    expect(codesOf(found)).toEqual(["workflow-files"]);
  });
});

describe("a number that is taken", () => {
  test("finds a stable version that npm holds and no tag names: its number is taken (npm's 403)", async () => {
    const tarball = Buffer.from("not looked into");
    const version = { name: "@example/fast", version: "0.1.1", dist: { integrity: integrityOf(tarball) } };
    const body = {
      ...{
        _id: "@example/fast",
        name: "@example/fast",
        "dist-tags": { other: "0.1.1" },
        versions: { "0.1.1": version },
      },
      _attachments: { "fast-0.1.1.tgz": { data: tarball.toString("base64"), length: tarball.length } },
    };
    const put = await fetch(`${project.registries.npm}/@example%2ffast`, {
      ...{ method: "PUT", headers: { authorization: `Bearer ${projectToken}`, "content-type": "application/json" } },
      body: JSON.stringify(body),
    });
    expect(put.ok, await put.text()).toBe(true);
    await project.push("feat: two");
    const found = await look();
    expect(found.findings.map((one) => one.code)).not.toContain("npm-latest");
    expect(whats(found, "refused")).toEqual(["npm already holds 0.1.1, but there is no tag v0.1.1"]);
  });
});

describe("docs/doctor.md", () => {
  const page = readFileSync(path.join(root, "docs/doctor.md"), "utf8");
  const sections = [...page.matchAll(/^### `([a-z-]+)`$/gm)].map(([, code]) => code);

  test("has one section for each kind of finding, and none for others", () => {
    expect(sections).toEqual([...codes]);
  });
});
