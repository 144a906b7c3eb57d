import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../src/config/parse.ts";
import { resolveArtifacts } from "../src/config/resolve.ts";
import { stampText } from "../src/version/stamp.ts";
import { needs, root, toolPath } from "./tools.ts";

const source = path.join(root, "examples/playground");
const made = /(?:^|\/)(?:dist|bin|build|__pycache__|node_modules|[^/]+\.egg-info)(?:\/|$)/;
const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(source, path.join(entry.parentPath, entry.name)))
  .filter((file) => !made.test(file));
const read = (file: string) => readFileSync(path.join(source, file), "utf8");

/** A copy of the example with 0.1.19-rc.1 stamped into it: what a candidate's release commit holds. */
let copy: string;

beforeAll(async () => {
  const config = parseConfig(read("twotier.yaml"));
  const tree = {
    read: async (file: string) => (files.includes(file) ? read(file) : null),
    list: async () => files,
  };
  const { stamp } = await resolveArtifacts(config, tree);
  copy = mkdtempSync(path.join(tmpdir(), "twotier-example-"));
  for (const file of files) cpSync(path.join(source, file), path.join(copy, file));
  for (const rule of [...stamp, { file: "VERSION" }]) {
    const { text } = stampText(read(rule.file), rule, { version: "0.1.19-rc.1", pythonVersion: "0.1.19rc1" });
    writeFileSync(path.join(copy, rule.file), text);
  }
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

describe("examples/playground", () => {
  test("every place that spells the version is stamped, but for the history in CHANGELOG.md", () => {
    const left = files.filter((file) => readFileSync(path.join(copy, file), "utf8").includes("0.1.18"));
    expect(left).toEqual(["CHANGELOG.md"]);
  });

  test("trigger paths, names, images and tags are those of the release process document", () => {
    const { trigger, artifacts, targets, version } = parseConfig(read("twotier.yaml"));
    expect(trigger).toEqual({
      branch: "main",
      paths: ["control-plane/**", "sdk/**", "VERSION", ".github/workflows/release.yml"],
    });
    expect(version.tag).toBe("v{version}");
    expect(targets.npm?.tags).toEqual({ staging: "next", production: "latest" });
    expect(targets.docker).toMatchObject({
      tags: { staging: ["staging-{version}"], production: ["v{version}"] },
      pointers: { staging: [], production: ["latest"] },
    });
    expect(artifacts?.find(({ type }) => type === "go")).toMatchObject({
      name: "playground",
      platforms: ["darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64"],
    });
    expect(artifacts?.find(({ type }) => type === "image")).toMatchObject({ repository: "playground/control-plane" });
  });

  test.skipIf(needs(["actionlint"]))("its workflow is one that GitHub takes", () => {
    // `queue` of a concurrency group is newer (May 2026) than actionlint 1.7.12.
    const known = ["-no-color", "-ignore", 'unexpected key "queue"'];
    execFileSync(toolPath("actionlint"), [...known, path.join(source, ".github/workflows/release.yml")]);
  });

  test.skipIf(needs(["go", "python3", "npm", "node", "tsc"]))("lint and tests pass on a candidate's sources", () => {
    const folders = [...(["node", "go", "tsc"] as const).map((name) => path.dirname(toolPath(name))), process.env.PATH];
    // As releases are built: Go's cache then serves a copy in any folder.
    const env = { ...process.env, PATH: folders.join(path.delimiter), GOFLAGS: "-trimpath", CGO_ENABLED: "0" };
    const output = execFileSync("make", ["lint", "test"], { cwd: copy, env, encoding: "utf8", stdio: "pipe" });
    expect(output).not.toContain("no tsc");
    const version = execFileSync(path.join(copy, "bin/playground"), ["--version"], { encoding: "utf8" });
    expect(version).toBe("playground 0.1.19-rc.1\n");
  });
});
