import { mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

/**
 * Beside vitest's own report: at its end every skipped test by name with the reason, and the counts on one plain line.
 * Reasons come from `needs` and `skipped` of tools.ts, through the file that TWOTIER_TEST_SKIPS names.
 */
export default class Counts implements Reporter {
  private readonly folder = mkdtempSync(path.join(tmpdir(), "twotier-tests-"));
  private readonly skips = path.join(this.folder, "skips.ndjson");

  constructor() {
    process.env.TWOTIER_TEST_SKIPS = this.skips;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const reasons = this.reasons();
    rmSync(this.folder, { recursive: true, force: true });
    const lines: string[] = [];
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      const skipped = tests.filter((it) => it.result().state === "skipped");
      const failed = tests.filter((it) => it.result().state === "failed").length;
      count.passed += tests.filter((it) => it.result().state === "passed").length;
      count.skipped += skipped.length;
      // A file that can't even be loaded has no tests, but it has failed.
      count.failed += failed === 0 && module.state() === "failed" ? 1 : failed;
      if (skipped.length === 0) continue;
      lines.push(`skipped in ${module.relativeModuleId}: ${skipped.length}`);
      for (const because of reasons.get(module.moduleId) ?? []) lines.push(`  because ${because}`);
      for (const it of skipped) lines.push(`  - ${it.fullName}${noteOf(it)}`);
    }
    lines.push("", `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    // At the exit, so that nothing of vitest comes after it.
    process.once("exit", () => writeSync(1, `${lines.join("\n")}\n`));
  }

  private reasons(): Map<string, Set<string>> {
    const reasons = new Map<string, Set<string>>();
    let text = "";
    try {
      text = readFileSync(this.skips, "utf8");
    } catch {
      // no test asked for a reason to be told
    }
    for (const line of text.split("\n").filter(Boolean)) {
      const { file, reason } = JSON.parse(line) as { file: string; reason: string };
      reasons.set(file, (reasons.get(file) ?? new Set()).add(reason));
    }
    return reasons;
  }
}

function noteOf(test: TestCase): string {
  const result = test.result();
  return result.state === "skipped" && result.note !== undefined ? ` (${result.note})` : "";
}
