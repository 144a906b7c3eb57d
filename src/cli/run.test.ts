import { execFile, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

/** Arguments of a Node that runs a command line whose only command does that. */
function running(action: string): string[] {
  const script = `
    import { run } from ${JSON.stringify(path.join(import.meta.dirname, "run.ts"))};
    await run(["it"], { it: async () => (program) => void program.command("it").action(${action}) });`;
  return ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", script];
}

function ran(action: string): Promise<{ code: number; stderr: string }> {
  const args = running(action);
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, _stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }));
  });
}

it("a command that waits for what can't come has failed, though Node would end with 0", async () => {
  const lost = await ran("() => new Promise(() => {})");
  expect(lost.stderr).toContain("error[INTERNAL]: the command came to no end\nhint: ");
  expect(lost.code).not.toBe(0);
  expect(await ran("async () => {}")).toEqual({ code: 0, stderr: "" });
});

it.skipIf(!existsSync("/dev/full"))("a full disk under its output is an error, under its messages none", () => {
  const full = openSync("/dev/full", "w");
  try {
    const action =
      'async () => { process.stderr.write("begun\\n"); process.stderr.write("on\\n"); process.stdout.write("all"); }';
    const [args, encoding] = [running(action), "utf8"] as const;
    const output = spawnSync(process.execPath, args, { encoding, stdio: ["ignore", full, "pipe"] });
    expect(output.stderr).toBe(
      "begun\non\nerror[IO]: ENOSPC: no space left on device, write\nhint: make room on the disk, then run the same command again\n",
    );
    expect(output.status).toBe(1);
    const messages = spawnSync(process.execPath, args, { encoding, stdio: ["ignore", "pipe", full] });
    expect(messages).toMatchObject({ status: 0, stdout: "all" });
  } finally {
    closeSync(full);
  }
});
