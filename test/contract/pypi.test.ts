import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { Item } from "../../src/core/target.ts";
import { digestOf } from "../../src/lib/hash.ts";
import { type PypiRegistry, startPypi } from "../../src/registries/pypi/index.ts";
import { createPypiTarget } from "../../src/targets/pypi/index.ts";
import { needs, toolPath } from "../tools.ts";
import { testIo } from "./io.ts";
import { pythonFiles } from "./python.ts";
import { runOk } from "./run.ts";
import { startServer } from "./servers.ts";
import { type Built, type Credential, type Fixture, publishAll, targetSuite } from "./target-suite.ts";

const project = "hanzo-playground";

interface Index {
  upload: string;
  simple: string;
  host: string;
  username?: string;
  good: string;
  close(): Promise<void>;
}

function fixture(index: Index, folder: string): Fixture {
  const tokens: Record<Credential, string | undefined> = { good: index.good, none: undefined, wrong: "pypi-wrong" };
  const builds = new Map<string, Built>();
  return {
    target: (release, credential: Credential = "good") =>
      createPypiTarget({
        upload: index.upload,
        index: index.simple,
        username: index.username,
        token: tokens[credential],
        projects: [project],
        release,
      }),
    release: (version) => ({
      name: "playground",
      repository: "hanzoai/playground",
      tier: version.includes("-") ? "staging" : "production",
      version,
      tag: `v${version}`,
      commit: "1".repeat(40),
    }),
    async build(version, salt = "first"): Promise<Built> {
      const before = builds.get(`${version} ${salt}`);
      if (before) return before; // tar.gz files hold the time they were made
      const pythonVersion = version.replace("-rc.", "rc");
      const made = await pythonFiles(toolPath("python3"), {
        folder: path.join(folder, `${version} ${salt}`),
        name: project,
        version: pythonVersion,
        text: salt,
      });
      const local = new Map<string, string>();
      const files: ReleaseFile[] = [];
      for (const kind of ["wheel", "sdist"] as const) {
        const bytes = await readFile(made[kind]);
        const name = path.basename(made[kind]);
        local.set(name, made[kind]);
        files.push({ name, size: bytes.length, sha256: digestOf(bytes), kind, package: project, artifact: project });
      }
      const built: Built = {
        files,
        local: async (name) => {
          const file = files.find((one) => one.name === name) as ReleaseFile;
          return { path: local.get(name) as string, size: file.size, sha256: file.sha256 };
        },
      };
      builds.set(`${version} ${salt}`, built);
      return built;
    },
    hosts: [index.host],
    async close() {
      await index.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const never = {
  "moves pointers": "a Python index has none: installers choose by version",
  stages: "a Python index shows each file at once (PEP 694 is a draft)",
};

targetSuite({
  name: "PyPI on our registry",
  takesBack: { staging: "yank manual", production: "yank manual" },
  skip: needs(["python3"]),
  lacks: never,
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-pypi-"));
    const { url, host, close } = await startPypi({ token: "pypi-good" });
    return fixture({ upload: `${url}/legacy/`, simple: `${url}/simple/`, host, good: "pypi-good", close }, folder);
  },
});

targetSuite({
  name: "PyPI on pypiserver",
  takesBack: { staging: "delete done", production: "delete done" },
  skip: needs(["python3", "pypi-server"]),
  lacks: never,
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-pypiserver-"));
    const files = path.join(folder, "packages");
    await mkdir(files);
    const password = createHash("sha1").update("good-password").digest("base64");
    await writeFile(path.join(folder, "htpasswd"), `tester:{SHA}${password}\n`);
    const server = await startServer({
      file: toolPath("pypi-server"),
      args: (port) => [
        ...["run", "--interface", "127.0.0.1", "--port", String(port), "--disable-fallback", "--hash-algo", "sha256"],
        ...["--passwords", path.join(folder, "htpasswd"), "--authenticate", "update", files],
      ],
      cwd: folder,
      ready: "/simple/",
    });
    const { url, host, close } = server;
    const index = {
      upload: `${url}/`,
      simple: `${url}/simple/`,
      host,
      username: "tester",
      good: "good-password",
      close,
    };
    return fixture(index, folder);
  },
});

targetSuite({
  name: "PyPI on devpi",
  takesBack: { staging: "delete done", production: "delete done" },
  skip: needs(["python3", "devpi-server", "devpi-init"]),
  lacks: never,
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-devpi-"));
    const state = path.join(folder, "state");
    await runOk(toolPath("devpi-init"), ["--serverdir", state, "--no-root-pypi", "--root-passwd", "good-password"]);
    const { url, host, close } = await startServer({
      file: toolPath("devpi-server"),
      args: (port) => ["--serverdir", state, "--host", "127.0.0.1", "--port", String(port)],
      cwd: folder,
      ready: "/+api",
    });
    const made = await fetch(`${url}/root/dev`, {
      method: "PUT",
      headers: {
        "content-type": "application/json",
        authorization: `Basic ${Buffer.from("root:good-password").toString("base64")}`,
      },
      body: JSON.stringify({ type: "stage", bases: [], volatile: false }),
    });
    if (made.status >= 300) throw new Error(`devpi answered ${made.status}: ${await made.text()}`);
    const simple = `${url}/root/dev/+simple/`;
    const index = { upload: `${url}/root/dev/`, simple, host, username: "root", good: "good-password", close };
    return fixture(index, folder);
  },
});

describe.skipIf(needs(["python3", "venv-python"]))("what pip and Warehouse's rules make of it", () => {
  let folder: string;
  let registry: PypiRegistry;
  let made: Fixture;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "twotier-pip-"));
    registry = await startPypi();
    const { url, host, close } = registry;
    made = fixture({ upload: `${url}/legacy/`, simple: `${url}/simple/`, host, good: "pypi-any", close }, folder);
  });
  afterAll(() => made?.close());

  test("pip takes a candidate only with --pre", async () => {
    const release = await made.release("0.1.19-rc.1");
    const built = await made.build(release.version);
    (await publishAll(await made.target(release), built, release)).io.close();
    const pip = (...args: string[]) => {
      const options = [
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--no-deps",
        "--index-url",
        `${registry.url}/simple/`,
      ];
      return runOk(toolPath("venv-python"), ["-m", "pip", "download", ...args, ...options, project], {
        cwd: folder,
        env: { HOME: folder },
      });
    };
    await pip("--pre", "--only-binary", ":all:", "--dest", "wheel");
    expect(await readdir(path.join(folder, "wheel"))).toEqual(["hanzo_playground-0.1.19rc1-py3-none-any.whl"]);
    const stable = await made.release("0.1.18");
    (await publishAll(await made.target(stable), await made.build("0.1.18"), stable)).io.close();
    await pip("--only-binary", ":all:", "--dest", "stable");
    expect(await readdir(path.join(folder, "stable"))).toEqual(["hanzo_playground-0.1.18-py3-none-any.whl"]);
  });

  test("the index knows the metadata that was in the files", async () => {
    const { info } = (await (await fetch(`${registry.url}/pypi/${project}/0.1.19rc1/json`)).json()) as {
      info: Record<string, unknown>;
    };
    expect(info).toMatchObject({
      name: project,
      version: "0.1.19rc1",
      summary: "a play",
      requires_python: ">=3.8",
      classifiers: ["Programming Language :: Python :: 3"],
      description_content_type: "text/markdown",
    });
    expect(String(info.description)).toContain("# hanzo-playground");
  });

  test("a deleted file's name is spent, a yanked one is still there", async () => {
    const release = await made.release("0.1.17");
    const built = await made.build("0.1.17");
    const target = await made.target(release);
    const { items, io } = await publishAll(target, built, release);
    await registry.admin.yank(project, "0.1.17", "broken");
    for (const item of items) {
      expect(await target.observe(item, io)).toMatchObject({ state: "present", digest: item.digest, note: "yanked" });
    }
    await registry.admin.delete(project, "0.1.17");
    const later = await made.target(release);
    for (const item of items) {
      expect(await later.observe(item, io)).toEqual({ state: "absent" });
      await expect(later.publish(item, built.local, io)).rejects.toMatchObject({ code: "CONFLICT" });
    }
    io.close();
  });

  test("a file that comes 14 days after its release is refused with the index's own words", async () => {
    const release = await made.release("0.1.16");
    const built = await made.build("0.1.16");
    const target = await made.target(release);
    const [wheel, sdist] = target.expect(built.files, release).items;
    const io = testIo();
    await target.publish(wheel as Item, built.local, io);
    await registry.admin.age(project, "0.1.16", 15 * 24 * 3_600_000);
    const late = target.publish(sdist as Item, built.local, io);
    await expect(late).rejects.toMatchObject({ code: "REFUSED", retryable: false });
    await expect(late).rejects.toThrow(/14 days/);
    io.close();
  });
});
