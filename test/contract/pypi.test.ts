import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import { digestOf } from "../../src/lib/hash.ts";
import { startPypi } from "../../src/registries/pypi/index.ts";
import { createPypiTarget } from "../../src/targets/pypi/index.ts";
import { needs, toolPath } from "../tools.ts";
import { pythonFiles } from "./python.ts";
import { runOk } from "./run.ts";
import { startServer } from "./servers.ts";
import { type Built, type Credential, type Fixture, targetSuite } from "./target-suite.ts";

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
