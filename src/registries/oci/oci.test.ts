import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Registry } from "../server.ts";
import { type OciOptions, startOci } from "./index.ts";

// What the conformance suite and the real clients (test/contract/registries-oci.test.ts) leave open.

const imageType = "application/vnd.oci.image.manifest.v1+json";
const sha256 = (bytes: Uint8Array | string) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const open: Registry[] = [];

async function start(options: OciOptions = {}): Promise<Registry> {
  const registry = await startOci(options);
  open.push(registry);
  return registry;
}
afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

async function push(registry: Registry, name: string, bytes: Buffer, headers: Record<string, string> = {}) {
  const digest = sha256(bytes);
  const url = `${registry.url}/v2/${name}/blobs/uploads/?digest=${digest}`;
  const response = await fetch(url, { method: "POST", body: new Uint8Array(bytes), headers });
  return { status: response.status, digest };
}

/** Pushes a small image and answers with the status, the digest and the bytes of its manifest. */
async function pushImage(registry: Registry, name: string, reference: string, text = "{}", headers = {}) {
  const config = await push(registry, name, Buffer.from(text), headers);
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: imageType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config.digest, size: text.length },
    layers: [],
  });
  const response = await fetch(`${registry.url}/v2/${name}/manifests/${reference}`, {
    method: "PUT",
    body,
    headers: { "content-type": imageType, ...headers },
  });
  return { status: response.status, digest: sha256(body), body, error: await response.text() };
}

describe("uploads", () => {
  test("a blob of many chunks is stored whole", async () => {
    const registry = await start();
    const bytes = randomBytes(24 << 20);
    const { status, digest } = await push(registry, "a/b", bytes);
    expect(status).toBe(201);
    const back = Buffer.from(await (await fetch(`${registry.url}/v2/a/b/blobs/${digest}`)).arrayBuffer());
    expect(back.length).toBe(bytes.length);
    expect(sha256(back)).toBe(digest);
  });

  test("an upload that was cut goes on where the status says", async () => {
    const registry = await start();
    const bytes = randomBytes(3 << 20);
    const begun = await fetch(`${registry.url}/v2/a/b/blobs/uploads/`, { method: "POST" });
    const location = new URL(begun.headers.get("location") ?? "", registry.url);
    await new Promise<void>((resolve) => {
      const cut = http.request(location, { method: "PATCH", headers: { "content-length": bytes.length } });
      cut.on("error", () => resolve());
      cut.write(bytes.subarray(0, 2 << 20), () => setImmediate(() => cut.destroy()));
      cut.on("close", () => resolve());
    });
    const status = await fetch(location);
    expect(status.status).toBe(204);
    const end = Number(/^0-(\d+)$/.exec(status.headers.get("range") ?? "")?.[1]);
    const have = end === 0 ? 0 : end + 1;
    expect(have).toBeLessThanOrEqual(2 << 20);
    const digest = sha256(bytes);
    const finish = new URL(status.headers.get("location") ?? "", registry.url);
    finish.searchParams.set("digest", digest);
    const rest = new Uint8Array(bytes.subarray(have));
    const headers = { "content-range": `${have}-${bytes.length - 1}` };
    expect((await fetch(finish, { method: "PUT", body: rest, headers })).status).toBe(201);
    const back = Buffer.from(await (await fetch(`${registry.url}/v2/a/b/blobs/${digest}`)).arrayBuffer());
    expect(back.equals(bytes)).toBe(true);
  });
});

test("a client that comes again takes the place of a request that hangs", async () => {
  const registry = await start();
  const begun = await fetch(`${registry.url}/v2/a/b/blobs/uploads/`, { method: "POST" });
  const location = new URL(begun.headers.get("location") ?? "", registry.url);
  let ended: Promise<unknown> = Promise.resolve();
  let open = false;
  const hang = async () => {
    const hanging = http.request(location, { method: "PATCH", headers: { "content-length": 1000 } });
    open = true;
    ended = new Promise((resolve) => hanging.on("close", resolve).on("error", resolve)).finally(() => (open = false));
    await new Promise((resolve) => hanging.write("x".repeat(100), resolve));
  };
  let range = "0-0";
  while (range !== "0-99") {
    // One whose bytes hadn't come yet was replaced all the same.
    if (!open) await hang();
    const status = await fetch(location);
    expect(status.status).toBe(204);
    range = status.headers.get("range") ?? "";
  }
  await ended;
});

test("a repository doesn't see the blobs of another one", async () => {
  const registry = await start();
  const { digest } = await push(registry, "one/a", Buffer.from("secret"));
  await push(registry, "two/b", Buffer.from("something else"));
  expect((await fetch(`${registry.url}/v2/one/a/blobs/${digest}`)).status).toBe(200);
  expect((await fetch(`${registry.url}/v2/two/b/blobs/${digest}`)).status).toBe(404);
});

test("a manifest that names a missing blob is refused with that blob", async () => {
  const registry = await start();
  const digest = sha256("nowhere");
  const response = await fetch(`${registry.url}/v2/a/b/manifests/v1`, {
    method: "PUT",
    headers: { "content-type": imageType },
    body: JSON.stringify({ schemaVersion: 2, config: { digest, size: 2, mediaType: "x/y" }, layers: [] }),
  });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ errors: [{ code: "MANIFEST_BLOB_UNKNOWN", detail: { digest } }] });
});

test("tags are listed in pages that link to the next", async () => {
  const registry = await start();
  for (const tag of ["v2", "v1", "latest", "v10"]) await pushImage(registry, "a/b", tag);
  const seen: string[] = [];
  let next: string | undefined = "/v2/a/b/tags/list?n=3";
  while (next !== undefined) {
    const page: Response = await fetch(new URL(next, registry.url));
    seen.push(...((await page.json()) as { tags: string[] }).tags, "|");
    next = /<(.+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
  }
  expect(seen).toEqual(["latest", "v1", "v10", "|", "v2", "|"]);
});

test("what it holds is there again after a restart with the same folder", async () => {
  const state = await mkdtemp(path.join(tmpdir(), "twotier-oci-"));
  try {
    const first = await start({ state });
    const pushed = await pushImage(first, "a/b", "v1");
    await first.close();
    open.length = 0;
    const second = await start({ state });
    const response = await fetch(`${second.url}/v2/a/b/manifests/v1`);
    expect(response.headers.get("docker-content-digest")).toBe(pushed.digest);
    expect(await response.text()).toBe(pushed.body);
  } finally {
    for (const registry of open.splice(0)) await registry.close();
    await rm(state, { recursive: true, force: true });
  }
});

test("an immutable tag stays, and refuses even the same image", async () => {
  const registry = await start({ immutableTags: (_name, tag) => /^v\d/.test(tag) });
  const first = await pushImage(registry, "a/b", "v1");
  expect(first.status).toBe(201);
  expect((await pushImage(registry, "a/b", "v1")).status).toBe(403);
  expect((await pushImage(registry, "a/b", "v1", '{"a":1}')).error).toContain("immutable");
  expect((await pushImage(registry, "a/b", "latest")).status).toBe(201);
  expect((await pushImage(registry, "a/b", "latest", '{"a":1}')).status).toBe(201);
  const now = await fetch(`${registry.url}/v2/a/b/manifests/v1`);
  expect(now.headers.get("docker-content-digest")).toBe(first.digest);
});

test("with deleting switched off, a tag is refused with 405 and stays", async () => {
  const registry = await start({ delete: false });
  await pushImage(registry, "a/b", "v1");
  const url = `${registry.url}/v2/a/b/manifests/v1`;
  expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
  expect((await fetch(url)).status).toBe(200);
});

describe("token authentication", () => {
  const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`me:${password}`).toString("base64")}` });

  async function challenge(response: Response): Promise<URL> {
    const text = response.headers.get("www-authenticate") ?? "";
    const part = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(text)?.[1] ?? "";
    const url = new URL(part("realm"));
    url.searchParams.set("service", part("service"));
    if (part("scope")) url.searchParams.set("scope", part("scope"));
    return url;
  }
  async function bearer(url: URL, headers: Record<string, string> = {}) {
    const response = await fetch(url, { headers });
    const { token } = (await response.json()) as { token?: string };
    return { status: response.status, headers: { authorization: `Bearer ${token}` } };
  }

  test("a push gets a challenge, a token for the right password, and a 401 for a wrong one", async () => {
    const registry = await start({ token: "s3cret" });
    const refused = await fetch(`${registry.url}/v2/a/b/blobs/uploads/`, { method: "POST" });
    expect(refused.status).toBe(401);
    const realm = await challenge(refused);
    expect(realm.searchParams.get("scope")).toBe("repository:a/b:pull,push");
    expect((await bearer(realm, basic("wrong"))).status).toBe(401);
    const { headers } = await bearer(realm, basic("s3cret"));
    expect((await pushImage(registry, "a/b", "v1", "{}", headers)).status).toBe(201);
    expect((await pushImage(registry, "c/d", "v1", "{}", headers)).status).toBe(401);
  });

  test("OAuth2's POST is refused as clients expect of a registry without it", async () => {
    const registry = await start({ token: "s3cret" });
    expect((await fetch(`${registry.url}/token`, { method: "POST", body: "grant_type=password" })).status).toBe(405);
  });

  test("nobody in particular may pull and not push", async () => {
    const registry = await start({ token: "s3cret" });
    const push = await challenge(await fetch(`${registry.url}/v2/a/b/blobs/uploads/`, { method: "POST" }));
    const { headers } = await bearer(push, basic("s3cret"));
    await pushImage(registry, "a/b", "v1", "{}", headers);
    const pull = await challenge(await fetch(`${registry.url}/v2/a/b/manifests/v1`));
    const anonymous = await bearer(pull);
    expect((await fetch(`${registry.url}/v2/a/b/manifests/v1`, { headers: anonymous.headers })).status).toBe(200);
    expect((await bearer(push)).status).toBe(200);
    expect((await pushImage(registry, "a/b", "v2", "{}", (await bearer(push)).headers)).status).toBe(401);
  });

  test("a token ends after its lifetime", async () => {
    let now = new Date("2026-11-22T00:00:00Z");
    const registry = await start({ auth: "bearer", tokenSeconds: 60, now: () => now });
    const realm = await challenge(await fetch(`${registry.url}/v2/a/b/blobs/uploads/`, { method: "POST" }));
    const { headers } = await bearer(realm, basic("any"));
    expect((await pushImage(registry, "a/b", "v1", "{}", headers)).status).toBe(201);
    now = new Date("2026-11-22T00:01:01Z");
    expect((await pushImage(registry, "a/b", "v2", "{}", headers)).status).toBe(401);
  });
});
