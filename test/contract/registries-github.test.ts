import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exec } from "../../src/lib/exec.ts";
import { startGithub } from "../../src/registries/github/index.ts";
import { needs, toolPath } from "../tools.ts";
import { gitEnv, repository, startWorld, token, type World } from "./github-server.ts";

/** Runs a client to its end; its exit code and what it printed are looked at by the test. */
async function run(file: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  return exec(file, args, { cwd, env: gitEnv(env), ok: codes, timeout: 60_000 });
}

/** The git folder of octo/cat, as soon as a push has begun to make it. */
async function firstRepository(admin: { gitDir(name: string): string }): Promise<string> {
  const found = () => {
    try {
      return admin.gitDir(repository);
    } catch {
      return "";
    }
  };
  await expect.poll(found, { interval: 2 }).not.toBe("");
  return found();
}

describe("git against our GitHub", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());
  const git = (...args: string[]) => run("git", args, world.work);

  test("the first push makes the repository and its default branch; reading needs no credential", async () => {
    const address = world.server.git.replace("://", "://x:y@");
    expect((await git("push", `${address}/someone/new.git`, "HEAD:refs/heads/trunk")).code).toBe(0);
    const listed = await git("ls-remote", "--symref", `${world.server.git}/someone/new.git`);
    expect(listed.stdout).toContain("ref: refs/heads/trunk\tHEAD");
    const clone = await git("clone", `${world.server.git}/someone/new.git`, path.join(world.folder, "clone"));
    expect(clone.code, clone.stderr).toBe(0);
    expect(await readFile(path.join(world.folder, "clone/README.md"), "utf8")).toBe("# cat\n");
  });

  test("pushing without a credential is refused, and so is a repository that nobody made", async () => {
    expect((await git("push", world.remote("").replace("@", ""), "HEAD:refs/heads/x")).stderr).toContain(
      "could not read",
    );
    expect((await git("clone", `${world.server.git}/octo/dog.git`, "dog")).stderr).toContain("not found");
    expect((await git("push", `${world.remote().replace("octo/cat", "octo/..")}`, "HEAD:refs/heads/x")).code).not.toBe(
      0,
    );
  });

  test("a push that creates only fails when the name is taken, and --atomic then takes nothing of it", async () => {
    const other = (await git("commit-tree", "HEAD^{tree}", "-m", "other")).stdout.trim();
    expect((await git("push", world.remote(), "HEAD:refs/tags/v1")).code).toBe(0);
    const lost = await git(
      "push",
      "--atomic",
      "--force-with-lease=refs/tags/v1:",
      world.remote(),
      `${other}:refs/tags/v1`,
      `${other}:refs/heads/beside`,
    );
    expect(lost.code).toBe(1);
    const refs = (await git("ls-remote", world.remote())).stdout;
    expect(refs).not.toContain(other);
    expect(refs).not.toContain("beside");
  });

  test("of two atomic pushes of the same new name at the same time exactly one wins", async () => {
    const commits = await Promise.all(
      ["a", "b", "c", "d"].map(async (name) => (await git("commit-tree", "HEAD^{tree}", "-m", name)).stdout.trim()),
    );
    const ref = "refs/twotier/lock/v2";
    const pushes = await Promise.all(
      commits.map((sha) => git("push", "--atomic", `--force-with-lease=${ref}:`, world.remote(), `${sha}:${ref}`)),
    );
    expect(pushes.filter((one) => one.code === 0)).toHaveLength(1);
    const winner = commits[pushes.findIndex((one) => one.code === 0)];
    expect((await git("ls-remote", world.remote(), ref)).stdout).toBe(`${winner}\t${ref}\n`);
  });

  test("--force-with-lease moves what is as expected, and nothing else", async () => {
    const next = (await git("commit-tree", "HEAD^{tree}", "-m", "next")).stdout.trim();
    const wrong = await git(
      "push",
      `--force-with-lease=refs/heads/lease:${next}`,
      world.remote(),
      "HEAD:refs/heads/lease",
    );
    expect(wrong.code).toBe(1);
    await git("push", world.remote(), "HEAD:refs/heads/lease");
    const right = `--force-with-lease=refs/heads/lease:${world.first}`;
    expect((await git("push", right, world.remote(), `+${next}:refs/heads/lease`)).code).toBe(0);
    expect((await git("push", world.remote(), ":refs/heads/lease")).code).toBe(0);
  });

  test("a commit that no branch holds can be fetched by its sha, shallow and partial clones work", async () => {
    const lone = (await git("commit-tree", "HEAD^{tree}", "-m", "lone")).stdout.trim();
    await git("push", world.remote(), `${lone}:refs/twotier/lone`);
    await git("push", world.remote(), ":refs/twotier/lone");
    const other = path.join(world.folder, "other");
    await run("git", ["init", "--quiet", other], world.folder);
    const fetched = await run("git", ["fetch", "--depth=1", world.remote(), lone], other);
    expect(fetched.code, fetched.stderr).toBe(0);
    const partial = [
      "clone",
      "--filter=blob:none",
      "--no-checkout",
      world.remote(),
      path.join(world.folder, "partial"),
    ];
    const cloned = await git(...partial);
    expect(cloned.stderr).not.toContain("warning");
    expect(cloned.code).toBe(0);
  });

  test("a pack of 10 MB goes through in chunks, and comes back the same", async () => {
    const big = randomBytes(10 << 20);
    await writeFile(path.join(world.work, "big.bin"), big);
    await git("add", "big.bin");
    await git("commit", "--quiet", "-m", "big");
    const pushed = await git("push", world.remote(), "HEAD:refs/heads/big");
    expect(pushed.code, pushed.stderr).toBe(0);
    const clone = path.join(world.folder, "big");
    await git("clone", "--quiet", "--branch=big", world.remote(), clone);
    expect((await readFile(path.join(clone, "big.bin"))).equals(big)).toBe(true);
    await git("reset", "--quiet", "--hard", world.first);
  });

  test("a fetch whose request git compresses, since it has much to say, is understood", async () => {
    const encodings: unknown[] = [];
    const crowded = await startWorld({
      intercept: (request) => {
        encodings.push(request.headers["content-encoding"]);
        return false;
      },
    });
    const clone = path.join(crowded.folder, "clone");
    await crowded.git("clone", "--quiet", crowded.remote(), clone);
    await crowded.git("commit", "--quiet", "--allow-empty", "-m", "news");
    await crowded.git("push", "--quiet", crowded.remote(), "main");
    // Newer than what both sides have: git tells of the newest commits first.
    const later = `GIT_COMMITTER_DATE=${Math.floor(Date.now() / 1000) + 3600} +0000`;
    for (let n = 0; n < 40; n++) {
      await run("env", [later, "git", "commit", "--quiet", "--allow-empty", "-m", `own ${n}`], clone);
    }
    const fetched = await run("git", ["fetch", "origin"], clone);
    expect(fetched.code, fetched.stderr).toBe(0);
    expect(encodings).toContain("gzip");
    await crowded.close();
  });

  test("a server that is closed in the middle of a push leaves nothing behind", async () => {
    const closing = await startGithub();
    const address = `${closing.git.replace("://", "://x:y@")}/octo/cat.git`;
    const pushing = git("push", address, "main");
    const state = path.dirname(path.dirname(path.dirname(path.dirname(await firstRepository(closing.admin)))));
    await closing.close();
    expect((await pushing).code).not.toBe(0);
    await expect(stat(state)).rejects.toThrow("ENOENT");
  });

  test("another service, another path and a path that climbs are no way in", async () => {
    const status = async (address: string) => (await fetch(`${world.server.url}${address}`)).status;
    expect(await status("/octo/cat.git/info/refs?service=git-upload-archive")).toBe(404);
    expect(await status("/octo/cat.git/info/refs")).toBe(404);
    expect(await status("/octo/cat.git/HEAD")).toBe(404);
    expect(await status("/octo/cat.git/objects/info/packs")).toBe(404);
    expect(await status("/octo/cat/raw/main/%2e%2e/%2e%2e/HEAD")).toBe(404);
    expect(await status("/octo/cat/raw/main/..%2f..%2frepository.json")).toBe(404);
    expect(await status("/octo/cat/raw/main/%0aHEAD")).toBe(404);
    expect(await status("/%E0%A4%A/cat")).toBe(400);
  });
});

describe("downloads", () => {
  let world: World;
  const bytes = "0123456789";
  const api = async (method: string, where: string, body?: object) => {
    const response = await fetch(`${world.server.url}${where}`, {
      method,
      headers: { authorization: `token ${token}` },
      body: body && JSON.stringify(body),
    });
    return (await response.json()) as { id: number; upload_url: string };
  };
  const publish = async (tag: string, more: object = {}) => {
    const release = await api("POST", `/repos/${repository}/releases`, { tag_name: tag, draft: true, ...more });
    await fetch(release.upload_url.replace(/\{.*/, "?name=digits"), {
      method: "POST",
      headers: { authorization: `token ${token}`, "content-type": "text/plain" },
      body: bytes,
    });
    await api("PATCH", `/repos/${repository}/releases/${release.id}`, { draft: false });
    return release;
  };
  beforeAll(async () => {
    world = await startWorld();
    await publish("v1.0.0", { name: "<first> & best", body: "a <b>body</b>\u0007" });
    await publish("sdk/go/v1.0.1-rc.1", { prerelease: true });
    await api("POST", `/repos/${repository}/releases`, { tag_name: "v2.0.0", draft: true });
  });
  afterAll(() => world.close());
  const curl = (...args: string[]) =>
    run(toolPath("curl"), ["--silent", "--show-error", "--fail", "--location", ...args], world.folder);

  describe.skipIf(needs(["curl"]))("with curl", () => {
    test("by tag, by latest, by a tag with slashes, whole and in parts", async () => {
      const base = `${world.server.url}/${repository}/releases`;
      expect((await curl(`${base}/download/v1.0.0/digits`)).stdout).toBe(bytes);
      expect((await curl(`${base}/latest/download/digits`)).stdout).toBe(bytes);
      expect((await curl(`${base}/download/sdk/go/v1.0.1-rc.1/digits`)).stdout).toBe(bytes);
      expect((await curl(`${base}/download/sdk%2Fgo%2Fv1.0.1-rc.1/digits`)).stdout).toBe(bytes);
      expect((await curl("--range", "2-4", `${base}/latest/download/digits`)).stdout).toBe("234");
      expect((await curl("--range", "-3", `${base}/latest/download/digits`)).stdout).toBe("789");
      expect((await curl("--range", "99-", `${base}/latest/download/digits`)).code).toBe(22);
      expect((await curl("--head", `${base}/latest/download/digits`)).stdout).toMatch(/content-length: 10\r/i);
    });

    test("a broken download goes on where it stopped", async () => {
      await writeFile(path.join(world.folder, "part"), bytes.slice(0, 4));
      await curl(
        "--continue-at",
        "-",
        "--output",
        "part",
        `${world.server.url}/${repository}/releases/download/v1.0.0/digits`,
      );
      expect(await readFile(path.join(world.folder, "part"), "utf8")).toBe(bytes);
    });

    test("what isn't published isn't there", async () => {
      const base = `${world.server.url}/${repository}/releases/download`;
      for (const where of ["v2.0.0/digits", "v1.0.0/other", "v9/digits", "digits", "v1.0.0/..%2fdigits"]) {
        expect((await curl(`${base}/${where}`)).code, where).toBe(22);
      }
    });

    test("files of a commit, by branch, tag and sha", async () => {
      for (const ref of ["main", "v1.0.0", "sdk/go/v1.0.1-rc.1", "refs/heads/main", world.first]) {
        expect((await curl(`${world.server.url}/${repository}/raw/${ref}/README.md`)).stdout, ref).toBe("# cat\n");
      }
      expect((await curl(`${world.server.url}/${repository}/raw/main/nothing`)).code).toBe(22);
    });
  });

  test("latest leads to the release's page, the feed lists what is published, with hostile text escaped", async () => {
    const page = await fetch(`${world.server.url}/${repository}/releases/latest`);
    expect(page.url).toMatch(/\/releases\/tag\/v1\.0\.0$/);
    expect(await page.text()).toContain("&lt;first&gt; &amp; best");
    const feed = await (await fetch(`${world.server.url}/${repository}/releases.atom`)).text();
    expect(feed.match(/<entry>/g)).toHaveLength(2);
    expect(feed).toContain("/releases/tag/sdk%2Fgo%2Fv1.0.1-rc.1");
    expect(feed).not.toContain("<b>");
    expect(feed).not.toContain("\u0007");
    expect(feed).not.toContain("v2.0.0");
  });
});

test("a private repository is there for tokens only, and its web addresses for nobody", async () => {
  const world = await startWorld();
  const authorization = `token ${token}`;
  const made = await fetch(`${world.server.url}/repos/${repository}/releases`, {
    method: "POST",
    headers: { authorization },
    body: JSON.stringify({ tag_name: "v1" }),
  });
  const status = async (where: string, headers: Record<string, string> = {}) =>
    (await fetch(`${world.server.url}${where}`, { headers })).status;
  expect(made.status).toBe(201);
  world.server.admin.setPrivate(repository, true);
  for (const where of ["", "/releases", "/releases/tags/v1", "/git/ref/heads/main"]) {
    expect(await status(`/repos/${repository}${where}`)).toBe(404);
    expect(await status(`/repos/${repository}${where}`, { authorization })).toBe(200);
  }
  expect(await status(`/${repository}/raw/main/README.md`, { authorization })).toBe(404);
  expect(await status(`/${repository}/releases.atom`, { authorization })).toBe(404);
  expect((await run("git", ["ls-remote", world.remote("").replace("@", "")], world.work)).stderr).toContain(
    "read Username",
  );
  expect((await run("git", ["ls-remote", world.remote()], world.work)).code).toBe(0);
  expect(world.check.findings).toEqual([]);
  await world.close();
});

describe("state", () => {
  test("a server that is started again with the same folder holds the same, and gives out new ids", async () => {
    const world = await startWorld();
    const post = (url: string) =>
      fetch(`${url}/repos/${repository}/releases`, {
        method: "POST",
        headers: { authorization: `token ${token}` },
        body: JSON.stringify({ tag_name: "v1", draft: true }),
      }).then(async (response) => (await response.json()) as { id: number; upload_url: string });
    const before = await post(world.server.url);
    const sent = await fetch(before.upload_url.replace(/\{.*/, "?name=cat"), {
      method: "POST",
      headers: { authorization: `token ${token}`, "content-type": "text/plain" },
      body: "meow",
    });
    const asset = (await sent.json()) as { url: string };
    await world.server.close();
    const again = await startGithub({ state: path.join(world.folder, "state") });
    const after = await post(again.url);
    expect(after.id).toBeGreaterThan(before.id);
    const kept = await fetch(asset.url.replace(world.server.url, again.url), {
      headers: { authorization: `token ${token}`, accept: "application/octet-stream" },
    });
    expect(await kept.text()).toBe("meow");
    const listed = await run("git", ["ls-remote", `${again.git}/OCTO/Cat.git`, "main"], world.work);
    expect(listed.stdout).toContain(world.first);
    await again.close();
    await world.close();
  });

  test("only the token that is named is taken, for reading too", async () => {
    const world = await startWorld({ token });
    const ask = (authorization: string) => fetch(`${world.server.url}/user`, { headers: { authorization } });
    expect((await ask("Bearer wrong")).status).toBe(401);
    expect(await (await ask("token wrong")).json()).toMatchObject({ message: "Bad credentials" });
    expect((await ask(`Basic ${Buffer.from(`x:${token}`).toString("base64")}`)).status).toBe(200);
    expect((await run("git", ["push", world.remote("x:wrong"), "HEAD:refs/heads/x"], world.work)).code).not.toBe(0);
    await world.close();
  });
});

describe.skipIf(needs(["gh", "openssl"]))("gh over TLS", () => {
  let world: World;
  let env: Record<string, string>;
  let full: string;
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "twotier-tls-"));
    const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
    const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const files = ["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", names];
    await exec(toolPath("openssl"), [...request, ...files]);
    world = await startWorld({ tls: { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") } });
    const host = world.server.host.replace("127.0.0.1", "localhost");
    full = `${host}/${repository}`;
    env = {
      GH_HOST: host,
      GH_ENTERPRISE_TOKEN: token,
      GH_CONFIG_DIR: path.join(folder, "gh"),
      GH_NO_UPDATE_NOTIFIER: "1",
      GH_PROMPT_DISABLED: "1",
      SSL_CERT_FILE: cert,
    };
    await writeFile(path.join(world.work, "one.bin"), "one");
    await writeFile(path.join(world.work, "two words.bin"), "two");
    cleanup = () => rm(folder, { recursive: true, force: true });
  });
  let cleanup = async () => {};
  afterAll(async () => {
    await world.close();
    await cleanup();
  });
  const gh = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(toolPath("gh"), [...args, "--repo", full], world.work, env);
    return { code, stdout, stderr };
  };
  const view = async (tag: string, fields: string) =>
    JSON.parse((await gh("release", "view", tag, "--json", fields)).stdout);

  test("creates, lists, shows, changes, downloads and deletes releases and their assets", async () => {
    const made = await gh(
      "release",
      "create",
      "v1.0.0",
      "one.bin#A label",
      "two words.bin",
      "--title=One",
      "--notes=n",
    );
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(made.stdout.trim()).toBe(`https://${full}/releases/tag/v1.0.0`);
    const candidate = ["release", "create", "v1.1.0-rc.1", "one.bin", "--draft", "--prerelease", "--notes=c"];
    expect((await gh(...candidate)).stdout).toContain("/releases/tag/untagged-");
    const listed = (await gh("release", "list")).stdout;
    expect(listed).toMatch(/^One\tLatest\tv1\.0\.0\t/m);
    expect(listed).toMatch(/\tDraft\tv1\.1\.0-rc\.1\t/);

    expect(await view("v1.0.0", "tagName,isDraft,assets")).toMatchObject({
      tagName: "v1.0.0",
      isDraft: false,
      assets: expect.arrayContaining([
        expect.objectContaining({ name: "one.bin", label: "A label", state: "uploaded" }),
        expect.objectContaining({ name: "two.words.bin", state: "uploaded" }),
      ]),
    });
    expect(await view("v1.1.0-rc.1", "isDraft,isPrerelease")).toEqual({ isDraft: true, isPrerelease: true });

    const edited = await gh("release", "edit", "v1.1.0-rc.1", "--draft=false", "--notes=public");
    expect(edited, edited.stderr).toMatchObject({ code: 0 });
    expect(await view("v1.1.0-rc.1", "isDraft,isPrerelease,body")).toEqual({
      isDraft: false,
      isPrerelease: true,
      body: "public",
    });

    expect((await gh("release", "upload", "v1.0.0", "one.bin")).stderr).toContain("already exists");
    await writeFile(path.join(world.work, "one.bin"), "another one");
    expect(await gh("release", "upload", "v1.0.0", "one.bin", "--clobber")).toMatchObject({ code: 0 });
    await mkdir(path.join(world.folder, "down"));
    expect(await gh("release", "download", "v1.0.0", "--dir", path.join(world.folder, "down"))).toMatchObject({
      code: 0,
    });
    expect(await readFile(path.join(world.folder, "down/one.bin"), "utf8")).toBe("another one");
    expect(await readFile(path.join(world.folder, "down/two.words.bin"), "utf8")).toBe("two");

    expect(await gh("release", "delete-asset", "v1.0.0", "one.bin", "--yes")).toMatchObject({ code: 0 });
    expect((await view("v1.0.0", "assets")).assets).toHaveLength(1);
    expect(await gh("release", "delete", "v1.0.0", "--yes", "--cleanup-tag")).toMatchObject({ code: 0 });
    expect((await gh("release", "view", "v1.0.0")).stderr).toContain("release not found");
  });

  test("knows whether a tag is there, and generates notes", async () => {
    expect((await gh("release", "create", "v9", "--verify-tag", "--notes=x")).stderr).toContain("doesn't exist");
    expect(await gh("release", "create", "v3.0.0", "--generate-notes")).toMatchObject({ code: 0 });
    expect((await view("v3.0.0", "body")).body).toContain("**Full Changelog**");
  });

  test("asks for the repository itself, and is told what isn't there", async () => {
    const api = (...args: string[]) => run(toolPath("gh"), ["api", ...args], world.work, env);
    expect((await api(`repos/${repository}`, "--jq", ".default_branch")).stdout.trim()).toBe("main");
    expect((await api("repos/octo/dog")).stderr).toContain("Not Found (HTTP 404)");
    const query = (text: string) => api("graphql", "-f", `query=${text}`);
    expect((await query("{ viewer { login __typename } }")).stdout).toContain('"__typename":"User"');
    expect((await query("{ viewer { isRobot } }")).stderr).toContain("Field 'isRobot' doesn't exist on type 'User'");
    expect((await query('{ repository(owner: "octo", name: "dog") { id } }')).stderr).toContain("Could not resolve");
  });

  test("every answer above is as GitHub's OpenAPI description says", () => {
    expect(world.check.findings).toEqual([]);
    expect(world.check.seen.size).toBeGreaterThan(10);
  });
});

describe.skipIf(needs(["go"]))("go get from a tag", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await mkdir(path.join(world.work, "sdk/go"), { recursive: true });
    await writeFile(path.join(world.work, "sdk/go/go.mod"), "module github.com/octo/cat/sdk/go\n\ngo 1.19\n");
    await writeFile(path.join(world.work, "sdk/go/cat.go"), 'package cat\n\nconst Sound = "meow"\n');
    await world.git("add", ".");
    await world.git("commit", "--quiet", "-m", "sdk");
    await world.git("tag", "--annotate", "sdk/go/v0.1.19-rc.1", "-m", "candidate");
    await world.git("push", "--quiet", world.remote(), "main", "sdk/go/v0.1.19-rc.1");
  });
  afterAll(() => world.close());

  test("go mod download fetches the module of a folder from its tag", async () => {
    const modcache = path.join(world.folder, "modcache");
    const env = {
      GOPROXY: "direct",
      GOSUMDB: "off",
      GOMODCACHE: modcache,
      GOFLAGS: "-modcacherw -mod=mod",
      GOTOOLCHAIN: "local",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `url.${world.server.git}/.insteadOf`,
      GIT_CONFIG_VALUE_0: "https://github.com/",
    };
    const asked = "github.com/octo/cat/sdk/go@v0.1.19-rc.1";
    const got = await run(toolPath("go"), ["mod", "download", "-json", asked], world.folder, env);
    expect(got.code, got.stdout + got.stderr).toBe(0);
    const { Dir, Origin } = JSON.parse(got.stdout) as { Dir: string; Origin: { Ref: string } };
    expect(Origin.Ref).toBe("refs/tags/sdk/go/v0.1.19-rc.1");
    expect(await readFile(path.join(Dir, "cat.go"), "utf8")).toContain("meow");
  });
});
