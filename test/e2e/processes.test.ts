import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Project, startProject } from "../support/project.ts";
import { toolPath } from "../tools.ts";

let project: Project;
let folder: string;
const before = process.env.PATH;

beforeEach(async () => {
  project = await startProject();
  folder = mkdtempSync(path.join(tmpdir(), "twotier-processes-"));
  const git = path.join(folder, "git");
  // The product's calls begin with its settings; the registries' git and that of builds don't.
  // A line is one write: git is started side by side.
  const line = "\"$(printf '%s' \"$*\" | tr '\\n' ' ')\"";
  const script = `case "$2" in advice.*) printf '%s\\n' ${line} >> '${folder}/log';; esac`;
  writeFileSync(git, `#!/bin/sh\n${script}\nexec '${toolPath("git")}' "$@"\n`);
  chmodSync(git, 0o755);
  writeFileSync(path.join(folder, "log"), "");
  process.env.PATH = `${folder}${path.delimiter}${before}`;
});
afterEach(async () => {
  process.env.PATH = before;
  rmSync(folder, { recursive: true, force: true });
  await project.close();
});

/** Git's calls since the last time: how often each command was started. */
function calls(): Record<string, number> {
  const lines = readFileSync(path.join(folder, "log"), "utf8").split("\n").filter(Boolean);
  writeFileSync(path.join(folder, "log"), "");
  const counts: Record<string, number> = {};
  for (const line of lines) {
    const command = line.replace(/^(?:-c \S* )+/, "");
    const name = /^push --dry-run|^ls-remote --get-url|^\S+/.exec(command)?.[0] as string;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe("a release starts git", () => {
  it("as seldom as it can: each call over the network is one to say why", async () => {
    await project.push("fix: something");
    calls();
    await project.release({ tier: "staging" });
    const opening = { "rev-parse": 1, config: 1, status: 1, "cat-file": 1, "ls-tree": 1, log: 1, "push --dry-run": 1 };
    const candidate = calls();
    // What is asked for in one turn is asked once: when it is sealed there may be one reading less.
    expect([4, 5]).toContain(candidate["ls-remote"]);
    expect(candidate).toEqual({
      ...opening,
      // To plan; with the number taken; when it is sealed; the Go tag read back; the same as a user sees it.
      "ls-remote": candidate["ls-remote"],
      "ls-remote --get-url": 1,
      // The commit with its lock, the seal.
      "unpack-objects": 2,
      // The lock, the seal, the Go tag, the end of the lock.
      push: 4,
    });

    await project.release({ tier: "production" });
    const stable = calls();
    expect([6, 7]).toContain(stable["ls-remote"]);
    expect(stable).toEqual({
      ...opening,
      // What the release has; what comes after its candidate.
      log: 2,
      "diff-tree": 1,
      // Those of staging; the candidate's Go tag, to compare; the branch, before it is pushed to.
      "ls-remote": stable["ls-remote"],
      "ls-remote --get-url": 1,
      // What is compared with the candidate, before the number is taken; then as staging.
      "unpack-objects": 3,
      // Those of staging, and the branch.
      push: 5,
    });
  });
});
