import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ReleaseFile } from "../../core/manifest.ts";
import type { Event, Io, Item } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/hash.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http.ts";
import { createGithubTarget, type GithubOptions } from "./index.ts";
import { uploadAddress } from "./upload.ts";

const api = "https://api.github.test";
const server = "https://github.test";
const repo = "/repos/octo/cat";
const release = {
  name: "cat",
  repository: "octo/cat",
  tier: "production" as const,
  version: "0.1.19",
  tag: "v0.1.19",
  commit: "c".repeat(40),
};
const bytes = "meow";
const item: Item = { target: "github", id: "cat.tgz", digest: digestOf(bytes), file: "cat.tgz", phase: "stage" };

interface Answer {
  status?: number;
  json?: unknown;
  text?: string;
  headers?: Record<string, string>;
}
type Route = Answer | ReleaseError | ((request: HttpRequest) => Answer | ReleaseError | Promise<Answer | ReleaseError>);

/** A server that knows the given routes, keyed by `METHOD path?query`, and answers 404 to all else. */
function serverOf(routes: Record<string, Route>) {
  const sent: { what: string; body: string; headers: Record<string, string> }[] = [];
  const events: Event[] = [];
  const io: Io = {
    signal: new AbortController().signal,
    now: () => new Date("2026-11-22T00:00:00Z"),
    sleep: async () => {},
    emit: (event) => void events.push(event),
    async http(request) {
      const url = new URL(request.url);
      const host = url.origin === api ? "" : url.origin;
      const what = `${request.method ?? "GET"} ${host}${url.pathname}${url.search.replace("?per_page=100&page=1", "")}`;
      const body = typeof request.body === "function" ? await textOf(request.body()) : String(request.body ?? "");
      sent.push({ what, body, headers: request.headers ?? {} });
      const route = routes[what] ?? { status: 404, json: { message: "Not Found" } };
      const answer = typeof route === "function" ? await route(request) : route;
      if (answer instanceof ReleaseError) throw answer;
      return response(answer, request.url);
    },
  };
  return { io, sent, events, whats: () => sent.map((one) => one.what) };
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function response({ status = 200, json, text, headers = {} }: Answer, url: string): HttpResponse {
  const content = Buffer.from(json === undefined ? (text ?? "") : JSON.stringify(json));
  return {
    status,
    statusText: "",
    headers,
    url,
    body: Readable.from([content]),
    bytes: async () => content,
    text: async () => content.toString(),
    json: async <T>() => JSON.parse(content.toString()) as T,
    discard: () => {},
  };
}

function target(options: Partial<GithubOptions> = {}) {
  return createGithubTarget({ api, server, repository: "octo/cat", token: () => "secret", release, ...options });
}

function releaseJson(change: object = {}) {
  return {
    id: 7,
    tag_name: "v0.1.19",
    draft: true,
    prerelease: false,
    body: "",
    name: "cat",
    assets: [],
    upload_url: `${api}${repo}/releases/7/assets{?name,label}`,
    ...change,
  };
}

function assetJson(change: object = {}) {
  return { id: 70, name: "cat.tgz", size: bytes.length, state: "uploaded", digest: digestOf(bytes), ...change };
}

/** Routes of draft 7, in use, with these assets. */
function draft(assets: unknown[], change: object = {}): Record<string, Route> {
  return { [`GET ${repo}/releases/7`]: { json: releaseJson({ assets, ...change }) } };
}

function published(assets: unknown[], change: object = {}): Record<string, Route> {
  return { [`GET ${repo}/releases/tags/v0.1.19`]: { json: releaseJson({ draft: false, assets, ...change }) } };
}

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "twotier-github-"));
  await writeFile(path.join(dir, "cat.tgz"), bytes);
});
afterEach(() => rm(dir, { recursive: true, force: true }));
const files = async (name: string) => ({
  path: path.join(dir, name),
  size: bytes.length,
  sha256: digestOf(bytes),
});

describe("expect", () => {
  const file = (name: string, change: Partial<ReleaseFile> = {}): ReleaseFile => ({
    name,
    size: 10,
    sha256: digestOf(name),
    kind: "file",
    artifact: "cat",
    ...change,
  });

  test("makes an asset of every file but images, and the latest release of a production release", () => {
    const { items, pointers } = target().expect([file("cat-linux-amd64"), file("i", { kind: "image" })], release);
    expect(items).toEqual([
      {
        target: "github",
        id: "cat-linux-amd64",
        digest: digestOf("cat-linux-amd64"),
        file: "cat-linux-amd64",
        phase: "stage",
      },
    ]);
    expect(pointers).toEqual([{ target: "github", name: "latest", itemId: "cat-linux-amd64", version: "0.1.19" }]);
  });

  test("has no pointer for a candidate", () => {
    expect(target().expect([file("a")], { ...release, tier: "staging" }).pointers).toEqual([]);
  });

  test("with assets off keeps release.json and checksums.txt", () => {
    const names = target({ assets: false })
      .expect([file("a"), file("release.json"), file("checksums.txt")], release)
      .items.map((one) => one.id);
    expect(names).toEqual(["release.json", "checksums.txt"]);
  });

  test.each(["cat (1).tgz", ".cat", "cat.", "cat~rc1.deb", "kätzchen", "a:b", ""])(
    "refuses %j, which GitHub would rename",
    (name) => {
      expect(() => target().expect([file(name)], release)).toThrow(/would rename/);
    },
  );

  test("takes the names that builds make", () => {
    const names = ["cat-0.1.19+local-py3-none-any.whl", "_cat-windows-amd64.exe", "hanzo_playground-0.1.19rc1.tar.gz"];
    expect(
      target().expect(
        names.map((name) => file(name)),
        release,
      ).items,
    ).toHaveLength(3);
  });

  test("refuses two files of one name, 2 GiB, and more than 1,000 assets, all at once", () => {
    const many = Array.from({ length: 999 }, (_, index) => file(`f${index}`));
    try {
      target().expect([file("a"), file("a", { size: 2 ** 31 }), ...many], release);
      expect.unreachable();
    } catch (error) {
      expect((error as ReleaseError).code).toBe("REFUSED");
      expect((error as ReleaseError).findings.map((one) => one.message)).toEqual([
        "two release assets are called a",
        "a is too large for a GitHub release",
        "a GitHub release takes at most 1000 assets; this one has 1001",
      ]);
    }
  });
});

describe("preflight", () => {
  const errors = async (routes: Record<string, Route>, options: Partial<GithubOptions> = {}) => {
    const { io, events } = serverOf(routes);
    const findings = await target(options).preflight(io);
    return { findings, texts: findings.map((one) => `${one.level}: ${one.message}`), events };
  };
  const good = { full_name: "octo/cat", private: false, permissions: { push: true } };

  test("names the variable of a missing token and asks nobody", async () => {
    const { findings } = await errors({}, { token: () => undefined });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ level: "error", message: "GITHUB_TOKEN isn't set" });
  });

  test("has nothing against a token that may push", async () => {
    const headers = { "x-oauth-scopes": "public_repo, gist", "x-ratelimit-remaining": "4999" };
    expect((await errors({ [`GET ${repo}`]: { json: good, headers } })).findings).toEqual([]);
  });

  test("reports a refused token and a repository that can't be seen", async () => {
    const refused = await errors({ [`GET ${repo}`]: { status: 401, json: { message: "Bad credentials" } } });
    expect(refused.texts).toEqual([`error: GitHub refused GET ${api}${repo}: Bad credentials`]);
    expect((await errors({})).texts).toEqual([
      "error: GitHub has no repository octo/cat that this GITHUB_TOKEN may see",
    ]);
  });

  test("reports everything that is in the way at once", async () => {
    const json = { full_name: "octo/dog", archived: true, private: true, permissions: { push: false } };
    const headers = {
      "x-oauth-scopes": "public_repo",
      "x-ratelimit-remaining": "3",
      "x-ratelimit-reset": "1795305600",
    };
    expect((await errors({ [`GET ${repo}`]: { json, headers } })).texts).toEqual([
      "error: octo/cat has moved to octo/dog",
      "error: octo/cat is archived: nothing can be written",
      "error: GITHUB_TOKEN lacks the scope repo",
      "error: GITHUB_TOKEN may not write to octo/cat",
      "warning: GitHub allows 3 more requests with this token",
    ]);
  });

  test("believes an app's token, for which GitHub states no right to push", async () => {
    const json = { ...good, permissions: { push: false } };
    const routes = { [`GET ${repo}`]: { json }, "HEAD /installation/repositories?per_page=1": {} };
    expect((await errors(routes)).findings).toEqual([]);
  });

  test("says that releases are immutable", async () => {
    const routes = { [`GET ${repo}`]: { json: good }, [`GET ${repo}/immutable-releases`]: { json: { enabled: true } } };
    const { findings, events } = await errors(routes);
    expect(findings).toEqual([]);
    expect(JSON.stringify(events)).toContain("are immutable");
  });
});

describe("observe", () => {
  test("sees an asset of the draft in use as staged, of the published release as present", async () => {
    const one = target();
    one.staging?.use("7");
    expect(await one.observe(item, serverOf(draft([assetJson()])).io)).toEqual({
      state: "staged",
      digest: item.digest,
    });
    expect(await target().observe(item, serverOf(published([assetJson()])).io)).toEqual({
      state: "present",
      digest: item.digest,
    });
  });

  test("sees nothing in a draft that isn't in use, or whose tag is another", async () => {
    expect(await target().observe(item, serverOf(draft([assetJson()])).io)).toEqual({ state: "absent" });
    const one = target();
    one.staging?.use("7");
    const { io } = serverOf(draft([assetJson()], { tag_name: "v9.9.9" }));
    expect(await one.observe(item, io)).toEqual({ state: "absent" });
  });

  test("counts an upload that broke off as nothing", async () => {
    const { io } = serverOf(published([assetJson({ state: "starter", digest: null })]));
    expect(await target().observe(item, io)).toEqual({ state: "absent" });
  });

  test("hashes the bytes, once, where the server states no digest", async () => {
    const { io, whats } = serverOf({
      ...published([assetJson({ digest: null })]),
      [`GET ${repo}/releases/assets/70`]: { text: bytes },
    });
    const one = target();
    expect(await one.observe(item, io)).toEqual({ state: "present", digest: item.digest });
    await one.observe(item, io);
    expect(whats().filter((what) => what.endsWith("/assets/70"))).toHaveLength(1);
  });

  test("asks once for items observed side by side", async () => {
    const { io, sent } = serverOf(published([assetJson(), assetJson({ id: 71, name: "b" })]));
    const one = target();
    await Promise.all([one.observe(item, io), one.observe({ ...item, id: "b" }, io), one.observe(item, io)]);
    expect(sent).toHaveLength(1);
  });

  test("is no absence: a failing server, one that speaks something else, a seal's id that is none", async () => {
    const tag = `GET ${repo}/releases/tags/v0.1.19`;
    await expect(target().observe(item, serverOf({ [tag]: { status: 503 } }).io)).rejects.toMatchObject({
      code: "REGISTRY",
      retryable: true,
    });
    await expect(target().observe(item, serverOf({ [tag]: { json: [] } }).io)).rejects.toMatchObject({
      code: "REGISTRY",
    });
    expect(() => target().staging?.use("7/../../user")).toThrow(/not the id/);
  });

  test.each([
    [{ "retry-after": "30" }, 403, 30],
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(Date.UTC(2026, 10, 22, 0, 5) / 1000) }, 403, 301],
    [{}, 429, 60],
  ])("says how long GitHub asks to wait: %j", async (headers, status, seconds) => {
    const { io } = serverOf({ [`GET ${repo}/releases/tags/v0.1.19`]: { status, headers } });
    await expect(target().observe(item, io)).rejects.toMatchObject({
      code: "RATE_LIMITED",
      retryable: true,
      retryAfter: seconds,
    });
  });
});

describe("publish", () => {
  const upload = `POST ${repo}/releases/7/assets?name=cat.tgz`;
  const using = () => {
    const one = target();
    one.staging?.use("7");
    return one;
  };

  test("streams the file with its length and the credential", async () => {
    const { io, sent, events } = serverOf({ ...draft([]), [upload]: { status: 201, json: assetJson() } });
    await using().publish(item, files, io);
    const post = sent.find((one) => one.what === upload);
    expect(post?.body).toBe(bytes);
    expect(post?.headers).toMatchObject({ authorization: "Bearer secret", "content-type": "application/octet-stream" });
    expect(events).toEqual([]);
  });

  test("says what GitHub's answer says it holds, and nothing where that doesn't say all", async () => {
    const saying = (change: object) =>
      serverOf({ ...draft([]), [upload]: { status: 201, json: assetJson(change) } }).io;
    expect(await using().publish(item, files, saying({}))).toEqual({ state: "staged", digest: item.digest });
    expect(await using().publish(item, files, saying({ digest: null }))).toBeUndefined();
    expect(await using().publish(item, files, saying({ state: "starter" }))).toBeUndefined();
  });

  test("goes by what was just seen there, and looks again after a failure", async () => {
    const answers: Answer[] = [{ status: 502 }, { status: 201, json: assetJson() }];
    const { io, whats } = serverOf({ ...draft([]), [upload]: () => answers.shift() as Answer });
    const one = using();
    await one.observe(item, io);
    await expect(one.publish(item, files, io)).rejects.toMatchObject({ retryable: true });
    await one.publish(item, files, io);
    const look = `GET ${repo}/releases/7`;
    expect(whats()).toEqual([look, upload, look, upload]);
  });

  test("says that the draft is gone when it goes after the look", async () => {
    const looks: Answer[] = [{ json: releaseJson() }];
    const { io } = serverOf({ [`GET ${repo}/releases/7`]: () => looks.shift() ?? { status: 404 } });
    await expect(using().publish(item, files, io)).rejects.toThrow(/no GitHub release or draft to put cat.tgz into/);
  });

  test("is seen by a look that begins after it, whatever look is still on its way", { timeout: 5000 }, async () => {
    const answers = { upload: Promise.withResolvers<Answer>(), look: Promise.withResolvers<Answer>() };
    const full = { json: releaseJson({ assets: [assetJson()] }) };
    const looks: (Answer | Promise<Answer>)[] = [{ json: releaseJson() }, answers.look.promise, full];
    const { io, whats } = serverOf({
      [`GET ${repo}/releases/7`]: async () => (await looks.shift()) ?? full,
      [upload]: () => answers.upload.promise,
    });
    const one = using();
    const publishing = one.publish(item, files, io);
    await expect.poll(whats).toContain(upload);
    const early = one.observe(item, io);
    await expect.poll(() => looks.length).toBe(1);
    answers.upload.resolve({ status: 201, json: assetJson() });
    await publishing;
    expect(await one.observe(item, io)).toEqual({ state: "staged", digest: item.digest });
    answers.look.resolve({ json: releaseJson() });
    expect(await early).toEqual({ state: "absent" });
  });

  test("takes an upload that broke off away and sends again", async () => {
    const remove = `DELETE ${repo}/releases/assets/69`;
    const { io, whats } = serverOf({
      ...draft([assetJson({ id: 69, state: "starter", digest: null })]),
      [remove]: { status: 204 },
      [upload]: { status: 201, json: assetJson() },
    });
    await using().publish(item, files, io);
    expect(whats().slice(-2)).toEqual([remove, upload]);
  });

  test("sends nothing where the same bytes are there, and refuses others", async () => {
    const same = serverOf(draft([assetJson()]));
    await using().publish(item, files, same.io);
    expect(same.whats()).not.toContain(upload);
    const other = serverOf(draft([assetJson({ digest: digestOf("woof") })]));
    await expect(using().publish(item, files, other.io)).rejects.toMatchObject({
      code: "CONFLICT",
      facts: { expected: item.digest, found: digestOf("woof") },
    });
    expect(other.whats()).not.toContain(upload);
  });

  test.each([
    ["the same bytes", digestOf(bytes), undefined],
    ["other bytes", digestOf("woof"), "CONFLICT"],
  ])("looks again when another run was first with %s", async (_what, digest, code) => {
    let there: unknown[] = [];
    const routes: Record<string, Route> = {
      [`GET ${repo}/releases/7`]: () => ({ json: releaseJson({ assets: there }) }),
      [upload]: () => {
        there = [assetJson({ digest })];
        const errors = [{ resource: "ReleaseAsset", code: "already_exists", field: "name" }];
        return { status: 422, json: { message: "Validation Failed", errors } };
      },
    };
    const done = using().publish(item, files, serverOf(routes).io);
    if (code) await expect(done).rejects.toMatchObject({ code });
    else await done;
  });

  test.each([
    ["renamed", { name: "cat.1.tgz" }],
    ["of another size", { size: 3 }],
    ["of other bytes", { digest: digestOf("woof") }],
  ])("takes its own asset away again when it arrived %s", async (_what, change) => {
    const remove = `DELETE ${repo}/releases/assets/70`;
    const { io, whats } = serverOf({
      ...draft([]),
      [upload]: { status: 201, json: assetJson(change) },
      [remove]: { status: 204 },
    });
    await expect(using().publish(item, files, io)).rejects.toMatchObject({ code: "REGISTRY" });
    expect(whats().at(-1)).toBe(remove);
  });

  test("sends neither bytes nor credential to an upload address elsewhere", async () => {
    const { io, whats } = serverOf(draft([], { upload_url: "https://evil.test/{?name}" }));
    await expect(using().publish(item, files, io)).rejects.toThrow(/another host/);
    expect(whats().join()).not.toContain("evil");
  });
});

describe("uploadAddress", () => {
  test.each([
    ["https://api.github.com", "https://uploads.github.com/repos/o/r/releases/1/assets{?name,label}"],
    ["https://api.octo.ghe.com", "https://uploads.octo.ghe.com/repos/o/r/releases/1/assets{?name,label}"],
    ["https://ghes.test/api/v3", "https://ghes.test/api/uploads/repos/o/r/releases/1/assets{?name,label}"],
    ["http://127.0.0.1:4000", "http://127.0.0.1:4000/repos/o/r/releases/1/assets{?name,label}"],
  ])("of %s may be %s", (base, url) => {
    expect(uploadAddress(base, url)).toBe(url.replace("{?name,label}", ""));
  });

  test.each([
    "https://uploads.github.com.evil.test/x",
    "https://evil.test/uploads.github.com",
    "http://uploads.github.com/x",
    "https://api.github.com@evil.test/x",
    "https://user@uploads.github.com/x",
    "https://uploads.github.com:8443/x",
    "file:///etc/passwd",
    "/relative",
    "",
  ])("of api.github.com is never %j", (url) => {
    expect(() => uploadAddress("https://api.github.com", url)).toThrow(/another host/);
  });
});

describe("staging", () => {
  test("makes a draft that can't become the latest release", async () => {
    const { io, sent } = serverOf({ [`POST ${repo}/releases`]: { status: 201, json: releaseJson() } });
    const one = target({ release: { ...release, tier: "staging", title: "cat rc", body: "# Notes" } });
    expect(await one.staging?.create(io)).toBe("7");
    const body = JSON.parse(sent[0]?.body ?? "");
    expect(body).toMatchObject({
      tag_name: "v0.1.19",
      target_commitish: release.commit,
      name: "cat rc",
      draft: true,
      prerelease: true,
      make_latest: "false",
    });
    expect(body.body).toContain("# Notes");
  });

  test("makes a draft even where GitHub minds that no branch holds the commit yet", async () => {
    const { io, sent } = serverOf({
      [`POST ${repo}/releases`]: (request) =>
        String(request.body).includes("target_commitish")
          ? {
              status: 422,
              json: { message: "Validation Failed", errors: [{ code: "invalid", field: "target_commitish" }] },
            }
          : { status: 201, json: releaseJson() },
    });
    expect(await target().staging?.create(io)).toBe("7");
    expect(sent).toHaveLength(2);
  });

  test("cuts a body that is longer than GitHub takes, and says so", async () => {
    const { io, sent } = serverOf({ [`POST ${repo}/releases`]: { status: 201, json: releaseJson() } });
    await target({ release: { ...release, body: `${"- a change\n".repeat(20_000)}` } }).staging?.create(io);
    const { body } = JSON.parse(sent[0]?.body ?? "");
    expect(body.length).toBeLessThan(125_000);
    expect(body).toMatch(/- a change\n\n.*`twotier notes 0\.1\.19`/);
  });

  test("finds its own draft when the answer was lost, and no other run's", async () => {
    const drafts: unknown[] = [releaseJson({ id: 6, body: "<!-- twotier draft 0000 -->" })];
    const { io, whats } = serverOf({
      [`POST ${repo}/releases`]: (request) => {
        drafts.push(releaseJson({ id: 7, body: JSON.parse(String(request.body)).body }));
        return { status: 502, text: "Bad Gateway" };
      },
      [`GET ${repo}/releases`]: () => ({ json: drafts }),
    });
    expect(await target().staging?.create(io)).toBe("7");
    expect(whats().filter((what) => what.startsWith("POST"))).toHaveLength(1);
  });

  test("lists the drafts of its tag, with its own that a lagging list leaves out", async () => {
    const one = target();
    one.staging?.use("7");
    const { io } = serverOf({
      ...draft([]),
      [`GET ${repo}/releases`]: {
        json: [
          releaseJson({ id: 1 }),
          releaseJson({ id: 2, draft: false }),
          releaseJson({ id: 3, tag_name: "v0.1.18" }),
        ],
      },
    });
    expect(await one.staging?.list(io)).toEqual(["1", "7"]);
  });

  test("asks for none of its own that is listed as published", async () => {
    const one = target();
    one.staging?.use("7");
    const { io, sent } = serverOf({ [`GET ${repo}/releases`]: { json: [releaseJson({ draft: false })] } });
    expect(await one.staging?.list(io)).toEqual([]);
    expect(sent).toHaveLength(1);
  });

  test("deletes drafts of its tag and nothing else", async () => {
    const remove = `DELETE ${repo}/releases/7`;
    const gone = serverOf({});
    await target().staging?.discard("7", gone.io);
    const mine = serverOf({ ...draft([]), [remove]: { status: 204 } });
    await target().staging?.discard("7", mine.io);
    expect(mine.whats()).toContain(remove);
    for (const change of [{ draft: false }, { tag_name: "v0.1.18" }]) {
      const other = serverOf({ ...draft([], change), [remove]: { status: 204 } });
      await expect(target().staging?.discard("7", other.io)).rejects.toMatchObject({ code: "REFUSED" });
      expect(other.whats()).not.toContain(remove);
    }
  });

  test("gives a file back, and says when it isn't there or broke off", async () => {
    const one = target();
    one.staging?.use("7");
    const to = path.join(dir, "back");
    const asset = `GET ${repo}/releases/assets/70`;
    await one.staging?.fetch("cat.tgz", to, serverOf({ ...draft([assetJson()]), [asset]: { text: bytes } }).io);
    expect(await readFile(to, "utf8")).toBe(bytes);
    await expect(one.staging?.fetch("cat.tgz", to, serverOf(draft([])).io)).rejects.toThrow(/doesn't hold cat.tgz/);
    const short = serverOf({ ...draft([assetJson()]), [asset]: { text: "me" } });
    await expect(one.staging?.fetch("cat.tgz", to, short.io)).rejects.toMatchObject({ code: "REGISTRY" });
    const nowhere = serverOf({ ...draft([assetJson()]), [asset]: { text: bytes } });
    await expect(one.staging?.fetch("cat.tgz", path.join(dir, "no/such"), nowhere.io)).rejects.toMatchObject({
      code: "IO",
    });
  });
});

describe("promote", () => {
  const patch = `PATCH ${repo}/releases/7`;

  test("publishes the draft, not as the latest, and reads it back", async () => {
    let state = {};
    const { io, sent } = serverOf({
      ...draft([]),
      [`GET ${repo}/releases/7`]: () => ({ json: releaseJson(state) }),
      [patch]: () => {
        state = { draft: false };
        return { json: {} };
      },
    });
    const one = target({ release: { ...release, title: "cat 0.1.19", body: "notes" } });
    one.staging?.use("7");
    await one.promote?.(io);
    expect(JSON.parse(sent.find((request) => request.what === patch)?.body ?? "")).toEqual({
      tag_name: "v0.1.19",
      target_commitish: release.commit,
      name: "cat 0.1.19",
      body: "notes",
      draft: false,
      prerelease: false,
      make_latest: "false",
    });
  });

  test("writes nothing to a release that is published already", async () => {
    const { io, whats } = serverOf(published([]));
    await target().promote?.(io);
    expect(whats().join()).not.toContain("PATCH");
  });

  test("doesn't believe an answer that can't be read back", async () => {
    const { io } = serverOf({ ...draft([]), [patch]: { json: {} } });
    const one = target();
    one.staging?.use("7");
    await expect(one.promote?.(io)).rejects.toMatchObject({ code: "REGISTRY", retryable: true });
  });

  test("says so where there is nothing to publish", async () => {
    await expect(target().promote?.(serverOf({}).io)).rejects.toThrow(/neither a draft nor a release of v0.1.19/);
  });
});

describe("the page", () => {
  const patch = `PATCH ${repo}/releases/7`;

  test.each([
    ["the latest release", 7, false, "true"],
    ["one below the latest", 8, false, "false"],
    ["a pre-release", 8, true, "false"],
  ])("of %s gets other words, and the latest stays the latest", async (_which, latest, prerelease, makeLatest) => {
    const { io, sent } = serverOf({
      ...published([], { prerelease, body: "before" }),
      [`GET ${repo}/releases/latest`]: { json: releaseJson({ id: latest, draft: false }) },
      [patch]: { json: {} },
    });
    const { page } = target();
    expect(await page?.read(io)).toBe("before");
    await page?.write("after", io);
    const body = sent.find((request) => request.what === patch)?.body ?? "";
    expect(JSON.parse(body)).toEqual({ body: "after", make_latest: makeLatest });
  });

  test("of a draft is none yet", async () => {
    const { io, whats } = serverOf(draft([], { body: "hidden" }));
    const one = target();
    one.staging?.use("7");
    expect(await one.page?.read(io)).toBeNull();
    await one.page?.write("after", io);
    expect(whats().join()).not.toContain("PATCH");
  });
});

describe("verify", () => {
  const download = `GET ${server}/octo/cat/releases/download/v0.1.19/cat.tgz`;

  test("downloads as a user does, without the credential", async () => {
    const { io, sent } = serverOf({ [download]: { text: bytes } });
    expect(await target().verify(item, io)).toEqual({ state: "present", digest: item.digest });
    expect(sent.every((one) => one.headers.authorization === undefined)).toBe(true);
  });

  test("tells not yet, staged and absent apart", async () => {
    const repository = { [`GET ${repo}`]: { json: { private: false } } };
    const pending = serverOf({ ...published([assetJson()]), ...repository });
    expect(await target().verify(item, pending.io)).toMatchObject({ state: "pending" });
    const one = target();
    one.staging?.use("7");
    expect(await one.verify(item, serverOf(draft([assetJson()])).io)).toMatchObject({ state: "staged" });
    expect(await target().verify(item, serverOf({}).io)).toEqual({ state: "absent" });
  });

  test("uses the token where the repository is private", async () => {
    const { io } = serverOf({
      ...published([assetJson()]),
      [`GET ${repo}`]: { json: { private: true } },
      [`GET ${repo}/releases/assets/70`]: { text: bytes },
    });
    expect(await target().verify(item, io)).toMatchObject({ state: "present", digest: item.digest });
  });
});

describe("versions and the latest release", () => {
  test("are read from published releases whose tags are ours", async () => {
    const { io } = serverOf({
      [`GET ${repo}/releases`]: {
        json: [
          releaseJson({ tag_name: "v0.1.20-rc.1", draft: true }),
          releaseJson({ tag_name: "v0.1.19", draft: false }),
          releaseJson({ tag_name: "v0.1.19-rc.10", draft: false }),
          releaseJson({ tag_name: "v.0.1.3", draft: false }),
          releaseJson({ tag_name: "v0.1.41-rc.278.1", draft: false }),
        ],
      },
      [`GET ${repo}/releases/latest`]: { json: releaseJson({ draft: false }) },
    });
    expect(await target().versions(io)).toEqual(["0.1.19", "0.1.19-rc.10"]);
    expect(await target().pointers?.read("latest", io)).toBe("0.1.19");
    expect(await target({ tag: "cat@{version}" }).pointers?.read("latest", io)).toBeNull();
    expect(await target().pointers?.read("latest", serverOf({}).io)).toBeNull();
  });

  test("are read from all pages, found by their numbers alone", async () => {
    const link = `<https://evil.test/?page=2>; rel="next", <https://evil.test/?page=3>; rel="last"`;
    const pageOf = (version: string, headers = {}) => ({
      json: [releaseJson({ tag_name: `v${version}`, draft: false })],
      headers,
    });
    const { io, whats } = serverOf({
      [`GET ${repo}/releases`]: pageOf("0.1.3", { link }),
      [`GET ${repo}/releases?per_page=100&page=2`]: pageOf("0.1.2", { link }),
      [`GET ${repo}/releases?per_page=100&page=3`]: pageOf("0.1.1"),
    });
    expect(await target().versions(io)).toEqual(["0.1.3", "0.1.2", "0.1.1"]);
    expect(whats().join()).not.toContain("evil");
  });

  test("latest is set on the published release of the version, never on a prerelease", async () => {
    const patch = `PATCH ${repo}/releases/7`;
    const pointer = { target: "github" as const, name: "latest", itemId: "cat.tgz", version: "0.1.19" };
    const { io, sent } = serverOf({ ...published([]), [patch]: { json: {} } });
    await target().pointers?.write(pointer, io);
    expect(JSON.parse(sent.at(-1)?.body ?? "")).toEqual({ make_latest: "true" });
    const candidate = serverOf({ ...published([], { prerelease: true }), [patch]: { json: {} } });
    await expect(target().pointers?.write(pointer, candidate.io)).rejects.toMatchObject({ code: "REFUSED" });
    await expect(target().pointers?.write(pointer, serverOf({}).io)).rejects.toThrow(/no published release v0.1.19/);
  });
});
