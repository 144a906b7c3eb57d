import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReleaseContext, Target } from "../../src/core/target.ts";
import { type SiteInput, versionedFile } from "../../src/generate/site/index.ts";
import { gitCredentials } from "../../src/git/credentials.ts";
import { gitIn } from "../../src/git/git.ts";
import { asReleaseError } from "../../src/lib/errors.ts";
import { startSite } from "../../src/registries/site/index.ts";
import { branchStore } from "../../src/targets/site/branch.ts";
import { bucketStore } from "../../src/targets/site/bucket.ts";
import { folderStore } from "../../src/targets/site/folder.ts";
import { createSiteTarget } from "../../src/targets/site/index.ts";
import { encodeQuery, sign } from "../../src/targets/site/sigv4.ts";
import type { SiteStore } from "../../src/targets/site/store.ts";
import { webStore } from "../../src/targets/site/web.ts";
import { needs, toolPath } from "../tools.ts";
import { repository, startWorld, token, type World } from "./github-server.ts";
import { answer, testIo } from "./io.ts";
import { startS3 } from "./s3-server.ts";
import { startServer } from "./servers.ts";
import { type Credential, type Fixture, publishAll, targetSuite } from "./target-suite.ts";

const input: SiteInput = {
  name: "playground",
  url: "https://hanzo.invalid",
  platforms: ["linux/amd64", "darwin/arm64"],
  packages: [],
  installer: {
    command: "playground",
    repository: "hanzoai/playground",
    root: "~/.hanzo",
    scripts: "https://hanzo.invalid",
    channels: "https://hanzo.invalid/channels",
    tag: "v{version}",
    assets: { "linux-amd64": "playground-linux-amd64" },
    static: true,
    minisign: null,
    attestations: false,
  },
};

const noGit = async () => {
  throw new Error("git isn't needed");
};

function releaseOf(version: string): ReleaseContext {
  const tier = version.includes("-") ? "staging" : "production";
  return { name: "playground", repository, tier, version, tag: `v${version}`, commit: "1".repeat(40) };
}

function fixture(
  storeFor: (credential: Credential) => SiteStore,
  hosts: string[],
  close: () => Promise<void>,
): Fixture {
  return {
    target: (_release, credential = "good") => createSiteTarget({ store: storeFor(credential), input }),
    release: releaseOf,
    build: async () => ({
      files: [],
      local: async (name) => {
        throw new Error(`no file ${name}`);
      },
    }),
    hosts,
    close,
  };
}

const stages = "files are put when they are public";

targetSuite({
  name: "site in a folder",
  lacks: {
    stages,
    "asks over HTTP": "a folder",
    "refuses wrong credentials in preflight":
      "a folder asks for none; one that can't be written stands for a missing one",
  },
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-site-"));
    await writeFile(path.join(folder, "file"), "");
    const place = { good: "www", none: "file/www", wrong: "www" };
    return fixture(
      (credential) => folderStore(path.join(folder, place[credential]), noGit),
      [],
      () => rm(folder, { recursive: true, force: true }),
    );
  },
});

targetSuite({
  name: "site on our web server",
  lacks: { stages },
  async start() {
    const server = await startSite({ token: "good-token" });
    const tokens = { good: "good-token", none: undefined, wrong: "wrong-token" };
    return fixture(
      (credential) => webStore({ url: server.url, token: tokens[credential] }),
      [server.host],
      server.close,
    );
  },
});

const person = {
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.invalid",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.invalid",
};
const quiet = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };

function branchOf(world: World, given: string | undefined, dir = "."): SiteStore {
  const git = gitIn(world.work, { env: { ...quiet, ...gitCredentials(world.server.url, given) } });
  return branchStore({ git, remote: `${world.server.git}/${repository}.git`, branch: "gh-pages", dir });
}

targetSuite({
  name: "site on a git branch",
  lacks: { stages, "asks over HTTP": "git is asked, not HTTP; an unreachable remote has its own test below" },
  async start() {
    const world = await startWorld({ token });
    const tokens = { good: token, none: undefined, wrong: "ghp_nobody" };
    return fixture((credential) => branchOf(world, tokens[credential]), [world.server.host], world.close);
  },
});

targetSuite({
  name: "site in a bucket of our own",
  lacks: { stages },
  async start() {
    const server = await startS3();
    const ids = { good: "AKIAGOOD", none: undefined, wrong: "AKIAWRONG" };
    return fixture(
      (credential) =>
        bucketStore({
          bucket: "site",
          prefix: "in stall/",
          endpoint: server.url,
          region: "us-east-1",
          keys: keysOf(ids[credential]),
          address: `${server.url}/site/in%20stall`,
        }),
      [server.host],
      server.close,
    );
  },
});

const keysOf = (accessKeyId: string | undefined, secretAccessKey = "secret") =>
  accessKeyId === undefined ? undefined : { accessKeyId, secretAccessKey };

targetSuite({
  name: "site on versitygw",
  skip: needs(["versitygw"]),
  lacks: { stages, "is read without credentials": "its buckets are private until a policy opens them" },
  async start() {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-s3-"));
    await mkdir(path.join(folder, "site"));
    const server = await startServer({
      file: toolPath("versitygw"),
      args: (port) => ["--port", `127.0.0.1:${port}`, "--access", "good", "--secret", "good-secret", "posix", folder],
      cwd: folder,
    });
    const keys = { good: keysOf("good", "good-secret"), none: undefined, wrong: keysOf("good", "wrong-secret") };
    return fixture(
      (credential) =>
        bucketStore({
          bucket: "site",
          prefix: "install/",
          endpoint: server.url,
          region: "us-east-1",
          keys: keys[credential],
          address: `${server.url}/site/install`,
        }),
      [server.host],
      async () => {
        await server.close();
        await rm(folder, { recursive: true, force: true });
      },
    );
  },
});

describe("the site target", () => {
  let folder: string;
  let target: Target;
  const at = (file: string) => path.join(folder, file);
  const read = (file: string) => readFile(at(file), "utf8");
  const io = testIo();
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "twotier-site-"));
    target = createSiteTarget({ store: folderStore(folder, noGit), input });
  });
  afterAll(async () => {
    io.close();
    await rm(folder, { recursive: true, force: true });
  });
  const release = async (version: string, by = target) => {
    const { pointers } = await publishAll(by, { files: [], local: noGit }, releaseOf(version));
    for (const pointer of pointers) await by.pointers?.write(pointer, io);
  };

  test("a first candidate brings everything, and a second changes nothing but its own", async () => {
    await release("0.1.19-rc.1");
    expect(await read("install.sh")).toContain("playground");
    expect(await read("index.html")).toContain("Install playground");
    expect(await read("channels/staging.txt")).toBe("0.1.19-rc.1\n");
    expect(JSON.parse(await read("channels/staging.json"))).toMatchObject({
      schema: 1,
      channel: "staging",
      version: "0.1.19-rc.1",
      tag: "v0.1.19-rc.1",
      install: "https://hanzo.invalid/v0.1.19-rc.1/install.sh",
    });
    await expect(read("channels/production.json")).rejects.toThrow("ENOENT");
    const other = createSiteTarget({ store: folderStore(folder, noGit), input: { ...input, name: "renamed" } });
    await release("0.1.19-rc.2", other);
    expect(await read("index.html")).toContain("Install playground");
    expect(await read("channels/staging.txt")).toBe("0.1.19-rc.2\n");
  });

  test("production renews the page and the scripts, but not a page that somebody wrote themselves", async () => {
    const renamed = createSiteTarget({ store: folderStore(folder, noGit), input: { ...input, name: "renamed" } });
    await release("0.1.19", renamed);
    expect(await read("index.html")).toContain("Install renamed");
    await writeFile(at("index.html"), "<h1>Mine</h1>");
    await release("0.1.20");
    expect(await read("index.html")).toBe("<h1>Mine</h1>");
    expect(await read("channels/production.txt")).toBe("0.1.20\n");
    expect(await read("channels/staging.txt")).toBe("0.1.19-rc.2\n");
  });

  test("a channel that was left half-way, or holds nonsense, is brought up to date", async () => {
    const name = "channels/production.json";
    const before = await read(name);
    await writeFile(at("channels/production.txt"), "0.1.21\n");
    expect(await target.pointers?.read(name, io)).toBe("0.1.20");
    await release("0.1.21");
    expect(await target.pointers?.read(name, io)).toBe("0.1.21");
    await writeFile(at(name), before.slice(0, 20));
    expect(await target.pointers?.read(name, io)).toBeNull();
    await release("0.1.22");
    expect(await target.pointers?.read(name, io)).toBe("0.1.22");
  });

  test("a run that was overtaken between its look and its write doesn't write", async () => {
    const name = "channels/production.json";
    const slow = createSiteTarget({ store: folderStore(folder, noGit), input });
    const [pointer] = slow.expect([], releaseOf("0.1.23")).pointers;
    if (!pointer) throw new Error("no pointer");
    expect(await slow.pointers?.read(name, io)).toBe("0.1.22");
    await release("0.1.24");
    await expect(slow.pointers?.write(pointer, io)).rejects.toMatchObject({ code: "REGISTRY", retryable: true });
    expect(await slow.pointers?.read(name, io)).toBe("0.1.24");
  });

  test("a rollback leads the channel back to a lower version, and keeps the script of the one that was taken back", async () => {
    const name = "channels/production.json";
    const back = target.expect([], releaseOf("0.1.20"));
    const [pointer] = back.pointers;
    if (!pointer) throw new Error("no pointer");
    expect(await target.pointers?.read(name, io)).toBe("0.1.24");
    await target.pointers?.write(pointer, io);
    expect(await target.pointers?.read(name, io)).toBe("0.1.20");
    const about = {
      tier: "production",
      version: "0.1.24",
      tag: "v0.1.24",
      instead: "0.1.20",
      deleteTag: false,
    } as const;
    const [action] = (await target.undo?.plan(target.expect([], releaseOf("0.1.24")).items, about, io)) ?? [];
    expect(action).toMatchObject({ id: "v0.1.24/install.sh", state: "kept" });
  });

  test("a channel whose only version was taken back holds none, and the next one is written into it", async () => {
    const [pointer] = target.expect([], releaseOf("0.3.0-rc.1")).pointers;
    if (!pointer) throw new Error("no pointer");
    await target.pointers?.write(pointer, io);
    expect(target.pointers?.removable?.(pointer.name)).toBe(true);
    await target.pointers?.remove?.(pointer.name, io);
    expect(await target.pointers?.read(pointer.name, io)).toBeNull();
    expect(await read("channels/staging.txt")).toBe("\n");
    expect(JSON.parse(await read("channels/staging.json"))).toMatchObject({ channel: "staging", version: "" });
    await target.pointers?.write(pointer, io);
    expect(await target.pointers?.read(pointer.name, io)).toBe("0.3.0-rc.1");
  });

  test("a version's script that others changed is a conflict, and so is one that this twotier makes otherwise", async () => {
    const [item] = target.expect([], releaseOf("0.2.0")).items;
    if (!item) throw new Error("no item");
    await mkdir(at("v0.2.0"));
    await writeFile(at("v0.2.0/install.sh"), "echo other\n");
    expect(await target.observe(item, io)).toMatchObject({ state: "present" });
    await expect(target.publish(item, noGit, io)).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await read("v0.2.0/install.sh")).toBe("echo other\n");
    const newer = createSiteTarget({
      store: folderStore(folder, noGit),
      input: { ...input, installer: { ...input.installer, root: "~/.other" } },
    });
    const [other] = newer.expect([], releaseOf("0.3.0")).items;
    if (!other) throw new Error("no item");
    await expect(target.publish(other, noGit, io)).rejects.toThrow(
      "another v0.3.0/install.sh than the one that was sealed",
    );
    expect(await target.observe(other, io)).toEqual({ state: "absent" });
  });
});

describe("a branch", () => {
  let world: World;
  const io = testIo();
  beforeAll(async () => {
    world = await startWorld({ token });
  });
  afterAll(async () => {
    io.close();
    await world.close();
  });
  const log = async () => {
    await world.git("fetch", "--quiet", world.remote(), "+refs/heads/gh-pages:refs/remotes/pages");
    return (await world.git("log", "--format=%s", "refs/remotes/pages")).split("\n");
  };
  const show = (file: string) => world.git("show", `refs/remotes/pages:${file}`);
  const change = (version: string, expected: string | null) => ({
    file: { ...versionedFile(input, version), path: "channels/production.txt", text: `${version}\n` },
    expect: expected,
  });

  test("begins with one commit, keeps what else is in it, and takes one commit a write, without touching this clone", async () => {
    const before = [await world.git("status", "--porcelain"), await world.git("for-each-ref")];
    const store = branchOf(world, token, "docs/site");
    expect(await store.write([change("0.1.0", null)], "production is 0.1.0", io)).toBe("done");
    expect([await world.git("status", "--porcelain"), await world.git("for-each-ref")]).toEqual(before);
    expect(await log()).toEqual(["site: production is 0.1.0"]);
    await world.git("checkout", "--quiet", "-B", "theirs", "refs/remotes/pages");
    await writeFile(path.join(world.work, "guide.html"), "<h1>Guide</h1>");
    await world.git("add", "guide.html");
    await world.git("commit", "--quiet", "--message=guide");
    await world.git("push", "--quiet", world.remote(), "theirs:gh-pages");
    const there = await store.read("channels/production.txt", io);
    expect(await store.write([change("0.1.1", there?.mark ?? "")], "production is 0.1.1", io)).toBe("done");
    expect(await log()).toEqual(["site: production is 0.1.1", "guide", "site: production is 0.1.0"]);
    expect(await show("guide.html")).toBe("<h1>Guide</h1>");
    expect(await show("docs/site/channels/production.txt")).toBe("0.1.1");
    expect(await world.git("status", "--porcelain")).toBe("");
    expect(await store.folders(io)).toEqual(["channels"]);
    expect(await branchOf(world, token).folders(io)).toEqual(["docs"]);
  });

  test("with large files of others is read without them, where the server can leave them out, and keeps them", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-site-"));
    const git = gitIn(folder, { env: { ...quiet, ...person } });
    try {
      await git(["init", "--quiet", "--initial-branch=gh-pages", "work"]);
      const work: typeof git = (args, run) => git(["-C", "work", ...args], run);
      await writeFile(path.join(folder, "work/film.bin"), randomBytes(400_000));
      await writeFile(path.join(folder, "work/guide.html"), "<h1>Guide</h1>");
      await work(["add", "--all"]);
      await work(["commit", "--quiet", "--message=film"]);
      await git(["clone", "--quiet", "--bare", "work", "remote.git"]);
      await git(["-C", "remote.git", "config", "uploadpack.allowFilter", "true"]);
      const trace = path.join(folder, "trace");
      const traced: typeof git = (args, run = {}) =>
        git(args, { ...run, env: { ...run.env, GIT_TRACE_PACKET: trace } });
      const store = branchStore({ git: traced, remote: `file://${folder}/remote.git`, branch: "gh-pages", dir: "." });
      expect(await store.folders(io)).toEqual([]);
      expect(await store.write([change("0.1.0", null)], "production is 0.1.0", io)).toBe("done");
      expect((await store.read("channels/production.txt", io))?.bytes.toString()).toBe("0.1.0\n");
      expect(await readFile(trace, "utf8")).toMatch(/> filter blob:limit=/);
      await git(["-C", "remote.git", "fsck", "--strict"]);
      const { stdout } = await git(["-C", "remote.git", "ls-tree", "-r", "--name-only", "gh-pages"]);
      expect(stdout).toBe("channels/production.txt\nfilm.bin\nguide.html\n");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("of two runs that write one file at once, one is told that it lost; of two files, both are written", async () => {
    const [one, two] = [branchOf(world, token, "race"), branchOf(world, token, "race")];
    const both = await Promise.all([
      one.write([change("0.2.0", null)], "one", io),
      two.write([change("0.2.1", null)], "two", io),
    ]);
    expect(both.sort()).toEqual(["done", "lost"]);
    const [three, four] = [branchOf(world, token, "left"), branchOf(world, token, "right")];
    expect(
      await Promise.all([
        three.write([change("0.2.0", null)], "three", io),
        four.write([change("0.2.1", null)], "four", io),
      ]),
    ).toEqual(["done", "done"]);
  });

  test("that can't be reached is never taken for one that holds nothing", async () => {
    const git = gitIn(world.work, { env: quiet });
    const store = branchStore({ git, remote: "http://127.0.0.1:1/o/r.git", branch: "gh-pages", dir: "." });
    const target = createSiteTarget({ store, input });
    for (const ask of [() => target.versions(io), () => target.pointers?.read("channels/staging.json", io)]) {
      expect(
        await Promise.resolve(ask()).then(
          () => "answered",
          (error) => asReleaseError(error).code,
        ),
      ).toBe("GIT");
    }
  });
});

test.each([
  ["a web server", webStore({ url: "http://site.test", token: "t" })],
  [
    "a bucket",
    bucketStore({
      ...{ bucket: "site", prefix: "", endpoint: "http://site.test", region: "us-east-1", address: "http://site.test" },
      keys: keysOf("AKIAGOOD"),
    }),
  ],
])("%s that is busy isn't one that takes no files: preflight may ask again", async (_, store) => {
  for (const status of [429, 503]) {
    const io = testIo({ intercept: async ({ url }) => answer(status, "", {}, url) });
    await expect(store.preflight(io)).rejects.toMatchObject({ retryable: true });
    io.close();
  }
});

describe("a bucket", () => {
  const bucketAt = (url: string, bucket = "site") =>
    bucketStore({
      bucket,
      prefix: "",
      endpoint: url,
      region: "us-east-1",
      keys: keysOf("AKIAGOOD"),
      address: `${url}/site`,
    });

  test("of a server that ignores conditions is refused before the first write, and left as it was", async () => {
    const server = await startS3({ ignoresConditions: true });
    const io = testIo();
    try {
      const [finding] = await bucketAt(server.url).preflight(io);
      expect(finding).toMatchObject({ level: "error", target: "site" });
      expect(finding?.message).toContain("ignores if-match");
      expect([...server.objects.keys()]).toEqual([]);
    } finally {
      io.close();
      await server.close();
    }
  });

  test("that users can't reach at the site's address is told before the first write", async () => {
    const server = await startS3();
    const io = testIo();
    const place = { bucket: "site", prefix: "", endpoint: server.url, region: "us-east-1", keys: keysOf("AKIAGOOD") };
    try {
      const [finding] = await bucketStore({ ...place, address: "http://127.0.0.1:1" }).preflight(io);
      expect(finding).toMatchObject({ level: "error", hint: expect.stringContaining("installer.url") });
      expect([...server.objects.keys()]).toEqual([]);
    } finally {
      io.close();
      await server.close();
    }
  });

  test("that isn't there says so, and files carry their type and how long caches may keep them", async () => {
    const server = await startS3();
    const io = testIo();
    try {
      const [finding] = await bucketAt(server.url, "nobody").preflight(io);
      expect(finding?.message).toContain("there is no bucket nobody");
      await expect(bucketAt(server.url, "nobody").read("install.sh", io)).rejects.toMatchObject({ code: "REGISTRY" });
      const target = createSiteTarget({ store: bucketAt(server.url), input });
      for (const version of ["0.1.1", "0.1.2", "0.1.3", "0.1.4", "0.1.5"]) {
        await publishAll(target, { files: [], local: noGit }, releaseOf(version));
      }
      expect(server.objects.get("v0.1.1/install.sh")?.headers).toEqual({
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "public, max-age=31536000, immutable",
      });
      // The list comes in pages of two.
      expect(await target.versions(io)).toEqual(["0.1.1", "0.1.2", "0.1.3", "0.1.4", "0.1.5"]);
    } finally {
      io.close();
      await server.close();
    }
  });

  // docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Object" and "GET Bucket (List Objects)"
  const example = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  test.each([
    ["/test.txt", {}, { range: "bytes=0-9" }, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"],
    ["/", { prefix: "J", "max-keys": "2" }, {}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"],
  ] as const)("requests are signed as in AWS's own example of %s", (file, query, headers, signature) => {
    const host = "examplebucket.s3.amazonaws.com";
    const signed = sign({ method: "GET", path: file, query, headers: { host, ...headers }, bodyHash: empty }, example, {
      region: "us-east-1",
      service: "s3",
      now: new Date("2013-05-24T00:00:00Z"),
    });
    expect(signed.authorization).toContain(`Signature=${signature}`);
    expect(encodeQuery({ b: "a b", a: "x/y" })).toBe("a=x%2Fy&b=a%20b");
  });
});
