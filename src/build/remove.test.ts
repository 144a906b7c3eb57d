import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { removeTree } from "./remove.ts";

test("a folder that may not be written to is removed all the same", async () => {
  const parent = await mkdtemp(path.join(tmpdir(), "twotier-remove-"));
  const tree = path.join(parent, "tree");
  await mkdir(path.join(tree, "a/b"), { recursive: true });
  await writeFile(path.join(tree, "a/b/file"), "");
  await chmod(path.join(tree, "a/b"), 0o555);
  await chmod(path.join(tree, "a"), 0o555);
  if (process.getuid?.() === 0) {
    // root may do it anyway: another user shows it
    execFileSync("chown", ["-R", "65534:65534", parent]);
    const script = `const { removeTree } = await import(${JSON.stringify(path.resolve(import.meta.dirname, "remove.ts"))}); await removeTree(${JSON.stringify(tree)})`;
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { uid: 65534, gid: 65534, cwd: parent });
  } else await removeTree(tree);
  expect(await readdir(parent)).toEqual([]);
  await rm(parent, { recursive: true });
});
