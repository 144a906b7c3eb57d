import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { needs, toolPath } from "../../../test/tools.ts";
import { parseConfig } from "../../config/parse.ts";
import { resolveArtifacts } from "../../config/resolve.ts";
import type { Tree } from "../../config/types.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { channelFiles, siteFiles, siteInput } from "./index.ts";
import { escapeHtml } from "./page.ts";

const config = parseConfig(`name: playground
repository: hanzoai/playground
version: {file: null}
artifacts:
  - {name: playground, type: go, platforms: [linux/amd64, darwin/arm64, windows/amd64]}
  - {name: sdk, type: npm, dir: sdk}
  - {name: python, type: python, dir: python}
  - {name: image, type: image, files: {/playground: playground}, repository: playground/control-plane, platforms: [linux/amd64]}
  - {name: module, type: go-module, dir: go}
targets: {github: true, npm: true, pypi: true, docker: true, go: true, site: true}
installer: {url: "https://hanzo.bot"}
`);
const contents: Record<string, string> = {
  "go.mod": "module github.com/hanzoai/playground\n\ngo 1.19\n",
  "main.go": "package main\n",
  "go/go.mod": "module github.com/hanzoai/playground/go\n\ngo 1.19\n",
  "sdk/package.json": '{"name":"@hanzo/playground","version":"0.1.0"}\n',
  "python/pyproject.toml": '[project]\nname = "hanzo-playground"\nversion = "0.1.0"\n',
};
const tree: Tree = { read: async (path) => contents[path] ?? null, list: async () => Object.keys(contents) };
const resolved = await resolveArtifacts(config, tree);
const input = siteInput(config, resolved);
const released = { production: "0.1.28", staging: "0.1.29-rc.4", versions: ["0.1.29-rc.4", "0.1.28"] };
const files = new Map(siteFiles(input, released).map((file) => [file.path, file]));
const text = (path: string) => files.get(path)?.text ?? "";

describe("the static folder", () => {
  test("holds scripts, versioned ones, channels, the page and rules for hosts; the same again from the same config", () => {
    expect([...files.keys()]).toEqual([
      ".nojekyll",
      "_headers",
      "_redirects",
      "channels/production.json",
      "channels/production.txt",
      "channels/staging.json",
      "channels/staging.txt",
      "index.html",
      "install.sh",
      "nginx.conf",
      "staging/install.sh",
      "uninstall.sh",
      "v0.1.28/install.sh",
      "v0.1.29-rc.4/install.sh",
      "vercel.json",
    ]);
    expect(siteFiles(siteInput(config, resolved), released)).toEqual([...files.values()]);
    expect(siteFiles(input).map((file) => file.path)).not.toContain("channels/production.json");
  });

  test("scripts carry the choice of their address, and know the channels", () => {
    expect(text("v0.1.28/install.sh")).toMatch(/wanted=0\.1\.28 /);
    expect(text("staging/install.sh")).toMatch(/\n\tstaging=1\n/);
    expect(text("install.sh")).toContain("https://hanzo.bot/channels");
    for (const path of ["install.sh", "uninstall.sh", "staging/install.sh", "v0.1.28/install.sh"]) {
      execFileSync("sh", ["-n"], { input: text(path) });
    }
  });

  test("a channel names its version, tag, script and release", () => {
    const tagged = { ...input, installer: { ...input.installer, tag: "playground@{version}" } };
    const [plain, json] = channelFiles(tagged, "staging", "0.2.0-rc.1");
    expect(plain.text).toBe("0.2.0-rc.1\n");
    expect(JSON.parse(json.text)).toEqual({
      schema: 1,
      name: "playground",
      channel: "staging",
      version: "0.2.0-rc.1",
      tag: "playground@0.2.0-rc.1",
      install: "https://hanzo.bot/v0.2.0-rc.1/install.sh",
      release: "https://github.com/hanzoai/playground/releases/tag/playground%400.2.0-rc.1",
    });
    expect(json.cache).toBe("no-cache");
  });

  test("without the site's address there is none", () => {
    expect(() => siteInput({ ...config, installer: null }, resolved)).toThrow(ReleaseError);
  });
});

describe("the page", () => {
  const page = text("index.html");
  const commands = [...page.matchAll(/<code data-command>([^<]*)<\/code>/g)].map(([, command]) => command);

  test("shows the install commands of both tiers, each in a form that works in a pipe", () => {
    expect(commands).toEqual([
      "curl -fsSL https://hanzo.bot/install.sh | sh",
      "curl -fsSL https://hanzo.bot/staging/install.sh | sh",
      "wget -qO- https://hanzo.bot/install.sh | sh",
      "curl -fsSL https://hanzo.bot/uninstall.sh | sh -s -- --yes",
      "curl -fsSL https://hanzo.bot/uninstall.sh | sh -s -- --staging --yes",
    ]);
    // lessons.md: `VERSION=v1 curl ... | bash` sets the variable for curl alone.
    expect(page).not.toMatch(/\b[A-Z_]+=\S+ (curl|wget)/);
    for (const command of ["pip install --pre hanzo-playground", "npm install @hanzo/playground@next"]) {
      expect(page).toContain(`<code>${command}</code>`);
    }
    expect(page).toContain("docker pull playground/control-plane:latest");
    expect(page).toContain('data-pattern="docker pull playground/control-plane:staging-{version}"');
  });

  test("asks for nothing from elsewhere, and its policy allows nothing else", () => {
    expect(page.match(/(?:src|srcset)=|<link[^>]+href="http|@import|url\(/g)).toBeNull();
    expect(page).toContain("default-src 'none'");
    expect(page).toMatch(/script-src 'sha256-[A-Za-z0-9+/]+=*'/);
  });

  test("has every platform to pick, the first one chosen without a script", () => {
    const picked = [...page.matchAll(/<input type="radio"[^>]*value="([^"]*)"( checked)?/g)];
    expect(picked.map(([, value, checked]) => [value, checked !== undefined])).toEqual([
      ["linux/amd64", true],
      ["darwin/arm64", false],
      ["windows/amd64", false],
    ]);
    expect(page).toContain("/releases/latest/download/playground-windows-amd64.exe");
  });

  test("texts of the config are shown, never obeyed", () => {
    const hostile = `<script>alert("x")</script>`;
    const other = siteFiles({ ...input, packages: [{ title: hostile, production: hostile, staging: null }] });
    const html = other.find((file) => file.path === "index.html")?.text ?? "";
    expect(html).not.toContain(hostile);
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(escapeHtml(`<>&"'`)).toBe("&lt;&gt;&amp;&quot;&#39;");
  });
});

describe("rules for hosts", () => {
  test("say how long each address may be kept: versions for ever, channels not at all", () => {
    expect(text("_headers")).toContain("/v*\n  Cache-Control: public, max-age=31536000, immutable\n");
    expect(text("_headers")).toContain("/channels/*\n  Cache-Control: no-cache\n");
    const { headers } = JSON.parse(text("vercel.json"));
    const of = (source: string) => headers.find((one: { source: string }) => one.source === source)?.headers[0].value;
    expect(of("/v:version(\\d.*)")).toBe("public, max-age=31536000, immutable");
    expect(of("/channels/(.*)")).toBe("no-cache");
  });

  test("no two rules of _headers give one address the same header: Cloudflare would join them", () => {
    const rules = [...text("_headers").matchAll(/^(\/\S*)\n((?: {2}.*\n)+)/gm)].map(([, path = "", body = ""]) => ({
      matches: new RegExp(`^${path.replace(/[.]/g, "\\.").replace("*", ".*")}$`),
      names: [...body.matchAll(/^ {2}([^:]+):/gm)].map(([, name]) => name),
    }));
    for (const address of ["/", "/install.sh", "/staging/install.sh", "/v0.1.28/install.sh", "/channels/staging.txt"]) {
      const names = rules.filter((rule) => rule.matches.test(address)).flatMap((rule) => rule.names);
      expect(new Set(names).size, address).toBe(names.length);
      expect(names, address).toContain("Cache-Control");
    }
  });

  test("lead short addresses to the scripts, and /download to the latest release", () => {
    expect(text("_redirects")).toContain("/install /install.sh 200\n");
    expect(text("_redirects")).toContain(
      "/download/* https://github.com/hanzoai/playground/releases/latest/download/:splat 302\n",
    );
    expect(JSON.parse(text("vercel.json")).rewrites).toContainEqual({
      source: "/staging",
      destination: "/staging/install.sh",
    });
  });
});

describe.skipIf(needs(["shellcheck"]))("shellcheck", () => {
  test("has nothing against the versioned scripts", () => {
    for (const path of ["staging/install.sh", "v0.1.28/install.sh"]) {
      execFileSync(toolPath("shellcheck"), ["--shell=sh", "-"], { input: text(path) });
    }
  });
});
