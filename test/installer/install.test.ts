import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installScript } from "../../src/generate/installer/index.ts";
import { makeUsers } from "./fixture.ts";
import { shellNames } from "./sandbox.ts";
import { binaryOf, exampleInput, sha256, startWorld, type World } from "./world.ts";

let world: World;
let user: Awaited<ReturnType<typeof makeUsers>>;
beforeAll(async () => {
  world = await startWorld([
    "0.1.17",
    "0.1.18",
    "0.1.19-beta.30",
    "0.1.19-rc.1",
    "0.1.19-rc.2",
    "0.1.19-rc.10",
    "0.1.9-rc.99",
  ]);
  user = await makeUsers(world);
});
afterAll(() => world.close());

const [production, staging] = [".hanzo/bin/playground", ".hanzo/bin/playground-staging"];
const apiRequests = (name: string) => world.requests(name).filter((it) => it.startsWith("/api"));

describe.each(shellNames)("with %s", (shell) => {
  test("the latest stable version is installed, without one request to the API", async () => {
    const one = user({ shell });
    expect(await one.install()).toMatchObject({ code: 0, stdout: "" });
    expect(await one.says(production)).toBe("playground 0.1.18");
    expect(await one.says(".hanzo/playground/bin/playground")).toBe("playground 0.1.18");
    expect(apiRequests(one.name)).toEqual([]);
  });

  test("--staging and STAGING=1 take the highest candidate by number, in a place of its own", async () => {
    const one = user({ shell });
    await one.install();
    expect(await one.install(["--staging"])).toMatchObject({ code: 0 });
    expect(await one.says(staging)).toBe("playground 0.1.19-rc.10");
    expect(await one.says(".hanzo/playground-staging/bin/playground")).toBe("playground 0.1.19-rc.10");
    expect(await one.says(production)).toBe("playground 0.1.18");
    expect(apiRequests(one.name)).toEqual([]);
    const other = user({ shell });
    await other.install([], { env: { STAGING: "1" } });
    expect(await other.says(staging)).toBe("playground 0.1.19-rc.10");
    expect(await other.says(production)).toBe(null);
    const third = user({ shell });
    await third.install([], { env: { STAGING: "0" } });
    expect(await third.says(production)).toBe("playground 0.1.18");
  });

  test.each([["v0.1.17"], ["0.1.17"]])(
    "%s is pinned by --version, --version=, PLAYGROUND_VERSION and VERSION",
    async (pinned) => {
      const ways: { args?: string[]; env?: Record<string, string>; preset?: { version: string } }[] = [
        { args: ["--version", pinned] },
        { args: [`--version=${pinned}`] },
        { env: { PLAYGROUND_VERSION: pinned, VERSION: "9.9.9" } },
        { env: { VERSION: pinned } },
        { preset: { version: pinned.replace("v", "") }, env: { VERSION: "0.1.18" } },
      ];
      for (const { args, ...more } of ways) {
        const one = user({ shell });
        expect(await one.install(args, more)).toMatchObject({ code: 0 });
        expect(await one.says(production)).toBe("playground 0.1.17");
      }
    },
  );

  test("a pinned candidate goes to the candidates' place, with and without --staging", async () => {
    for (const args of [
      ["--version", "v0.1.19-rc.2", "--staging"],
      ["--version", "v0.1.19-rc.2"],
    ]) {
      const one = user({ shell });
      await one.install();
      expect(await one.install(args)).toMatchObject({ code: 0 });
      expect(await one.says(staging)).toBe("playground 0.1.19-rc.2");
      expect(await one.says(production)).toBe("playground 0.1.18");
    }
  });

  test("what comes after says which version is replaced by which, and --rollback brings the one before back", async () => {
    const one = user({ shell });
    await one.install(["--version", "0.1.17"]);
    const newer = await one.install();
    expect(newer.stderr).toContain("0.1.17 is replaced by 0.1.18");
    expect(newer.stderr).not.toContain("older");
    const again = await one.install();
    expect(again.stderr).toContain("0.1.18 is installed already");
    expect(world.requests(one.name).filter((it) => it.endsWith("/playground-linux-amd64"))).toHaveLength(2);
    const back = await one.install(["--rollback"]);
    expect(back.stderr).toContain("0.1.18 is replaced by 0.1.17");
    expect(await one.says(production)).toBe("playground 0.1.17");
    expect((await one.install(["--rollback"])).code).toBe(0);
    expect(await one.says(production)).toBe("playground 0.1.18");
    const older = await one.install(["--version", "0.1.17"]);
    expect(older.stderr).toContain("warning: 0.1.17 is older than 0.1.18");
  });

  test("uninstall takes everything away that was added, and nothing else", async () => {
    const one = user({ shell, env: { SHELL: "/bin/bash" } });
    const profile = "# mine\nexport A=1\n";
    writeFileSync(path.join(one.home, ".profile"), profile);
    await one.install();
    await one.install(["--staging"]);
    writeFileSync(path.join(one.home, ".hanzo/bin/other-tool"), "another tool's\n");
    expect(readFileSync(path.join(one.home, ".profile"), "utf8")).toContain("$HOME/.hanzo/bin");
    expect(await one.uninstall(["--yes"])).toMatchObject({ code: 0 });
    expect(await one.says(production)).toBe(null);
    expect(await one.says(staging)).toBe("playground 0.1.19-rc.10");
    expect(readFileSync(path.join(one.home, ".profile"), "utf8")).toContain("$HOME/.hanzo/bin");
    expect(await one.uninstall(["--yes", "--all"])).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(one.home, ".profile"), "utf8")).toBe(profile);
    expect(existsSync(path.join(one.home, ".bashrc"))).toBe(false);
    expect(readFileSync(path.join(one.home, ".hanzo/bin/other-tool"), "utf8")).toBe("another tool's\n");
    expect(existsSync(path.join(one.home, ".hanzo/playground"))).toBe(false);
    expect(existsSync(path.join(one.home, ".hanzo/playground-staging"))).toBe(false);
    expect((await one.uninstall(["--yes"])).stderr).toContain("nothing to remove");
  });
});

describe("choosing a version", () => {
  test("a VERSION that is no version is somebody else's and is ignored, with a word", async () => {
    const one = user();
    const ran = await one.install([], { env: { VERSION: "12 (bookworm)" } });
    expect(ran.stderr).toContain("VERSION=12 (bookworm)");
    expect(await one.says(production)).toBe("playground 0.1.18");
  });

  test("a VERSION that doesn't exist says where it comes from", async () => {
    const ran = await user().install([], { env: { VERSION: "3.2.1" } });
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("there is no version 3.2.1 of playground");
    expect(ran.stderr).toContain("VERSION=3.2.1 comes from the environment");
  });

  test.each(["main", "1.2", "v01.2.3", "1.2.3-rc.01", "1.2.3\n1.2.4", "v0.1.41-rc.278.1", "../../x"])(
    "%j is no version, whatever asks for it",
    async (version) => {
      expect(await user().install(["--version", version])).toMatchObject({ code: 2 });
      expect(await user().install([], { env: { PLAYGROUND_VERSION: version } })).toMatchObject({ code: 2 });
    },
  );

  test("no candidate yet, no stable version yet: it says so, and what to do", async () => {
    const empty = await startWorld([]);
    try {
      const one = (await makeUsers(empty))();
      const candidate = await one.install(["--staging"]);
      expect(candidate).toMatchObject({ code: 1 });
      expect(candidate.stderr).toContain("No prerelease version found");
      expect(candidate.stderr).toContain("hint: leave --staging out");
      const stable = await one.install();
      expect(stable).toMatchObject({ code: 1 });
      expect(stable.stderr).toContain("no stable release yet");
      expect(stable.stderr).toContain("--staging");
      expect(existsSync(path.join(one.home, ".hanzo"))).toBe(false);
    } finally {
      await empty.close();
    }
  });

  test("the channel file comes first; without it, or with nonsense in it, the feed", async () => {
    const one = user();
    world.fault(one.name, { path: /^\/channels\/staging\.txt$/, answer: (it) => void it.end("0.1.19-rc.2\n") });
    const channels = { PLAYGROUND_CHANNELS_URL: `${world.github(one.name)}/channels` };
    await one.install(["--staging"], { env: channels });
    expect(await one.says(staging)).toBe("playground 0.1.19-rc.2");
    expect(world.requests(one.name).some((it) => it.includes("atom"))).toBe(false);
    const two = user();
    world.fault(two.name, { path: /^\/channels\/staging\.txt$/, answer: (it) => void it.end("<html>404</html>") });
    await two.install(["--staging"], { env: { PLAYGROUND_CHANNELS_URL: `${world.github(two.name)}/channels` } });
    expect(await two.says(staging)).toBe("playground 0.1.19-rc.10");
  });

  test("more than ten newer releases than the candidate: the API's list has it", async () => {
    const one = user();
    world.fault(one.name, { path: /releases\.atom/, answer: (it) => void it.end("<feed></feed>") });
    await one.install(["--staging"]);
    expect(await one.says(staging)).toBe("playground 0.1.19-rc.10");
    expect(apiRequests(one.name)).toHaveLength(1);
  });

  test("--verbose says what is done, and changes nothing of it", async () => {
    const one = user();
    const ran = await one.install(["--verbose", "--staging"]);
    expect(ran).toMatchObject({ code: 0, stdout: "" });
    expect(ran.stderr).toContain("sha256");
    expect(await one.says(staging)).toBe("playground 0.1.19-rc.10");
  });

  test("--help is on stdout; a wrong option is told, and nothing is done", async () => {
    const help = await user().install(["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const option of ["--staging", "--version", "--dir", "--no-modify-path", "--rollback", "--verbose"]) {
      expect(help.stdout).toContain(option);
    }
    for (const args of [["--stagin"], ["--version"], ["--dir", "--staging"], ["0.1.18"]]) {
      const one = user();
      expect(await one.install(args)).toMatchObject({ code: 2, stdout: "" });
      expect(world.requests(one.name)).toEqual([]);
    }
  });
});

describe("where it goes", () => {
  test("the links are relative, and the command is found through them alone", async () => {
    const one = user();
    await one.install();
    expect(readlinkSync(path.join(one.home, production))).toBe("../playground/bin/playground");
    expect(lstatSync(path.join(one.home, ".hanzo/playground/bin/playground")).isFile()).toBe(true);
  });

  test("--dir and PLAYGROUND_INSTALL_DIR put it into a shared folder, each channel by its own name", async () => {
    const one = user();
    const dir = path.join(one.home, "a folder's $tools");
    mkdirSync(dir);
    writeFileSync(path.join(dir, "theirs"), "theirs\n");
    expect(await one.install(["--dir", dir])).toMatchObject({ code: 0 });
    expect(await one.install(["--staging"], { env: { PLAYGROUND_INSTALL_DIR: dir } })).toMatchObject({ code: 0 });
    expect(await one.says("a folder's $tools/playground")).toBe("playground 0.1.18");
    expect(await one.says("a folder's $tools/playground-staging")).toBe("playground 0.1.19-rc.10");
    expect(existsSync(path.join(one.home, ".hanzo"))).toBe(false);
    expect(await one.uninstall(["--dir", dir, "--all", "--yes"])).toMatchObject({ code: 0 });
    const { stdout } = await one.install(undefined, { script: `ls -A "${dir.replace("$", "\\$")}"` });
    expect(stdout).toBe("theirs\n");
  });

  test("another program of that name is never overwritten, nor removed", async () => {
    const one = user();
    const dir = path.join(one.home, "bin");
    mkdirSync(dir);
    writeFileSync(path.join(dir, "playground"), "another program\n");
    const ran = await one.install(["--dir", dir]);
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("was not installed by this script");
    expect(readFileSync(path.join(dir, "playground"), "utf8")).toBe("another program\n");
    await one.uninstall(["--dir", dir, "--yes"]);
    expect(readFileSync(path.join(dir, "playground"), "utf8")).toBe("another program\n");
    const two = user();
    await two.install(["--dir", path.join(two.home, "bin")]);
    writeFileSync(path.join(two.home, "bin/playground"), "changed since\n");
    const removed = await two.uninstall(["--dir", path.join(two.home, "bin"), "--yes"]);
    expect(removed.stderr).toContain("was not put there by the installer");
    expect(readFileSync(path.join(two.home, "bin/playground"), "utf8")).toBe("changed since\n");
  });

  test.each([
    ["a file", (at: string) => writeFileSync(at, "theirs\n")],
    ["a link to itself", (at: string) => symlinkSync("playground", at)],
    ["a link elsewhere", (at: string) => symlinkSync("/usr/bin/true", at)],
    ["a folder", (at: string) => mkdirSync(at)],
  ])("%s where the link should be stops it before anything is fetched", async (_, make) => {
    const one = user();
    mkdirSync(path.join(one.home, ".hanzo/bin"), { recursive: true });
    make(path.join(one.home, production));
    const ran = await one.install();
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("~/.hanzo/bin/playground is there already and is not ours");
    expect(world.requests(one.name)).toEqual([]);
    expect(existsSync(path.join(one.home, ".hanzo/playground"))).toBe(false);
    await one.uninstall(["--yes"]);
    expect(lstatSync(path.join(one.home, production))).toBeTruthy();
  });

  test("an installation that another tool made there before is replaced and kept for --rollback", async () => {
    const one = user();
    mkdirSync(path.join(one.home, ".hanzo/playground/bin"), { recursive: true });
    const old = path.join(one.home, ".hanzo/playground/bin/playground");
    writeFileSync(old, binaryOf("0.0.1"));
    chmodSync(old, 0o755);
    const ran = await one.install();
    expect(ran.stderr).toContain("another version is replaced by 0.1.18");
    await one.install(["--rollback"]);
    expect(await one.says(production)).toBe("playground 0.0.1");
  });
});

describe("what is never installed", () => {
  test.each([
    ["no checksum tool", { checksum: null }, "no tool to compute a SHA-256 checksum"],
    ["neither curl nor wget", { fetcher: null }, "neither curl nor wget is here"],
    ["no home", { env: { HOME: "" } }, "HOME is not set"],
    ["plain http", { env: { PLAYGROUND_GITHUB_URL: "http://example.invalid" } }, "not https"],
    [
      "a host that only looks like this machine",
      { env: { PLAYGROUND_GITHUB_URL: "http://127.0.0.1:1@example.invalid" } },
      "not https",
    ],
    ["another", { env: { PLAYGROUND_GITHUB_URL: "http://127.0.0.1.example.invalid" } }, "not https"],
    ["an unknown system", { own: { uname: "echo Plan9" } }, "there is no playground for Plan9"],
    [
      "an unknown machine",
      { own: { uname: "case $1 in -s) echo Linux;; *) echo sparc64;; esac" } },
      "for linux on sparc64",
    ],
  ] as const)("%s: it stops and says why", async (_, options, message) => {
    const one = user(options);
    const ran = await one.install();
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain("hint: ");
  });

  test.each(["sha256sum", "shasum", "openssl"] as const)("%s alone is enough", async (checksum) => {
    const one = user({ checksum });
    expect(await one.install()).toMatchObject({ code: 0 });
    expect(await one.says(production)).toBe("playground 0.1.18");
  });

  test("a checksum that doesn't fit: both values are shown, and the old version stays", async () => {
    const one = user();
    await one.install(["--version", "0.1.17"]);
    world.fault(one.name, { path: /playground-linux-amd64$/, answer: (it) => void it.end("evil\n") });
    const ran = await one.install();
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("checksum mismatch");
    expect(ran.stderr).toContain(sha256("evil\n"));
    expect(ran.stderr).toContain(sha256(binaryOf("0.1.18")));
    expect(await one.says(production)).toBe("playground 0.1.17");
  });

  test.each([
    ["in which the name is only a part of another's", () => `${sha256("evil")}  not-playground-linux-amd64\n`],
    ["with too short a checksum", () => `${sha256("evil").slice(1)}  playground-linux-amd64\n`],
    ["with an upper-case, non-hexadecimal one", () => `${"Z".repeat(64)}  playground-linux-amd64\n`],
    ["in capitals", () => `${sha256("evil").toUpperCase()}  playground-linux-amd64\n`],
    ["with Windows' line ends", () => `${sha256("evil")}  playground-linux-amd64\r\n`],
    ["of a file in a folder", () => `${sha256("evil")}  ./playground-linux-amd64\n`],
    ["of a name with a star in it", () => `${sha256("evil")}  playground-linux-*\n`],
    ["with one space", () => `${sha256("evil")} playground-linux-amd64\n`],
    [
      "with two different lines",
      () => `${sha256("a")}  playground-linux-amd64\n${sha256("b")}  playground-linux-amd64\n`,
    ],
    ["that is empty", () => ""],
  ])("a checksums.txt %s counts for nothing", async (_, text) => {
    const one = user();
    world.fault(one.name, { path: /checksums\.txt$/, answer: (it) => void it.end(text()) });
    world.fault(one.name, { path: /playground-linux-amd64$/, answer: (it) => void it.end("evil") });
    const ran = await one.install();
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("checksums.txt of 0.1.18");
    expect(await one.says(production)).toBe(null);
    expect(existsSync(path.join(one.home, ".hanzo"))).toBe(false);
  });
});

describe("what it runs on", () => {
  const machine = (os: string, arch: string, more: Record<string, string> = {}) => ({
    own: { uname: `case $1 in -s) echo ${os};; *) echo ${arch};; esac`, ...more },
  });
  const asked = (name: string) => world.requests(name).filter((it) => /playground-[a-z]+-[a-z0-9]+$/.test(it));

  test.each([
    ["Linux", "aarch64", "playground-linux-arm64", {}],
    ["Darwin", "arm64", "playground-darwin-arm64", {}],
    ["Darwin", "x86_64", "playground-darwin-amd64", {}],
    ["Darwin", "x86_64", "playground-darwin-arm64", { sysctl: "echo 1" }],
    ["Linux", "x86_64", "playground-linux-amd64", { ldd: "echo musl libc" }],
  ])("%s on %s is %s", async (os, arch, asset, more) => {
    const one = user(machine(os, arch, more));
    world.fault(one.name, {
      path: /checksums\.txt$/,
      answer: (it) => void it.end(`${sha256(binaryOf("0.1.18"))}  ${asset}\n`),
    });
    await one.install();
    expect(asked(one.name)[0]).toMatch(new RegExp(`/${asset}$`));
  });

  test("binaries that need glibc aren't put on a system with musl; a -musl file is taken there", async () => {
    const ldd = { own: { ldd: "echo musl libc" } };
    const input = { ...(await exampleInput()), static: false };
    const ran = await user(ldd).install([], { script: installScript(input) });
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("this system has musl, and the binaries of playground need glibc");
    const one = user(ldd);
    const assets = { ...input.assets, "linux-amd64-musl": "playground-linux-amd64-musl" };
    const sums = `${sha256(binaryOf("0.1.18"))}  playground-linux-amd64-musl\n`;
    world.fault(one.name, { path: /checksums\.txt$/, answer: (it) => void it.end(sums) });
    world.fault(one.name, { path: /amd64-musl$/, answer: (it) => void it.end(binaryOf("0.1.18")) });
    expect(await one.install([], { script: installScript({ ...input, assets }) })).toMatchObject({ code: 0 });
    expect(await one.says(production)).toBe("playground 0.1.18");
  });

  test("a 32-bit system on a 64-bit kernel isn't given a 64-bit binary", async () => {
    const ran = await user(machine("Linux", "aarch64", { getconf: "echo 32" })).install();
    expect(ran.stderr).toContain("there is no playground for linux on armv7");
  });
});
