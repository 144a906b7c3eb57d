import { spawn } from "node:child_process";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type GitFixture, gitFixture, runGit } from "../../test/git-fixture.ts";
import { ObjectReader } from "./objects.ts";

let fixture: GitFixture;
beforeEach(() => {
  fixture = gitFixture();
});
afterEach(() => fixture.close());

it("a reader that is closed answers what it was asked before, and reads on with another process", async () => {
  const sha = fixture.commit("a", { f: "x".repeat(1_000_000) }, { push: false });
  let started = 0;
  const reader = new ObjectReader(() => {
    started++;
    return spawn("git", ["cat-file", "--batch"], { cwd: fixture.dir });
  });
  const asked = reader.read([`${sha}:f`, sha, "0".repeat(40)]);
  reader.close();
  const [again] = await reader.read([sha]);
  expect((await asked).map((one) => one?.type)).toEqual(["blob", "commit", undefined]);
  expect(again?.sha).toBe(sha);
  expect(started).toBe(2);
  reader.close();
});

it("a reader sees what came after it began, alone and in packs", async () => {
  fixture.commit("a", { f: "1" });
  const reader = new ObjectReader(() => spawn("git", ["cat-file", "--batch"], { cwd: fixture.dir }));
  const other = `${fixture.root}/other`;
  runGit(fixture.root, ["clone", "--quiet", fixture.origin, other]);
  for (let at = 0; at < 3; at++) runGit(other, ["commit", "--quiet", "--allow-empty", "-m", String(at)]);
  const theirs = runGit(other, ["rev-parse", "HEAD"]);
  expect(await reader.read([theirs])).toEqual([null]);
  runGit(other, ["push", "--quiet", "origin", "HEAD:main"]);
  runGit(fixture.dir, ["-c", "fetch.unpackLimit=1", "fetch", "--quiet", "origin", theirs]);
  const loose = fixture.commit("b", { f: "2" }, { push: false });
  expect((await reader.read([theirs, loose])).map((one) => one?.sha)).toEqual([theirs, loose]);
  reader.close();
});
