import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ReleaseError } from "./errors.ts";
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

describe("a program with a process group of its own", () => {
  /** Whether a process is there and more than a zombie. */
  const lives = async (pid: string) => {
    const { stdout } = await exec("ps", ["-o", "stat=", "-p", pid], { ok: [0, 1] });
    return stdout.trim() !== "" && !stdout.trim().startsWith("Z");
  };
  /** Starts what prints its pids in a line, and stops it then. */
  async function stopped(command: string): Promise<string[]> {
    const stop = new AbortController();
    let pids: string[] = [];
    const onLine = (line: string) => {
      pids = line.split(" ");
      stop.abort(new ReleaseError("INTERRUPTED", "stopped by SIGTERM"));
    };
    const run = exec("sh", ["-c", command], { group: true, signal: stop.signal, onLine });
    await expect(run).rejects.toMatchObject({ code: "INTERRUPTED", message: "stopped by SIGTERM" });
    return pids;
  }

  it("is ended with all that it started", async () => {
    const pids = await stopped('sleep 100 & echo "$$ $!"; wait');
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(await lives(pid)).toBe(false);
  });

  it("is ended too where it doesn't mind SIGTERM", async () => {
    for (const pid of await stopped('trap "" TERM; sleep 100 & echo "$$ $!"; wait')) {
      await expect.poll(() => lives(pid), { interval: 10 }).toBe(false);
    }
  });

  it("is ended when its parent leaves in a hurry", async () => {
    const module = JSON.stringify(path.join(import.meta.dirname, "exec.ts"));
    const script = `
      const { exec } = await import(${module});
      const onLine = (line) => { console.log(line); process.exit(130); };
      await exec("sh", ["-c", 'sleep 100 & echo "$$ $!"; wait'], { group: true, onLine });
    `;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { timeout: 15_000 });
    const { code, stdout } = await run.then(
      () => ({ code: 0, stdout: "" }),
      (error: { code: number; stdout: string }) => error,
    );
    expect(code).toBe(130);
    for (const pid of stdout.trim().split(" ")) {
      await expect.poll(() => lives(pid), { interval: 10 }).toBe(false);
    }
  });
});
