import path from "node:path";
import { expect, test } from "vitest";
import { run } from "../../bench/measure.ts";
import { needs, root, toolPath } from "../tools.ts";

const bench = path.join(root, "bench/uploads.ts");

test.skipIf(needs(["node"]))("the bench of uploads runs, in small, and names its figures", async () => {
  const { stdout } = await run(toolPath("node"), [bench, "--small", "--json", "--only", "asset,wheel,image"]);
  const { small, figures, left } = JSON.parse(stdout);
  expect(small).toBe(true);
  const made = figures.map((figure: { name: string }) => figure.name);
  expect([...made, ...left.map((line: string) => line.split(":")[0])].sort()).toEqual(["asset", "image", "wheel"]);
  for (const figure of figures) {
    expect(figure.ours.ms).toBeGreaterThan(0);
    expect(figure.theirs.ms).toBeGreaterThan(0);
    expect(figure.ours.peakMegabytes).toBeLessThan(figure.goals.peakMegabytes);
  }
});
