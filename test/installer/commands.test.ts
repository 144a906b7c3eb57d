import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { installerInput, installScript, uninstallScript } from "../../src/generate/installer/index.ts";
import { type Project, projectToken, startProject } from "../support/project.ts";
import { needs, root, toolPath } from "../tools.ts";
import { makeUsers } from "./fixture.ts";
import { runShell } from "./sandbox.ts";
import { exampleDir, exampleInput, startWorld, type World } from "./world.ts";

// Every command that a text of ours tells people to type is typed here, unchanged, in a shell. Addresses on the
// internet are served by this machine: a proxy leads each host to a TLS server with a certificate for it.

/** What is at a path: a text, or where it has gone; undefined: nothing. */
type Page = (path: string) => string | { location: string } | undefined;

interface Internet {
  env: Record<string, string>;
  close(): void;
}

/** @param hosts what answers for each host: a loopback address, or texts by path */
async function startInternet(folder: string, hosts: Record<string, string | Page>) {
  const openssl = (...args: string[]) => execFileSync(toolPath("openssl"), args, { cwd: folder, stdio: "ignore" });
  const names = Object.keys(hosts).map((host) => `DNS:${host}`);
  const request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout key.pem -out cert.pem".split(" ");
  openssl(...request, "-addext", `subjectAltName=${names.join(",")}`);
  const [key, cert] = ["key.pem", "cert.pem"].map((file) => readFileSync(path.join(folder, file)));
  chmodSync(path.join(folder, "cert.pem"), 0o644);
  const server = https.createServer({ key, cert }, (incoming, response) => {
    const host = incoming.headers.host ?? "";
    const behind = hosts[host];
    if (typeof behind !== "string") {
      const page = behind?.(incoming.url ?? "/");
      if (typeof page === "object") return void response.writeHead(302, page).end();
      return void response.writeHead(page === undefined ? 404 : 200).end(page);
    }
    const passed = http.request(
      `${behind}${incoming.url}`,
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        const location = answer.headers.location?.replace("http://", "https://");
        response.writeHead(answer.statusCode as number, { ...answer.headers, ...(location ? { location } : {}) });
        answer.pipe(response);
      },
    );
    incoming.pipe(passed);
  });
  const proxy = http.createServer();
  proxy.on("connect", (request, socket: net.Socket) => {
    if (hosts[(request.url ?? "").replace(/:443$/, "")] === undefined) return socket.end("HTTP/1.1 502 No\r\n\r\n");
    const on = net.connect((server.address() as AddressInfo).port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      on.pipe(socket).pipe(on);
    });
    for (const one of [on, socket]) one.on("error", () => socket.destroy());
  });
  for (const one of [server, proxy]) await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  const internet: Internet = {
    env: {
      https_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      CURL_CA_BUNDLE: path.join(folder, "cert.pem"),
    },
    close() {
      for (const one of [server, proxy]) {
        one.closeAllConnections();
        one.close();
      }
    },
  };
  return internet;
}

/** Commands in code blocks for a shell. */
function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.split("\n"));
  return blocks.map((line) => line.replace(/#.*/, "").trim()).filter(Boolean);
}

/** What the address of a script gives: install.sh, uninstall.sh, those of a channel or a version. */
function scriptsAt(input: Awaited<ReturnType<typeof exampleInput>>) {
  return (at: string) => {
    if (at === "/uninstall.sh") return uninstallScript(input);
    const [, version, staging] = /^(?:\/v([^/]+)|(\/staging))?\/install\.sh$/.exec(at) ?? [null];
    if (version === null) return undefined;
    return installScript(input, version ? { version } : { staging: staging !== undefined });
  };
}

const folder = mkdtempSync(path.join(tmpdir(), "twotier-commands-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const homeOf = (name: string) => {
  const home = path.join(folder, name);
  mkdirSync(home);
  return home;
};

describe.skipIf(needs(["curl", "openssl"]))("the README of the example", () => {
  let world: World;
  let internet: Internet;
  beforeAll(async () => {
    world = await startWorld(["0.1.18", "0.1.19-rc.1", "0.1.19", "0.1.20-rc.1"]);
    const site = scriptsAt(await exampleInput());
    internet = await startInternet(homeOf("example-tls"), {
      "github.com": world.github("x").replace("/at/x", ""),
      "hanzo.bot": site,
    });
  });
  afterAll(async () => {
    internet.close();
    await world.close();
  });

  const readme = readFileSync(path.join(exampleDir, "README.md"), "utf8");
  // What is marked is run from a clone, by the release itself (docs/promotion.md).
  const elsewhere = readme.replace(/<!-- twotier:run -->\n```sh\n[\s\S]*?```/g, "");
  const installs = commandsOf(elsewhere).filter((command) => /install\.sh|--version/.test(command));
  const inline = [...readme.matchAll(/`([^`\n]*(?:un)?install\.sh[^`\n]*\| [^`\n]*)`/g)].map(
    ([, command = ""]) => command,
  );

  test("shows how to install, and how to uninstall", () => {
    expect(installs.length).toBeGreaterThan(4);
    expect(inline).toHaveLength(1);
  });

  test.each(["sh", "bash"])("each command in it works as it stands, in %s", async (shell) => {
    const home = homeOf(`readme-${shell}`);
    const env = { HOME: home, PATH: `${home}/.hanzo/bin:/usr/bin:/bin`, ...internet.env };
    const expected: Record<string, string> = {};
    for (const command of [...installs, ...inline]) {
      const ran = await runShell(shell === "sh" ? "dash" : "bash", { script: command, env });
      expect(ran, `${command}\n${ran.stderr}`).toMatchObject({ code: 0 });
      if (command.endsWith("--version")) expected[command] = ran.stdout.trim();
    }
    expect(expected).toEqual({
      "playground --version": "playground 0.1.19",
      "playground-staging --version": "playground 0.1.20-rc.1",
    });
    expect(execFileSync("find", [home, "-type", "f"], { encoding: "utf8" })).toBe("");
  });

  test("commands of the release process document work where they can, and its two others aren't shown anywhere", async () => {
    const home = homeOf("document");
    const env = { HOME: home, PATH: "/usr/bin:/bin", ...internet.env };
    for (const command of [
      "curl -fsSL https://hanzo.bot/install.sh | bash",
      "~/.hanzo/playground/bin/playground --version",
      "curl -fsSL https://hanzo.bot/install.sh | bash -s -- --staging",
      "~/.hanzo/playground-staging/bin/playground --version",
      "curl -fsSL https://hanzo.bot/install.sh | VERSION=v0.1.18 bash",
    ]) {
      expect(await runShell("bash", { script: command, env }), command).toMatchObject({ code: 0 });
    }
    const texts = execFileSync("git", ["ls-files", "-z", "*.md", "*.sh", "src/*.ts"], { cwd: root, encoding: "utf8" });
    const wrong = texts.split("\0").filter((file) => {
      if (!file || file.endsWith(".test.ts")) return false;
      const lines = readFileSync(path.join(root, file), "utf8").split("\n");
      // A sentence that says that it can't work may say what.
      const shown = lines.filter((line) => !/can't work|curl alone/.test(line));
      return shown.some((line) => /\b(?:VERSION|STAGING)=\S+ (?:curl|wget)\b/.test(line));
    });
    expect(wrong).toEqual([]);
  });
});

describe.skipIf(needs(["curl", "openssl"]))("over TLS and a proxy", () => {
  let world: World;
  let internet: Internet;
  let user: Awaited<ReturnType<typeof makeUsers>>;
  let trusted: Record<string, Record<string, string>>;
  beforeAll(async () => {
    world = await startWorld(["0.1.18"]);
    user = await makeUsers(world);
    const tls = homeOf("tls");
    internet = await startInternet(tls, { "github.com": world.github("x").replace("/at/x", "") });
    const { CURL_CA_BUNDLE = "", https_proxy = "" } = internet.env;
    const wgetrc = path.join(tls, "wgetrc");
    writeFileSync(wgetrc, `ca_certificate = ${CURL_CA_BUNDLE}\n`);
    const common = { https_proxy, PLAYGROUND_GITHUB_URL: "" };
    trusted = { curl: { ...common, CURL_CA_BUNDLE }, wget: { ...common, WGETRC: wgetrc }, "": common };
  });
  afterAll(async () => {
    internet.close();
    await world.close();
  });

  test.each(["curl", "wget"] as const)("%s installs from github.com", async (fetcher) => {
    const one = user({ fetcher });
    const ran = await one.install([], { env: trusted[fetcher] });
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(await one.says(".hanzo/bin/playground")).toBe("playground 0.1.18");
  });

  test.each(["curl", "wget"] as const)(
    "%s doesn't take a certificate that nobody vouches for, and asks once",
    async (fetcher) => {
      const one = user({ fetcher });
      const ran = await one.install([], { env: trusted[""] });
      expect(ran).toMatchObject({ code: 1 });
      expect(ran.stderr).toContain("error: no safe connection to github.com");
      expect(ran.stderr).toContain("hint: install ca-certificates");
      expect(ran.stderr).not.toContain("trying again");
    },
  );

  test.each(["curl", "wget"] as const)("%s doesn't follow a redirect to plain http", async (fetcher) => {
    const one = user({ fetcher });
    const path = /latest\/download\/release\.json/;
    const away = "http://example.invalid/release.json";
    const elsewhere = await startInternet(homeOf(`away-${fetcher}`), {
      "github.com": (at) => (path.test(at) ? { location: away } : undefined),
    });
    const wgetrc = `${one.home}/wgetrc`;
    const { CURL_CA_BUNDLE = "" } = elsewhere.env;
    writeFileSync(wgetrc, `ca_certificate = ${CURL_CA_BUNDLE}\n`);
    const ran = await one.install([], { env: { ...elsewhere.env, WGETRC: wgetrc, PLAYGROUND_GITHUB_URL: "" } });
    elsewhere.close();
    expect(ran).toMatchObject({ code: 1 });
    expect(await one.says(".hanzo/bin/playground")).toBe(null);
    expect(ran.stderr).toMatch(/without https|rotocol "http" (?:disabled|not supported)/);
  });

  test("a tool without TLS says so", async () => {
    const busybox = await user({ fetcher: "busybox wget" }).install([], { env: trusted[""] });
    expect(busybox).toMatchObject({ code: 1 });
    expect(busybox.stderr).toMatch(/can not speak https|no safe connection|could not fetch/);
    const curl = `echo 'curl: (1) Protocol "https" not supported or disabled in libcurl' >&2; exit 1`;
    const old = await user({ own: { curl } }).install([], { env: trusted.curl });
    expect(old.stderr).toContain("can not speak https");
    expect(old.stderr).toContain("install curl with TLS");
    const wget = `case $1 in --help) echo --tries;; *) echo 'wget: note: TLS certificate validation not implemented' >&2;; esac`;
    const careless = await user({ fetcher: null, own: { wget } }).install([], { env: trusted.curl });
    expect(careless).toMatchObject({ code: 1 });
    expect(careless.stderr).toContain("this wget does not check certificates");
  });
});

describe.skipIf(needs(["curl", "openssl", "npm", "venv-python", "skopeo"]))("the text of a release", () => {
  let project: Project;
  let internet: Internet;
  const bodies: Record<string, string> = {};
  beforeAll(async () => {
    const fast = readFileSync(path.join(root, "test/fixtures/fast-project/twotier.yaml"), "utf8");
    const yaml = `${fast}installer: { url: https://fast.example }\n`;
    project = await startProject({ files: { "twotier.yaml": yaml } });
    await project.push("feat: first");
    await project.release({ tier: "staging" });
    await project.release({ tier: "production" });
    await project.push("feat: second");
    await project.release({ tier: "staging" });
    for (const version of ["0.1.1-rc.1", "0.1.1", "0.1.2-rc.1"]) {
      const headers = { authorization: `Bearer ${projectToken}` };
      const at = `${project.registries.github}/repos/example/fast/releases/tags/v${version}`;
      bodies[version] = ((await (await fetch(at, { headers })).json()) as { body: string }).body;
    }
    const config = parseConfig(yaml);
    const site = scriptsAt(installerInput(config, { artifacts: config.artifacts as never }));
    internet = await startInternet(homeOf("release-tls"), {
      "github.com": project.registries.github,
      "fast.example": site,
    });
  });
  afterAll(async () => {
    internet.close();
    await project.close();
  });

  test.each(["0.1.1-rc.1", "0.1.1", "0.1.2-rc.1"])(
    "each command that the release %s shows gets that very version",
    async (version) => {
      const home = homeOf(`release-${version}`);
      const bin = path.join(home, "bin");
      mkdirSync(bin);
      // No daemon here: the same pull by skopeo.
      const pull = `#!/bin/sh\nexec ${toolPath("skopeo")} copy --src-tls-verify=false "docker://${project.registries.docker}/$2" "dir:$HOME/image"\n`;
      writeFileSync(path.join(bin, "docker"), pull, { mode: 0o755 });
      writeFileSync(path.join(home, "package.json"), '{"private":true}\n');
      const python = path.dirname(toolPath("venv-python"));
      const node = path.dirname(toolPath("npm"));
      const env = {
        HOME: home,
        PATH: [bin, python, path.dirname(process.execPath), node, "/usr/bin", "/bin"].join(":"),
        PIP_INDEX_URL: `${project.registries.pypi}/simple/`,
        PIP_TARGET: path.join(home, "python"),
        PIP_NO_CACHE_DIR: "1",
        PIP_DISABLE_PIP_VERSION_CHECK: "1",
        npm_config_registry: `${project.registries.npm}/`,
        npm_config_cache: path.join(home, "npm-cache"),
        npm_config_update_notifier: "false",
        no_proxy: "127.0.0.1",
        ...internet.env,
      };
      const commands = commandsOf(bodies[version] as string);
      expect(commands.map((command) => command.split(" ")[0])).toEqual(["curl", "pip", "npm", "docker"]);
      for (const command of commands) {
        const ran = await runShell("bash", { script: command, env, cwd: home });
        expect(ran, `${command}\n${ran.stdout}${ran.stderr}`).toMatchObject({ code: 0 });
      }
      const name = version.includes("-") ? "fast-staging" : "fast";
      expect(readFileSync(path.join(home, ".example/bin", name), "utf8")).toContain(version);
      expect(readFileSync(path.join(home, "node_modules/@example/fast/index.js"), "utf8")).toContain(`"${version}"`);
      const module = readFileSync(path.join(home, "python/fast_project/__init__.py"), "utf8");
      expect(module).toContain(`"${version.replace("-rc.", "rc")}"`);
    },
  );
});
