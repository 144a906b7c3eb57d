import { renameSync, rmSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type GitFixture, gitFixture } from "../../test/git-fixture.ts";
import { gitIn } from "../git/git.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { makeOwnFolder } from "./folder.ts";

let fixture: GitFixture;
beforeEach(() => {
  fixture = gitFixture();
});
afterEach(() => fixture.close());

/** No process has it: above the highest that Linux gives (proc_sys_kernel(5), pid_max). */
const nobody = 4_194_305;

it("takes away a work tree whose run was killed while git made it", async () => {
  fixture.commit("a", { a: "1" });
  const folder = path.join(fixture.dir, ".twotier");
  await makeOwnFolder({ folder, git: gitIn(fixture.dir) });
  const mine = await temporaryFolder(folder, "tree");
  const left = mine.replace(`-${process.pid}-`, `-${nobody}-`);
  renameSync(mine, left);
  const tree = path.join(left, "source");
  fixture.git("worktree", "add", "--detach", "--quiet", tree, "HEAD");
  fixture.git("worktree", "lock", tree);
  // Git writes this last but one; until then it takes the tree for no work tree.
  rmSync(path.join(tree, ".git"));
  expect(fixture.git("worktree", "list").split("\n")).toHaveLength(2);
  await makeOwnFolder({ folder, git: gitIn(fixture.dir) });
  expect(fixture.git("worktree", "list").split("\n")).toHaveLength(1);
});
