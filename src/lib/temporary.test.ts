import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { abandonedFolders, temporaryFolder } from "./temporary.ts";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(path.join(tmpdir(), "twotier-abandoned-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

it("what a process that is gone left is abandoned; what runs, is another machine's, or a link is not", async () => {
  await temporaryFolder(parent, "twotier-build");
  const module = path.join(import.meta.dirname, "temporary.ts");
  const script = `import { temporaryFolder } from ${JSON.stringify(module)};
    process.stdout.write(await temporaryFolder(${JSON.stringify(parent)}, "tree"));`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", script];
  const left = execFileSync(process.execPath, args, { encoding: "utf8" });
  const elsewhere = path.basename(left).replace(/-[0-9a-f]{8}-/, "-00000000-");
  mkdirSync(path.join(parent, elsewhere));
  symlinkSync(tmpdir(), left.replace(/.{6}$/, "aaaaaa"));
  mkdirSync(path.join(parent, "run-of-somebody"));
  expect(await abandonedFolders(parent)).toEqual([left]);
  expect(await abandonedFolders(path.join(parent, "nowhere"))).toEqual([]);
});
