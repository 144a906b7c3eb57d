import { lstat, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { ReleaseContext } from "../../src/core/target.ts";
import { digestOf, toIntegrity } from "../../src/lib/hash.ts";
import { startNpm } from "../../src/registries/npm/index.ts";
import { createNpmTarget, quietTag } from "../../src/targets/npm/index.ts";
import { needs, toolPath } from "../tools.ts";
import { testIo } from "./io.ts";
import { runOk } from "./run.ts";
import { type Running, startServer } from "./servers.ts";
import { type Built, type Credential, type Fixture, publishAll, targetSuite } from "./target-suite.ts";

const packages = ["@hanzo/playground", "playground-helper"];

/** What `npm pack` would have made of a package, small. */
async function pack(folder: string, name: string, version: string, salt: string): Promise<[ReleaseFile, string]> {
  const members = {
    "package/index.js": `export default ${JSON.stringify(salt)};\n`,
    "package/package.json": JSON.stringify({ name, version, type: "module", main: "index.js", bin: "index.js" }),
    "package/README.md": `# ${name}\n`,
  };
  const bytes = gzipSync(
    await packTar(
      Object.entries(members).map(([member, text]) => ({
        header: { name: member, size: Buffer.byteLength(text), mode: 0o644, mtime: new Date(0) },
        body: text,
      })),
    ),
  );
  const file = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
  const at = path.join(folder, `${salt}-${file}`);
  await writeFile(at, bytes);
  return [
    {
      name: file,
      size: bytes.length,
      sha256: digestOf(bytes),
      sha512: digestOf(bytes, "sha512"),
      sha1: digestOf(bytes, "sha1"),
      kind: "npm",
      package: name,
      artifact: name,
    },
    at,
  ];
}

function fixture(registry: Running, good: string, folder: string): Fixture {
  const tokens: Record<Credential, string | undefined> = { good, none: undefined, wrong: "npm_wrong" };
  const target = (release: ReleaseContext | undefined, credential: Credential = "good") =>
    createNpmTarget({
      registry: registry.url,
      token: tokens[credential],
      packages,
      tags: { staging: "next", production: "latest" },
      access: "public",
      release,
    });
  return {
    target,
    release: (version) => ({
      name: "playground",
      repository: "hanzoai/playground",
      tier: version.includes("-") ? "staging" : "production",
      version,
      tag: `v${version}`,
      commit: "1".repeat(40),
    }),
    async build(version, salt = "first"): Promise<Built> {
      const made = await Promise.all(packages.map((name) => pack(folder, name, version, salt)));
      return {
        files: made.map(([file]) => file),
        local: async (name) => {
          const [file, at] = made.find(([one]) => one.name === name) as (typeof made)[0];
          return { path: at, size: file.size, sha256: file.sha256 };
        },
      };
    },
    hosts: [registry.host],
    async close() {
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As the first release would: npm's first version of a package is a placeholder. */
async function claimed(made: Fixture): Promise<Fixture> {
  const io = testIo();
  const target = await made.target(await made.release("0.1.0"));
  await target.claim?.(io);
  io.close();
  return made;
}

targetSuite({
  name: "npm on our registry",
  takesBack: { staging: "unpublish done", production: "deprecate done" },
  lacks: { stages: "npm's staging needs a person's second factor to approve" },
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-npm-"));
    return claimed(fixture(await startNpm({ token: "npm_good" }), "npm_good", folder));
  },
});

targetSuite({
  name: "npm on Verdaccio",
  takesBack: { staging: "unpublish done", production: "deprecate done" },
  skip: needs(["verdaccio", "node"]),
  lacks: { stages: "npm's staging needs a person's second factor to approve" },
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-verdaccio-"));
    const { running, token } = await startVerdaccio(folder);
    return claimed(fixture(running, token, folder));
  },
});

describe.skipIf(needs(["npm"]))("what npm's own client makes of it", () => {
  let folder: string;
  let made: Fixture;
  let url: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "twotier-npm-"));
    const registry = await startNpm();
    url = registry.url;
    made = await claimed(fixture(registry, "npm_any", folder));
  });
  afterAll(() => made?.close());

  const npm = async (...args: string[]) => {
    const quiet = [
      "--registry",
      url,
      "--cache",
      path.join(folder, "cache"),
      "--no-audit",
      "--no-fund",
      "--no-update-notifier",
    ];
    return (await runOk(toolPath("npm"), [...args, ...quiet], { cwd: folder, env: { HOME: folder } })).stdout.trim();
  };

  test("a placeholder is deprecated, and a candidate is found by its tag alone", async () => {
    const release = await made.release("0.1.19-rc.1");
    const target = await made.target(release);
    const { pointers, io } = await publishAll(target, await made.build(release.version), release);
    expect(JSON.parse(await npm("view", "playground-helper", "dist-tags", "--json"))).toEqual({
      latest: "0.0.0",
      [quietTag]: "0.1.19-rc.1",
    });
    for (const pointer of pointers) await target.pointers?.write(pointer, io);
    expect(JSON.parse(await npm("view", "playground-helper", "dist-tags", "--json"))).toEqual({
      latest: "0.0.0",
      next: "0.1.19-rc.1",
    });
    expect(await npm("view", "playground-helper", "deprecated")).toContain("placeholder");
    expect(await npm("view", "playground-helper@next", "deprecated")).toBe("");
  });

  test("npm installs what was published, checks its integrity, and links its command", async () => {
    await npm("install", "@hanzo/playground@next", "playground-helper@next");
    const command = path.join(folder, "node_modules/.bin/playground");
    expect((await lstat(command)).isSymbolicLink()).toBe(true);
    const lock = JSON.parse(await readFile(path.join(folder, "package-lock.json"), "utf8"));
    const built = await made.build("0.1.19-rc.1");
    const file = built.files.find((one) => one.package === "@hanzo/playground");
    expect(lock.packages["node_modules/@hanzo/playground"].integrity).toBe(toIntegrity(file?.sha512 ?? "sha512:"));
  });
});

test("while npm scans a version it is pending everywhere, isn't sent again, and is there afterwards", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "twotier-npm-"));
  let scanning = true;
  const registry = await startNpm({ pending: (_name, version) => version === "0.1.19-rc.1" && scanning });
  const made = await claimed(fixture(registry, "npm_any", folder));
  const io = testIo();
  try {
    const release = await made.release("0.1.19-rc.1");
    const built = await made.build(release.version);
    const { items } = await publishAll(await made.target(release), built, release);
    const elsewhere = await made.target(release);
    for (const item of items) {
      expect(await elsewhere.observe(item, io)).toMatchObject({ state: "pending" });
      expect(await elsewhere.verify(item, io)).toMatchObject({ state: "pending" });
      await elsewhere.publish(item, built.local, io); // 409 "previously staged"
    }
    scanning = false;
    for (const item of items) {
      expect(await elsewhere.observe(item, io)).toMatchObject({ state: "present", digest: item.digest });
      expect(await elsewhere.verify(item, io)).toMatchObject({ state: "present", digest: item.digest });
    }
  } finally {
    io.close();
    await made.close();
  }
});

/** Verdaccio without uplinks, and a user's token for it. */
async function startVerdaccio(folder: string): Promise<{ running: Running; token: string }> {
  const config = path.join(folder, "config.yaml");
  const rules = "{ access: $all, publish: $authenticated, unpublish: $authenticated }";
  await writeFile(
    config,
    `storage: ./storage
auth: { htpasswd: { file: ./htpasswd, algorithm: sha1 } }
uplinks: {}
packages: { '@*/*': ${rules}, '**': ${rules} }
max_body_size: 500mb
log: { type: stdout, format: json, level: warn }
`,
  );
  const running = await startServer({
    file: toolPath("node"),
    args: (port) => [toolPath("verdaccio"), "--config", config, "--listen", `127.0.0.1:${port}`],
    cwd: folder,
    ready: "/-/ping",
  });
  const response = await fetch(`${running.url}/-/user/org.couchdb.user:tester`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "tester", password: "a-long-password", type: "user", roles: [] }),
  });
  const { token } = (await response.json()) as { token: string };
  return { running, token };
}
