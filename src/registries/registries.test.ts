import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { startRegistries } from "./index.ts";
import { startSite } from "./site/index.ts";

test("all registries answer, each at its own address, and none after the end", async () => {
  const registries = await startRegistries();
  const asked = [
    `${registries.npm}/-/ping`,
    `${registries.pypi}/simple/`,
    `http://${registries.docker}/v2/`,
    `${registries.github}/`,
    `${registries.site}/`,
  ];
  try {
    expect(new Set(asked.map((url) => new URL(url).host)).size).toBe(5);
    for (const url of asked) expect((await fetch(url)).status, url).toBeLessThan(500);
  } finally {
    await registries.close();
  }
  for (const url of asked) await expect(fetch(url)).rejects.toThrow();
});

test("what is put into the state folder's site is served, with what caches need, and nothing beside it", async () => {
  const state = await mkdtemp(path.join(tmpdir(), "twotier-site-"));
  await writeFile(path.join(state, "secret"), "no");
  const site = await startSite({ state: path.join(state, "site") });
  try {
    await writeFile(path.join(site.folder, "index.html"), "<p>home");
    await writeFile(path.join(site.folder, "install.sh"), "#!/bin/sh\n");
    const script = await fetch(`${site.url}/install.sh`);
    expect(await script.text()).toBe("#!/bin/sh\n");
    expect(script.headers.get("cache-control")).toBe("max-age=600");
    const etag = script.headers.get("etag") ?? "";
    expect((await fetch(`${site.url}/install.sh`, { headers: { "if-none-match": etag } })).status).toBe(304);
    expect(await (await fetch(`${site.url}/`)).text()).toBe("<p>home");
    expect((await fetch(`${site.url}/%2e%2e%2fsecret`)).status).toBe(404);
    expect((await fetch(`${site.url}/..%2fsecret`)).status).toBe(404);
    expect((await fetch(`${site.url}/index.html`, { method: "PUT", body: "x" })).status).toBe(401);
    expect((await fetch(`${site.url}/index.html`, { method: "DELETE" })).status).toBe(405);
  } finally {
    await site.close();
    await rm(state, { recursive: true, force: true });
  }
});

test("files are put on the site by who has the token, on conditions, and folders are listed for programs", async () => {
  const site = await startSite({ token: "good" });
  const put = async (file: string, body: string, headers: Record<string, string> = {}) => {
    const login = { authorization: "Bearer good", ...headers };
    const answer = await fetch(`${site.url}/${file}`, { method: "PUT", body, headers: login });
    return [answer.status, answer.headers.get("etag")] as const;
  };
  try {
    expect((await put("a.txt", "x", { authorization: "Bearer other" }))[0]).toBe(403);
    const [made, first] = await put("v1/a.txt", "one", { "if-none-match": "*" });
    expect(made).toBe(201);
    expect((await fetch(`${site.url}/v1/a.txt`)).headers.get("etag")).toBe(first);
    expect((await put("v1/a.txt", "two", { "if-none-match": "*" }))[0]).toBe(412);
    expect((await put("v1/a.txt", "two", { "if-match": '"other"' }))[0]).toBe(412);
    expect((await put("v1/b.txt", "two", { "if-match": "*" }))[0]).toBe(412);
    const both = await Promise.all(
      ["two", "six"].map((text) => put("v1/a.txt", text, { "if-match": first as string })),
    );
    expect(both.map(([status]) => status).sort()).toEqual([204, 412]);
    expect((await put("v1", "x"))[0]).toBe(409);
    expect((await put("..%2foutside", "x"))[0]).toBe(201);
    expect(await readFile(path.join(site.folder, "outside"), "utf8")).toBe("x");
    const list = await fetch(`${site.url}/`, { headers: { accept: "application/json" } });
    expect(await list.json()).toMatchObject([
      { name: "outside", type: "file" },
      { name: "v1", type: "directory" },
    ]);
  } finally {
    await site.close();
  }
});
