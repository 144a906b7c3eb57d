import { defineConfig } from "vitest/config";
import { testPath, testTemp } from "./test/support/environment.ts";

export default defineConfig({
  test: {
    env: { PATH: testPath, TMPDIR: testTemp },
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", "./test/reporter.ts"],
  },
});
