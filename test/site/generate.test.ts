import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "../tools.ts";

let dir: string;
const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@b", ...args], { cwd: dir });
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "twotier-generate-"));
  const files: Record<string, string> = {
    "twotier.yaml":
      'name: tool\nrepository: example/tool\nartifacts: [{name: tool, type: go}]\ninstaller: {url: "https://tool.example"}\n',
    "go.mod": "module example.invalid/tool\n\ngo 1.19\n",
    "main.go": "package main\n\nfunc main() {}\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=begin");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function generate(...args: string[]) {
  const command = [path.join(root, "src/cli/bin.ts"), "generate", "site", "-C", dir, ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8" });
}

test("generate site writes the folder, --check says when it isn't what twotier.yaml says, and writes nothing", () => {
  expect(generate("--check").status).toBe(3);
  expect(existsSync(path.join(dir, "site"))).toBe(false);
  expect(generate().status).toBe(0);
  expect(existsSync(path.join(dir, "site/channels"))).toBe(false);
  expect(generate("--check").status).toBe(0);
  writeFileSync(path.join(dir, "site/_redirects"), "");
  const drift = generate("--check");
  expect(drift.status).toBe(3);
  expect(drift.stdout).toContain("+/install /install.sh 200");
  expect(readFileSync(path.join(dir, "site/_redirects"), "utf8")).toBe("");
});

test("--releases adds a script for every released version, and where each channel is", () => {
  for (const tag of ["v0.1.0", "v0.1.1-rc.9", "v0.1.1-rc.10"]) git("tag", tag);
  expect(generate("--releases", "--out", "public").status).toBe(0);
  expect(readFileSync(path.join(dir, "public/channels/staging.txt"), "utf8")).toBe("0.1.1-rc.10\n");
  expect(readFileSync(path.join(dir, "public/channels/production.txt"), "utf8")).toBe("0.1.0\n");
  expect(readFileSync(path.join(dir, "public/v0.1.1-rc.9/install.sh"), "utf8")).toContain("wanted=0.1.1-rc.9 ");
});
