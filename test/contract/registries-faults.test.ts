import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FaultFile, parseFaults } from "../../src/registries/faults/index.ts";
import { type Registries, startRegistries } from "../../src/registries/index.ts";
import { needs, toolPath } from "../tools.ts";
import { pythonFiles } from "./python.ts";

const run = promisify(execFile);
let folder: string;
let registries: Registries;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "twotier-faults-"));
});
afterEach(async () => {
  await registries?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(file: FaultFile = {}): Promise<Registries> {
  registries = await startRegistries({ faults: file });
  return registries;
}

/** Exit code and output of a program, whatever the code. */
async function outcome(file: string, args: readonly string[], env: Record<string, string> = {}, cwd = folder) {
  const inherited = { PATH: process.env.PATH ?? "", HOME: folder };
  try {
    const { stdout, stderr } = await run(file, args, { cwd, env: { ...inherited, ...env } });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

/** Makes the repository a/b, and returns how to run git in a clone of it. */
async function firstPush() {
  const repo = path.join(folder, "repo");
  mkdirSync(repo);
  const url = `${registries.git.replace("http://", "http://x:t@")}/a/b.git`;
  const env = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };
  const at = (...args: string[]) => outcome(toolPath("git"), args, env, repo);
  await at("init", "--quiet", "--initial-branch=main");
  await at("commit", "--quiet", "--allow-empty", "--message=one");
  await at("push", url, "main");
  return { at, url };
}

const tarball = (version: string) => ({
  name: "one",
  version,
  manifest: { name: "one", version },
});

describe.skipIf(needs(["curl", "git"]))("a fault, seen by curl,", () => {
  const curl = (...args: string[]) => outcome(toolPath("curl"), ["--silent", "--show-error", "--include", ...args]);

  it("refuses a connection", async () => {
    const { npm } = await start({ faults: [{ fault: "refuse", registry: "npm" }] });
    expect((await curl(`${npm}/-/ping`)).code).toBe(52); // empty reply
    expect((await curl(`${npm}/-/ping`)).text).toContain("200 OK");
  });

  it("hangs, and answers others meanwhile", async () => {
    const { npm, pypi } = await start({ faults: [{ fault: "hang", path: "/-/ping" }] });
    expect((await curl("--max-time", "0.3", `${npm}/-/ping`)).code).toBe(28);
    expect((await curl(`${pypi}/simple/`)).text).toContain("200 OK");
  });

  it("answers a status with its headers, so many times, after so many, for one method and path", async () => {
    const faults: FaultFile = {
      faults: [
        {
          fault: "status",
          status: 429,
          retryAfter: 7,
          registry: "npm",
          method: "GET",
          path: "/-/*",
          after: 1,
          count: 2,
        },
      ],
    };
    const { npm } = await start(faults);
    const codes = [];
    for (let n = 0; n < 4; n++) codes.push(/HTTP\S+ (\d+)/.exec((await curl(`${npm}/-/ping`)).text)?.[1]);
    expect(codes).toEqual(["200", "429", "429", "200"]);
    const all = await start({ faults: [{ fault: "status", status: 503, count: "all", retryAfter: 7 }] });
    expect((await curl(`${all.pypi}/simple/`)).text).toMatch(/503[\s\S]*retry-after: 7/i);
    expect((await curl(`${all.pypi}/simple/`)).text).toContain("503");
  });

  it("cuts an upload in the middle, which leaves GitHub's starter asset", async () => {
    const { github, faults } = await start();
    await firstPush();
    const auth = ["--header", "authorization: Bearer t"];
    const made = await curl(...auth, "--data", '{"tag_name":"v1","draft":true}', `${github}/repos/a/b/releases`);
    const id = /"id":(\d+),"(?:author|node_id)/.exec(made.text)?.[1] ?? /"id":(\d+)/.exec(made.text)?.[1];
    const big = path.join(folder, "big");
    writeFileSync(big, Buffer.alloc(1 << 20));
    faults.add({ fault: "cut", registry: "github", method: "POST", bytes: 100_000 });
    const url = `${github}/api/uploads/repos/a/b/releases/${id}/assets?name=big`;
    const upload = await curl(...auth, "--header", "expect:", "--data-binary", `@${big}`, url);
    expect(upload.code).not.toBe(0);
    await expect
      .poll(async () => (await curl(...auth, `${github}/repos/a/b/releases/${id}/assets`)).text)
      .toContain('"state":"starter"');
    expect(faults.happened.map((one) => one.fault.fault)).toEqual(["cut"]);
  });

  it("cuts an answer", async () => {
    const { npm } = await start({ faults: [{ fault: "cut", registry: "npm", bytes: 1 }] });
    expect((await curl(`${npm}/-/ping`)).code).toBe(18); // transfer closed with bytes remaining
  });

  it("is a full disk", async () => {
    const { pypi } = await start({ faults: [{ fault: "full", registry: "pypi", bytes: 10 }] });
    const answer = await curl("--user", "__token__:t", "--form", "name=x", `${pypi}/legacy/`);
    expect(answer.text).toContain("507");
  });

  it("is a cache that doesn't know yet", async () => {
    const { npm, servers } = await start({ faults: [{ fault: "stale", registry: "npm", seconds: 3600 }] });
    expect((await curl(`${npm}/one`)).text).toContain("404");
    await servers.npm.seed(tarball("1.0.0"));
    expect((await curl(`${npm}/one`)).text).toContain("404");
    expect((await curl(`${npm}/one?write=true`)).text).toContain("200 OK");
  });

  it("takes a credential once", async () => {
    const { npm } = await start({ faults: [{ fault: "expire", registry: "npm", uses: 1 }] });
    const whoami = (token: string) => curl("--header", `authorization: Bearer ${token}`, `${npm}/-/whoami`);
    expect((await whoami("a")).text).toContain("200 OK");
    expect((await whoami("a")).text).toContain("401");
    expect((await whoami("b")).text).toContain("200 OK");
  });

  it("is a clock that is wrong", async () => {
    const { npm } = await start({ settings: { clockSkewSeconds: -86_400 } });
    const date = Date.parse(/^date: (.*)$/im.exec((await curl(`${npm}/-/ping`)).text)?.[1] ?? "");
    expect(Math.abs(Date.now() - 86_400_000 - date)).toBeLessThan(10_000);
  });
});

describe.skipIf(needs(["git"]))("a fault, seen by git,", () => {
  it("answers 503 after the push was taken, and the ref is there", async () => {
    const { faults } = await start();
    const { at, url } = await firstPush();
    faults.add({ fault: "status", status: 503, registry: "git", path: "**/git-receive-pack", when: "after" });
    expect((await at("push", url, "main:one")).text).toContain("503");
    expect((await at("ls-remote", url)).text).toContain("refs/heads/one");
    faults.add({ fault: "status", status: 503, registry: "git", path: "**/git-receive-pack" });
    expect((await at("push", url, "main:two")).text).toContain("503");
    expect((await at("ls-remote", url)).text).not.toContain("refs/heads/two");
  });
});

describe.skipIf(needs(["npm"]))("a fault, seen by npm,", () => {
  const npm = (...args: string[]) => {
    const config = [`--registry=${registries.npm}`, "--fetch-retries=0", "--no-audit", "--no-fund"];
    return outcome(toolPath("npm"), [...args, ...config], { npm_config_cache: path.join(folder, "cache") });
  };

  it("serves a tarball that isn't what the packument says", async () => {
    await start({ faults: [{ fault: "corrupt", registry: "npm", path: "/one/-/**", count: "all" }] });
    await registries.servers.npm.seed(tarball("1.0.0"));
    expect((await npm("install", "one")).text).toContain("EINTEGRITY");
    registries.faults.clear();
    expect((await npm("install", "one")).code).toBe(0);
  });

  it("keeps a version in the scan", async () => {
    await start({ settings: { npm: { stuck: ["one@1.0.1"] } } });
    await registries.servers.npm.seed(tarball("1.0.0"));
    expect((await npm("view", "one", "version")).text.trim()).toBe("1.0.0");
    await registries.servers.npm.seed({ ...tarball("1.0.1"), tags: ["latest"] });
    expect((await npm("view", "one", "version")).text.trim()).toBe("1.0.0");
    expect((await npm("view", "one@1.0.1", "version")).text).toContain("404");
  });
});

describe.skipIf(needs(["python3", "twine", "pip"]))("a fault, seen by twine and pip,", () => {
  const files = (version = "1.0.0") => pythonFiles(toolPath("python3"), { folder, name: "fault-play", version });
  const twine = (...uploads: string[]) =>
    outcome(toolPath("twine"), ["upload", "--non-interactive", "--disable-progress-bar", ...uploads], {
      TWINE_USERNAME: "__token__",
      TWINE_PASSWORD: "t",
      TWINE_REPOSITORY_URL: `${registries.pypi}/legacy/`,
    });
  const pip = (...args: string[]) =>
    outcome(toolPath("pip"), [
      ...["download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--dest", path.join(folder, "got")],
      ...["--retries", "0", "--index-url", `${registries.pypi}/simple/`, ...args],
    ]);

  it("takes the file and answers 503, or 503 and doesn't take it", async () => {
    const { wheel, sdist } = await files();
    await start();
    const broken = { fault: "status", status: 503, registry: "pypi", method: "POST", count: "all" } as const;
    registries.faults.add({ ...broken, when: "after" });
    expect((await twine(wheel)).text).toContain("503");
    registries.faults.clear();
    registries.faults.add(broken);
    expect((await twine(sdist)).text).toContain("503");
    registries.faults.clear();
    const page = await (await fetch(`${registries.pypi}/simple/fault-play/`)).text();
    expect(page).toContain(path.basename(wheel));
    expect(page).not.toContain(path.basename(sdist));
  });

  it("is a cache that doesn't know the file yet, and a file with another digest", async () => {
    await start({ faults: [{ fault: "stale", registry: "pypi", path: "/simple/**", seconds: 3600 }] });
    expect((await pip("fault-play")).text).toContain("No matching distribution");
    const { wheel } = await files();
    expect((await twine(wheel)).code).toBe(0);
    expect((await pip("fault-play")).text).toContain("No matching distribution");
    registries.faults.clear();
    registries.faults.add({ fault: "corrupt", registry: "pypi", path: "/**.whl", count: "all" });
    expect((await pip("fault-play")).text).toContain("DO NOT MATCH THE HASHES");
    registries.faults.clear();
    expect(await pip("fault-play")).toMatchObject({ code: 0 });
  });
});

describe.skipIf(needs(["skopeo"]))("a fault, seen by skopeo,", () => {
  it("serves a manifest with another digest", async () => {
    const { docker, faults } = await start();
    const put = (url: string, body: string, type: string) =>
      fetch(`http://${docker}${url}`, { method: "PUT", body, headers: { "content-type": type } });
    const { createHash } = await import("node:crypto");
    const config = "{}";
    const digest = `sha256:${createHash("sha256").update(config).digest("hex")}`;
    const begun = await fetch(`http://${docker}/v2/a/blobs/uploads/`, { method: "POST" });
    const location = begun.headers.get("location") as string;
    await put(`${location}&digest=${digest}`, config, "application/octet-stream");
    const type = "application/vnd.oci.image.manifest.v1+json";
    const mediaType = "application/vnd.oci.image.config.v1+json";
    const manifest = { schemaVersion: 2, mediaType: type, config: { mediaType, digest, size: 2 }, layers: [] };
    expect((await put("/v2/a/manifests/one", JSON.stringify(manifest), type)).status).toBe(201);
    const copy = ["copy", "--src-tls-verify=false", `docker://${docker}/a:one`, `dir:${folder}/image`];
    faults.add({ fault: "corrupt", registry: "docker", method: "GET", path: "/v2/a/blobs/**", count: "all" });
    expect((await outcome(toolPath("skopeo"), copy)).code).not.toBe(0);
    faults.clear();
    expect(await outcome(toolPath("skopeo"), copy)).toMatchObject({ code: 0 });
  });
});

it("after a write that is refused nothing is written, unless it was to be", async () => {
  const { npm, faults } = await start();
  await registries.servers.npm.seed(tarball("1.0.0"));
  const headers = { authorization: "Bearer t", "content-type": "application/json" };
  const tag = (name: string) =>
    fetch(`${npm}/-/package/one/dist-tags/${name}`, { method: "PUT", body: '"1.0.0"', headers });
  faults.add({ fault: "status", status: 500, registry: "npm", method: "PUT" });
  expect((await tag("before")).status).toBe(500);
  faults.add({
    fault: "status",
    status: 409,
    registry: "npm",
    method: "PUT",
    when: "after",
    body: { error: "staged" },
  });
  const after = await tag("after");
  expect([after.status, await after.json()]).toEqual([409, { error: "staged" }]);
  faults.add({ fault: "refuse", registry: "npm", method: "PUT", when: "after" });
  await expect(tag("lost")).rejects.toThrow();
  const tags = await (await fetch(`${npm}/-/package/one/dist-tags`)).json();
  expect(Object.keys(tags as object).sort()).toEqual(["after", "latest", "lost"]);
});

it("a document has other digests and is else as it was", async () => {
  const { npm, faults } = await start();
  await registries.servers.npm.seed(tarball("1.0.0"));
  const read = async () => {
    const answer = await fetch(`${npm}/one`);
    const { versions } = (await answer.json()) as { versions: Record<string, { dist: { integrity: string } }> };
    return [answer.headers.get("content-type"), versions["1.0.0"]?.dist.integrity] as const;
  };
  const [type, integrity] = await read();
  faults.add({ fault: "corrupt", registry: "npm" });
  const [sameType, other] = await read();
  expect(sameType).toBe(type);
  expect(other).toMatch(/^sha512-.{88}$/);
  expect(other).not.toBe(integrity);
  faults.add({ fault: "stale", registry: "npm", seconds: 60 });
  expect([await read(), await read()]).toEqual([
    [type, integrity],
    [type, integrity],
  ]);
});

it("a slow answer comes late", async () => {
  const { npm, faults } = await start();
  faults.add({ fault: "slow", seconds: 1 });
  const begun = Date.now();
  expect((await fetch(`${npm}/-/ping`)).status).toBe(200);
  expect(Date.now() - begun).toBeGreaterThan(900);
});

it("a hanging request is ended with its registry", async () => {
  const { npm } = await start({ faults: [{ fault: "hang" }] });
  const ended = new Promise((resolve) => http.get(`${npm}/-/ping`).on("error", resolve));
  await expect.poll(() => registries.faults.happened.length).toBe(1);
  await registries.close();
  await ended;
});

describe("a file of faults", () => {
  it("is YAML or JSON", () => {
    expect(parseFaults("faults:\n- fault: refuse\n  registry: npm\n", "f")).toEqual({
      faults: [{ fault: "refuse", registry: "npm" }],
    });
    expect(parseFaults("", "f")).toEqual({});
  });

  it("that says something else is refused with everything that is wrong", () => {
    const wrong = () => parseFaults('{"faults":[{"fault":"refuse","regisrty":"npm"},{"fault":"explode"}]}', "my.yaml");
    expect(wrong).toThrowError(/my\.yaml/);
    try {
      wrong();
    } catch (error) {
      const { findings } = (error as { facts: { findings: string } }).facts;
      expect(findings).toContain("regisrty");
      expect(findings).toContain("faults[1]");
    }
    expect(() => parseFaults("{", "my.yaml")).toThrowError(/my\.yaml/);
  });
});
