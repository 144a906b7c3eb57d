import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { exec } from "./exec.ts";

it("a program that was stopped holds nobody up, whatever its own children do", async () => {
  // In a process of its own: what keeps Node from ending is what is asked here.
  const module = JSON.stringify(path.join(import.meta.dirname, "exec.ts"));
  const script = `
    const { exec } = await import(${module});
    const stop = new AbortController();
    const line = (text) => text === "begun" && stop.abort();
    await exec("sh", ["-c", "sleep 20 & echo begun; wait"], { signal: stop.signal, onLine: line }).catch((error) => console.log(error.code));
  `;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { timeout: 15_000 });
  expect((await run).stdout).toBe("INTERRUPTED\n");
});

it("gives what a program printed and its exit code, which is an error unless it is expected", async () => {
  expect(await exec("sh", ["-c", "echo out; echo err >&2"])).toEqual({ code: 0, stdout: "out\n", stderr: "err\n" });
  expect(await exec("sh", ["-c", "exit 3"], { ok: [3] })).toMatchObject({ code: 3 });
  await expect(exec("sh", ["-c", "echo why >&2; exit 3"])).rejects.toMatchObject({
    code: "BUILD",
    facts: { output: "why" },
  });
  await expect(exec("no-such-program-anywhere", [])).rejects.toMatchObject({ code: "TOOL_MISSING" });
});
