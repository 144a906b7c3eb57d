import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../src/config/parse.ts";
import { resolveArtifacts } from "../src/config/resolve.ts";
import { installerFiles } from "../src/generate/installer/index.ts";
import { workflowFiles } from "../src/generate/workflow/index.ts";
import { folderTree } from "../src/git/folder.ts";
import { stampText } from "../src/version/stamp.ts";
import { root } from "./tools.ts";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const config = parseConfig(read("twotier.yaml"));
const resolved = await resolveArtifacts(config, folderTree(root));
const manifest = JSON.parse(read("package.json"));

/** twotier's own release; `make rehearse` plays it. */
describe("this repository's twotier.yaml", () => {
  test("says the same as package.json, where npm's provenance looks for the repository", () => {
    expect(manifest.repository.url).toBe(`git+https://github.com/${config.repository}.git`);
    expect(resolved.packages.npm).toEqual([manifest.name]);
    expect(read("website/.vitepress/config.ts")).toContain(`"https://github.com/${config.repository}"`);
  });

  test("stamps every file that spells the version", () => {
    for (const rule of resolved.stamp) {
      const { text } = stampText(read(rule.file), rule, { version: "7.8.9-rc.1", pythonVersion: "7.8.9rc1" });
      const { version, packages } = JSON.parse(text);
      expect([version, packages?.[""].version ?? version]).toEqual(["7.8.9-rc.1", "7.8.9-rc.1"]);
    }
    expect(resolved.stamp.map(({ file }) => file)).toEqual(["package.json", "package-lock.json"]);
  });

  // The workflow names the twotier that wrote it: a release must not make it look changed.
  const version = /twotier@[\w.-]+|^# twotier:begin .*$/gm;
  test.each([...installerFiles(config, resolved), ...workflowFiles(config, resolved, "github")])(
    "$path is what twotier generate writes",
    ({ path: file, text }) => {
      expect(read(file).replace(version, "")).toBe(text.replace(version, ""));
    },
  );

  test("is released by a script and runtimes that are there, for the four systems", () => {
    const program = resolved.artifacts.find(({ name }) => name === "twotier");
    expect(program).toMatchObject({ type: "command", run: 'node scripts/binaries.ts --out "$OUT"' });
    expect(existsSync(path.join(root, "scripts/binaries.ts"))).toBe(true);
    const { packages } = JSON.parse(read("scripts/runtimes/package-lock.json"));
    const runtimes = Object.entries<{ version: string; integrity: string }>(packages).filter(([name]) => name !== "");
    expect(runtimes).toHaveLength(4);
    expect(new Set(runtimes.map(([, { version }]) => version)).size).toBe(1);
    for (const [, { integrity }] of runtimes) expect(integrity).toMatch(/^sha512-/);
  });
});
