import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Target } from "../../src/core/target.ts";
import { ReleaseError } from "../../src/lib/errors.ts";
import { buildCat, type Cat, releaseOfCat, startCat, targetOfCat } from "./github-fixture.ts";
import { type TestIo, type TestIoOptions, testIo } from "./io.ts";
import type { Built } from "./target-suite.ts";

/** What GitHub does now and then, and what the target makes of it. */
let folder: string;
let cat: Cat;
let built: Built;
let count = 0;
const ios: TestIo[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-github-faults-"));
  cat = await startCat(folder, { readOnlyTokens: ["ghp_reader"] });
});
afterAll(async () => {
  await cat.server.close();
  await rm(folder, { recursive: true, force: true });
});

let version: string;
beforeEach(async () => {
  version = `2.0.${count++}`;
  built = await buildCat(folder, version);
});
afterEach(() => {
  for (const io of ios.splice(0)) io.close();
  cat.server.admin.setListLag(0);
  cat.server.admin.setImmutableReleases("octo/cat", false);
});

function open(options: TestIoOptions = {}): TestIo {
  const io = testIo(options);
  ios.push(io);
  return io;
}

function target(): Target {
  return targetOfCat(cat.server.url, releaseOfCat(version, cat.commit));
}

async function staged(io: TestIo): Promise<{ one: Target; id: string; items: ReturnType<Target["expect"]>["items"] }> {
  const one = target();
  const id = (await one.staging?.create(io)) as string;
  const { items } = one.expect(built.files, releaseOfCat(version, cat.commit));
  return { one, id, items };
}

describe("an upload that is cut off", () => {
  test("leaves a starter behind, which is nobody's file, and the next try replaces it", async () => {
    let cuts = 0;
    const io = open({
      intercept: async (request, send) => {
        if (request.method !== "POST" || !request.url.includes("assets?name=cat-2") || cuts++ > 0) return send(request);
        async function* half() {
          yield Buffer.alloc(1000);
          await expect.poll(states).toEqual(["starter"]);
          throw new ReleaseError("NETWORK", "the connection was cut", { retryable: true });
        }
        return send({ ...request, body: half });
      },
    });
    const { one, id, items } = await staged(io);
    const states = async () => {
      const response = await fetch(`${cat.server.url}/repos/octo/cat/releases/${id}/assets`, {
        headers: { authorization: `Bearer ${cat.token}` },
      });
      return ((await response.json()) as { state: string }[]).map((asset) => asset.state);
    };
    const item = items.find((each) => each.id.endsWith(".tgz"));
    if (!item) throw new Error("no tarball");
    await expect(one.publish(item, built.local, io)).rejects.toMatchObject({ code: "NETWORK", retryable: true });
    await expect.poll(states).toEqual(["starter"]);
    expect(await one.observe(item, io)).toEqual({ state: "absent" });
    await one.publish(item, built.local, io);
    expect(await states()).toEqual(["uploaded"]);
    expect(await one.observe(item, io)).toEqual({ state: "staged", digest: item.digest });
  });
});

test("a list that lags doesn't hide the draft that this run made", async () => {
  cat.server.admin.setListLag(60_000);
  const io = open();
  const { one, id } = await staged(io);
  expect(await one.staging?.list(io)).toEqual([id]);
  expect(await target().staging?.list(io)).toEqual([]);
});

test("two runs that fill one draft at once end with each asset once, and neither fails", async () => {
  const io = open();
  const { one, id, items } = await staged(io);
  const other = target();
  other.staging?.use(id);
  const again = async (run: () => Promise<unknown>) => {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof ReleaseError) || error.code === "CONFLICT") throw error;
      }
    }
    return await run();
  };
  await Promise.all(
    items.flatMap((item) => [one, other].map((each) => again(() => each.publish(item, built.local, io)))),
  );
  for (const item of items) expect(await one.observe(item, io)).toEqual({ state: "staged", digest: item.digest });
  await Promise.all([one.promote?.(io), other.promote?.(io)]);
  for (const item of items) expect(await other.verify(item, io)).toEqual({ state: "present", digest: item.digest });
});

test("an immutable release is published whole, becomes the latest, and takes nothing more", async () => {
  cat.server.admin.setImmutableReleases("octo/cat", true);
  const io = open();
  const { one, items } = await staged(io);
  for (const item of items) await one.publish(item, built.local, io);
  await one.promote?.(io);
  const [pointer] = one.expect(built.files, releaseOfCat(version, cat.commit)).pointers;
  if (!pointer) throw new Error("no pointer");
  await one.pointers?.write(pointer, io);
  expect(await one.pointers?.read("latest", io)).toBe(version);
  const more = { ...(items[0] as (typeof items)[0]), id: "more.txt" };
  await expect(one.publish(more, async () => built.local("release.json"), io)).rejects.toMatchObject({
    code: "REGISTRY",
    retryable: false,
    facts: { status: "422" },
  });
});

test("a token that may only read is found before anything is written", async () => {
  const io = open();
  const reader = targetOfCat(cat.server.url, releaseOfCat(version, cat.commit), "ghp_reader");
  const errors = (await reader.preflight(io)).filter((finding) => finding.level === "error");
  expect(errors.map((finding) => finding.message).join()).toMatch(/may not write|lacks the scope/);
  expect(io.sent.every((one) => one.method === "GET" || one.method === "HEAD")).toBe(true);
});

test("a spent rate limit says when to come back, and is foretold", async () => {
  const small = await mkdtemp(path.join(folder, "small-"));
  const limited = await startCat(small, { rateLimit: 12 });
  try {
    const io = open();
    const one = targetOfCat(limited.server.url, releaseOfCat(version, limited.commit));
    const findings = await one.preflight(io);
    expect(findings.map((finding) => `${finding.level}: ${finding.message}`).join()).toMatch(
      /warning: .*more requests/,
    );
    const [item] = one.expect(built.files, releaseOfCat(version, limited.commit)).items;
    if (!item) throw new Error("no item");
    const error = await (async () => {
      for (;;) await one.observe(item, io);
    })().catch((thrown) => thrown as ReleaseError);
    expect(error).toMatchObject({ code: "RATE_LIMITED", retryable: true });
    expect((error as ReleaseError).retryAfter).toBeGreaterThan(3000);
  } finally {
    await limited.server.close();
  }
});

test("an answer that nobody sent leads nowhere: no credential to another host by any address in it", async () => {
  const io = open({
    intercept: async (request, send) => {
      const response = await send(request);
      if (!/\/releases\/\d+$/.test(request.url)) return response;
      const text = (await response.text()).replace(/"upload_url":"[^"]*"/, '"upload_url":"http://127.0.0.1:9/{?name}"');
      return { ...response, json: async <T>() => JSON.parse(text) as T };
    },
  });
  const { one, items } = await staged(io);
  await expect(one.publish(items[0] as (typeof items)[0], built.local, io)).rejects.toThrow(/another host/);
  expect(io.sent.map((exchange) => exchange.host)).not.toContain("127.0.0.1:9");
});
