import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReleaseContext } from "../../src/core/target.ts";
import { gitCredentials } from "../../src/git/credentials.ts";
import { gitIn } from "../../src/git/git.ts";
import { exec } from "../../src/lib/exec.ts";
import { createGoTarget, type GoTargetOptions } from "../../src/targets/go/index.ts";
import { needs, toolPath } from "../tools.ts";
import { gitEnv, repository, startWorld, token, type World } from "./github-server.ts";
import { testIo } from "./io.ts";
import { publishAll, targetSuite } from "./target-suite.ts";

const modules = [
  { dir: ".", module: "github.com/octo/cat" },
  { dir: "sdk/go", module: "github.com/octo/cat/sdk/go" },
];
const quiet = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };

async function startModules(): Promise<World> {
  const world = await startWorld({ token });
  await mkdir(path.join(world.work, "sdk/go"), { recursive: true });
  await writeFile(path.join(world.work, "go.mod"), "module github.com/octo/cat\n\ngo 1.19\n");
  await writeFile(path.join(world.work, "sdk/go/go.mod"), "module github.com/octo/cat/sdk/go\n\ngo 1.19\n");
  await writeFile(path.join(world.work, "sdk/go/cat.go"), 'package cat\n\nconst Sound = "meow"\n');
  await world.git("add", ".");
  await world.git("commit", "--quiet", "--message=modules");
  await world.git("push", "--quiet", world.remote(), "main");
  return world;
}

const address = (world: World) => `${world.server.git}/${repository}.git`;

function optionsFor(world: World, release: ReleaseContext, given: string | undefined): GoTargetOptions {
  return {
    modules,
    repository,
    release,
    git: gitIn(world.work, { env: { ...quiet, ...gitCredentials(world.server.url, given) } }),
    remote: address(world),
  };
}

async function releaseOf(world: World, version: string): Promise<ReleaseContext> {
  const commit = await world.git("rev-parse", "HEAD");
  const tier = version.includes("-") ? "staging" : "production";
  return { name: "cat", repository, tier, version, tag: `v${version}`, commit };
}

targetSuite({
  name: "go on our server",
  takesBack: { staging: "retract kept", production: "retract manual" },
  lacks: {
    "asks over HTTP": "git is asked, not HTTP; an unreachable remote has its own test below",
    "moves pointers": "Go has none: `go get` finds the highest version itself",
    stages: "a tag is there or it isn't",
  },
  async start() {
    const world = await startModules();
    return {
      target: (release, credential = "good") =>
        createGoTarget(optionsFor(world, release, { good: token, none: undefined, wrong: "ghp_nobody" }[credential])),
      release: (version) => releaseOf(world, version),
      build: async () => ({
        files: [],
        local: async (name) => {
          throw new Error(`no file ${name}`);
        },
      }),
      hosts: [world.server.host],
      close: world.close,
    };
  },
});

describe("Go modules", () => {
  let world: World;
  beforeAll(async () => {
    world = await startModules();
  });
  afterAll(() => world.close());

  test("the module in a folder is an item, the one at the root has the release's own tag", async () => {
    const release = await releaseOf(world, "0.1.19-rc.1");
    const target = createGoTarget(optionsFor(world, release, token));
    expect(target.expect([], release)).toEqual({
      items: [{ target: "go", id: "sdk/go/v0.1.19-rc.1", digest: `git:${release.commit}`, file: "", phase: "tag" }],
      pointers: [],
    });
    const other = { ...release, tag: "cat@0.1.19-rc.1" };
    expect(target.expect([], other).items.map((item) => item.id)).toEqual(["v0.1.19-rc.1", "sdk/go/v0.1.19-rc.1"]);
  });

  test("a tag on another commit is a conflict, and stays where it is; an annotated one on ours is fine", async () => {
    const release = await releaseOf(world, "0.2.0");
    const target = createGoTarget(optionsFor(world, release, token));
    const [item] = target.expect([], release).items;
    if (!item) throw new Error("no item");
    await world.git("push", "--quiet", world.remote(), `${world.first}:refs/tags/sdk/go/v0.2.0`);
    const io = testIo();
    expect(await target.observe(item, io)).toEqual({ state: "present", digest: `git:${world.first}` });
    await expect(target.publish(item, async () => Promise.reject(), io)).rejects.toMatchObject({
      code: "CONFLICT",
      facts: { expected: item.digest, found: `git:${world.first}` },
    });
    expect(await target.observe(item, io)).toEqual({ state: "present", digest: `git:${world.first}` });

    await world.git("tag", "--annotate", "sdk/go/v0.2.1", "--message=by hand");
    await world.git("push", "--quiet", world.remote(), "sdk/go/v0.2.1");
    expect(await target.observe({ ...item, id: "sdk/go/v0.2.1" }, io)).toEqual({
      state: "present",
      digest: `git:${release.commit}`,
    });
    io.close();
  });

  test("a remote that can't be reached is never taken for one without the tag", async () => {
    const release = await releaseOf(world, "0.1.19");
    const options = optionsFor(world, release, token);
    const target = createGoTarget({ ...options, remote: "http://127.0.0.1:1/octo/cat.git" });
    const [item] = target.expect([], release).items;
    if (!item) throw new Error("no item");
    const io = testIo();
    await expect(target.observe(item, io)).rejects.toMatchObject({ code: "GIT" });
    await expect(target.versions(io)).rejects.toMatchObject({ code: "GIT" });
    await expect(target.preflight(io)).rejects.toMatchObject({ code: "GIT", retryable: true });
    io.close();
  });

  test("preflight finds a path that doesn't fit and a refused credential at once", async () => {
    const release = await releaseOf(world, "2.0.0");
    const target = createGoTarget(optionsFor(world, release, "ghp_nobody"));
    const io = testIo();
    const findings = await target.preflight(io);
    expect(findings.map((one) => one.hint)).toEqual([
      expect.stringContaining("module github.com/octo/cat/v2"),
      expect.stringContaining("module github.com/octo/cat/sdk/go/v2"),
      expect.stringContaining("GITHUB_TOKEN"),
    ]);
    io.close();
  });

  test("a version can't be taken back, and the message says what to do instead", async () => {
    const release = await releaseOf(world, "0.1.19");
    const target = createGoTarget(optionsFor(world, release, token));
    const io = testIo();
    const about = { tier: "production", version: "0.1.19", tag: "v0.1.19", instead: null, deleteTag: false } as const;
    for (const item of target.expect([], release).items) {
      expect(await target.undo?.plan([item], about, io)).toContainEqual(
        expect.objectContaining({
          state: "manual",
          text: expect.stringContaining("go mod edit -retract=v0.1.19 sdk/go/go.mod"),
        }),
      );
    }
    io.close();
  });

  test("verify shows no credential: neither the token, nor one in the address, the configuration or a helper", async () => {
    const seen: (string | undefined)[] = [];
    const watched = await startWorld({
      intercept: (request) => {
        seen.push(request.headers.authorization);
        return false;
      },
    });
    const release = await releaseOf(watched, "0.1.19");
    const options = optionsFor(watched, release, token);
    await watched.git("remote", "add", "origin", watched.remote());
    await watched.git("config", `http.${watched.server.url}/.extraHeader`, "Authorization: Basic eDp5");
    await watched.git("config", "credential.helper", "!f() { echo username=x; echo password=y; }; f");
    const target = createGoTarget({ ...options, remote: "origin" });
    const [item] = target.expect([], release).items;
    if (!item) throw new Error("no item");
    const io = testIo();
    await target.publish(item, async () => Promise.reject(), io);
    expect(seen.at(-1)).toMatch(/^Basic /);
    seen.length = 0;
    expect(await target.verify(item, io)).toEqual({ state: "present", digest: item.digest });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter(Boolean)).toEqual([]);
    await watched.close();
  });

  test("all modules are looked at by one reading, as the publisher and as anybody", async () => {
    const release = { ...(await releaseOf(world, "0.6.0")), tag: "cat@0.6.0" };
    const options = optionsFor(world, release, token);
    const asked: string[] = [];
    const git: GoTargetOptions["git"] = (args, run) => {
      asked.push(args.find((one) => !one.includes("=") && one !== "-c") as string);
      return options.git(args, run);
    };
    const target = createGoTarget({ ...options, git });
    const { items } = target.expect([], release);
    const io = testIo();
    expect(items).toHaveLength(2);
    expect(await Promise.all(items.map((item) => target.observe(item, io)))).toEqual([
      { state: "absent" },
      { state: "absent" },
    ]);
    expect(asked).toEqual(["ls-remote"]);
    for (const item of items) await target.publish(item, async () => Promise.reject(), io);
    asked.length = 0;
    const seen = await Promise.all(items.map((item) => target.verify(item, io)));
    expect(seen).toEqual(items.map((item) => ({ state: "present", digest: item.digest })));
    expect(asked).toEqual(["ls-remote", "ls-remote"]); // where the remote is, and what is there
    io.close();
  });

  test("the tags of a private repository are verified with the credential, which the answer says", async () => {
    const hidden = await startModules();
    const release = await releaseOf(hidden, "0.1.19");
    const target = createGoTarget(optionsFor(hidden, release, token));
    hidden.server.admin.setPrivate(repository, true);
    const [item] = target.expect([], release).items;
    if (!item) throw new Error("no item");
    const io = testIo();
    expect(await target.verify(item, io)).toEqual({ state: "absent" });
    await target.publish(item, async () => Promise.reject(), io);
    expect(await target.verify(item, io)).toMatchObject({ state: "present", note: expect.stringContaining("public") });
    await hidden.close();
  });

  test("without a remote the repository's own refs are used", async () => {
    const release = await releaseOf(world, "0.5.0");
    const target = createGoTarget({ ...optionsFor(world, release, token), remote: null });
    const built = { files: [], local: async () => Promise.reject(new Error("no files")) };
    const { items, io } = await publishAll(target, built, release);
    expect(await world.git("rev-parse", "refs/tags/sdk/go/v0.5.0")).toBe(release.commit);
    for (const item of items) expect(await target.verify(item, io)).toMatchObject({ state: "present" });
  });

  test.skipIf(needs(["go"]))("go mod download gets the module from the tag that was published", async () => {
    const release = await releaseOf(world, "0.1.19-rc.2");
    const target = createGoTarget(optionsFor(world, release, token));
    await publishAll(target, { files: [], local: async () => Promise.reject(new Error("no files")) }, release);
    const env = gitEnv({
      GOPROXY: "direct",
      GOSUMDB: "off",
      GOMODCACHE: path.join(world.folder, "modcache"),
      GOFLAGS: "-modcacherw -mod=mod",
      GOTOOLCHAIN: "local",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `url.${world.server.git}/.insteadOf`,
      GIT_CONFIG_VALUE_0: "https://github.com/",
    });
    const args = ["mod", "download", "-json", "github.com/octo/cat/sdk/go@v0.1.19-rc.2"];
    const { Dir, Origin } = JSON.parse((await exec(toolPath("go"), args, { cwd: world.folder, env })).stdout);
    expect(Origin).toMatchObject({ Hash: release.commit, Ref: "refs/tags/sdk/go/v0.1.19-rc.2", Subdir: "sdk/go" });
    expect(await readFile(path.join(Dir, "cat.go"), "utf8")).toContain("meow");
  });
});
