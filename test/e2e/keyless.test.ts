import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { credentialsOf } from "../../src/cli/credentials.ts";
import type { Event } from "../../src/core/target.ts";
import { asReleaseError, ReleaseError, redact } from "../../src/lib/errors.ts";
import { createHttp, type Http } from "../../src/lib/http.ts";
import { githubIdTokens, givenIdToken } from "../../src/lib/id-token.ts";
import type { FaultFile } from "../../src/registries/faults/index.ts";
import { jobClaims } from "../../src/registries/oidc/index.ts";
import { rollback } from "../../src/release/rollback.ts";
import type { SessionOptions } from "../../src/release/session.ts";
import { verify } from "../../src/release/verify.ts";
import { type Credentials, createTargets } from "../../src/targets/create.ts";
import { quietTag } from "../../src/targets/npm/index.ts";
import { type Project, startProject, testIo } from "../support/project.ts";
import { root } from "../tools.ts";

// Releases without a token of npm or PyPI: all that the job has is what the CI says of it.

let project: Project;
let keyless: Credentials;
const http = createHttp();
afterEach(() => project.close());

const name = "@example/fast";

/** A project whose npm package exists, and what a job of its release workflow is given. */
async function start(faults: FaultFile = {}): Promise<void> {
  project = await startProject({ faults, claims: jobClaims("example/fast", "staging") });
  await project.registries.servers.npm.seed({ name, version: "0.0.0" });
  const { url, token } = project.registries.idToken;
  const idTokens = githubIdTokens(url, token);
  const { npmToken: _npm, pypiToken: _pypi, ...rest } = project.credentials;
  keyless = { ...rest, npmIdTokens: idTokens, pypiIdTokens: idTokens };
}

const by = (credentials: Credentials, more: Partial<SessionOptions> = {}): Partial<SessionOptions> => ({
  claim: false,
  makeTargets: (config, resolved, repository, context) =>
    createTargets(config, resolved, credentials, repository, context),
  ...more,
});

const distTags = async (): Promise<Record<string, string>> =>
  (await fetch(`${project.registries.npm}/-/package/@example%2ffast/dist-tags`)).json() as never;

const locks = async () => [...(await project.refs()).keys()].filter((ref) => ref.startsWith("refs/twotier/"));

/** What of a release isn't as its manifest says. */
async function wrong(version: string): Promise<unknown[]> {
  const session = await project.session({}, by(keyless));
  try {
    const { rows } = (await verify(session, version)).result;
    // No run of a workflow is to be seen here.
    return rows.filter((row) => row.state !== "ok" && row.what !== "trigger");
  } finally {
    await session.close();
  }
}

/** The error that a run ends with. */
const failing = async (run: Promise<unknown>): Promise<ReleaseError> =>
  run.then(() => expect.unreachable(), asReleaseError);

const stopAt = (step: string) => ({
  onStep: async (now: string) => {
    if (now === step) throw new ReleaseError("INTERRUPTED", "killed");
  },
});

/** An http that keeps the addresses it asked, and lets `before` stand in the way. */
function watched(before: (url: URL, method: string) => void = () => {}): { asked: string[]; http: Http } {
  const asked: string[] = [];
  return {
    asked,
    http(request) {
      const url = new URL(request.url);
      asked.push(`${request.method ?? "GET"} ${url.pathname}`);
      before(url, request.method ?? "GET");
      return http(request);
    },
  };
}

describe("a release without tokens", () => {
  it("goes candidate, stable, and to the next line; verify finds nothing wrong with what OIDC can't move", async () => {
    await start();
    await project.push("feat: first");
    const staging = await project.release({ tier: "staging" }, by(keyless));
    expect(staging.manifest?.version).toBe("0.1.1-rc.1");
    expect(await distTags()).toEqual({ latest: "0.0.0", next: "0.1.1-rc.1" });
    const production = await project.release({ tier: "production" }, by(keyless));
    expect(production.manifest).toMatchObject({ version: "0.1.1", candidate: { tag: "v0.1.1-rc.1" } });
    // `next` can't be moved: it stays until the next candidate.
    expect(await distTags()).toEqual({ latest: "0.1.1", next: "0.1.1-rc.1" });
    expect(await wrong("0.1.1-rc.1")).toEqual([]);
    expect(await wrong("0.1.1")).toEqual([]);
    expect(await project.release({ tier: "production" }, by(keyless))).toMatchObject({ released: false });
    await project.push("fix: second");
    await project.release({ tier: "staging" }, by(keyless));
    expect(await distTags()).toEqual({ latest: "0.1.1", next: "0.1.2-rc.1" });
    expect(await locks()).toEqual([]);
  });

  it("gets one token of npm and one of PyPI, and none to read with", async () => {
    await start();
    await project.push("feat: first");
    const seen = watched();
    await project.release({ tier: "staging" }, by(keyless, { io: testIo(seen.http) }));
    const count = (part: string) => seen.asked.filter((one) => one.includes(part)).length;
    expect(count("/oidc/token/exchange/")).toBe(1);
    expect(count("/_/oidc/mint-token")).toBe(1);
    const reads = watched();
    const session = await project.session({}, by(keyless, { io: testIo(reads.http) }));
    await verify(session, "0.1.1-rc.1");
    await session.close();
    expect(reads.asked.filter((one) => one.includes("oidc") || one.includes("id-token"))).toEqual([]);
  });

  it("takes the job's own ID tokens, as GitLab gives them, for both registries", async () => {
    await start();
    const { ci } = project.registries.servers;
    await project.push("feat: first");
    const [npm, pypi] = [ci.issue("npm:127.0.0.1"), ci.issue("pypi")];
    const given = () => ({ ...keyless, npmIdTokens: givenIdToken(npm), pypiIdTokens: givenIdToken(pypi) });
    expect((await project.release({ tier: "staging" }, by(given()))).released).toBe(true);
    // The same job goes on, with tokens that were used; a job that is run again has others.
    await project.push("fix: second");
    const again = await failing(project.release({ tier: "staging" }, by(given())));
    expect(again.findings.map((one) => `${one.message} ${one.hint}`).join("\n")).toMatch(
      /used before, and mints once.*run the job again/,
    );
  });

  it("is refused before anything is written where nobody trusts the job, with every page to go to", async () => {
    await start({
      settings: { npm: { publishers: [] }, pypi: { publishers: [{ name: "fast-project", repository: "a/b" }] } },
    });
    // The project is there: a pending publisher's first token would make it.
    await project.push("feat: first");
    await project.release({ tier: "staging" });
    await project.push("fix: second");
    const before = await project.refs();
    const error = await failing(project.release({ tier: "staging" }, by(keyless)));
    expect(error.code).toBe("PREFLIGHT");
    const found = error.findings.map((one) => `${one.message}\n${one.hint}`);
    expect(found).toHaveLength(2);
    expect(found.join("\n")).toContain("https://www.npmjs.com/package/@example/fast/access");
    expect(found.join("\n")).toContain("https://pypi.org/manage/project/fast-project/settings/publishing/");
    expect(found.join("\n")).toContain("repository example/fast, workflow release.yml, environment staging");
    expect(await project.refs()).toEqual(before);
  });

  it("says that a package must be made with a token, also with --claim", async () => {
    await start();
    await project.registries.servers.npm.seed({ name: "@example/other", version: "0.0.0" });
    const { stdout } = await project.git(["show", "HEAD:twotier.yaml"]);
    await project.push("feat: new", {
      "twotier.yaml": stdout.replace('package: "@example/fast"', 'package: "@example/new"'),
      "src/fast.txt": "new\n",
    });
    const error = await failing(project.release({ tier: "staging" }, by(keyless, { claim: true })));
    expect(error.findings.map((one) => one.message).join("\n")).toMatch(
      /@example\/new yet, and a trusted publisher can't/,
    );
    expect(error.findings.map((one) => one.hint).join("\n")).toContain("NPM_TOKEN=... twotier init --claim");
  });
});

describe("a release that goes on under another credential", () => {
  const kinds = [
    ["without tokens", "with tokens"],
    ["with tokens", "without tokens"],
    ["without tokens", "without tokens"],
  ] as const;
  const of = (kind: "with tokens" | "without tokens") => (kind === "with tokens" ? project.credentials : keyless);

  it.each(kinds)("begun %s and sealed, is finished %s", async (first, second) => {
    await start();
    await project.push("feat: first");
    await project.release({ tier: "staging" }, by(of(first)));
    for (const [tier, tags] of [
      ["staging", { latest: "0.0.0", next: "0.1.1-rc.2" }],
      ["production", { latest: "0.1.1" }],
    ] as const) {
      if (tier === "staging") await project.push("fix: second");
      await failing(project.release({ tier }, by(of(first), stopAt("sealed"))));
      const seen = watched();
      const elsewhere = { dir: await project.clone(), io: testIo(seen.http) };
      const { manifest } = await project.release({ tier }, by(of(second), elsewhere));
      if (second === "without tokens") {
        // Users follow npm's tag from the publish on: whatever nobody can be led to comes first.
        const uploads = seen.asked.lastIndexOf("POST /legacy/");
        expect(uploads).toBeGreaterThan(-1);
        expect(seen.asked.indexOf("PUT /@example%2Ffast")).toBeGreaterThan(uploads);
      }
      expect(await distTags()).toMatchObject(tags);
      expect(Object.keys(await distTags())).not.toContain(quietTag);
      // What the seal says of `next` depends on who sealed.
      const left = (await wrong(manifest?.version ?? "")) as { what: string; id: string }[];
      expect(left.filter((row) => row.id !== `${name}@next`)).toEqual([]);
    }
  });

  it("that has published under the quiet tag needs who may move tags, and says so", async () => {
    await start();
    await project.push("feat: first");
    const seen = watched((url, method) => {
      if (method === "PUT" && url.pathname.includes("/dist-tags/")) throw new ReleaseError("INTERRUPTED", "killed");
    });
    await failing(project.release({ tier: "staging" }, by(project.credentials, { io: testIo(seen.http) })));
    const error = await failing(project.release({ tier: "staging" }, by(keyless)));
    expect(error).toMatchObject({ code: "AUTH" });
    expect(error.message).toContain("setting @example/fast@next to 0.1.1-rc.1");
    expect(error.hint).toContain("npm dist-tag add @example/fast@0.1.1-rc.1 next");
    await project.release({ tier: "staging" }, by(project.credentials));
    expect(await distTags()).toEqual({ latest: "0.0.0", next: "0.1.1-rc.1" });
    expect(await locks()).toEqual([]);
  });

  it("moves tags without a token where npm was told to allow it", async () => {
    await start({ settings: { npm: { publishers: [{ name, distTags: true }] } } });
    await project.push("feat: first");
    const seen = watched((url, method) => {
      if (method === "PUT" && url.pathname.includes("/dist-tags/")) throw new ReleaseError("INTERRUPTED", "killed");
    });
    await failing(project.release({ tier: "staging" }, by(project.credentials, { io: testIo(seen.http) })));
    await project.release({ tier: "staging" }, by(keyless));
    expect(await distTags()).toEqual({ latest: "0.0.0", next: "0.1.1-rc.1" });
  });

  it("never puts latest down: a version below it is published under the quiet tag", async () => {
    await start();
    await project.push("feat: first");
    await project.release({ tier: "staging" }, by(keyless));
    await failing(project.release({ tier: "production" }, by(keyless, stopAt("sealed"))));
    await project.registries.servers.npm.seed({ name, version: "0.2.0", tags: ["latest"] });
    await project.release({ tier: "production" }, by(keyless));
    expect(await distTags()).toMatchObject({ latest: "0.2.0", [quietTag]: "0.1.1" });
  });
});

describe("tokens that don't last", () => {
  it("are gotten anew when a registry takes them no more in the middle of a release", async () => {
    await start({
      faults: [
        { fault: "status", status: 401, registry: "npm", method: "PUT", path: "/@example%2Ffast" },
        { fault: "status", status: 403, registry: "pypi", method: "POST", path: "/legacy/" },
      ],
    });
    await project.push("feat: first");
    const seen = watched();
    const result = await project.release({ tier: "staging" }, by(keyless, { io: testIo(seen.http) }));
    expect(result).toMatchObject({ released: true, pending: [] });
    expect(seen.asked.filter((one) => one.includes("/oidc/token/exchange/"))).toHaveLength(2);
    expect(seen.asked.filter((one) => one.includes("/_/oidc/mint-token"))).toHaveLength(2);
    expect(await wrong("0.1.1-rc.1")).toEqual([]);
  });

  it("whose answer was lost cost their ID token, and another one is asked for", async () => {
    await start({
      faults: [
        { fault: "status", status: 502, when: "after", registry: "pypi", path: "/_/oidc/mint-token", count: 2 },
        { fault: "status", status: 502, registry: "ci" },
        { fault: "refuse", when: "after", registry: "pypi", method: "POST", path: "/legacy/" },
      ],
    });
    await project.push("feat: first");
    expect(await project.release({ tier: "staging" }, by(keyless))).toMatchObject({ released: true });
    expect(await wrong("0.1.1-rc.1")).toEqual([]);
  });
});

it("neither ID tokens nor what they were exchanged for are to be read anywhere afterwards", async () => {
  await start({
    faults: [{ fault: "status", status: 500, registry: "npm", method: "PUT", path: "/@example%2Ffast", when: "after" }],
  });
  await project.push("feat: first");
  const secrets = new Set<string>();
  const events: Event[] = [];
  const io = testIo(async (request) => {
    const { authorization = "" } = Object.fromEntries(
      Object.entries(request.headers ?? {}).map(([key, value]) => [key.toLowerCase(), value]),
    );
    const [scheme, value = ""] = authorization.split(" ");
    const url = new URL(request.url);
    const ours = [project.registries.npm, project.registries.pypi, project.registries.idToken.url].some((one) =>
      one.includes(url.host),
    );
    if (ours && value) {
      secrets.add(value);
      if (scheme === "Basic") secrets.add(Buffer.from(value, "base64").toString().replace("__token__:", ""));
    }
    if (typeof request.body === "string" && url.pathname.includes("/_/oidc/")) {
      secrets.add(JSON.parse(request.body).token);
    }
    return http(request);
  }, events);
  const session = await project.session({ tier: "staging" }, by(keyless, { io }));
  const { release } = await import("../../src/release/release.ts");
  const result = await release(session.job());
  const { openJournal } = await import("../../src/core/journal.ts");
  const journal = openJournal(path.join(project.dir, ".twotier/journal"), "v0.1.1-rc.1", () => new Date());
  for (const event of events) journal.write(event);
  await session.close();
  // The request token, two ID tokens, a token of npm, one of PyPI, and its Basic form.
  expect(secrets.size).toBeGreaterThanOrEqual(5);
  const kept = [JSON.stringify(events), JSON.stringify(result), readFileSync(journal.file, "utf8")];
  for (const file of readdirSync(project.dir, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) kept.push(readFileSync(path.join(file.parentPath, file.name), "latin1"));
  }
  kept.push((await project.git(["cat-file", "--batch-all-objects", "--batch"])).stdout);
  for (const secret of secrets) {
    expect(kept.some((text) => text.includes(secret))).toBe(false);
    // What a job is given is registered where the environment is read.
    if (secret !== project.registries.idToken.token) expect(redact(`x ${secret} y`)).toBe("x [redacted] y");
  }
});

it("a rollback without tokens does what it can, and says which commands are left to an owner", async () => {
  await start();
  await project.push("feat: first");
  await project.release({ tier: "staging" }, by(keyless));
  await project.push("fix: second");
  await project.release({ tier: "staging" }, by(keyless));
  const session = await project.session({}, by(keyless));
  const taken = await rollback(session, { version: "0.1.1-rc.2" });
  await session.close();
  const text = JSON.stringify(taken);
  expect(text).toContain("npm deprecate @example/fast@0.1.1-rc.2");
  expect(text).toContain("npm dist-tag add @example/fast@0.1.1-rc.1 next");
});

it("registries --env --keyless prints what a CI job has in the place of tokens", async () => {
  await start();
  const child = spawn(process.execPath, [path.join(root, "src/cli/bin.ts"), "registries", "--env", "--keyless"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let text = "";
    for await (const chunk of child.stdout) {
      text += chunk;
      if (text.includes("# npm publish")) break;
    }
    const variables = Object.fromEntries(
      [...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, key, value]) => [key, value]),
    );
    expect(Object.keys(variables)).not.toContain("NPM_TOKEN");
    expect(Object.keys(variables)).not.toContain("PYPI_TOKEN");
    const { pypiIdTokens } = credentialsOf({ variables } as Parameters<typeof credentialsOf>[0]);
    const token = await pypiIdTokens?.get("pypi", testIo(http));
    const answer = await fetch(`${variables.TWOTIER_PYPI_URL}/_/oidc/mint-token`, {
      method: "POST",
      body: JSON.stringify({ token }),
    });
    expect(await answer.json()).toMatchObject({ success: true });
  } finally {
    child.kill();
  }
});
