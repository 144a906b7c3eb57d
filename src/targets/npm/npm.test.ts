import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answer, type TestIoOptions, testIo } from "../../../test/contract/io.ts";
import type { Files, Io, Item, Target } from "../../core/target.ts";
import { asReleaseError, type ReleaseError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/hash.ts";
import { publishDocument } from "./document.ts";
import { createNpmTarget, quietTag } from "./index.ts";

// What a registry may answer, registry-facts.md, npm. Real servers: test/contract/npm.test.ts.

const name = "@hanzo/playground";
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-npm-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function packed(
  version: string,
  members: Record<string, string> = {},
): Promise<{ item: Item; files: Files; bytes: Buffer }> {
  const all = {
    "package/index.js": "x".repeat(100_001),
    "package/package.json": JSON.stringify({ name, version, bin: "cli.js", repository: "hanzoai/playground" }),
    "package/README.md": "# Größe\n",
    ...members,
  };
  const entries = Object.entries(all).map(([member, body]) => ({
    header: { name: member, size: Buffer.byteLength(body), mtime: new Date(0) },
    body,
  }));
  const bytes = gzipSync(await packTar(entries), { level: 0 });
  const at = path.join(folder, `${version}.tgz`);
  await writeFile(at, bytes);
  const id = `${name}@${version}`;
  return {
    bytes,
    item: { target: "npm", id, digest: digestOf(bytes, "sha512"), file: `${version}.tgz`, phase: "hidden" },
    files: async () => ({ path: at, size: bytes.length, sha256: digestOf(bytes) }),
  };
}

function target(more: Partial<Parameters<typeof createNpmTarget>[0]> = {}): Target {
  const tags = { staging: "next", production: "latest" };
  return createNpmTarget({
    registry: "http://npm.test/",
    token: "t",
    packages: [name],
    tags,
    access: "public",
    ...more,
  });
}

/** An Io whose registry answers as `routes` say, by `METHOD path`. */
function scripted(
  routes: Record<string, [number, (string | object)?, Record<string, string>?]>,
): ReturnType<typeof testIo> {
  const intercept: TestIoOptions["intercept"] = async (request) => {
    if (typeof request.body === "function") for await (const _ of request.body());
    const key = `${request.method ?? "GET"} ${decodeURIComponent(new URL(request.url).pathname)}`;
    const [status, body, headers] = routes[key] ?? [404, { error: "Not found" }];
    return answer(status, body, headers, request.url);
  };
  return testIo({ intercept });
}

async function thrown(run: Promise<unknown>): Promise<ReleaseError> {
  return run.then(
    () => expect.unreachable(),
    (error) => asReleaseError(error),
  );
}

const held = (version: string, digest: string) => ({
  name,
  "dist-tags": { latest: version },
  versions: { [version]: { dist: { integrity: `sha512-${Buffer.from(digest.slice(7), "hex").toString("base64")}` } } },
  time: { created: "", modified: "", [version]: "" },
});

describe("publish", () => {
  test("a version that the registry has taken before and still scans is pending, and isn't sent again", async () => {
    const { item, files } = await packed("0.1.19");
    const io = scripted({
      [`GET /${name}`]: [200, { name, versions: {}, time: {} }],
      [`GET /-/package/${name}/dist-tags`]: [200, { latest: "0.1.18" }],
      [`PUT /${name}`]: [409, { error: 'Cannot publish over previously staged version "0.1.19".' }],
    });
    const npm = target();
    expect(await npm.observe(item, io)).toEqual({ state: "absent" });
    await npm.publish(item, files, io);
    expect(await npm.observe(item, io)).toMatchObject({ state: "pending" });
    expect(await npm.verify(item, io)).toMatchObject({ state: "pending" });
    expect(io.sent.filter(({ method }) => method === "PUT")).toHaveLength(1);
  });

  test("another machine sees by the dist-tag that a version was taken", async () => {
    const { item } = await packed("0.1.19");
    const io = scripted({
      [`GET /${name}`]: [200, { name, versions: {}, time: {} }],
      [`GET /-/package/${name}/dist-tags`]: [200, { latest: "0.1.18", [quietTag]: "0.1.19" }],
    });
    expect(await target().observe(item, io)).toMatchObject({ state: "pending" });
  });

  test.each([403, 409])("%d for the same bytes is no failure", async (status) => {
    const { item, files } = await packed("0.1.19");
    const io = scripted({
      [`PUT /${name}`]: [status, { error: "You cannot publish over the previously published versions: 0.1.19." }],
      [`GET /${name}`]: [200, held("0.1.19", item.digest)],
    });
    await target().publish(item, files, io);
  });

  test("403 for other bytes is a conflict that names both digests", async () => {
    const { item, files } = await packed("0.1.19");
    const other = digestOf("other", "sha512");
    const io = scripted({
      [`PUT /${name}`]: [403, { error: "You cannot publish over the previously published versions: 0.1.19." }],
      [`GET /${name}`]: [200, held("0.1.19", other)],
    });
    const error = await thrown(target().publish(item, files, io));
    expect(error).toMatchObject({ code: "CONFLICT", facts: { expected: item.digest, found: other } });
    expect(error.message).toContain(item.id);
  });

  test("a version that was unpublished is spent, and said to be", async () => {
    const { item, files } = await packed("0.1.19");
    const io = scripted({
      [`PUT /${name}`]: [403, { error: "Cannot publish over previously published version" }],
      [`GET /${name}`]: [200, { name, versions: {}, time: { "0.1.19": "2026-01-01T00:00:00Z" } }],
    });
    expect(await target().observe(item, io)).toMatchObject({ state: "retracted" });
    expect(await thrown(target().publish(item, files, io))).toMatchObject({ code: "CONFLICT" });
  });

  test("what passes by itself may be tried again, and a rate limit says when", async () => {
    const { item, files } = await packed("0.1.19");
    const failing = (status: number, error: string, headers = {}) =>
      thrown(target().publish(item, files, scripted({ [`PUT /${name}`]: [status, { error }, headers] })));
    expect(await failing(409, "Failed to save packument. A common cause is")).toMatchObject({ retryable: true });
    expect(await failing(409, "Document update conflict")).toMatchObject({ code: "REGISTRY", retryable: true });
    expect(await failing(503, "later")).toMatchObject({ code: "REGISTRY", retryable: true });
    const limited = await failing(429, "slow down", { "retry-after": "1934" });
    expect(limited).toMatchObject({ code: "RATE_LIMITED", retryable: true, retryAfter: 1934 });
  });

  test("a refused token and a wanted second factor say what to do", async () => {
    const { item, files } = await packed("0.1.19");
    const refused = (headers = {}) =>
      thrown(target().publish(item, files, scripted({ [`PUT /${name}`]: [401, "", headers] })));
    expect(await refused()).toMatchObject({ code: "AUTH", retryable: false });
    expect((await refused({ "www-authenticate": "OTP" })).hint).toContain("one-time password");
  });
});

describe("the document", () => {
  const options = (item: Item, at: string, size: number, version: string) => ({
    ...{ name, version, path: at, size, sha512: item.digest, tag: quietTag, access: "public" as const },
    registry: "http://npm.test",
  });

  test("has exactly the length it says, the tarball's bytes, and the metadata that clients read", async () => {
    const { item, bytes } = await packed("0.1.19");
    const document = await publishDocument(options(item, path.join(folder, "0.1.19.tgz"), bytes.length, "0.1.19"));
    const parts: Uint8Array[] = [];
    for await (const part of document.open()) parts.push(part);
    const text = Buffer.concat(parts);
    expect(text.length).toBe(document.length);
    const value = JSON.parse(text.toString("utf8"));
    const attachment = value._attachments[`${name}-0.1.19.tgz`];
    expect(Buffer.from(attachment.data, "base64").equals(bytes)).toBe(true);
    expect(attachment.length).toBe(bytes.length);
    expect(value["dist-tags"]).toEqual({ [quietTag]: "0.1.19" });
    expect(value.versions["0.1.19"]).toMatchObject({
      _id: `${name}@0.1.19`,
      bin: { playground: "cli.js" },
      repository: { type: "git", url: "git+https://github.com/hanzoai/playground.git" },
      readme: "# Größe\n",
      readmeFilename: "README.md",
      dist: { shasum: digestOf(bytes, "sha1").slice(5), tarball: `http://npm.test/${name}/-/${name}-0.1.19.tgz` },
    });
  });

  test("breaks off when the file isn't the one that was built", async () => {
    const { item, bytes } = await packed("0.1.19");
    const at = path.join(folder, "0.1.19.tgz");
    const document = await publishDocument(options(item, at, bytes.length, "0.1.19"));
    const changed = await readFile(at);
    changed[50_000] = (changed[50_000] as number) ^ 1;
    await writeFile(at, changed);
    const read = async () => {
      for await (const _ of document.open());
    };
    expect(await thrown(read())).toMatchObject({ code: "IO" });
  });

  test.each([
    ["another version", { "package/package.json": JSON.stringify({ name, version: "0.1.18" }) }, "0.1.18"],
    [
      "a private package",
      { "package/package.json": JSON.stringify({ name, version: "0.1.19", private: true }) },
      "private",
    ],
    ["no JSON", { "package/package.json": "{" }, "isn't JSON"],
  ])("is refused for %s", async (_what, members, said) => {
    const { item, files } = await packed("0.1.19", members);
    const io = scripted({});
    const error = await thrown(target().publish(item, files, io));
    expect(error.code).toBe("BUILD");
    expect(error.message).toContain(said);
    expect(io.sent).toEqual([]);
  });
});

describe("dist-tags", () => {
  const file = { name: "x.tgz", size: 1, sha256: "sha256:", kind: "npm", package: name, artifact: "sdk" } as const;
  const release = (version: string, tier: "staging" | "production") =>
    ({ name: "p", repository: "o/r", tier, version, tag: `v${version}`, commit: "c" }) as const;

  test("a candidate moves next alone; production moves latest, and next with it", () => {
    const tags = (version: string, tier: "staging" | "production", movesTags = true) =>
      target({ movesTags })
        .expect([file], release(version, tier))
        .pointers.map((pointer) => pointer.name);
    expect(tags("0.1.19-rc.1", "staging")).toEqual([`${name}@next`]);
    expect(tags("0.1.19", "production")).toEqual([`${name}@latest`, `${name}@next`]);
    expect(tags("0.1.19", "production", false)).toEqual([`${name}@latest`]);
  });

  test("a credential that can't move tags publishes last, with the final one", async () => {
    const { files } = await packed("0.1.19-rc.1");
    const npm = target({ movesTags: false });
    const [item] = npm.expect([file], release("0.1.19-rc.1", "staging")).items;
    expect(item?.phase).toBe("tag");
    const bodies: string[] = [];
    const io = testIo({
      intercept: async (request) => {
        if (typeof request.body === "function")
          for await (const part of request.body()) bodies.push(Buffer.from(part as Uint8Array).toString());
        return request.method === "PUT" ? answer(201, {}) : answer(200, { next: "0.1.18-rc.1" });
      },
    });
    const digest = (await packed("0.1.19-rc.1")).item.digest;
    await npm.publish({ ...(item as Item), digest }, files, io);
    expect(bodies.join("")).toContain('"dist-tags":{"next":"0.1.19-rc.1"}');
  });

  test("the quiet tag goes before users follow the version by another, so that a stopped run leaves none behind", async () => {
    const io = scripted({
      [`PUT /-/package/${name}/dist-tags/next`]: [201, {}],
      [`GET /-/package/${name}/dist-tags`]: [200, { next: "0.1.18-rc.1", [quietTag]: "0.1.19-rc.1" }],
      [`DELETE /-/package/${name}/dist-tags/${quietTag}`]: [200, {}],
    });
    const pointer = {
      target: "npm",
      name: `${name}@next`,
      itemId: `${name}@0.1.19-rc.1`,
      version: "0.1.19-rc.1",
    } as const;
    await target().pointers?.write(pointer, io);
    expect(io.sent.map(({ method }) => method)).toEqual(["GET", "DELETE", "PUT"]);
  });

  test("two tags of a package are read at once, and moved by what was read", async () => {
    const version = "0.1.19";
    const io = scripted({
      [`GET /-/package/${name}/dist-tags`]: [200, { latest: "0.1.18", [quietTag]: version }],
      [`DELETE /-/package/${name}/dist-tags/${quietTag}`]: [200, {}],
      [`PUT /-/package/${name}/dist-tags/next`]: [201, {}],
      [`PUT /-/package/${name}/dist-tags/latest`]: [201, {}],
    });
    const { pointers } = target();
    const move = async (tag: string) => {
      const pointer = { target: "npm", name: `${name}@${tag}`, itemId: `${name}@${version}`, version } as const;
      await pointers?.read(pointer.name, io);
      await pointers?.write(pointer, io);
    };
    await Promise.all([move("next"), move("latest")]);
    expect(io.sent.map(({ method }) => method)).toEqual(["GET", "DELETE", "PUT", "PUT"]);
    await pointers?.read(`${name}@next`, io);
    expect(io.sent.at(-1)?.method).toBe("GET");
  });
});

describe("preflight", () => {
  const whoami = { "GET /-/whoami": [200, { username: "me" }] } as const;
  const findings = (routes: Parameters<typeof scripted>[0], more = {}) =>
    target(more).preflight(scripted(routes) as Io);

  test("a package that doesn't exist yet is an error that claiming remedies", async () => {
    expect(await findings({ ...whoami } as never)).toMatchObject([{ level: "error", remedy: "claim" }]);
  });

  test("a package of somebody else is an error", async () => {
    const of = (rights: object) =>
      findings({
        ...whoami,
        [`GET /${name}`]: [200, held("0.1.18", digestOf("x", "sha512"))],
        [`GET /-/package/${name}/collaborators`]: [200, rights],
      } as never);
    expect(await of({ me: "read-write" })).toEqual([]);
    expect((await of({ you: "read-write" }))[0]?.message).toContain("belongs to others");
    expect((await of({ me: "read-only" }))[0]?.message).toContain("belongs to others");
  });

  test("names, a missing token and a package that is missing are all found at once", async () => {
    const found = await findings({}, { token: undefined, packages: ["Bad Name", "@hanzo/new"] });
    expect(found.map(({ message }) => message).join("\n")).toMatch(/no token[\s\S]*Bad Name[\s\S]*@hanzo\/new/);
  });
});

describe("verify", () => {
  const verified = async (told: string, served: string) => {
    const { item } = await packed("0.1.19");
    const document = held("0.1.19", told === "right" ? item.digest : digestOf(told, "sha512"));
    Object.assign(document.versions["0.1.19"]?.dist as object, { tarball: "http://cdn.test/x.tgz" });
    const io = scripted({ [`GET /${name}`]: [200, document], "GET /x.tgz": [200, served] });
    return { seen: await target().verify({ ...item, digest: digestOf("the bytes", "sha512") }, io), io };
  };

  test("bytes that aren't what the packument says are shown as what they are", async () => {
    const same = digestOf("the bytes", "sha512");
    expect((await verified("the bytes", "the bytes")).seen).toEqual({ state: "present", digest: same });
    expect((await verified("the bytes", "others")).seen).toMatchObject({ digest: digestOf("others", "sha512") });
    expect((await verified("others", "the bytes")).seen).toMatchObject({ digest: digestOf("others", "sha512") });
  });

  test("nothing is read with a credential", async () => {
    const { io } = await verified("the bytes", "the bytes");
    expect(io.sent.length).toBe(2);
    for (const { headers } of io.sent) expect(headers).not.toHaveProperty("authorization");
  });
});

test("a registry that fails isn't one without versions", async () => {
  const io = scripted({ [`GET /${name}`]: [503, "down"] });
  expect(await thrown(target().versions(io))).toMatchObject({ code: "REGISTRY", retryable: true });
});

test("versions are read without the token where the registry shows them to everybody, else with it", async () => {
  const reading = async (open: boolean) => {
    const io = testIo({
      intercept: async (request) =>
        open || request.headers?.authorization
          ? answer(200, { versions: { "1.0.0": {} } })
          : answer(401, { error: "authentication required" }),
    });
    expect(await target().versions(io)).toEqual(["1.0.0"]);
    return io.sent.map(({ headers }) => headers.authorization);
  };
  expect(await reading(true)).toEqual([undefined]);
  expect(await reading(false)).toEqual([undefined, "Bearer t"]);
});

test("versions are those of all packages, unpublished ones too, without the placeholder", async () => {
  const io = scripted({
    "GET /a": [
      200,
      { versions: { "0.0.0": {}, "1.0.0": {} }, time: { created: "", modified: "", "1.0.0": "", "0.9.0": "" } },
    ],
    "GET /b": [200, { time: { unpublished: { versions: ["0.8.0"] } } }],
  });
  expect((await target({ packages: ["a", "b", "c"] }).versions(io)).sort()).toEqual(["0.8.0", "0.9.0", "1.0.0"]);
});

describe("the date of a release", () => {
  const release = { version: "0.1.19-rc.1" } as NonNullable<Parameters<typeof createNpmTarget>[0]["release"]>;
  const time = { "0.1.19-rc.1": "2026-11-20T10:00:00.000Z" };
  test("is npm's date of the last of its packages", async () => {
    const io = scripted({
      [`GET /${name}`]: [200, { name, versions: { "0.1.19-rc.1": { dist: {} } }, time }],
      "GET /other": [
        200,
        {
          name: "other",
          versions: { "0.1.19-rc.1": { dist: {} } },
          time: { "0.1.19-rc.1": "2026-11-20T11:00:00.000Z" },
        },
      ],
    });
    const both = target({ packages: [name, "other"], release });
    expect(await both.publishedAt?.(io)).toEqual(new Date("2026-11-20T11:00:00Z"));
    expect(await target({ release }).publishedAt?.(io)).toEqual(new Date("2026-11-20T10:00:00Z"));
  });
  test("isn't known while one of its packages isn't there", async () => {
    const io = scripted({ [`GET /${name}`]: [200, { name, versions: { "0.1.19-rc.1": { dist: {} } }, time }] });
    expect(await target({ packages: [name, "other"], release }).publishedAt?.(io)).toBeNull();
    const unpublished = scripted({ [`GET /${name}`]: [200, { name, versions: {}, time }] });
    expect(await target({ release }).publishedAt?.(unpublished)).toBeNull();
  });
});
