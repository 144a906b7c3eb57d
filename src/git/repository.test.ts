import { appendFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GitFixture, gitFixture, runGit } from "../../test/git-fixture.ts";
import { isAncestor, logCommits, parseLog, readCommits } from "./commits.ts";
import { messageOf, readObjects } from "./objects.ts";
import { parseRefs } from "./refs.ts";
import { openRepository } from "./repository.ts";

let fixture: GitFixture;
beforeEach(() => {
  fixture = gitFixture();
});
afterEach(() => fixture.close());

/** Every file below a folder with its size and time of change. */
function listing(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const { size, mtimeMs } = statSync(path.join(dir, name));
      return `${name} ${size} ${mtimeMs}`;
    });
}

describe("openRepository", () => {
  it("says in git's words why a repository can't be read, which isn't that there is none", async () => {
    appendFileSync(path.join(fixture.dir, ".git/config"), "[broken\n");
    await expect(openRepository(fixture.dir)).rejects.toMatchObject({
      code: "GIT",
      facts: { git: expect.stringMatching(/bad config line \d+ in file/) },
    });
    await expect(openRepository(fixture.root)).rejects.toMatchObject({ code: "USAGE" });
  });

  it("knows the git folder, the remote and its refs, from any folder of a clone", async () => {
    const sha = fixture.commit("a", { "deep/er/file": "1" });
    fixture.git("tag", "-a", "-m", "x", "v1.0.0");
    fixture.git("push", "--quiet", "origin", "v1.0.0");
    for (const dir of [fixture.dir, path.join(fixture.dir, "deep/er")]) {
      const repository = await openRepository(dir);
      expect(repository).toMatchObject({ remote: "origin", bare: false, gitDir: path.join(fixture.dir, ".git") });
      const refs = await repository.refs();
      expect(refs.head).toBe("main");
      expect(refs.commit("refs/tags/v1.0.0")).toBe(sha);
      expect(refs.get("refs/tags/v1.0.0")).not.toBe(sha);
    }
  });

  it("reads the refs once, and again when told to", async () => {
    fixture.commit("a", { f: "1" });
    const repository = await openRepository(fixture.dir);
    const before = await repository.refs();
    fixture.atOrigin("tag", "v1.0.0", "main");
    expect(await repository.refs()).toBe(before);
    expect((await repository.refs(true)).get("refs/tags/v1.0.0")).toBeDefined();
    expect((await repository.refs()).get("refs/tags/v1.0.0")).toBeDefined();
  });

  it("reads fresh refs once for all who ask in one turn, and again for who asks later", async () => {
    fixture.commit("a", { f: "1" });
    const repository = await openRepository(fixture.dir);
    await repository.refs();
    const asked = [repository.refs(true), repository.refs(true)];
    const joined = repository.refs();
    // Asked for already, begun after this turn: what happens until then is seen.
    fixture.atOrigin("tag", "v1.0.0", "main");
    const [one, two] = await Promise.all(asked);
    expect(one).toBe(two);
    expect(await joined).toBe(one);
    expect(one?.get("refs/tags/v1.0.0")).toBeDefined();
    fixture.atOrigin("tag", "v1.0.1", "main");
    const later = repository.refs(true);
    expect((await later).get("refs/tags/v1.0.1")).toBeDefined();
  });

  it("doesn't take a failure for what was read last", async () => {
    fixture.commit("a", { f: "1" });
    const repository = await openRepository(fixture.dir);
    await repository.refs();
    fixture.git("remote", "set-url", "origin", path.join(fixture.root, "gone.git"));
    await expect(repository.refs(true)).rejects.toMatchObject({ code: "GIT" });
    fixture.git("remote", "set-url", "origin", fixture.origin);
    expect((await repository.refs()).get("refs/heads/main")).toBeDefined();
  });

  it("takes the only remote whatever its name, and local refs without any", async () => {
    const sha = fixture.commit("a", { f: "1" });
    fixture.git("tag", "-a", "-m", "x", "v1.0.0");
    fixture.git("remote", "rename", "origin", "upstream");
    const renamed = await openRepository(fixture.dir);
    expect(renamed.remote).toBe("upstream");
    expect((await renamed.refs()).get("refs/tags/v1.0.0")).toBeUndefined();
    fixture.git("remote", "remove", "upstream");
    // A folder called origin is no remote.
    runGit(fixture.dir, ["init", "--quiet", "--bare", "origin"]);
    const alone = await openRepository(fixture.dir);
    expect(alone.remote).toBeNull();
    const refs = await alone.refs();
    expect(refs.head).toBe("main");
    expect(refs.commit("refs/tags/v1.0.0")).toBe(sha);
  });

  it("says what to do with several remotes and no origin", async () => {
    fixture.git("remote", "rename", "origin", "a");
    fixture.git("remote", "add", "b", fixture.origin);
    await expect(openRepository(fixture.dir)).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("git remote rename"),
    });
  });

  it("says that there is no repository", async () => {
    await expect(openRepository(fixture.root)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("isn't in a git repository"),
    });
  });

  it("refuses a shallow clone with the command that mends it", async () => {
    fixture.commit("a", { f: "1" });
    fixture.commit("b", { f: "2" });
    const shallow = path.join(fixture.root, "shallow");
    runGit(fixture.root, ["clone", "--quiet", "--depth=1", `file://${fixture.origin}`, shallow]);
    await expect(openRepository(shallow)).rejects.toMatchObject({
      code: "USAGE",
      hint: "run `git fetch --unshallow`; with actions/checkout set `fetch-depth: 0`",
    });
  });

  it("tells git's own words when the remote can't be reached", async () => {
    fixture.commit("a", { f: "1" });
    fixture.git("remote", "set-url", "origin", path.join(fixture.root, "gone.git"));
    const repository = await openRepository(fixture.dir);
    await expect(repository.refs()).rejects.toMatchObject({
      code: "GIT",
      hint: expect.stringContaining("git remote -v"),
    });
  });

  it("opens a bare repository and a linked work tree", async () => {
    fixture.commit("a", { f: "1" });
    expect(await openRepository(fixture.origin)).toMatchObject({ bare: true, remote: null, gitDir: fixture.origin });
    fixture.git("worktree", "add", "--quiet", "--detach", path.join(fixture.root, "linked"));
    const linked = await openRepository(path.join(fixture.root, "linked"));
    expect(linked.gitDir).toBe(path.join(fixture.dir, ".git"));
  });
});

describe("need", () => {
  it("fetches what is missing to a folder that goes away, and writes nothing to the repository", async () => {
    fixture.commit("a", { f: "1" });
    const other = path.join(fixture.root, "other");
    runGit(fixture.root, ["clone", "--quiet", fixture.origin, other]);
    writeFileSync(path.join(other, "g"), "2");
    runGit(other, ["add", "g"]);
    runGit(other, ["commit", "--quiet", "-m", "b"]);
    runGit(other, ["tag", "-a", "-m", "sealed", "v1.0.0"]);
    runGit(other, ["push", "--quiet", "origin", "HEAD:main", "v1.0.0"]);
    fixture.git("config", "fetch.prune", "true");
    fixture.git("config", "remote.origin.tagOpt", "--tags");

    const before = listing(path.join(fixture.dir, ".git"));
    const repository = await openRepository(fixture.dir);
    const refs = await repository.refs();
    const [tag, commit] = [refs.get("refs/tags/v1.0.0") as string, refs.commit("refs/tags/v1.0.0") as string];
    expect(await readObjects(repository.git, [tag])).toEqual([null]);
    await repository.need([tag, commit]);
    const [object] = await readObjects(repository.git, [tag]);
    expect(object && messageOf(object)).toBe("sealed\n");
    expect((await logCommits(repository.git, [commit])).map((one) => one.message)).toEqual(["b", "a"]);
    expect(await readObjects(repository.own, [tag])).toEqual([null]);
    await repository.close();
    expect(await readObjects(repository.git, [tag])).toEqual([null]);
    expect(listing(path.join(fixture.dir, ".git"))).toEqual(before);
  });

  it("does nothing when all is here, and says so when nobody has it", async () => {
    const sha = fixture.commit("a", { f: "1" });
    const repository = await openRepository(fixture.dir);
    await repository.need([sha]);
    await expect(repository.need(["1".repeat(40)])).rejects.toMatchObject({
      code: "GIT",
      facts: { missing: "1".repeat(40) },
    });
    await repository.close();
  });

  it("keeps what a partial clone fetches out of the clone", async () => {
    fixture.atOrigin("config", "uploadpack.allowFilter", "true");
    fixture.commit("a", { f: "1" });
    fixture.commit("b", { f: "2" });
    const partial = path.join(fixture.root, "partial");
    runGit(fixture.root, [
      "clone",
      "--quiet",
      "--no-checkout",
      "--filter=blob:none",
      `file://${fixture.origin}`,
      partial,
    ]);
    const before = listing(path.join(partial, ".git", "objects"));
    const repository = await openRepository(partial);
    const [blob] = await readObjects(repository.git, ["HEAD~1:f"]);
    expect(blob?.text).toBe("1");
    await repository.close();
    expect(listing(path.join(partial, ".git", "objects"))).toEqual(before);
  });
});

describe("commits", () => {
  const hostile = [
    'it\'s "quoted" $(id) `id` \\n',
    "émoji 🎉 and \u001b[31mred\u001b[0m",
    "/",
    "x\n\n/\n\nfake body 0123456789012345678901234567890123456789",
  ];

  it("come with messages and paths as they are, whatever these hold", async () => {
    const names = ["0123456789012345678901234567890123456789", "\nfirst", 'a "b"\tc', "-x", "ü/ñ", "new\nline"];
    fixture.commit("root", { "root file": "1" }, { push: false });
    for (const message of hostile) {
      fixture.commit(message, Object.fromEntries(names.map((name) => [name, message])), { push: false });
    }
    const repository = await openRepository(fixture.dir);
    const commits = await logCommits(repository.git, ["HEAD"]);
    expect(commits.map((one) => one.message)).toEqual([...[...hostile].reverse(), "root"]);
    for (const commit of commits.slice(0, -1)) expect(commit.paths.sort()).toEqual([...names].sort());
    expect(commits.at(-1)).toMatchObject({ paths: ["root file"], parents: [], epoch: 1_700_000_000 });
  });

  it("of a merge have the paths that differ from both parents", async () => {
    fixture.commit("base", { shared: "1\n2\n3\n" }, { push: false });
    fixture.git("checkout", "--quiet", "-b", "side");
    const side = fixture.commit("side", { side: "s" }, { push: false });
    fixture.git("checkout", "--quiet", "main");
    const main = fixture.commit("main", { main: "m" }, { push: false });
    fixture.git("merge", "--quiet", "--no-commit", "--no-ff", "side");
    const evil = fixture.commit("evil merge", { evil: "e" }, { push: false });
    fixture.git("checkout", "--quiet", "-b", "other", side);
    fixture.git("merge", "--quiet", "-m", "plain merge", main);
    const repository = await openRepository(fixture.dir);
    const [both] = await readCommits(repository.git, [evil]);
    expect(both).toMatchObject({ message: "evil merge", parents: [main, side], paths: ["evil"] });
    const all = await logCommits(repository.git, ["HEAD", evil]);
    expect(all.map((one) => [one.message, one.paths]).sort()).toEqual([
      ["base", ["shared"]],
      ["evil merge", ["evil"]],
      ["main", ["main"]],
      ["plain merge", []],
      ["side", ["side"]],
    ]);
  });

  it("don't hide renames, submodules, or what a user's settings would", async () => {
    fixture.commit("a", { "src/old": "the same\ntext\n" }, { push: false });
    const settings: [string, string][] = [
      ["log.showSignature", "true"],
      ["diff.renames", "copies"],
      ["diff.relative", "true"],
      ["diff.ignoreSubmodules", "all"],
      ["diff.external", "false"],
      ["color.ui", "always"],
      ["core.quotePath", "true"],
      ["i18n.logOutputEncoding", "latin1"],
      ["format.pretty", "oneline"],
      ["log.date", "relative"],
      ["log.follow", "true"],
      ["core.pager", "false"],
    ];
    for (const [key, value] of settings) fixture.git("config", key, value);
    fixture.git("mv", "src/old", "new é");
    fixture.git("update-index", "--add", "--cacheinfo", `160000,${"2".repeat(40)},module`);
    fixture.git("commit", "--quiet", "-m", "möve");
    mkdirSync(path.join(fixture.dir, "sub"));
    const repository = await openRepository(path.join(fixture.dir, "sub"));
    const [commit] = await logCommits(repository.git, ["HEAD"]);
    expect(commit?.message).toBe("möve");
    expect(commit?.paths.sort()).toEqual(["module", "new é", "src/old"]);
  });

  it("that are missing are left out when they are asked for one by one", async () => {
    const sha = fixture.commit("a", { f: "1" }, { push: false });
    const repository = await openRepository(fixture.dir);
    expect((await readCommits(repository.git, ["3".repeat(40), sha])).map((one) => one.sha)).toEqual([sha]);
    expect(await readCommits(repository.git, [])).toEqual([]);
  });

  it("know their ancestors", async () => {
    const a = fixture.commit("a", { f: "1" }, { push: false });
    const b = fixture.commit("b", { f: "2" }, { push: false });
    const { git } = await openRepository(fixture.dir);
    expect([await isAncestor(git, a, b), await isAncestor(git, b, a), await isAncestor(git, a, a)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("are none of an empty answer", () => {
    expect(parseLog("")).toEqual([]);
  });
});

describe("objects", () => {
  it("come by name, with null for what isn't there", async () => {
    const sha = fixture.commit("a", { "dir/ü": "text é\n", bytes: "" }, { push: false });
    writeFileSync(path.join(fixture.dir, "bytes"), Buffer.from([0xff, 0xfe, 0x00, 0x41]));
    fixture.git("commit", "--quiet", "-am", "bytes");
    const { git } = await openRepository(fixture.dir);
    const objects = await readObjects(git, [sha, "HEAD:bytes", "HEAD:none", `${sha}:dir/ü`, "HEAD:a\nb", "HEAD:dir"]);
    expect(objects.map((one) => one?.type ?? null)).toEqual(["commit", "blob", null, "blob", null, "tree"]);
    expect(objects[1]?.text).toBe("\ufffd\ufffd\u0000A");
    expect(objects[3]?.text).toBe("text é\n");
  });
});

describe("parseRefs", () => {
  it("reads peeled tags and HEAD, and leaves names as they are", () => {
    const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(40));
    const text = `ref: refs/heads/main\tHEAD\n${a}\tHEAD\n${a}\trefs/heads/main\n${b}\trefs/tags/v1\n${c}\trefs/tags/v1^{}\n${a}\trefs/tags/$(id)\u202e\n`;
    const refs = parseRefs(text);
    expect(refs.head).toBe("main");
    expect(refs.commit("refs/tags/v1")).toBe(c);
    expect(refs.get("refs/tags/v1")).toBe(b);
    expect(refs.get("refs/tags/$(id)\u202e")).toBe(a);
    expect(refs.commit("refs/tags/v2")).toBeUndefined();
  });

  it("reads sha-256 repositories and an empty answer", () => {
    const long = "d".repeat(64);
    expect(parseRefs(`${long}\tHEAD\n`).get("HEAD")).toBe(long);
    expect(parseRefs("")).toMatchObject({ byName: new Map(), head: null });
  });
});

it("uses nothing of a repository's that could run programs", async () => {
  fixture.commit("a", { f: "1" });
  const flag = path.join(fixture.root, "ran");
  fixture.git("config", "core.fsmonitor", `touch ${flag}; false`);
  const repository = await openRepository(fixture.dir);
  await repository.git(["status", "--porcelain"]);
  expect(existsSync(flag)).toBe(false);
});

describe("the remote's refs as a clone last saw them", () => {
  it("are its branches and all tags, whatever the clone's own branches are, and nobody is asked", async () => {
    const sha = fixture.commit("a", { f: "1" });
    fixture.git("push", "--quiet", "origin", "HEAD:refs/heads/main", "HEAD:refs/heads/release/next");
    fixture.git("remote", "set-head", "origin", "release/next");
    fixture.git("tag", "-a", "-m", "sealed", "v1.0.0");
    fixture.git("checkout", "--quiet", "-b", "feature");
    fixture.git("remote", "set-url", "origin", path.join(fixture.root, "gone"));
    const repository = await openRepository(fixture.dir, undefined, {}, true);
    const refs = await repository.refs(true);
    expect(refs.head).toBe("release/next");
    expect([...refs.names()].sort()).toEqual(["refs/heads/main", "refs/heads/release/next", "refs/tags/v1.0.0"]);
    expect([refs.get("refs/heads/main"), refs.commit("refs/tags/v1.0.0")]).toEqual([sha, sha]);
    await expect(repository.need(["1".repeat(40)])).rejects.toMatchObject({
      message: "this clone hasn't got an object",
    });
    await repository.close();
  });
});
