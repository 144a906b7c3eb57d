import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../src/lib/hash.ts";
import { buildCat, releaseOfCat, repository, startCat, targetOfCat, token } from "./github-fixture.ts";
import { testIo } from "./io.ts";
import { type Fixture, inOrder, publishAll, targetSuite } from "./target-suite.ts";

const secrets = { good: token, none: null, wrong: "ghp_nobody" };

async function temporary(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "twotier-github-contract-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

targetSuite({
  name: "github on our server",
  takesBack: { staging: "delete done", production: "demote done" },
  async start(): Promise<Fixture> {
    const { folder, remove } = await temporary();
    const { server, commit } = await startCat(folder);
    return {
      target: (release, credential = "good") => targetOfCat(server.url, release, secrets[credential]),
      release: (version) => releaseOfCat(version, commit),
      build: (version, salt) => buildCat(folder, version, salt),
      hosts: [server.host],
      async close() {
        await server.close();
        await remove();
      },
    };
  },
});

describe("github on our server, beyond the contract", () => {
  let place: Awaited<ReturnType<typeof temporary>>;
  let ours: Awaited<ReturnType<typeof startCat>>;
  beforeAll(async () => {
    place = await temporary();
    ours = await startCat(place.folder);
  });
  afterAll(async () => {
    await ours.server.close();
    await place.remove();
  });

  test("another machine finishes from the draft: it finds it, gets the files back, publishes", async () => {
    const release = releaseOfCat("1.0.0", ours.commit);
    const built = await buildCat(place.folder, "1.0.0");
    const io = testIo();
    const first = targetOfCat(ours.server.url, release);
    const id = (await first.staging?.create(io)) as string;
    const { items } = first.expect(built.files, release);
    for (const item of inOrder(items)) await first.publish(item, built.local, io);
    for (const item of items) {
      expect(await first.observe(item, io)).toEqual({ state: "staged", digest: item.digest });
      expect((await first.verify(item, io)).state).toBe("staged");
    }
    const second = targetOfCat(ours.server.url, release);
    expect(await second.staging?.list(io)).toEqual([id]);
    second.staging?.use(id);
    const back = path.join(place.folder, "back");
    await second.staging?.fetch("cat-1.0.0.tgz", back, io);
    expect(digestOf(await readFile(back))).toBe(items.find((one) => one.id === "cat-1.0.0.tgz")?.digest);
    await second.promote?.(io);
    for (const item of items) expect(await second.verify(item, io)).toEqual({ state: "present", digest: item.digest });
    expect(await second.staging?.list(io)).toEqual([]);
    io.close();
  });

  test("a production release isn't the latest until the pointer is written, and a candidate never is", async () => {
    const release = releaseOfCat("1.1.0", ours.commit);
    const io = testIo();
    const target = targetOfCat(ours.server.url, release);
    // GitHub goes by dates only where no release was ever marked.
    await target.pointers?.write({ target: "github", name: "latest", itemId: "x", version: "1.0.0" }, io);
    await publishAll(target, await buildCat(place.folder, "1.1.0"), release);
    expect(await target.pointers?.read("latest", io)).toBe("1.0.0");
    const candidate = releaseOfCat("1.2.0-rc.1", ours.commit);
    const staged = targetOfCat(ours.server.url, candidate);
    await publishAll(staged, await buildCat(place.folder, "1.2.0-rc.1"), candidate);
    await expect(
      staged.pointers?.write({ target: "github", name: "latest", itemId: "x", version: "1.2.0-rc.1" }, io),
    ).rejects.toMatchObject({ code: "REFUSED" });
    io.close();
  });
});

describe("github on vercel-labs' emulate", () => {
  // It keeps neither bytes nor digests of assets and shows drafts by tag to whoever may write, so the whole contract
  // can't run on it; what the target sends and reads, it takes and gives.
  let place: Awaited<ReturnType<typeof temporary>>;
  let emulator: { url: string; close(): Promise<void> };
  beforeAll(async () => {
    place = await temporary();
    const { createEmulator } = await import("emulate");
    emulator = await createEmulator({
      service: "github",
      port: 0,
      seed: {
        tokens: { [token]: { login: "octo", scopes: ["repo"] } },
        github: { users: [{ login: "octo" }], repos: [{ owner: "octo", name: "cat", auto_init: true }] },
      },
    });
  });
  afterAll(async () => {
    await emulator?.close();
    await place.remove();
  });

  test("preflight has nothing against the token", async () => {
    const io = testIo();
    const release = releaseOfCat("0.1.19", "main");
    const findings = await targetOfCat(emulator.url, release).preflight(io);
    expect(findings.filter((one) => one.level === "error")).toEqual([]);
    io.close();
  });

  test("a draft takes the assets under their names, is published, and becomes the latest", async () => {
    const io = testIo();
    const release = releaseOfCat("0.1.19", "main");
    const target = targetOfCat(emulator.url, release);
    const built = await buildCat(place.folder, "0.1.19");
    const { items, pointers } = target.expect(built.files, release);
    const [item] = items;
    if (!item) throw new Error("no items");
    expect(await target.observe(item, io)).toEqual({ state: "absent" });
    const id = (await target.staging?.create(io)) as string;
    expect(await target.staging?.list(io)).toEqual([id]);
    expect(await target.versions(io)).toEqual([]);
    for (const one of items) await target.publish(one, built.local, io);
    const list = await fetch(`${emulator.url}/repos/${repository}/releases/${id}/assets`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const assets = (await list.json()) as { name: string; size: number }[];
    expect(assets.map((one) => [one.name, one.size]).sort()).toEqual(
      built.files
        .filter((one) => one.kind !== "image")
        .map((one) => [one.name, one.size])
        .sort(),
    );
    await target.promote?.(io);
    expect(await target.staging?.list(io)).toEqual([]);
    expect(await target.versions(io)).toEqual(["0.1.19"]);
    for (const pointer of pointers) await target.pointers?.write(pointer, io);
    expect(await target.pointers?.read("latest", io)).toBe("0.1.19");
    io.close();
  });

  test("a draft is thrown away, twice without harm", async () => {
    const io = testIo();
    const target = targetOfCat(emulator.url, releaseOfCat("0.1.20", "main"));
    const id = (await target.staging?.create(io)) as string;
    await target.staging?.discard(id, io);
    await target.staging?.discard(id, io);
    expect(await target.staging?.list(io)).toEqual([]);
    io.close();
  });
});
