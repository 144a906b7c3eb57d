import { readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { Item, ReleaseContext, Target } from "../../src/core/target.ts";
import { asReleaseError, type ReleaseError } from "../../src/lib/errors.ts";
import { type Digest, hexOf } from "../../src/lib/hash.ts";
import type { HttpResponse } from "../../src/lib/http.ts";
import { type OciOptions, startOci } from "../../src/registries/oci/index.ts";
import type { Registry } from "../../src/registries/server.ts";
import { createDockerTarget, type DockerTargetOptions } from "../../src/targets/oci/index.ts";
import { needs, toolPath } from "../tools.ts";
import { startDebianRegistry } from "./docker-servers.ts";
import { writeLayout } from "./image.ts";
import { answer, type TestIo, type TestIoOptions, testIo } from "./io.ts";
import { run, temporary } from "./run.ts";
import type { Running } from "./servers.ts";

const repository = "playground/control-plane";
const tags = { staging: ["staging-{version}"], production: ["v{version}"] };
const pointers = { staging: [], production: ["latest"] };

const releaseOf = (version: string): ReleaseContext => ({
  name: "playground",
  repository: "hanzoai/playground",
  tier: version.includes("-") ? "staging" : "production",
  version,
  tag: `v${version}`,
  commit: "1".repeat(40),
});

describe("images through bad weather", () => {
  let home: Awaited<ReturnType<typeof temporary>>;
  const open: { close(): unknown }[] = [];
  beforeAll(async () => {
    home = await temporary();
  });
  afterAll(async () => {
    for (const one of open) await one.close();
    await home?.remove();
  });

  const start = async (options: OciOptions = {}): Promise<Registry> => {
    const registry = await startOci(options);
    open.push(registry);
    return registry;
  };
  const ioOf = (options: TestIoOptions = {}): TestIo => {
    const io = testIo(options);
    open.push(io);
    return io;
  };
  const targetOf = (host: string, version = "1.0.0", more: Partial<DockerTargetOptions> = {}): Target =>
    createDockerTarget({
      ...{ registry: host, username: "someone", token: "right-password", repositories: [repository], tags, pointers },
      release: releaseOf(version),
      ...more,
    });
  const imageOf = async (
    version: string,
    layers?: number[],
    name = repository,
  ): Promise<{ file: ReleaseFile; folder: string }> => {
    const folder = path.join(home.folder, `${name.replace("/", "-")}-${version}-${layers?.length ?? 0}`);
    const sha256 = await writeLayout({ folder, version, layers, salt: name });
    return {
      folder,
      file: { name: path.basename(folder), size: 0, sha256, kind: "image", package: name, artifact: name },
    };
  };
  const publish = async (target: Target, image: Awaited<ReturnType<typeof imageOf>>, version: string, io: TestIo) => {
    const { items, pointers: selecting } = target.expect([image.file], releaseOf(version));
    for (const item of items) {
      await target.publish(item, async () => ({ path: image.folder, size: 0, sha256: image.file.sha256 }), io);
    }
    return { content: items[0] as Item, tag: items[1] as Item, pointer: selecting[0] };
  };
  const publishContent = async (target: Target, name: string, io: TestIo) => {
    const image = await imageOf("1.0.2", undefined, name);
    const [content] = target.expect([image.file], releaseOf("1.0.2")).items;
    await target.publish(content as Item, async () => ({ path: image.folder, size: 0, sha256: image.file.sha256 }), io);
  };
  const failing = (work: Promise<unknown>): Promise<ReleaseError> =>
    work.then(
      (value) => {
        throw new Error(`it worked: ${JSON.stringify(value)}`);
      },
      (error) => asReleaseError(error),
    );

  describe.each([
    ["our registry, which knows how far it was", false as string | false, "PATCH", () => startOci()],
    [
      "Debian's docker-registry, which has forgotten it",
      needs(["docker-registry"]),
      "POST",
      () => startDebianRegistry(path.join(home.folder, "debian")),
    ],
  ])("on %s", (_name, skipped, method, server: () => Promise<Running>) => {
    test.skipIf(skipped)("an upload that is cut is taken up again", async () => {
      const size = 8 << 20;
      const image = await imageOf("1.0.0", [size]);
      const registry = await server();
      open.push(registry);
      const cable = await cuttable(registry.host, 5 << 20);
      open.push(cable);
      const io = ioOf();
      const { tag } = await publish(targetOf(cable.host), image, "1.0.0", io);
      expect(cable.cuts()).toBe(1);
      expect(io.events).toContainEqual(expect.objectContaining({ type: "retry" }));
      // Two configs, one layer that both platforms share
      const requests = io.sent.filter((one) => one.method === method && one.url.includes("/uploads/"));
      expect(requests).toHaveLength(method === "PATCH" ? 1 : 4);
      if (method === "PATCH") expect(cable.bytes()).toBeLessThan(size + (5 << 20));
      const seen = await targetOf(registry.host).verify(tag, io);
      expect(seen).toMatchObject({ state: "present", digest: image.file.sha256 });
    });
  });

  test("sends nothing twice: what another image of the release has is mounted", async () => {
    const registry = await start({ token: "right-password" });
    const io = ioOf();
    const target = targetOf(registry.host, "1.0.0", { repositories: [repository, "playground/agent"] });
    await publish(target, await imageOf("1.0.0", [1 << 20]), "1.0.0", io);
    const before = io.sent.length;
    await publish(target, await imageOf("1.0.0", [1 << 20], "playground/agent"), "1.0.0", io);
    const second = io.sent.slice(before);
    const mounts = second
      .filter(({ method, url }) => method === "POST" && url.includes("mount="))
      .filter(({ status }) => status !== 401);
    expect(mounts.length).toBeGreaterThan(0);
    expect(mounts.every(({ status, url }) => status === 201 && url.includes(encodeURIComponent(repository)))).toBe(
      true,
    );
    expect(second.filter(({ method, url }) => method === "PUT" && url.includes("/uploads/"))).toEqual([]);
  });

  test("uses an upload's location as it was given, relative and with its query", async () => {
    const registry = await start();
    const state = "_state=a%2Bb%3D&x=%7E";
    const io = ioOf({
      async intercept(request, send) {
        const response = await send({
          ...request,
          url: request.url.replace(`?${state}`, "").replace("&digest", "?digest"),
        });
        const { location } = response.headers;
        if (location && response.status === 202)
          response.headers.location = `${new URL(location, registry.url).pathname}?${state}`;
        return response;
      },
    });
    await publish(targetOf(registry.host), await imageOf("1.0.1"), "1.0.1", io);
    const puts = io.sent.filter(({ method, url }) => method === "PUT" && url.includes("/uploads/"));
    expect(puts.length).toBeGreaterThan(2);
    for (const { url } of puts) expect(url).toContain(`?${state}&digest=sha256%3A`);
  });

  test("sends no credentials to another host that an upload is to go to", async () => {
    const registry = await start({ token: "right-password" });
    const io = ioOf({
      async intercept(request, send) {
        if (request.url.includes("storage.example")) return answer(201);
        const response = await send(request);
        if (response.status === 202) response.headers.location = "https://storage.example/upload?signature=1";
        return response;
      },
    });
    const target = targetOf(registry.host);
    await failing(publish(target, await imageOf("1.0.2"), "1.0.2", io)); // its blobs are elsewhere now
    const elsewhere = io.sent.filter(({ host }) => host === "storage.example");
    expect(elsewhere.length).toBeGreaterThan(0);
    for (const { headers } of elsewhere) expect(headers.authorization).toBeUndefined();
  });

  test("sends no credentials to a token server elsewhere, and says so", async () => {
    const challenge = { "www-authenticate": 'Bearer realm="https://evil.example/token",service="x"' };
    const io = ioOf({ intercept: async () => answer(401, "", challenge) });
    const [finding] = await targetOf("127.0.0.1:9").preflight(io);
    expect(finding).toMatchObject({ level: "error", message: expect.stringContaining("https://evil.example") });
    expect(io.sent.map(({ host }) => host)).not.toContain("evil.example");
  });

  test("is refused once, however much is asked side by side, and asks for few tokens", async () => {
    const registry = await start({ token: "right-password", anonymousPull: false });
    const io = ioOf();
    const names = [repository, "playground/agent"];
    const target = targetOf(registry.host, "1.0.2", { repositories: names });
    await target.versions(io);
    await Promise.all(names.map((name) => publishContent(target, name, io)));
    await target.versions(io);
    expect(io.sent.filter(({ status }) => status === 401)).toHaveLength(1);
    const tokens = io.sent.flatMap(({ url }) =>
      url.includes("/token?") ? new URL(url).searchParams.getAll("scope") : [],
    );
    for (const name of names) expect(tokens).toContain(`repository:${name}:pull,push`);
    // One for each repository, where requests come as they are sent; when they overtake each other one or two are asked for again.
    expect(tokens.length).toBeLessThanOrEqual(4);
  });

  test("a tag that is set right after its image was pushed asks for nothing of the image again", async () => {
    const registry = await start();
    const io = ioOf();
    await publish(targetOf(registry.host), await imageOf("1.0.4"), "1.0.4", io);
    expect(io.sent.filter(({ method, url }) => method === "GET" && url.includes("/manifests/"))).toEqual([]);
    expect(io.sent.filter(({ method, url }) => method === "HEAD" && url.includes("/manifests/"))).toHaveLength(1);
  });

  test("fetches a new token when the registry refuses the one it gave in the middle of a push", async () => {
    let clock = Date.now();
    const seen = new Set<string>();
    const registry = await start({ token: "right-password", tokenSeconds: 300, now: () => new Date(clock) });
    const io = ioOf({
      async intercept(request, send) {
        // Blobs are on their way side by side: what ends one's token between its fetching and its use would end them all.
        const part = request.url.includes("/blobs/") ? "blobs" : request.url;
        if (request.method === "PUT" && !seen.has(part)) clock += 400_000;
        if (request.method === "PUT") seen.add(part);
        return send(request);
      },
    });
    const { tag } = await publish(targetOf(registry.host), await imageOf("1.0.3"), "1.0.3", io);
    expect(io.sent.filter(({ url }) => url.includes("/token?")).length).toBeGreaterThan(3);
    expect(await targetOf(registry.host).observe(tag, ioOf())).toMatchObject({ state: "present" });
  });

  test("reads tags page after page", async () => {
    const registry = await start();
    const io = ioOf({ intercept: (request, send) => send({ ...request, url: request.url.replace("n=1000", "n=2") }) });
    for (const version of ["1.0.0", "1.0.1", "1.0.2", "1.1.0-rc.1", "1.1.0-rc.2"]) {
      await publish(targetOf(registry.host), await imageOf(version), version, ioOf());
    }
    const versions = await targetOf(registry.host).versions(io);
    expect(versions.sort()).toEqual(["1.0.0", "1.0.1", "1.0.2", "1.1.0-rc.1", "1.1.0-rc.2"]);
    expect(io.sent.filter(({ url }) => url.includes("tags/list"))).toHaveLength(3);
  });

  test("passes on how long a registry asks to wait, Docker Hub's unix time too", async () => {
    const now = new Date("2026-11-22T12:00:00Z");
    const item: Item = { target: "docker", id: `${repository}:v1`, digest: "sha256:", file: "", phase: "tag" };
    const asked = async (headers: Record<string, string>) =>
      failing(
        targetOf("docker.io").observe(item, ioOf({ now: () => now, intercept: async () => answer(429, "", headers) })),
      );
    const unix = String(now.getTime() / 1000 + 90);
    expect(await asked({ "x-retry-after": unix })).toMatchObject({ code: "RATE_LIMITED", retryAfter: 90 });
    expect(await asked({ "retry-after": "7" })).toMatchObject({ code: "RATE_LIMITED", retryAfter: 7, retryable: true });
  });

  test("an immutable tag that answers 403 is fine where the image landed, a conflict where another did", async () => {
    const registry = await start();
    const refusing = () =>
      ioOf({
        async intercept(request, send) {
          if (request.method !== "PUT" || !request.url.endsWith("/manifests/v1.0.4")) return send(request);
          (await send(request)).discard();
          return answer(403, { errors: [{ code: "DENIED", message: "tag is immutable" }] });
        },
      });
    const image = await imageOf("1.0.4");
    const { tag } = await publish(targetOf(registry.host), image, "1.0.4", refusing());
    expect(await targetOf(registry.host).observe(tag, ioOf())).toMatchObject({ digest: image.file.sha256 });

    const strict = await start({ immutableTags: (_repository, name) => name.startsWith("v") });
    const [other, mine] = [await imageOf("1.0.4", [5000]), await imageOf("1.0.4", [5000, 6000])];
    await publish(targetOf(strict.host), other, "1.0.4", ioOf());
    let first = true;
    const blind = ioOf({
      // The tag came between our look and our write
      async intercept(request, send) {
        if (first && request.method === "HEAD" && request.url.endsWith("/v1.0.4")) {
          first = false;
          return answer(404);
        }
        return send(request);
      },
    });
    expect(await failing(publish(targetOf(strict.host), mine, "1.0.4", blind))).toMatchObject({
      code: "CONFLICT",
      facts: { found: other.file.sha256 },
    });
  });

  test("a pointer stands for the version whose tag has its digest, whatever the image says of itself", async () => {
    const registry = await start();
    const io = ioOf();
    const target = targetOf(registry.host);
    const lying = await imageOf("7.7.7", [100]); // labelled 7.7.7, released as 1.0.5
    const { pointer } = await publish(target, lying, "1.0.5", io);
    await target.pointers?.write(pointer as NonNullable<typeof pointer>, io);
    expect(await target.pointers?.read(`${repository}:latest`, io)).toBe("1.0.5");
    expect(await target.pointers?.read(`${repository}:edge`, io)).toBeNull();
  });

  test("a pointer at something unknown stands below every version, with a warning", async () => {
    const registry = await start();
    const io = ioOf();
    const target = targetOf(registry.host, "1.0.0", {
      tags: { staging: ["staging-{version}"], production: ["{version}"] },
    });
    await publish(target, await imageOf("not-a-version"), "1.0.0", io);
    const strange = targetOf(registry.host, "1.0.0", { tags });
    const itemId = `${repository}:1.0.0`;
    await strange.pointers?.write({ target: "docker", name: `${repository}:latest`, itemId, version: "1.0.0" }, io);
    expect(await strange.pointers?.read(`${repository}:latest`, io)).toBe("0.0.0");
    expect(io.events).toContainEqual(expect.objectContaining({ type: "warning" }));
  });

  test("verifying a version's tag after its contents asks for no manifest twice", async () => {
    const registry = await start();
    const { content, tag } = await publish(targetOf(registry.host), await imageOf("1.0.6"), "1.0.6", ioOf());
    const io = ioOf();
    const target = targetOf(registry.host);
    const both = await Promise.all([content, tag].map((item) => target.verify(item, io)));
    expect(both).toEqual([
      expect.objectContaining({ state: "present" }),
      expect.objectContaining({ state: "present" }),
    ]);
    expect(io.sent.filter(({ method, url }) => method === "GET" && url.includes("/manifests/"))).toHaveLength(3);
  });

  test("verifying names the layer that is missing, and of which platform", async () => {
    const registry = await start();
    const image = await imageOf("1.0.6");
    const { tag } = await publish(targetOf(registry.host), image, "1.0.6", ioOf());
    const gone = await aLayer(image.folder, "arm64");
    const io = ioOf({
      intercept: async (request, send) => (request.url.includes(`/blobs/${gone}`) ? answer(404) : send(request)),
    });
    const error = await failing(targetOf(registry.host).verify(tag, io));
    expect(error).toMatchObject({ code: "REGISTRY", retryable: true });
    expect(error.message).toContain(`${gone} (linux/arm64)`);
  });

  test("an image that only its owners can pull is read with their credentials, and that is said once", async () => {
    const registry = await start({ token: "right-password", anonymousPull: false });
    const target = targetOf(registry.host);
    const { tag, content } = await publish(target, await imageOf("1.0.7"), "1.0.7", ioOf());
    const io = ioOf();
    for (const item of [content, tag]) expect(await target.verify(item, io)).toMatchObject({ state: "present" });
    expect(io.events.filter(({ type }) => type === "warning")).toHaveLength(1);
    const stranger = targetOf(registry.host, "1.0.7", { token: undefined });
    expect(await failing(stranger.verify(tag, ioOf()))).toMatchObject({ code: "AUTH" });
  });

  test("a layout with a missing, cut or changed part is refused before anything is sent", async () => {
    const registry = await start();
    const target = targetOf(registry.host);
    const spoil: ((folder: string, digest: Digest) => Promise<unknown>)[] = [
      async (folder) => rm(fileOf(folder, await aLayer(folder, "amd64"))),
      async (folder) => truncate(fileOf(folder, await aLayer(folder, "amd64")), 10),
      async (folder, digest) => writeFile(fileOf(folder, digest), '{"schemaVersion":2,"manifests":[]}'),
    ];
    for (const [at, change] of spoil.entries()) {
      const image = await imageOf(`2.0.${at}`);
      await change(image.folder, image.file.sha256);
      const io = ioOf();
      const error = await failing(publish(target, image, `2.0.${at}`, io));
      expect(error).toMatchObject({ code: "IO", hint: "build the image again" });
      expect(io.sent.filter(({ method }) => method !== "HEAD")).toEqual([]);
    }
  });

  test("preflight names what can't be an image, what can't be a tag, and tags that releases would share", async () => {
    const registry = await start({ token: "right-password" });
    const target = targetOf(registry.host, "1.0.0", {
      repositories: ["Playground/Control Plane"],
      tags: { staging: ["staging/{version}"], production: ["v{version}", "stable"] },
    });
    const messages = (await target.preflight(ioOf())).map(({ message }) => message);
    expect(messages).toEqual([
      expect.stringContaining('"Playground/Control Plane" can\'t be the name of an image'),
      expect.stringContaining('"staging/1.0.0"'),
      expect.stringContaining('the tag "stable" is the same in several releases'),
    ]);
    const hub = targetOf("docker.io", "1.0.0", { repositories: ["playground"], username: undefined });
    expect((await hub.preflight(ioOf())).map(({ message }) => message)).toEqual([
      "playground has no account before it",
      "DOCKERHUB_USERNAME isn't set",
    ]);
  });

  test("a version's tag is deleted where the registry does that, and left with advice where it doesn't", async () => {
    const deleting = await start();
    const image = await imageOf("1.0.8");
    const { tag, content } = await publish(targetOf(deleting.host), image, "1.0.8", ioOf());
    const target = targetOf(deleting.host);
    const undone = async (of: typeof target, item: Item) => {
      const about = { tier: "staging", version: "1.0.8", tag: "v1.0.8", instead: null, deleteTag: false } as const;
      for (const action of (await of.undo?.plan([item], about, ioOf())) ?? []) {
        if (action.state === "todo") await of.undo?.run(action, about, ioOf());
      }
      return (await of.undo?.plan([item], about, ioOf()))?.[0];
    };
    expect(await undone(target, tag)).toMatchObject({ state: "done" });
    expect(await target.observe(tag, ioOf())).toEqual({ state: "absent" });
    expect(await undone(target, tag)).toMatchObject({ state: "done" });
    expect(await target.observe(content, ioOf())).toMatchObject({ state: "present" });

    const keeping = await start({ delete: false });
    const kept = await publish(targetOf(keeping.host), image, "1.0.8", ioOf());
    const left = await undone(targetOf(keeping.host), kept.tag);
    expect(left).toMatchObject({ state: "manual", text: expect.stringContaining("web pages") });
  });

  test("Docker Hub: its token server gets the credentials, and its own API deletes tags", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    let there = true;
    const io = ioOf({
      async intercept({ url, method, headers }): Promise<HttpResponse> {
        const { host } = new URL(url);
        if (host === "auth.docker.io") return answer(200, { token: "short-lived", expires_in: 300 });
        if (url === "https://hub.docker.com/v2/auth/token") return answer(200, { access_token: "hub-token" });
        if (host === "hub.docker.com") {
          there = !(method === "DELETE" && headers?.authorization === "Bearer hub-token");
          return answer(204);
        }
        const challenge = {
          "www-authenticate": 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
        };
        if (headers?.authorization !== "Bearer short-lived") return answer(401, "", challenge);
        return there ? answer(200, "", { "docker-content-digest": digest }) : answer(404);
      },
    });
    const tag: Item = {
      target: "docker",
      id: `${repository}:v1.0.0`,
      digest: digest as Digest,
      file: "",
      phase: "tag",
    };
    expect(await targetOf("docker.io").observe(tag, io)).toEqual({ state: "present", digest });
    const [token] = io.sent.filter(({ host }) => host === "auth.docker.io");
    expect(token?.headers.authorization).toMatch(/^Basic /);
    expect(new URL(token?.url as string).searchParams.get("scope")).toBe(`repository:${repository}:pull,push`);
    const about = { tier: "staging", version: "1.0.0", tag: "v1.0.0", instead: null, deleteTag: false } as const;
    const hub = targetOf("docker.io");
    const [action] = (await hub.undo?.plan([tag], about, io)) ?? [];
    if (action) await hub.undo?.run(action, about, io);
    expect(await hub.undo?.plan([tag], about, io)).toMatchObject([{ state: "done" }]);
    const deleted = io.sent.filter(({ method }) => method === "DELETE").map(({ url }) => url);
    expect(deleted).toEqual([`https://hub.docker.com/v2/repositories/${repository}/tags/v1.0.0/`]);
  });

  test("staged files of one machine are found and fetched by another, and many can be put at once", async () => {
    const registry = await start({ token: "right-password" });
    const staging = targetOf(registry.host).staging as NonNullable<Target["staging"]>;
    const io = ioOf();
    const id = await staging.create(io);
    const names = ["a.whl", "b.tgz", "c.txt", "d.txt", "e.txt"];
    const files = await Promise.all(
      names.map(async (name) => {
        const at = path.join(home.folder, name);
        await writeFile(at, name.repeat(1000));
        const { digestFile } = await import("../../src/lib/hash.ts");
        const { size, digests } = await digestFile(at);
        return { path: at, size, sha256: digests.sha256 as Digest };
      }),
    );
    await Promise.all(names.map((name, at) => staging.put?.(name, files[at] as (typeof files)[0], io)));

    const elsewhere = targetOf(registry.host).staging as NonNullable<Target["staging"]>;
    expect(await elsewhere.list(io)).toEqual([id]);
    elsewhere.use(id);
    for (const [at, name] of names.entries()) {
      const to = path.join(home.folder, `${name}.back`);
      await elsewhere.fetch(name, to, io);
      expect(await readFile(to)).toEqual(await readFile((files[at] as (typeof files)[0]).path));
    }
    expect(await failing(elsewhere.fetch("f.txt", path.join(home.folder, "f"), io))).toMatchObject({
      code: "REGISTRY",
    });
    expect(await targetOf(registry.host, "1.0.1").staging?.list(io)).toEqual([]);
    expect(await targetOf(registry.host).versions(io)).toEqual([]);
  });

  test.skipIf(needs(["skopeo"]))("skopeo copies what was pushed, all platforms, every digest checked", async () => {
    const registry = await start();
    const image = await imageOf("1.0.9");
    await publish(targetOf(registry.host), image, "1.0.9", ioOf());
    const source = `docker://${registry.host}/${repository}:v1.0.9`;
    const copy = `oci:${path.join(home.folder, "copied")}:v1.0.9`;
    const ran = await run(toolPath("skopeo"), [
      "copy",
      "--all",
      "--preserve-digests",
      "--src-tls-verify=false",
      source,
      copy,
    ]);
    expect(ran.code, ran.output).toBe(0);
    expect((await stat(fileOf(path.join(home.folder, "copied"), image.file.sha256))).size).toBeGreaterThan(0);
  });
});

function fileOf(layout: string, digest: string): string {
  return path.join(layout, "blobs/sha256", hexOf(digest));
}

/** A layer that only one platform of a layout has. */
async function aLayer(layout: string, architecture: string): Promise<Digest> {
  const index = JSON.parse(await readFile(path.join(layout, "index.json"), "utf8"));
  const { manifests } = JSON.parse(await readFile(fileOf(layout, index.manifests[0].digest), "utf8"));
  expect((await readdir(path.join(layout, "blobs/sha256"))).length).toBeGreaterThan(4);
  const { digest } = manifests.find(
    (one: { platform: { architecture: string } }) => one.platform.architecture === architecture,
  );
  return JSON.parse(await readFile(fileOf(layout, digest), "utf8")).layers.at(-1).digest;
}

/** A way to a server that breaks once, after so many bytes were sent to it over one connection. */
async function cuttable(host: string, after: number) {
  let cuts = 0;
  let all = 0;
  const [hostname, port] = host.split(":");
  const server: Server = createServer((near) => {
    const far = connect(Number(port), hostname);
    let sent = 0;
    near.on("data", (chunk) => {
      sent += chunk.length;
      all += chunk.length;
      far.write(chunk);
      if (sent < after || cuts > 0) return;
      cuts++;
      // What was received is passed on, then both ends hang up.
      near.destroy();
      far.end();
    });
    far.on("data", (chunk) => near.write(chunk));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.end());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${own}`, cuts: () => cuts, bytes: () => all, close: () => server.close() };
}
