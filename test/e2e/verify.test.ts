import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderVerification } from "../../src/cli/output/verify.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { ResolvedArtifact } from "../../src/config/types.ts";
import type { Item } from "../../src/core/target.ts";
import { installerInput, installScript } from "../../src/generate/installer/index.ts";
import { pullImage } from "../../src/release/install/programs.ts";
import { trialIn } from "../../src/release/install/tools.ts";
import { installRows } from "../../src/release/install.ts";
import { notesOf } from "../../src/release/notes-of.ts";
import { rollback } from "../../src/release/rollback.ts";
import { exitCodeOfRows, isWrong, type Row } from "../../src/release/rows.ts";
import type { Session, SessionOptions } from "../../src/release/session.ts";
import { status, statusOf } from "../../src/release/status.ts";
import { findSubject as subjectOf } from "../../src/release/subject.ts";
import { verify } from "../../src/release/verify.ts";
import { watchRelease } from "../../src/release/watch.ts";
import { type Project, projectToken, startProject, testIo } from "../support/project.ts";
import { needs, tool } from "../tools.ts";

let project: Project;
/** Versions that npm's scan holds back. */
const stuck: string[] = [];
beforeAll(async () => {
  project = await startProject({ files: installable(), faults: { settings: { npm: { stuck } } } });
  chmodSync(path.join(project.dir, "src/fast.sh"), 0o755);
  await project.push("feat: one");
  await project.release({ tier: "staging" });
  await project.release({ tier: "production" });
  await project.push("fix: two");
  await project.release({ tier: "staging" });
});
afterAll(() => project.close());

const platform = "linux/amd64";
const smoke: Record<string, string> = {
  npm: `node -p 'require("@example/fast")'`,
  wheel: 'python -c "import fast_project; print(fast_project.__version__)"',
  fast: "fast --version",
};

/** What `--install` tries beside the packages: smoke commands, the image's own program, the install scripts, go. */
function installable(): Record<string, string> {
  const fixture = path.join(import.meta.dirname, "../fixtures/fast-project/twotier.yaml");
  const config = readFileSync(fixture, "utf8")
    .replace("stamp: []", `stamp: [{ file: src/fast.sh, pattern: "fast {version}" }]`)
    .replace(
      /name: (npm|wheel|fast), type/g,
      (all, name) => `${all.replace(", type", "")}, smoke: '${smoke[name]?.replaceAll("'", "''")}', type`,
    )
    .replace(
      "files: { /fast.txt: src/fast.txt }",
      "files: { /bin/fast: src/fast.sh }\n    entrypoint: [/bin/fast]\n    smoke: fast --version",
    );
  const text = `${config}installer: true\n`;
  const parsed = parseConfig(text, "twotier.yaml");
  return {
    "twotier.yaml": text,
    "src/fast.sh": "#!/bin/sh\necho fast 0.1.0\n",
    "scripts/install.sh": installScript(installerInput(parsed, { artifacts: parsed.artifacts as ResolvedArtifact[] })),
    "sdk/go/go.mod": "module github.com/example/fast/sdk/go\n\ngo 1.19\n",
  };
}

async function within<T>(work: (session: Session) => Promise<T>, flags = {}): Promise<T> {
  const session = await project.session(flags);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

const rowsOf = async (version: string) => within(async (session) => (await verify(session, version)).result.rows);
const wrong = (rows: readonly Row[]) => rows.filter(isWrong).map(({ target, id, state }) => `${target} ${id} ${state}`);

const patch = async (path: string, body: object) => {
  const url = `${project.registries.github}/repos/example/fast${path}`;
  const headers = { authorization: `Bearer ${projectToken}` };
  const found = (await (await fetch(url, { headers })).json()) as { id: number };
  const where = `${project.registries.github}/repos/example/fast/releases/${found.id}`;
  expect((await fetch(where, { method: "PATCH", headers, body: JSON.stringify(body) })).status).toBe(200);
};

describe("verify", () => {
  it("finds a candidate and a stable version as they should be, and ticks the process's boxes", async () => {
    const candidate = await rowsOf("0.1.2-rc.1");
    expect(wrong(candidate)).toEqual([]);
    expect(exitCodeOfRows(candidate)).toBe(0);
    expect(candidate.flatMap((row) => row.box ?? [])).toEqual(
      expect.arrayContaining([
        "Workflow triggered automatically",
        "Version bumped to X.Y.Z-rc.N",
        "Python prerelease package appears on PyPI",
        "npm install @example/fast@next gets it",
        "GitHub release marked as Pre-release",
        "Docker image tagged staging-X.Y.Z-rc.N",
      ]),
    );
    const stable = await rowsOf("v0.1.1");
    expect(wrong(stable)).toEqual([]);
    expect(stable.flatMap((row) => row.box ?? [])).toEqual(
      expect.arrayContaining([
        "Version finalizes to X.Y.Z",
        "Python package appears on PyPI",
        "npm install @example/fast@latest gets it",
        "GitHub release NOT marked as Pre-release",
        "Docker image tagged vX.Y.Z and latest",
      ]),
    );
    expect(stable.find((row) => row.what === "checksums")?.text).toMatch(/^lists the sha256 of all \d+ other assets$/);
  });

  it("who started a candidate's release is what GitHub Actions says of its source commit, or not known", async () => {
    const trigger = async () => {
      const rows = (await rowsOf("0.1.2-rc.1")).filter((row) => row.what === "trigger");
      return rows.map(({ state, text, box }) => [state, text.replace(/ http.*/, ""), box]);
    };
    const box = "Workflow triggered automatically";
    expect(await trigger()).toEqual([
      ["unproven", expect.stringMatching(/^not known: .* v0\.1\.2-rc\.1 was released by/), box],
    ]);
    const headSha = (await project.git(["rev-parse", "HEAD"])).stdout.trim();
    const { admin } = project.registries.servers.github;
    admin.addRun("example/fast", { event: "push", headSha: "0".repeat(40) });
    admin.addRun("example/fast", { event: "workflow_dispatch", headSha });
    expect(await trigger()).toEqual([["unproven", "its run was started by workflow_dispatch:", box]]);
    admin.addRun("example/fast", { event: "push", headSha });
    admin.addRun("example/fast", { event: "workflow_dispatch", headSha });
    expect(await trigger()).toEqual([["ok", "was released by a push:", box]]);
    expect((await rowsOf("0.1.1")).filter((row) => row.what === "trigger")).toEqual([]);
  });

  it("provenance, where there is any, is about the very bytes and this repository", async () => {
    const provenance = async (version: string) => {
      const rows = (await rowsOf(version)).filter((row) => row.what === "provenance");
      return rows.map(({ target, state, text }) => `${target} ${state}: ${text}`);
    };
    expect(await provenance("0.1.2-rc.1")).toEqual([]);
    const { npm, pypi } = project.registries.servers;
    const itemsOf = (version: string) => within(async (session) => (await subjectOf(session, version)).items);
    const [items, others] = [await itemsOf("0.1.2-rc.1"), await itemsOf("0.1.1")];
    const digestOf = (id: string) => items.find((item) => item.id === id)?.digest ?? "";
    const [tarball, wheel] = ["@example/fast@0.1.2-rc.1", "fast_project-0.1.2rc1-py3-none-any.whl"];
    const predicateType = "https://slsa.dev/provenance/v1";
    const statement = (digest: string, repository: string) => {
      const [algorithm = "", hex] = digest.split(":");
      const workflow = { ref: "refs/heads/main", repository: `https://github.com/${repository}`, path: "release.yml" };
      const predicate = { buildDefinition: { externalParameters: { workflow } } };
      const subject = [{ name: "it", digest: { [algorithm]: hex } }];
      return Buffer.from(JSON.stringify({ predicateType, subject, predicate })).toString("base64");
    };
    const bundle = (digest: string, repository = "example/fast") => ({
      dsseEnvelope: { payload: statement(digest, repository), payloadType: "application/vnd.in-toto+json" },
    });
    await npm.attest("@example/fast", "0.1.2-rc.1", { predicateType, bundle: bundle(digestOf(tarball)) });
    const publisher = { kind: "GitHub", repository: "example/fast", workflow: "release.yml" };
    const envelope = { statement: statement(digestOf(wheel), "example/fast"), signature: "" };
    const python = { version: 1, attestation_bundles: [{ publisher, attestations: [{ version: 1, envelope }] }] };
    await pypi.admin.attest("fast-project", "0.1.2rc1", wheel, python);
    const attest = (body: object) =>
      fetch(`${project.registries.github}/repos/example/fast/attestations`, {
        method: "POST",
        headers: { authorization: `Bearer ${projectToken}` },
        body: JSON.stringify(body),
      });
    await attest({ bundle: bundle(digestOf("fast-linux-amd64")) });
    const rest = "about the very bytes, from example/fast; signatures are not checked here";
    expect(await provenance("0.1.2-rc.1")).toEqual([
      `npm ok: for 1 of 1: ${rest}`,
      `pypi ok: for 1 of 2: ${rest}`,
      `github ok: for 1 of 6: ${rest}`,
    ]);

    await npm.attest("@example/fast", "0.1.1", { predicateType, bundle: bundle(`sha512:${"0".repeat(128)}`) });
    const binary = others.find((item) => item.id === "fast-linux-amd64")?.digest ?? "";
    await attest({ bundle: bundle(binary, "mallory/fast") });
    expect(await provenance("0.1.1")).toEqual([
      "npm differs: its provenance is about other bytes",
      "github differs: its provenance names another repository",
    ]);
  });

  it("takes PEP 440's spelling, and says when there is no such release", async () => {
    expect(wrong(await rowsOf("0.1.2rc1"))).toEqual([]);
    await expect(rowsOf("0.1.9")).rejects.toMatchObject({ code: "USAGE", message: "there is no release 0.1.9" });
  });

  it("finds a wrong flag, a yanked file, a deprecated version, a pointer at a candidate", async () => {
    await patch("/releases/tags/v0.1.2-rc.1", { prerelease: false, make_latest: "false" });
    await project.registries.servers.pypi.admin.yank("fast-project", "0.1.2rc1", "a test");
    const tag = `${project.registries.npm}/-/package/@example%2ffast/dist-tags/latest`;
    const headers = { authorization: `Bearer ${projectToken}`, "content-type": "application/json" };
    await fetch(tag, { method: "PUT", headers, body: '"0.1.2-rc.1"' });
    const rows = await rowsOf("0.1.2-rc.1");
    expect(wrong(rows).sort()).toEqual([
      "github v0.1.2-rc.1 differs",
      "npm @example/fast@latest differs",
      "pypi v0.1.2-rc.1 differs",
    ]);
    expect(exitCodeOfRows(rows)).toBe(3);
    await patch("/releases/tags/v0.1.2-rc.1", { prerelease: true, make_latest: "false" });
    await project.registries.servers.pypi.admin.unyank("fast-project", "0.1.2rc1");
    await fetch(tag, { method: "PUT", headers, body: '"0.1.1"' });
    expect(wrong(await rowsOf("0.1.2-rc.1"))).toEqual([]);
  });

  it("a registry that can't be read is no proof: exit 1", async () => {
    const credentials = { ...project.credentials };
    project.credentials.npmRegistry = "http://127.0.0.1:9";
    try {
      const io = { sleep: async () => {} };
      const session = await project.session({});
      const job = session.job();
      job.io.sleep = io.sleep;
      const { result } = await verify(session, "0.1.2-rc.1");
      await session.close();
      expect(exitCodeOfRows(result.rows)).toBe(1);
      expect(result.rows.filter((row) => row.state === "unknown").every((row) => row.target === "npm")).toBe(true);
    } finally {
      Object.assign(project.credentials, credentials);
    }
  });

  it("of another tool's release it says what is there, and that there is nothing to compare with", async () => {
    const rows = await rowsOf("0.1.0");
    expect(rows[0]).toMatchObject({ what: "tag", text: expect.stringContaining("another tool released it") });
    expect(exitCodeOfRows(rows)).toBe(3);
  });

  it.skipIf(needs(["python3", "npm", "skopeo", "git", "go"]))(
    "--install installs a candidate with the users' own programs, and runs what was installed",
    async () => {
      const rows = await within(async (session) => installRows(session, await subjectOf(session, "0.1.2-rc.1")));
      expect(rows.map(({ target, id, state, text }) => `${target} ${id} ${state}: ${text}`)).toEqual([
        `pypi pip install fast-project==0.1.2rc1 ok: \`${smoke.wheel}\` prints 0.1.2rc1`,
        `npm npm install @example/fast@0.1.2-rc.1 ok: \`${smoke.npm}\` prints 0.1.2-rc.1`,
        "docker example/fast:staging-0.1.2-rc.1 ok: `fast --version` prints fast 0.1.2-rc.1",
        ...(process.arch === "x64" ? ["github fast-linux-amd64 ok: `fast --version` prints fast 0.1.2-rc.1"] : []),
        "github install.sh ok: `fast --version` prints fast 0.1.2-rc.1",
        expect.stringMatching(/^go github\.com\/example\/fast\/sdk\/go@v0\.1\.2-rc\.1 ok: go downloads it \(h1:/),
      ]);
    },
  );
});

/** A `docker` that pulls and saves by skopeo: what `docker image save` writes is skopeo's docker-archive. */
const dockerBySkopeo = (skopeo: string) => `#!/bin/sh
set -eu
case "$1 $2" in
"pull --quiet") [ "$3 $4" = "--platform ${platform}" ] ;;
"image save") exec ${skopeo} copy --quiet --insecure-policy --src-tls-verify=false "docker://$5" "docker-archive:$4:$5" ;;
*) exit 1 ;;
esac
`;

describe("an image", () => {
  it.skipIf(needs(["skopeo"]))(
    "is pulled by docker where skopeo isn't there, and by neither where both are missing",
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), "twotier-docker-"));
      try {
        const rows = await within(async (session) => {
          const subject = await subjectOf(session, "0.1.2-rc.1");
          const trial = trialIn(folder, subject, new AbortController().signal);
          const item = subject.items.find((one) => one.id === "example/fast:staging-0.1.2-rc.1") as Item;
          const bin = path.join(folder, "bin");
          mkdirSync(bin);
          symlinkSync("/bin/sh", path.join(bin, "sh"));
          const missing = await pullImage({ ...trial, env: { ...trial.env, PATH: bin } }, item, "image", platform);
          writeFileSync(path.join(bin, "docker"), dockerBySkopeo(tool("skopeo") ?? ""), { mode: 0o755 });
          return [missing, await pullImage({ ...trial, env: { ...trial.env, PATH: bin } }, item, "image", platform)];
        });
        const runs = process.arch === "x64" ? "`fast --version` prints fast 0.1.2-rc.1" : "pulled";
        expect(rows.map(({ state, text }) => `${state}: ${text}`)).toEqual([
          expect.stringMatching(/^unknown: skopeo .*: it can't be tried here$/),
          `ok: ${runs}`,
        ]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

describe("status", () => {
  it("tells both tiers, the commits that wait, and what a release would be", async () => {
    await project.push("feat: three");
    const plan = (tier: "staging" | "production") =>
      within(async (session) => (await session.plan()).plan, { tier, offline: true });
    const found = await within((session) =>
      status(session, { staging: plan("staging"), production: plan("production") }),
    );
    expect(found).toMatchObject({
      production: { version: "0.1.1", complete: true, kind: "sealed" },
      staging: { version: "0.1.2-rc.1", complete: true },
      waiting: [{ subject: "feat: three" }],
      next: { staging: { version: "0.1.2-rc.2" }, production: { version: "0.1.2", candidate: "v0.1.2-rc.1" } },
      unfinished: [],
    });
    expect(found.staging?.rows.map(({ target, state }) => `${target} ${state}`)).toEqual([
      "npm present",
      "pypi present",
      "docker present",
      "github present",
      "go present",
    ]);
  });

  it("says yanked, and skipped with its reason", async () => {
    const skip = [{ target: "npm" as const, reason: "npm is down" }];
    await project.release({ tier: "staging" }, { skip });
    await project.registries.servers.pypi.admin.yank("fast-project", "0.1.2rc2");
    const found = await within((session) => statusOf(session, "0.1.2-rc.2"));
    expect(found.rows.map(({ target, state }) => `${target} ${state}`)).toEqual([
      "pypi yanked",
      "docker present",
      "github present",
      "go present",
      "npm skipped",
    ]);
  });
});

describe("notes", () => {
  it("a stable version's gather its candidates'", async () => {
    const text = await within((session) => notesOf(session, "0.1.1"));
    expect(text).toContain("npm install @example/fast@0.1.1");
    expect(text).toContain("one");
    expect(text).not.toMatch(/^- two/m);
    expect(await within((session) => notesOf(session, "0.1.2-rc.1"))).toContain("[!WARNING]");
  });
});

describe("what isn't finished", () => {
  it("a retracted release is compared with what a rollback leaves", async () => {
    await within((session) => rollback(session, { version: "0.1.2-rc.2" }));
    const { result } = await within((session) => verify(session, "0.1.2-rc.2"));
    expect(result.retracted).toBe(true);
    expect(wrong(result.rows)).toEqual([]);
    expect(renderVerification(result)).toContain("taken back");
  });

  it("a candidate that npm still scans is pending; --watch waits until it is out, and ends what was left to do", async () => {
    stuck.push("@example/fast@0.1.2-rc.3");
    await project.push("fix: scanned");
    const first = await project.release({ tier: "staging" });
    expect(first.pending).toEqual([{ target: "npm", id: "@example/fast@0.1.2-rc.3" }]);
    const rows = await rowsOf("0.1.2-rc.3");
    expect(wrong(rows)).toEqual([
      "git v0.1.2-rc.3 pending",
      "npm @example/fast@0.1.2-rc.3 pending",
      "npm @example/fast@next pending",
    ]);
    expect(exitCodeOfRows(rows)).toBe(3);
    const shown = await within((session) => statusOf(session, "0.1.2-rc.3"));
    expect(shown).toMatchObject({ complete: false });
    expect(shown.rows.find(({ target }) => target === "npm")).toMatchObject({ state: "pending" });
    let waits = 0;
    const patient = async (options: Partial<SessionOptions> & { tier: "staging" | "production" }) => {
      const { tier, ...more } = options;
      const io = testIo();
      // Each wait is one that a user would see pass; after the third the scan ends.
      const sleep = async () => {
        if (++waits === 3) stuck.pop();
      };
      return project.session({ tier }, { io: { ...io, sleep }, ...more });
    };
    const session = await patient({ tier: "staging" });
    const { result } = await watchRelease(session, "0.1.2-rc.3", {
      watch: true,
      install: false,
      resume: (tag, tier) => patient({ tier, resume: tag, wait: true }),
    });
    await session.close();
    expect(waits).toBeGreaterThanOrEqual(3);
    expect(wrong(result.rows)).toEqual([]);
    expect(result.rows.find((row) => row.id === "@example/fast@next")?.text).toBe("is at 0.1.2-rc.3");
    expect([...(await project.refs()).keys()].filter((ref) => ref.startsWith("refs/twotier/lock/"))).toEqual([]);
  });

  it("a release whose run died is pending, and --watch finishes it", async () => {
    await project.push("fix: four");
    const onStep = async (step: string) => {
      if (step === "sealed") throw new Error("killed");
    };
    await expect(project.release({ tier: "staging" }, { onStep })).rejects.toThrow("killed");
    const rows = await rowsOf("0.1.2-rc.4");
    expect(wrong(rows)).toContain("git v0.1.2-rc.4 pending");
    const { result } = await within((session) =>
      watchRelease(session, "0.1.2-rc.4", {
        watch: true,
        install: false,
        resume: (tag, tier) => project.session({ tier }, { resume: tag, wait: true }),
      }),
    );
    expect(wrong(result.rows)).toEqual([]);
  });
});
