import { defineConfig } from "vitest/config";
import { testPath } from "./test/support/path.ts";

export default defineConfig({
  test: {
    env: { PATH: testPath },
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", "./test/reporter.ts"],
  },
});
