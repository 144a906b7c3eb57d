import { afterAll, beforeAll, expect, test } from "vitest";
import { type GitFixture, gitFixture } from "../../test/git-fixture.ts";
import { exec } from "../lib/exec.ts";
import type { Git } from "./push.ts";
import { commitTree } from "./tree.ts";

let repository: GitFixture;
beforeAll(() => {
  repository = gitFixture();
});
afterAll(() => repository.close());

test("files of a commit that are asked for together are read by one call of git, whatever the work tree holds", async () => {
  const sha = repository.commit("first", { "a.txt": "a\n", "b/c d.txt": "größer\n" });
  repository.commit("second", { "a.txt": "other\n" });
  const calls: string[] = [];
  const git: Git = (args, options) => {
    calls.push(args[0] as string);
    return exec("git", args, { cwd: repository.dir, ...options });
  };
  const tree = commitTree(git, sha);
  expect(await Promise.all(["a.txt", "nope", "b/c d.txt", "b"].map((file) => tree.read(file)))).toEqual([
    "a\n",
    null,
    "größer\n",
    null,
  ]);
  expect(calls).toEqual(["cat-file"]);
  expect(await tree.read("a.txt")).toBe("a\n");
  expect(calls).toEqual(["cat-file", "cat-file"]);
  expect(await tree.list()).toEqual(expect.arrayContaining(["a.txt", "b/c d.txt"]));
});
