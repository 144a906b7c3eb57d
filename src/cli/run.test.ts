import { execFile } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";

/** Runs a command line whose only command does that. */
function ran(action: string): Promise<{ code: number; stderr: string }> {
  const script = `
    import { run } from ${JSON.stringify(path.join(import.meta.dirname, "run.ts"))};
    await run(["it"], { it: async () => (program) => void program.command("it").action(${action}) });`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", script];
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
