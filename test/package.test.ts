import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, skipped, toolPath } from "./tools.ts";

const temp = mkdtempSync(path.join(tmpdir(), "twotier-package-"));
const app = path.join(temp, "app");
const installed = path.join(app, "node_modules/twotier");
const node = toolPath("node");
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  version: string;
  files: string[];
  dependencies?: object;
};

/** A Node that is too old for twotier, as a fresh machine has one. */
const oldNode = ["/usr/bin/node", "/usr/local/bin/node", "/opt/homebrew/bin/node"].find((file) => {
  const [major = 0, minor = 0] = existsSync(file)
    ? execFileSync(file, ["--version"], { encoding: "utf8" }).slice(1).split(".").map(Number)
    : [99];
  return major < 22 || (major === 22 && minor < 18);
});

beforeAll(() => {
  const source = path.join(temp, "source");
  const texts = manifest.files.filter((it) => it !== "dist");
  for (const name of ["package.json", ...texts]) {
    cpSync(path.join(root, name), path.join(source, name), { recursive: true });
  }
  run(node, [path.join(root, "scripts/build.ts"), "--out", path.join(source, "dist")], root);
  run("npm", ["pack", "--ignore-scripts", "--pack-destination", temp], source);
  mkdirSync(app);
  writeFileSync(path.join(app, "package.json"), '{ "private": true, "type": "module" }\n');
  run("npm", ["install", "--offline", path.join(temp, `twotier-${manifest.version}.tgz`)], app);
});
afterAll(() => rmSync(temp, { recursive: true, force: true }));

describe("the published package", () => {
  test("installs alone, offline, as at most 5 packages and 10 MB", () => {
    expect(manifest.dependencies).toBeUndefined();
    const packages = globSync("node_modules/{*,@*/*}/package.json", { cwd: app });
    expect(packages).toEqual(["node_modules/twotier/package.json"]);
    let bytes = 0;
    for (const file of globSync("**/*", { cwd: installed })) bytes += lstatSync(path.join(installed, file)).size;
    expect(bytes).toBeLessThan(10e6);
  });

  test("holds the build, the schema and the texts, and names no path of the machine that built it", () => {
    expect(readdirSync(installed).sort()).toEqual(["package.json", ...manifest.files].sort());
    for (const file of globSync("**/*.{js,ts,json}", { cwd: installed })) {
      expect(readFileSync(path.join(installed, file), "utf8")).not.toContain(root);
    }
  });

  test("says its version, and loads nothing for that", () => {
    const command = path.join(app, "node_modules/.bin/twotier");
    expect(run(node, [command, "--version"], temp)).toBe(`${manifest.version}\n`);
    const alone = path.join(temp, "alone.mjs");
    cpSync(path.join(installed, "dist/main.js"), alone);
    expect(run(node, [alone, "--version"], temp)).toBe(`${manifest.version}\n`);
  });

  test("knows its commands", () => {
    expect(run(node, [path.join(installed, "dist/main.js"), "--help"], temp)).toContain("Usage: twotier");
  });

  test.skipIf(oldNode === undefined && skipped("this machine has no Node older than 22.18"))(
    "says in one line that a Node is too old",
    () => {
      const old = spawnSync(oldNode as string, [path.join(installed, "dist/main.js"), "plan"], { encoding: "utf8" });
      expect(old.status).toBe(1);
      expect(old.stdout).toBe("");
      expect(old.stderr).toMatch(
        /^twotier \S+ needs Node\.js 22\.18 or newer; this is \S+ \(.+\)\. Get one from \S+\n$/,
      );
    },
  );

  test("is a library with types", () => {
    writeFileSync(
      path.join(app, "use.ts"),
      `import { decodeManifest, ReleaseError, version, type Manifest } from "twotier";
       try { const manifest: Manifest = decodeManifest("{}", "here"); console.log(manifest.tag); }
       catch (error) { console.log(version, error instanceof ReleaseError ? error.code : error); }\n`,
    );
    const types = ["--typeRoots", path.join(root, "node_modules/@types"), "--types", "node"];
    run(toolPath("tsc"), ["--noEmit", "--strict", "--module", "nodenext", ...types, "use.ts"], app);
    expect(run(node, ["use.ts"], app)).toBe(`${manifest.version} REGISTRY\n`);
  });

  test("carries the licence of everything that is bundled", () => {
    expect(readFileSync(path.join(installed, "dist/THIRD-PARTY-LICENSES"), "utf8")).toMatch(/^commander \S+ \(MIT\)$/m);
  });
});

describe.each(["package-lock.json", "website/package-lock.json"])("%s", (lock) => {
  interface Entry {
    version?: string;
    resolved?: string;
    optionalDependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(readFileSync(path.join(root, lock), "utf8")) as {
    packages: Record<string, Entry>;
  };

  test("names every platform's packages, or npm ci would refuse it", () => {
    const names = Object.values(packages).flatMap((it) => Object.keys(it.optionalDependencies ?? {}));
    const there = Object.keys(packages);
    const absent = names.filter((name) => !there.some((folder) => folder.endsWith(`node_modules/${name}`)));
    expect(absent).toEqual([]); // scripts/lock.mjs adds them
  });

  test("names no registry but npm's own", () => {
    const hosts = Object.values(packages).flatMap((it) => (it.resolved ? [new URL(it.resolved).host] : []));
    expect(hosts.filter((host) => host !== "registry.npmjs.org")).toEqual([]);
  });
});

function run(file: string, args: readonly string[], cwd: string): string {
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` };
  return execFileSync(file, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
