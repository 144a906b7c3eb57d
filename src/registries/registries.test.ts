import { mkdtemp, rm, writeFile } from "node:fs/promises";
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
    expect((await fetch(`${site.url}/index.html`, { method: "PUT", body: "x" })).status).toBe(405);
  } finally {
    await site.close();
    await rm(state, { recursive: true, force: true });
  }
});
