import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHttp, type HttpRequest } from "../../src/lib/http.ts";
import { type NpmRegistry, startNpm } from "../../src/registries/npm/index.ts";
import { needs, toolPath } from "../tools.ts";
import { run, temporary } from "./run.ts";

const reason = needs(["npm"]);

describe.skipIf(reason)(`npm's own client on our npm registry${reason ? ` [skipped: ${reason}]` : ""}`, () => {
  let registry: NpmRegistry;
  let home: Awaited<ReturnType<typeof temporary>>;
  let clock = new Date("2026-11-22T12:00:00Z");
  const scanned = new Set<string>();
  const name = "@hanzo/playground";

  const npm = (args: string[], cwd = home.folder) =>
    run(toolPath("npm"), args, {
      cwd,
      env: { HOME: home.folder, npm_config_userconfig: path.join(home.folder, ".npmrc") },
    });
  const npmOk = async (args: string[], cwd?: string) => {
    const ran = await npm(args, cwd);
    expect(ran.code, ran.output).toBe(0);
    return ran.stdout.trim();
  };
  const project = async (version: string, more: object = {}) => {
    const folder = path.join(home.folder, `project-${version}`);
    await mkdir(folder, { recursive: true });
    await writeFile(
      path.join(folder, "package.json"),
      JSON.stringify({ name, version, description: "a play", ...more }),
    );
    await writeFile(path.join(folder, "index.js"), `exports.version = ${JSON.stringify(version)};\n`);
    await writeFile(path.join(folder, "README.md"), "# Playground\n");
    return folder;
  };
  beforeAll(async () => {
    home = await temporary();
    registry = await startNpm({
      token: "right-token",
      now: () => clock,
      maxAge: 0,
      pending: (_name, version) => scanned.has(version),
    });
    const config = [`registry=${registry.url}/`, `//${registry.host}/:_authToken=right-token`];
    const quiet = ["update-notifier=false", "fund=false", `cache=${path.join(home.folder, "cache")}`];
    await writeFile(path.join(home.folder, ".npmrc"), [...config, ...quiet].join("\n"));
  });
  afterAll(async () => {
    await registry?.close();
    await home?.remove();
  });

  test("publishes, shows and installs a package, and audits the install", async () => {
    expect(await npmOk(["whoami"])).toBe("twotier");
    await npmOk(["ping"]);
    await npmOk(["publish", "--access", "public"], await project("0.1.18", { bin: { play: "index.js" } }));
    expect(await npmOk(["view", name, "version", "description", "--json"])).toContain("a play");

    const user = path.join(home.folder, "user");
    await mkdir(user);
    await writeFile(path.join(user, "package.json"), '{"name":"user","version":"1.0.0"}');
    const installed = await npm(["install", name], user);
    expect(installed.output).toContain("found 0 vulnerabilities");
    expect(await npmOk(["ls", "--json"], user)).toContain("0.1.18");
  });

  test("keeps a candidate off latest when it is published under another tag", async () => {
    await npmOk(["publish", "--tag", "next"], await project("0.1.19-rc.1"));
    expect(JSON.parse(await npmOk(["view", name, "dist-tags", "--json"]))).toEqual({
      latest: "0.1.18",
      next: "0.1.19-rc.1",
    });
  });

  test("gives latest to a package's first version, whatever tag it is published under", async () => {
    const folder = await project("1.0.0-rc.1", { name: "first-of-all" });
    await npmOk(["publish", "--tag", "next"], folder);
    expect(await npmOk(["dist-tag", "ls", "first-of-all"])).toBe("latest: 1.0.0-rc.1\nnext: 1.0.0-rc.1");
  });

  test("never takes a version twice", async () => {
    const folder = await project("0.1.18", { description: "other contents" });
    const put = await fetchJson({ ...publishDocument(name, "0.1.18", randomBytes(20)), token: "right-token" });
    expect(put.status).toBe(403);
    expect(put.text).toContain("You cannot publish over the previously published versions: 0.1.18.");
    const ran = await npm(["publish", "--tag", "latest"], folder);
    expect(ran.output).toContain("cannot publish over the previously published versions: 0.1.18");
  });

  test("adds, lists and removes dist-tags, but never removes latest", async () => {
    await npmOk(["dist-tag", "add", `${name}@0.1.18`, "stable"]);
    expect(await npmOk(["dist-tag", "ls", name])).toContain("stable: 0.1.18");
    await npmOk(["dist-tag", "rm", name, "stable"]);
    expect(await npmOk(["dist-tag", "ls", name])).not.toContain("stable");
    expect((await npm(["dist-tag", "rm", name, "latest"])).output).toContain("E400");
  });

  test("deprecates a version and takes it back", async () => {
    await npmOk(["deprecate", `${name}@0.1.19-rc.1`, "superseded"]);
    expect(await npmOk(["view", `${name}@0.1.19-rc.1`, "deprecated"])).toBe("superseded");
    await npmOk(["deprecate", `${name}@0.1.19-rc.1`, ""]);
    expect(await npmOk(["view", `${name}@0.1.19-rc.1`, "deprecated"])).toBe("");
  });

  test("answers 404 while a version is scanned, 409 to another publish of it, and moves tags meanwhile", async () => {
    scanned.add("0.1.19-rc.2");
    await npmOk(["publish", "--tag", "next"], await project("0.1.19-rc.2"));
    const view = await npm(["view", `${name}@0.1.19-rc.2`, "version"]);
    expect(view.output).toContain("E404");
    const again = await fetchJson({ ...publishDocument(name, "0.1.19-rc.2", randomBytes(20)), token: "right-token" });
    expect(again.status).toBe(409);
    expect(again.text).toContain('Cannot publish over previously staged version \\"0.1.19-rc.2\\"');
    expect(await npmOk(["view", name, "dist-tags.next"])).toBe("0.1.19-rc.1");
    await npmOk(["dist-tag", "add", `${name}@0.1.19-rc.2`, "newest"]);
    scanned.clear();
    expect(JSON.parse(await npmOk(["view", name, "dist-tags", "--json"]))).toMatchObject({
      next: "0.1.19-rc.2",
      newest: "0.1.19-rc.2",
    });
  });

  test("unpublishes a version, whose number stays spent, and keeps its date", async () => {
    await npmOk(["unpublish", `${name}@0.1.19-rc.2`]);
    expect(JSON.parse(await npmOk(["view", name, "dist-tags", "--json"]))).toEqual({ latest: "0.1.18" });
    const again = await npm(["publish", "--tag", "next"], await project("0.1.19-rc.2"));
    expect(again.output).toContain('Cannot publish over previously published version "0.1.19-rc.2"');
    const { time, versions } = JSON.parse(await npmOk(["view", name, "time", "versions", "--json"]));
    expect(Object.keys(time)).toContain("0.1.19-rc.2");
    expect(versions).toEqual(["0.1.18", "0.1.19-rc.1"]);
  });

  test("refuses to unpublish what is older than 72 hours and downloaded a lot", async () => {
    await registry.seed({ name: "popular", version: "1.0.0", publishedAt: clock, downloads: 300 });
    await registry.seed({ name: "popular", version: "1.0.1", publishedAt: clock });
    clock = new Date(clock.getTime() + 73 * 3_600_000);
    const ran = await npm(["unpublish", "popular@1.0.0", "--force"]);
    expect(ran.output).toContain("E405");
    expect(ran.output).toContain("You can no longer unpublish this package");
  });

  test("unpublishes a whole package, which then can't come back for a day", async () => {
    await npmOk(["unpublish", "first-of-all", "--force"]);
    expect((await npm(["view", "first-of-all"])).output).toContain("Unpublished on");
    const folder = await project("1.0.1", { name: "first-of-all" });
    expect((await npm(["publish"], folder)).output).toContain("cannot be republished until 24 hours have passed");
    clock = new Date(clock.getTime() + 25 * 3_600_000);
    await npmOk(["publish"], folder);
  });

  test("refuses what belongs to others and what comes with a wrong token", async () => {
    await registry.seed({ name: "taken", version: "1.0.0", owner: "somebody" });
    const ran = await npm(["publish"], await project("1.0.2", { name: "taken" }));
    expect(ran.output).toContain("E403");
    expect(ran.output).toContain('You do not have permission to publish "taken"');
    const wrong = await npm(["publish", `--//${registry.host}/:_authToken=wrong`], await project("0.1.20"));
    expect(wrong.output).toContain("E401");
    expect((await npm(["whoami", `--//${registry.host}/:_authToken=wrong`])).output).toContain("E401");
  });

  test("refuses a document whose digests aren't those of its bytes", async () => {
    const bytes = randomBytes(100);
    const { body } = publishDocument(name, "0.3.0", bytes, { shasum: "0".repeat(40) });
    expect(await fetchJson({ body, token: "right-token" })).toMatchObject({ status: 400 });
    const other = publishDocument(name, "0.3.0", bytes, { integrity: `sha512-${"A".repeat(86)}==` });
    expect(await fetchJson({ ...other, token: "right-token" })).toMatchObject({ status: 400 });
    const cut = { body: body.slice(0, -40), token: "right-token" };
    expect(await fetchJson(cut)).toMatchObject({ status: 400 });
    expect((await npm(["view", `${name}@0.3.0`])).output).toContain("E404");
  });

  test("of two publishes of one version at the same time takes one, with its own bytes", async () => {
    const both = [randomBytes(50_000), randomBytes(50_000)];
    const answers = await Promise.all(
      both.map((bytes) =>
        fetchJson({ ...publishDocument("raced", "1.0.0", bytes), token: "right-token", name: "raced" }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
    const winner = both[answers.findIndex(({ status }) => status === 200)] as Buffer;
    const http = createHttp();
    const got = await (await http({ url: `${registry.url}/raced/-/raced-1.0.0.tgz` })).bytes();
    http.close();
    expect(got.equals(winner)).toBe(true);
  });

  test("takes a tarball of 24 MB and gives back its very bytes", async () => {
    const bytes = randomBytes(24 << 20);
    const { body } = publishDocument("large", "1.0.0", bytes);
    expect(await fetchJson({ body, token: "right-token", name: "large" })).toMatchObject({ status: 200 });
    const http = createHttp();
    const got = await (await http({ url: `${registry.url}/large/-/large-1.0.0.tgz` })).bytes();
    http.close();
    expect(got.equals(bytes)).toBe(true);
  });

  test("answers 304 to whoever has the packument already", async () => {
    const http = createHttp();
    const first = await http({ url: `${registry.url}/@hanzo%2fplayground` });
    first.discard();
    const headers = { "if-none-match": first.headers.etag as string };
    const second = await http({ url: `${registry.url}/@hanzo%2fplayground`, headers });
    second.discard();
    http.close();
    expect(second.status).toBe(304);
  });

  async function fetchJson(request: { body: string; token: string; name?: string }) {
    const http = createHttp();
    try {
      const put: HttpRequest = {
        url: `${registry.url}/${encodeURIComponent(request.name ?? name)}`,
        method: "PUT",
        headers: { authorization: `Bearer ${request.token}`, "content-type": "application/json" },
        body: request.body,
      };
      const response = await http(put);
      return { status: response.status, text: await response.text() };
    } finally {
      http.close();
    }
  }
});

describe("an npm registry with a state folder", () => {
  test("holds the same after it was started again", async () => {
    const home = await temporary();
    const first = await startNpm({ state: home.folder });
    await first.seed({ name: "kept", version: "1.0.0", tags: ["next"] });
    await first.close();
    const second = await startNpm({ state: home.folder });
    const http = createHttp();
    const packument = await (await http({ url: `${second.url}/kept` })).json<
      Record<"versions" | "dist-tags", Record<string, unknown>>
    >();
    const tarball = packument.versions["1.0.0"] as { dist: { tarball: string } };
    expect(packument["dist-tags"]).toEqual({ latest: "1.0.0", next: "1.0.0" });
    expect((await http({ url: tarball.dist.tarball })).status).toBe(200);
    http.close();
    await second.close();
    await home.remove();
  });
});

function publishDocument(name: string, version: string, bytes: Buffer, dist: Record<string, string> = {}) {
  const file = `${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
  const attachment = { content_type: "application/octet-stream", data: bytes.toString("base64"), length: bytes.length };
  const document = {
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { name, version, dist } },
    _attachments: { [file]: attachment },
  };
  return { body: JSON.stringify(document) };
}
