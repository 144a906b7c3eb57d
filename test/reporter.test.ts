import { spawnSync } from "node:child_process";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { root, toolPath } from "./tools.ts";

describe("the end of a test run", () => {
  test("lists what was skipped with its reason, and has the counts alone on the last line", () => {
    const { lines, status } = run({});
    expect(status).toBe(1);
    expect(lines.at(-1)).toBe("2 passed, 2 failed, 4 skipped"); // failed: a test, and a file that can't be loaded
    const list = lines.slice(lines.indexOf("skipped in sample.case.ts: 4"));
    expect(list).toContain("  because a registry is away");
    expect(list).toContain("  - four (the moon is full)");
    expect(list).toContain("  - with zot > five");
    expect(list).toContain("  - with a registry > seven");
  });

  test("counts a tool that couldn't be had as a failure with CI=true", () => {
    const { lines, status } = run({ CI: "true" });
    expect(status).toBe(1);
    expect(lines.at(-1)).toBe("2 passed, 3 failed, 4 skipped");
  });

  function run(env: Record<string, string>): { lines: string[]; status: number | null } {
    const config = path.join(root, "test/fixtures/reporter/vitest.config.ts");
    const args = [path.join(root, "node_modules/vitest/vitest.mjs"), "run", "--config", config];
    const { PATH = "", HOME = "" } = process.env;
    const result = spawnSync(toolPath("node"), args, {
      cwd: root,
      env: { PATH, HOME, NO_COLOR: "1", ...env },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { lines: result.stdout.trimEnd().split("\n"), status: result.status };
  }
});
