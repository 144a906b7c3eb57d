import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installScript } from "../../src/generate/installer/index.ts";
import { needs, skipped, toolPath } from "../tools.ts";
import { makeUsers } from "./fixture.ts";
import { fetchers, ordinary, shellNames } from "./sandbox.ts";
import { binaryOf, exampleInput, repository, sha256, startWorld, type World } from "./world.ts";

let world: World;
let user: Awaited<ReturnType<typeof makeUsers>>;
beforeAll(async () => {
  world = await startWorld(["0.1.17", "0.1.18", "0.1.19-rc.1"]);
  user = await makeUsers(world);
});
afterAll(() => world.close());

const link = ".hanzo/bin/playground";
const root = process.getuid?.() === 0;

describe("the PATH", () => {
  const starts = {
    bash: { shell: "/bin/bash", files: [".bashrc", ".profile"] },
    zsh: { shell: "/usr/bin/zsh", files: [".zshrc"] },
    fish: { shell: "/usr/local/bin/fish", files: [".config/fish/conf.d/playground.fish"] },
    "another shell": { shell: "/bin/ksh", files: [".profile"] },
  };
  test.each(Object.entries(starts))(
    "of %s gets a marked block once, and loses it with uninstall",
    async (_, { shell, files }) => {
      const one = user({ env: { SHELL: shell } });
      const mine = "alias a=b # no line break at the end";
      for (const file of files.filter((name) => name === ".profile")) writeFileSync(path.join(one.home, file), mine);
      const ran = await one.install();
      await one.install(["--staging"]);
      for (const file of files) {
        const text = readFileSync(path.join(one.home, file), "utf8");
        expect(text.match(/>>> playground: .*\.hanzo\/bin >>>/g), file).toHaveLength(1);
        expect(ran.stderr).toContain(`~/${file}`);
      }
      expect((await one.uninstall(["--all", "--yes"])).code).toBe(0);
      for (const file of files) {
        const at = path.join(one.home, file);
        if (file === ".profile" && readable(at) !== null) expect(readable(at)).toBe(`${mine}\n`);
        else expect(existsSync(at)).toBe(false);
      }
    },
  );

  test.each(shellNames)("%s finds the command by the block, in front, and only once", async (shell) => {
    const one = user({ shell, env: { SHELL: "/bin/ksh" } });
    await one.install();
    const twice = '. "$HOME/.profile"; . "$HOME/.profile"; echo "$PATH"; playground --version';
    const { stdout } = await one.install(undefined, { script: twice });
    expect(stdout.match(/\.hanzo\/bin/g)).toHaveLength(1);
    expect(stdout).toMatch(/^[^:]*\.hanzo\/bin:/);
    expect(stdout).toContain("playground 0.1.18");
  });

  test("--dir with a blank, a quote and a dollar sign in its name works in the block too", async () => {
    const one = user({ env: { SHELL: "/bin/ksh" } });
    const dir = path.join(one.home, `it's "my" $HOME \`x\``);
    await one.install(["--dir", dir]);
    const { stdout, stderr } = await one.install(undefined, { script: '. "$HOME/.profile"; playground --version' });
    expect(stdout + stderr).toBe("playground 0.1.18\n");
    await one.uninstall(["--yes", "--dir", dir]);
    expect(existsSync(path.join(one.home, ".profile"))).toBe(false);
  });

  test("a start file that is a link stays one, with its mode", async () => {
    const one = user({ env: { SHELL: "/bin/zsh" } });
    mkdirSync(path.join(one.home, "dotfiles"));
    writeFileSync(path.join(one.home, "dotfiles/zshrc"), "a\n", { mode: 0o600 });
    symlinkSync("dotfiles/zshrc", path.join(one.home, ".zshrc"));
    await one.install();
    await one.uninstall(["--yes"]);
    expect(lstatSync(path.join(one.home, ".zshrc")).isSymbolicLink()).toBe(true);
    expect(readFileSync(path.join(one.home, "dotfiles/zshrc"), "utf8")).toBe("a\n");
    expect(lstatSync(path.join(one.home, "dotfiles/zshrc")).mode & 0o777).toBe(0o600);
  });

  test("in GitHub Actions $GITHUB_PATH gets it once, and no start file does", async () => {
    const one = user({ env: { SHELL: "/bin/bash" } });
    const file = path.join(one.home, "github-path");
    writeFileSync(file, "/other\n");
    for (const args of [[], ["--staging"]]) await one.install(args, { env: { GITHUB_PATH: file } });
    expect(readFileSync(file, "utf8")).toBe(`/other\n${one.home}/.hanzo/bin\n`);
    expect(existsSync(path.join(one.home, ".bashrc"))).toBe(false);
    await one.uninstall(["--all", "--yes"], { env: { GITHUB_PATH: file } });
    expect(readFileSync(file, "utf8")).toBe("/other\n");
  });

  test("--no-modify-path and PLAYGROUND_NO_MODIFY_PATH leave it alone and say so", async () => {
    for (const [args, env] of [
      [["--no-modify-path"], {}] as const,
      [[], { PLAYGROUND_NO_MODIFY_PATH: "1" }] as const,
    ]) {
      const one = user({ env: { SHELL: "/bin/bash", ...env } });
      expect((await one.install(args)).stderr).toContain("not on your PATH: ~/.hanzo/bin");
      expect(existsSync(path.join(one.home, ".bashrc"))).toBe(false);
    }
  });

  test("a program of that name in front of ours is told", async () => {
    const one = user({ own: { playground: "echo other" } });
    expect((await one.install()).stderr).toMatch(/warning: \S+\/playground comes first on your PATH/);
  });
});

describe("what it prints", () => {
  const terminal = (script: string, env = "") =>
    `printf '%s' "$SCRIPT" >"$HOME/s.sh"; ${env} TERM=xterm script --quiet --return --command "sh $HOME/s.sh ${script}" /dev/null </dev/null`;

  test("colour on a terminal alone, and never with NO_COLOR", async () => {
    const one = user();
    const text = installScript(await exampleInput());
    const wrong = "--wrong";
    expect((await one.install([wrong])).stderr).not.toContain("\x1b");
    const more = { env: { SCRIPT: text }, path: ["/usr/bin"] };
    const on = await one.install(undefined, { ...more, script: terminal(wrong) });
    expect(on.stdout).toContain("\x1b[31merror:");
    const off = await one.install(undefined, { ...more, script: terminal(wrong, "NO_COLOR=1") });
    expect(off.stdout).toContain("error:");
    expect(off.stdout).not.toContain("\x1b[31m");
  });
});

describe("uninstall", () => {
  test("without a terminal and without --yes nothing is removed", async () => {
    const one = user();
    await one.install();
    const ran = await one.uninstall();
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain("add --yes to remove playground");
    expect(await one.says(link)).toBe("playground 0.1.18");
  });

  test.each([
    ["y", null],
    ["", "playground 0.1.18"],
    ["n", "playground 0.1.18"],
  ])("on a terminal it asks, also when the script comes through a pipe: %j", async (answer, left) => {
    const one = user();
    await one.install();
    const { uninstallScript } = await import("../../src/generate/installer/index.ts");
    const script = `printf '%s' "$SCRIPT" >"$HOME/s.sh"; (sleep 0.3; echo "${answer}") | script --quiet --return --command "cat $HOME/s.sh | sh" /dev/null`;
    const more = { env: { SCRIPT: uninstallScript(await exampleInput()) }, path: ["/usr/bin"] };
    const ran = await one.install(undefined, { ...more, script });
    expect(ran.stdout).toContain("Remove playground from ~/.hanzo? [y/N]");
    expect(await one.says(link)).toBe(left);
  });

  test("the other channel is named when the one asked for isn't there", async () => {
    const one = user();
    await one.install(["--staging"]);
    const ran = await one.uninstall(["--yes"]);
    expect(ran.stderr).toContain("playground-staging is there: --staging or --all names it");
    expect(await one.says(`${link}-staging`)).toBe("playground 0.1.19-rc.1");
  });

  test("files of the user's own in our folders are left, and told", async () => {
    const one = user();
    await one.install();
    writeFileSync(path.join(one.home, ".hanzo/playground/notes.txt"), "mine\n");
    const ran = await one.uninstall(["--yes"]);
    expect(ran.stderr).toContain("~/.hanzo/playground holds other files");
    expect(readFileSync(path.join(one.home, ".hanzo/playground/notes.txt"), "utf8")).toBe("mine\n");
  });
});

describe("the machine", () => {
  test("a folder that can't be written to is told, with --dir as the way out", async () => {
    const one = user({ user: ordinary });
    chmodSync(one.home, 0o555);
    const ran = await one.install([], { env: root ? {} : { HOME: "/proc" } });
    chmodSync(one.home, 0o755);
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("could not write to ~/.hanzo/playground");
    expect(ran.stderr).toContain("--dir");
    expect(world.requests(one.name)).toEqual([]);
  });

  const mount =
    root &&
    (() => {
      const probe = "/tmp/.twotier-mount-probe";
      try {
        mkdirSync(probe, { recursive: true });
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" });
        execFileSync("umount", [probe]);
        return true;
      } catch {
        return false;
      } finally {
        rmSync(probe, { recursive: true, force: true });
      }
    })();
  describe.skipIf(mount ? false : skipped("a small disk can't be mounted here"))("with a full disk", () => {
    test.each(fetchers)("%s: it says so, and the old version still runs", async (fetcher) => {
      const one = user({ fetcher });
      const disk = path.join(one.home, ".hanzo");
      mkdirSync(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", disk]);
      try {
        await one.install(["--version", "0.1.17"]);
        const big = `#!/bin/sh\n${"# filler\n".repeat(40_000)}`;
        world.fault(one.name, {
          path: /checksums\.txt/,
          answer: (it) => void it.end(`${sha256(big)}  playground-linux-amd64\n`),
        });
        world.fault(one.name, { path: /playground-linux-amd64/, answer: (it) => void it.end(big) });
        const ran = await one.install();
        expect(ran.stderr).toMatch(/error: could not write to .*is the disk full\?/);
        expect(await one.says(link)).toBe("playground 0.1.17");
        expect(one.leftovers()).toEqual([]);
      } finally {
        execFileSync("umount", [disk]);
      }
    });
  });

  test.each([
    ["curl", { http_proxy: "PROXY" }],
    ["wget", { http_proxy: "PROXY" }],
    ["wget", { HTTP_PROXY: "PROXY" }],
    ["curl", { HTTP_PROXY: "PROXY" }],
    ["busybox wget", { HTTP_PROXY: "PROXY" }],
  ] as const)("%s goes through the proxy of %j", async (fetcher, variables) => {
    const seen: string[] = [];
    const proxy = http.createServer((request, response) => {
      seen.push(request.url ?? "");
      const on = http.request(request.url as string, { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode as number, answer.headers);
        answer.pipe(response);
      });
      on.end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const one = user({ fetcher });
    const env = Object.fromEntries(Object.keys(variables).map((key) => [key, address]));
    expect(await one.install([], { env })).toMatchObject({ code: 0 });
    proxy.closeAllConnections();
    proxy.close();
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.every((url) => url.startsWith("http://127.0.0.1:"))).toBe(true);
  });
});

describe("signatures", () => {
  describe.skipIf(needs(["minisign"]))("by minisign", () => {
    test("a right one is taken; a wrong one, another's, or none is not", async () => {
      const folder = path.join(world.folder, "keys");
      mkdirSync(folder);
      const minisign = (...args: string[]) =>
        execFileSync(toolPath("minisign"), args, { cwd: folder, stdio: "ignore" });
      for (const name of ["ours", "theirs"]) minisign("-G", "-W", "-p", `${name}.pub`, "-s", `${name}.key`);
      const key = readFileSync(path.join(folder, "ours.pub"), "utf8").split("\n")[1] as string;
      const script = installScript({ ...(await exampleInput()), minisign: key });
      const sums = `${sha256(binaryOf("0.1.18"))}  playground-linux-amd64\n`;
      writeFileSync(path.join(folder, "sums"), sums);
      const sign = (name: string) => {
        minisign("-S", "-W", "-s", `${name}.key`, "-m", "sums", "-x", `${name}.sig`);
        return readFileSync(path.join(folder, `${name}.sig`), "utf8");
      };
      const path_ = [path.dirname(toolPath("minisign"))];
      const attempt = async (signature: string | null, changed = sums) => {
        const one = user();
        world.fault(one.name, { path: /checksums\.txt$/, answer: (it) => void it.end(changed) });
        if (signature) world.fault(one.name, { path: /\.minisig$/, answer: (it) => void it.end(signature) });
        return { ...(await one.install(["--version", "0.1.18"], { script, path: path_ })), says: await one.says(link) };
      };
      expect(await attempt(sign("ours"))).toMatchObject({ code: 0, says: "playground 0.1.18" });
      expect((await attempt(sign("theirs"))).stderr).toContain("the signature of checksums.txt of 0.1.18 is wrong");
      expect(await attempt(sign("ours"), `${sums}# added\n`)).toMatchObject({ code: 1, says: null });
      expect((await attempt(null)).stderr).toContain("no checksums.txt.minisig of 0.1.18");
    });
  });

  test("gh checks the attestation where the project has them and gh is logged in", async () => {
    const script = installScript({ ...(await exampleInput()), attestations: true });
    const gh = (verify: string, login = "true") => ({
      own: { gh: `echo "$@" >>"$HOME/.gh"; case $1 in auth) ${login};; *) ${verify};; esac` },
    });
    const good = user(gh("true"));
    expect(await good.install([], { script })).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(good.home, ".gh"), "utf8")).toMatch(
      new RegExp(`attestation verify \\S+/playground --repo ${repository}`),
    );
    const bad = user(gh("echo no attestation >&2; exit 1"));
    expect((await bad.install([], { script })).stderr).toContain("missing or wrong: no attestation");
    expect(await bad.says(link)).toBe(null);
    expect(await user(gh("exit 1", "false")).install([], { script })).toMatchObject({ code: 0 });
  });
});

function readable(file: string): string | null {
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}
