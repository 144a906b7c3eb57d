import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { ReleaseContext } from "../../src/core/target.ts";
import { digestOf } from "../../src/lib/hash.ts";
import { startNpm } from "../../src/registries/npm/index.ts";
import { createNpmTarget } from "../../src/targets/npm/index.ts";
import { needs, toolPath } from "../tools.ts";
import { testIo } from "./io.ts";
import { type Running, startServer } from "./servers.ts";
import { type Built, type Credential, type Fixture, targetSuite } from "./target-suite.ts";

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
  lacks: { stages: "npm's staging needs a person's second factor to approve" },
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-npm-"));
    return claimed(fixture(await startNpm({ token: "npm_good" }), "npm_good", folder));
  },
});

targetSuite({
  name: "npm on Verdaccio",
  skip: needs(["verdaccio", "node"]),
  lacks: { stages: "npm's staging needs a person's second factor to approve" },
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-verdaccio-"));
    const { running, token } = await startVerdaccio(folder);
    return claimed(fixture(running, token, folder));
  },
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
