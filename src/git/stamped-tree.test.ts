import { chmodSync, symlinkSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GitFixture, gitFixture, runGit } from "../../test/git-fixture.ts";
import { gitIn } from "./git.ts";
import { readObjects } from "./objects.ts";
import { commitObject, identity, makeReleaseCommit, makeTagObject } from "./release-commit.ts";
import { type StampedFile, stampedTree } from "./stamped-tree.ts";
import { newObject, writeObjects } from "./write-objects.ts";

let fixture: GitFixture;
beforeEach(() => {
  fixture = gitFixture();
});
afterEach(() => fixture.close());

/** The tree that git itself makes by its index. */
function treeByIndex(dir: string, commit: string, files: readonly StampedFile[]): string {
  const env = { GIT_INDEX_FILE: path.join(dir, ".git/index-of-the-test") };
  runGit(dir, ["read-tree", commit], env);
  const rows = files.map((file) => {
    const blob = runGit(dir, ["hash-object", "-w", "--no-filters", "--stdin"], {}, file.text);
    const [mode] = runGit(dir, ["--literal-pathspecs", "ls-tree", commit, "--", file.path]).split(" ");
    return `${file.mode ?? (mode || "100644")} ${blob}\t${file.path}\0`;
  });
  runGit(dir, ["update-index", "-z", "--add", "--index-info"], env, rows.join(""));
  return runGit(dir, ["write-tree"], env);
}

/** Everything that trees hold: names that sort beside folders, bytes, links, programs, other repositories. */
function history(): string {
  const files = ["VERSION", "a/VERSION", "a/b/c/ü é.txt", "a.b/x", "a-b", "a0", "ü", "z/deep/er/package.json", '"q"\t'];
  fixture.commit("files", Object.fromEntries(files.map((file) => [file, `of ${file}\n`])), { push: false });
  symlinkSync("1.0.0/target", path.join(fixture.dir, "link"));
  chmodSync(path.join(fixture.dir, "a0"), 0o755);
  fixture.git("add", "link", "a0");
  fixture.git("update-index", "--add", "--cacheinfo", `160000,${"2".repeat(40)},module`);
  fixture.git("commit", "--quiet", "-m", "others");
  return fixture.git("rev-parse", "HEAD");
}

describe("stampedTree", () => {
  const file = (name: string, text = `new ${name}`, mode?: string): StampedFile => ({ path: name, text, mode });
  const cases: [string, StampedFile[]][] = [
    ["nothing", []],
    ["a file at the root", [file("VERSION")]],
    ["files in folders of each other", [file("a/VERSION"), file("a/b/c/ü é.txt"), file("z/deep/er/package.json")]],
    ["a program, a link and a name in quotes, with their modes", [file("a0"), file("link"), file('"q"\t')]],
    ["a mode of its own", [file("link", "a file now", "100644")]],
    [
      "new files beside what sorts near them",
      [file("a/b/0"), file("a."), file("a/b.c"), file("ab"), file("ÿ\u{1f680}")],
    ],
    ["new folders", [file("new/er/file"), file("new/file"), file("a/b/d/e")]],
    [
      "large and empty texts",
      [file("VERSION", ""), file("a/VERSION", "x".repeat(3_000_000)), file("ü", "y".repeat(16))],
    ],
  ];

  it.each(cases)("is the tree that git's own index makes: %s", async (_, files) => {
    const source = history();
    const expected = treeByIndex(fixture.dir, source, files);
    // Another clone has none of the new objects: what is written there must be all of them.
    const clone = path.join(fixture.root, "clone");
    runGit(fixture.root, ["clone", "--quiet", fixture.dir, clone]);
    const git = gitIn(clone);
    const { tree, before, objects } = await stampedTree(git, source, files);
    expect(tree).toBe(expected);
    expect(before).toBe(fixture.git("rev-parse", `${source}^{tree}`));
    expect(runGit(clone, ["status", "--porcelain"])).toBe("");
    const commit = commitObject({ tree, parents: [source], epoch: 1, message: "stamped\n" });
    await writeObjects(git, [...objects, commit]);
    runGit(clone, ["fsck", "--strict", "--no-dangling", commit.sha]);
    for (const { path: name, text } of files) {
      const [blob] = await readObjects(git, [`${commit.sha}:${name}`]);
      expect(blob?.text).toBe(text);
    }
    expect(runGit(clone, ["show", "--no-patch", "--format=%an <%ae>", commit.sha])).toBe(identity);
    expect(runGit(clone, ["status", "--porcelain"])).toBe("");
  });

  it("without a commit has these files alone", async () => {
    const { tree, objects } = await stampedTree(gitIn(fixture.dir), null, [file("b/c"), file("a")]);
    await writeObjects(gitIn(fixture.dir), objects);
    expect(fixture.git("ls-tree", "-r", "--name-only", tree)).toBe("a\nb/c");
  });

  it("needs the commit", async () => {
    await expect(stampedTree(gitIn(fixture.dir), "3".repeat(40), [])).rejects.toMatchObject({ code: "GIT" });
  });
});

describe("objects", () => {
  it("have the names that git gives them, in repositories of either hash", async () => {
    for (const format of ["sha1", "sha256"]) {
      const dir = path.join(fixture.root, format);
      runGit(fixture.root, ["init", "--quiet", `--object-format=${format}`, "--initial-branch=main", dir]);
      runGit(dir, ["commit", "--quiet", "--allow-empty", "-m", "first"]);
      const source = runGit(dir, ["rev-parse", "HEAD"]);
      const git = gitIn(dir);
      const stamped = [{ path: "dir/VERSION", text: "1.0.0\n" }];
      const commit = await makeReleaseCommit(git, source, stamped, { tag: "v1.0.0", epoch: 1 });
      const tag = await makeTagObject(git, { name: "v1.0.0", commit, epoch: 1, message: "sealed\n" });
      expect(runGit(dir, ["cat-file", "-t", tag])).toBe("tag");
      expect(runGit(dir, ["rev-parse", `${tag}^{commit}^`])).toBe(source);
      expect(runGit(dir, ["show", `${tag}:dir/VERSION`])).toBe("1.0.0");
      runGit(dir, ["fsck", "--strict", "--no-dangling", tag]);
      expect(newObject("blob", "1.0.0\n", source).sha).toBe(runGit(dir, ["rev-parse", `${tag}:dir/VERSION`]));
    }
  });

  it("that are there already are written once more without harm", async () => {
    const source = fixture.commit("a", { VERSION: "0.0.0\n" }, { push: false });
    const make = () =>
      makeReleaseCommit(gitIn(fixture.dir), source, [{ path: "VERSION", text: "1.0.0\n" }], {
        tag: "v1.0.0",
        epoch: 5,
      });
    const first = await make();
    expect(await make()).toBe(first);
    fixture.git("fsck", "--strict", "--no-dangling", first);
  });

  it("stay away where git can't write", async () => {
    const git = gitIn(fixture.dir, { env: { GIT_OBJECT_DIRECTORY: "/dev/null/objects" } });
    const blob = newObject("blob", "x", "");
    await expect(writeObjects(git, [blob])).rejects.toMatchObject({ code: "GIT" });
  });
});
