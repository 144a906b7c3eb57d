import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { credentialsOf } from "../../src/cli/credentials.ts";
import type { Target } from "../../src/core/target.ts";
import { redact } from "../../src/lib/errors.ts";
import { digestOf } from "../../src/lib/hash.ts";
import { githubIdTokens, type IdTokens, jobOf } from "../../src/lib/id-token.ts";
import { type NpmRegistry, startNpm } from "../../src/registries/npm/index.ts";
import { type Issuer, jobClaims, startIssuer } from "../../src/registries/oidc/index.ts";
import { type PypiRegistry, startPypi } from "../../src/registries/pypi/index.ts";
import { createNpmTarget } from "../../src/targets/npm/index.ts";
import { exchangedTokens } from "../../src/targets/npm/oidc.ts";
import { createPypiTarget } from "../../src/targets/pypi/index.ts";
import { mintedTokens } from "../../src/targets/pypi/oidc.ts";
import { answer, type TestIo, type TestIoOptions, testIo } from "./io.ts";

// How tokens are gotten and renewed, by a clock. Whole releases: test/e2e/keyless.test.ts.

const start = Date.parse("2026-11-30T12:00:00Z");
let clock: number;
let ci: Issuer;
let npm: NpmRegistry;
let pypi: PypiRegistry;
let io: TestIo;
const now = () => new Date(clock);
beforeEach(async () => {
  clock = start;
  ci = await startIssuer({ now, claims: jobClaims("hanzoai/playground", "production") });
  npm = await startNpm({ now, token: "t", trusted: { verify: ci.verify } });
  pypi = await startPypi({ now, token: "t", trusted: { verify: ci.verify } });
  io = testIo({ now });
  await npm.seed({ name: "one", version: "0.0.0" });
  await npm.seed({ name: "@two/two", version: "0.0.0" });
});
afterEach(async () => {
  io.close();
  await Promise.all([ci.close(), npm.close(), pypi.close()]);
});

const ids = (): IdTokens => githubIdTokens(ci.requestUrl, ci.requestToken);
const asked = (part: string) => io.sent.filter((one) => one.url.includes(part)).length;

describe("tokens of npm", () => {
  test("are one a package, kept until shortly before they expire", async () => {
    const token = exchangedTokens(npm.url, ids());
    const first = await token("one", io);
    expect(await Promise.all([token("one", io), token("one", io)])).toEqual([first, first]);
    expect(await token("@two/two", io)).not.toBe(first);
    expect(asked("/exchange/")).toBe(2);
    clock += 54 * 60_000;
    expect(await token("one", io)).toBe(first);
    clock += 2 * 60_000;
    expect(await token("one", io)).not.toBe(first);
  });

  test("are exchanged once for two who ask at the same time, and again after a refusal", async () => {
    const token = exchangedTokens(npm.url, ids());
    const [first, second] = await Promise.all([token("one", io), token("one", io)]);
    expect(first).toBe(second);
    expect(asked("/exchange/")).toBe(1);
    const others = await Promise.all([token("one", io, first), token("one", io, first)]);
    expect(others[0]).toBe(others[1]);
    expect(others[0]).not.toBe(first);
    expect(asked("/exchange/")).toBe(2);
  });
});

describe("tokens of PyPI", () => {
  test("are one for all projects, minted anew five minutes before they expire", async () => {
    const token = mintedTokens(`${pypi.url}/legacy/`, ids(), ["a", "b"]);
    const first = await token(io);
    clock += 9 * 60_000;
    expect(await token(io)).toBe(first);
    clock += 2 * 60_000;
    expect(await token(io)).not.toBe(first);
    expect(asked("/mint-token")).toBe(2);
  });

  test("whose ID token was given once are used to their end", async () => {
    const given: IdTokens = { fresh: false, get: async () => ci.issue("pypi") };
    const token = mintedTokens(`${pypi.url}/legacy/`, given, ["a"]);
    const first = await token(io);
    clock += 14 * 60_000;
    expect(await token(io)).toBe(first);
  });

  const codes: [string, RegExp, RegExp][] = [
    [
      "invalid-publisher",
      /no project trusts this job/,
      /pypi\.org\/manage\/project\/a\/settings\/publishing\/.*PYPI_TOKEN/,
    ],
    ["invalid-pending-publisher", /pending publisher .* exists meanwhile/, /manage\/project\/a\/settings\/publishing/],
    ["invalid-reuse-token", /used before, and mints once/, /run the same command again/],
    ["invalid-token", /doesn't take this job's ID token/, /audience/],
    ["invalid-payload", /doesn't take this job's ID token/, /audience/],
    ["not-enabled", /switched off/, /try again later/],
    ["something-new", /422 something-new/, /PYPI_TOKEN/],
  ];
  test.each(codes)("that are refused with %s say why, and what to do", async (code, why, hint) => {
    const intercept: TestIoOptions["intercept"] = async (request) =>
      request.url.endsWith("/audience")
        ? answer(200, { audience: "pypi" })
        : answer(422, { message: "Token request failed", errors: [{ code, description: "so" }] });
    const tried = testIo({ intercept, now });
    const given: IdTokens = { fresh: true, get: async () => ci.issue("pypi") };
    const token = mintedTokens("https://upload.pypi.test/legacy/", given, ["a"]);
    await expect(token(tried)).rejects.toMatchObject({
      code: "AUTH",
      retryable: false,
      message: expect.stringMatching(why),
      hint: expect.stringMatching(hint),
      facts: { job: "repository hanzoai/playground, workflow release.yml, environment production" },
    });
    // One that was used is asked for again, twice.
    expect(tried.sent.filter((one) => one.method === "POST")).toHaveLength(code === "invalid-reuse-token" ? 3 : 1);
  });

  test("aren't asked for where a project doesn't exist yet: that would make it", async () => {
    const target = createPypiTarget({
      ...{ upload: `${pypi.url}/legacy/`, index: `${pypi.url}/simple/`, projects: ["new"], idTokens: ids() },
    });
    const findings = await target.preflight(io);
    expect(findings.map((one) => `${one.level} ${one.topic}`)).toEqual(["warning new"]);
    expect(asked("mint-token")).toBe(0);
  });

  test("an index without trusted publishing is said to have none", async () => {
    const token = mintedTokens("https://index.test/legacy/", ids(), ["a"]);
    const none = testIo({ intercept: async () => answer(404, "") });
    await expect(token(none)).rejects.toMatchObject({
      code: "AUTH",
      message: expect.stringContaining("has no trusted"),
    });
  });
});

describe("where tokens come from", () => {
  const request = () => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: ci.requestUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: ci.requestToken,
  });
  const of = (variables: Record<string, string>) => credentialsOf({ variables } as Parameters<typeof credentialsOf>[0]);

  test("GitHub is asked for an ID token with the registry's audience", async () => {
    const found = of(request());
    const idToken = (await found.npmIdTokens?.get("npm:registry.npmjs.org", io)) as string;
    expect(ci.verify(idToken, "npm:registry.npmjs.org")).toHaveProperty("claims");
    expect(jobOf(idToken)).toBe("repository hanzoai/playground, workflow release.yml, environment production");
    for (const secret of [idToken, ci.requestToken]) expect(redact(`a ${secret} b`)).toBe("a [redacted] b");
  });

  test("GitLab's NPM_ID_TOKEN and PYPI_ID_TOKEN come before it", async () => {
    const found = of({ ...request(), NPM_ID_TOKEN: "jwt.for.npm", PYPI_ID_TOKEN: "jwt.for.pypi" });
    expect(await found.npmIdTokens?.get("x", io)).toBe("jwt.for.npm");
    expect(await found.pypiIdTokens?.get("x", io)).toBe("jwt.for.pypi");
    expect(redact("jwt.for.npm jwt.for.pypi")).toBe("[redacted] [redacted]");
    expect(asked("id-token")).toBe(0);
  });

  test("a token that is set wins", async () => {
    const found = of({ ...request(), NPM_TOKEN: "t", PYPI_TOKEN: "t" });
    const targets: Target[] = [
      createNpmTarget({
        ...{ registry: npm.url, packages: ["one"], tags: { staging: "next", production: "latest" }, access: "public" },
        ...{ token: found.npmToken, idTokens: found.npmIdTokens },
      }),
      createPypiTarget({
        ...{ upload: `${pypi.url}/legacy/`, index: `${pypi.url}/simple/`, projects: ["a"] },
        ...{ token: found.pypiToken, idTokens: found.pypiIdTokens },
      }),
    ];
    for (const target of targets) {
      expect((await target.preflight(io)).filter((one) => one.level === "error")).toEqual([]);
    }
    expect(asked("id-token")).toBe(0);
    const digest = digestOf("x", "sha512");
    const file = {
      name: "x.tgz",
      kind: "npm",
      package: "one",
      sha512: digest,
      sha256: digestOf("x"),
      size: 1,
      artifact: "x",
    } as const;
    const release = {
      name: "p",
      repository: "o/r",
      tier: "staging",
      version: "1.0.0-rc.1",
      tag: "v",
      commit: "c",
    } as const;
    expect(targets[0]?.expect([file], release).items[0]?.phase).toBe("hidden");
  });

  test("a job without the right to ask says which permission it lacks", async () => {
    const denied = githubIdTokens(ci.requestUrl, "wrong-token");
    await expect(denied.get("pypi", io)).rejects.toMatchObject({
      code: "AUTH",
      hint: expect.stringContaining("id-token: write"),
    });
  });

  test("every package that npm gives no token for is a finding of its own", async () => {
    await npm.close();
    npm = await startNpm({ now, trusted: { verify: ci.verify, publishers: [{ name: "three" }] } });
    for (const name of ["one", "@two/two", "three"]) await npm.seed({ name, version: "0.0.0" });
    const target = createNpmTarget({
      ...{ registry: npm.url, packages: ["one", "@two/two", "three"], access: "public", idTokens: ids() },
      tags: { staging: "next", production: "latest" },
    });
    const findings = await target.preflight(io);
    expect(findings.map((one) => one.hint)).toEqual([
      expect.stringContaining("https://www.npmjs.com/package/one/access"),
      expect.stringContaining("https://www.npmjs.com/package/@two/two/access"),
    ]);
  });
});
