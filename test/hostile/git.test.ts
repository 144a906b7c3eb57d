import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { publish } from "../../src/core/apply.ts";
import type { Item, Target } from "../../src/core/target.ts";
import { gitCredentials } from "../../src/git/credentials.ts";
import { gitIn } from "../../src/git/git.ts";
import type { Git } from "../../src/git/push.ts";
import { readRefs } from "../../src/git/refs.ts";
import { createHttp } from "../../src/lib/http.ts";
import { createGoTarget } from "../../src/targets/go/index.ts";
import { branchStore } from "../../src/targets/site/branch.ts";
import { folderStore } from "../../src/targets/site/folder.ts";
import { createSiteTarget } from "../../src/targets/site/index.ts";
import { answer } from "./answers.ts";
import { type HostileAnswer, type HostileServer, startHostile } from "./server.ts";
import { type Act, ended, hurriedIo, release, site, token, withCredential } from "./targets.ts";

const sha = "a".repeat(40);
const io = hurriedIo(createHttp());
let server: HostileServer;
let elsewhere: HostileServer;
let work: string;
let clone: string;
let git: Git;
beforeAll(async () => {
  server = await startHostile();
  elsewhere = await startHostile();
  work = mkdtempSync(path.join(tmpdir(), "twotier-hostile-git-"));
  clone = path.join(work, "clone");
  execFileSync("git", ["init", "--quiet", clone]);
  const person = { GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@x", GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@x" };
  const quiet = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", ...person };
  git = gitIn(clone, { env: { ...quiet, ...gitCredentials(server.url, token) } });
  await git(["commit", "--quiet", "--allow-empty", "--message=begin"]);
  await git(["remote", "add", "origin", `${server.url}/x.git`]);
});
afterAll(async () => {
  await Promise.all([server.close(), elsewhere.close()]);
  rmSync(work, { recursive: true, force: true });
});
beforeEach(() => {
  server.seen.splice(0);
  elsewhere.seen.splice(0);
});

/** As git's servers write a line (gitprotocol-common(5), pkt-line). */
const packet = (text: string) => `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, "0")}${text}`;

/** A server that lists these refs (gitprotocol-http(5), protocol version 0). */
function listing(service: string, refs: readonly [string, string][], capabilities = ""): HostileAnswer {
  const [first, ...rest] = refs.length > 0 ? refs : [["0".repeat(40), "capabilities^{}"] as const];
  const lines = [`${first?.[0]} ${first?.[1]}\0${capabilities}\n`, ...rest.map(([one, name]) => `${one} ${name}\n`)];
  return {
    status: 200,
    headers: { "content-type": `application/x-${service}-advertisement` },
    body: `${packet(`# service=${service}\n`)}0000${lines.map(packet).join("")}0000`,
  };
}
const serviceOf = (url = "") => (url.includes("receive-pack") ? "git-receive-pack" : "git-upload-pack");

function acts(): Act[] {
  const modules = [{ dir: "sdk/go", module: "github.com/example/fast/sdk/go" }];
  const go = createGoTarget({ modules, repository: "example/fast", git, remote: "origin", release });
  const store = branchStore({ git, remote: "origin", branch: "gh-pages", dir: "." });
  const page = createSiteTarget({ store, input: site });
  const options = {
    files: async () => Promise.reject(new Error("no files")),
    io,
    waitSeconds: () => 0,
    compareVersions: () => 0,
  };
  const about = { tier: "production", version: "1.2.3", tag: "v1.2.3", instead: null, deleteTag: true } as const;
  return ([go, page] as Target[]).flatMap((target) => {
    const { items, pointers } = target.expect([], release);
    const [item] = items as [Item];
    const all: Act[] = [
      ["versions", () => target.versions(io)],
      ["preflight", () => target.preflight(io)],
      ["observe", () => target.observe(item, io)],
      ["verify", () => target.verify(item, io)],
      ["undo", async () => target.undo?.plan(items, about, io)],
      ["publish", () => publish(item, { ...options, targets: [target] })],
      ["point", async () => pointers[0] && target.pointers?.write(pointers[0], io)],
    ];
    return all.map(([name, run]): Act => [`${target.name}: ${name}`, run]);
  });
}

describe("a git server", () => {
  it("that sends options and controls for refs names none of ours, and one that sends line ends is refused", async () => {
    const refs: [string, string][] = [
      [sha, "HEAD"],
      [sha, "refs/tags/--all"],
      [sha, "refs/tags/sdk/go/v1.0.0\u001b[2J"],
      [sha, "refs/tags/../../sdk/go/v2.0.0"],
      [sha, "refs/tags/sdk/go/v1.2.2"],
    ];
    server.answer = ({ url }) => listing(serviceOf(url), refs);
    const [[, versions]] = acts() as [Act];
    expect(await versions()).toEqual(["1.2.2"]);
    for (const [name, run] of acts()) await ended(name, run);
    expect(withCredential(elsewhere.seen)).toEqual([]);
    // Over ssh git prints such a name as it is (parseRefs takes no line without a sha); over HTTP it refuses the list.
    server.answer = ({ url }) =>
      listing(serviceOf(url), [...refs, [sha, `refs/tags/x\n--upload-pack=reboot\trefs/tags/v9.9.9`]]);
    await expect(readRefs(git, "origin")).rejects.toMatchObject({ code: "GIT" });
  });

  it("that leads elsewhere isn't followed, and that asks for a password isn't told one by hand", async () => {
    const location = `${elsewhere.url}/x.git/info/refs?service=git-upload-pack`;
    const answers: HostileAnswer[] = [
      { status: 301, headers: { location }, body: "" },
      { status: 307, headers: { location }, body: "" },
      { status: 401, headers: { "www-authenticate": 'Basic realm="x"' }, body: "" },
    ];
    for (const said of answers) {
      server.answer = () => said;
      elsewhere.answer = ({ url }) => listing(serviceOf(url), [[sha, "refs/tags/sdk/go/v9.9.9"]]);
      for (const [name, run] of acts().filter(([name]) => /observe|publish|preflight/.test(name))) {
        const error = await ended(name, run);
        // A rule of preflight is told, not thrown.
        if (!name.endsWith("preflight")) expect(error, name).toBeDefined();
      }
    }
    expect(elsewhere.seen).toEqual([]);
  });

  it("that takes a push and doesn't hold the ref afterwards is told from one that does", async () => {
    const took = `${packet(`\u0001${packet("unpack ok\n")}${packet("ok refs/tags/sdk/go/v1.2.3\n")}0000`)}0000`;
    server.answer = ({ method, url }) =>
      method === "POST"
        ? { status: 200, headers: { "content-type": "application/x-git-receive-pack-result" }, body: took }
        : listing(serviceOf(url), [], "report-status side-band-64k atomic ofs-delta agent=git/2.39");
    const [, run] = acts().find(([name]) => name === "go: publish") as Act;
    const { stdout } = await git(["rev-parse", "HEAD"]);
    release.commit = stdout.trim();
    try {
      const [, again] = acts().find(([name]) => name === "go: publish") as Act;
      expect((await ended("publish", again))?.message).toContain("took sdk/go/v1.2.3, but doesn't show it");
    } finally {
      release.commit = "1".repeat(40);
    }
    // A commit that isn't here can't be pushed.
    expect((await ended("publish", run))?.code).toBe("GIT");
  });

  it("may say anything: every question and every push ends with an error that says what is wrong", async () => {
    const line = fc.array(
      fc.oneof(
        fc.constantFrom("0000", "0001", "0004", "ffff", sha, " refs/tags/v1.0.0", "\0", "\n", "PACK"),
        fc.string(),
      ),
    );
    const body = fc.oneof(
      line.map((parts) => parts.join("")),
      line.map((parts) => packet(parts.join(""))),
      fc
        .array(fc.tuple(fc.constant(sha), fc.string({ minLength: 1 })), { maxLength: 3 })
        .map((refs) => listing("git-upload-pack", refs as [string, string][]).body as string),
    );
    const said = fc.oneof(
      answer(() => `${elsewhere.url}/token`),
      body.map((text) => ({
        status: 200,
        headers: { "content-type": "application/x-git-upload-pack-advertisement" },
        body: text,
      })),
    );
    const property = fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 3 }), async (all) => {
      let turn = 0;
      server.answer = () => all[turn++ % all.length] as HostileAnswer;
      // One after another each would take git's start time.
      await Promise.all(
        acts()
          .filter((_, at) => at % 2 === 0)
          .map(([name, run]) => ended(name, run, 60_000)),
      );
      expect(withCredential(elsewhere.seen)).toEqual([]);
    });
    await fc.assert(property, { numRuns: 4, seed: 20261123 });
  });
});

describe("ids that somebody wrote into a seal", () => {
  const ids = [
    "../x",
    "v../../x/install.sh",
    "v1.2.3/../../install.sh",
    "/etc/passwd",
    "v1.2.3\n/install.sh",
    "v/install.sh",
    "vv1.2.3/install.sh",
  ];

  it.each(ids)("lead nowhere out of a site's folder: %j", async (id) => {
    const root = path.join(work, "www");
    mkdirSync(root, { recursive: true });
    writeFileSync(path.join(work, "x"), "theirs");
    const target = createSiteTarget({ store: folderStore(root, git), input: site });
    const item: Item = { target: "site", id, digest: "sha256:00", file: "", phase: "public" };
    const before = readdirSync(work).sort();
    for (const run of [
      () => target.observe(item, io),
      () => target.verify(item, io),
      () => target.publish(item, async () => Promise.reject(new Error("no files")), io),
    ]) {
      expect((await ended(id, run))?.code).toBe("REGISTRY");
    }
    expect(readdirSync(work).sort()).toEqual(before);
    expect(readdirSync(root)).toEqual([]);
  });

  it("are no second line for git, and no ref of somebody else", async () => {
    const modules = [{ dir: "sdk/go", module: "github.com/example/fast/sdk/go" }];
    const go = createGoTarget({ modules, repository: "example/fast", git, remote: null, release });
    const head = (await git(["rev-parse", "HEAD"])).stdout.trim();
    const refs = (await git(["show-ref"])).stdout;
    for (const id of [
      "sdk/go/v1.2.3\ndelete refs/heads/master",
      "../heads/main",
      "other",
      "sdk/go/v1.2.3:refs/heads/x",
      "",
    ]) {
      const item: Item = { target: "go", id, digest: `git:${head}`, file: "", phase: "tag" };
      const error = await ended(id, () => go.publish(item, async () => Promise.reject(new Error("no files")), io));
      expect(error?.code, id).toBe("REGISTRY");
    }
    expect((await git(["show-ref"])).stdout).toBe(refs);
  });
});
