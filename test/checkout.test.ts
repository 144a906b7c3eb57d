import { type StdioOptions, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { root, tool } from "./tools.ts";

const temp = realpathSync(mkdtempSync(path.join(tmpdir(), "twotier-checkout-")));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

let count = 0;
let folder = "";
let programs = "";
/** A checkout with nothing in it but scripts and launcher, and a PATH of its own. */
beforeEach(() => {
  folder = path.join(temp, String(++count));
  programs = path.join(folder, "programs");
  mkdirSync(programs, { recursive: true });
  for (const name of ["bin", "scripts"]) cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  for (const name of ["sh", "dirname", "readlink", "mkdir", "rm", "cat", "tail", "find"]) {
    const found = ["/bin", "/usr/bin"].map((it) => path.join(it, name)).find((it) => existsSync(it));
    if (found !== undefined) symlinkSync(found, path.join(programs, name));
  }
});

describe("bin/twotier", () => {
  test("says what to do before `make setup`", () => {
    const run = twotier(path.join(folder, "bin/twotier"));
    expect(run.stderr).toBe(`twotier: this checkout isn't set up yet; run: make -C ${folder} setup\n`);
    expect(run.status).toBe(1);
  });

  test("runs dist/ with the checkout's Node where the machine's is too old, from any folder and through symlinks", () => {
    setUp({ machine: "v20.20.2" });
    mkdirSync(path.join(folder, "links"));
    symlinkSync("../bin/twotier", path.join(folder, "links/relative"));
    symlinkSync(path.join(folder, "links/relative"), path.join(folder, "links/absolute"));
    for (const command of ["bin/twotier", "links/relative", "links/absolute"]) {
      const run = twotier(path.join(folder, command), "plan", "a b");
      expect(run.stdout).toBe(`checkout's: ${folder}/dist/main.js plan a b\n`);
    }
  });

  test("runs with the machine's Node where that is new enough", () => {
    setUp({ machine: "v22.18.0" });
    expect(twotier(path.join(folder, "bin/twotier")).stdout).toBe(`machine's: ${folder}/dist/main.js\n`);
    setUp({ machine: "v22.17.1" });
    expect(twotier(path.join(folder, "bin/twotier")).stdout).toBe(`checkout's: ${folder}/dist/main.js\n`);
  });

  test("runs the sources where one is newer than dist/", () => {
    setUp({ machine: "v24.1.0" });
    const future = new Date(Date.now() + 60_000);
    utimesSync(path.join(folder, "src/cli/bin.ts"), future, future);
    expect(twotier(path.join(folder, "bin/twotier")).stdout).toContain(`${folder}/src/cli/bin.ts\n`);
  });

  function twotier(command: string, ...args: string[]) {
    return spawnSync(command, args, { cwd: "/", env: { PATH: programs }, encoding: "utf8" });
  }

  function setUp({ machine }: { machine: string }): void {
    program(path.join(programs, "node"), `[ "$1" = --version ] && echo ${machine} || echo "machine's: $*"`);
    program(path.join(folder, "node_modules/node/bin/node"), `echo "checkout's: $*"`);
    for (const file of ["package.json", "src/cli/bin.ts", "dist/main.js"]) write(path.join(folder, file), "");
  }
});

describe.each(["sh", "dash", "bash"] as const)(
  "scripts/lib.sh in %s: programs of the system that are missing",
  (shell) => {
    const sh = shell === "sh" ? "/bin/sh" : tool(shell);

    test.skipIf(sh === undefined)("without root: the command to install them, and a stop", () => {
      debian("echo 1000");
      const run = system("needed skopeo shellcheck");
      expect(run.stderr).toBe(
        "setup: these programs are missing: skopeo shellcheck\n  get them: sudo apt-get install skopeo shellcheck\n  then run make again\n",
      );
      expect(run.status).toBe(1);
      expect(existsSync(path.join(folder, "apt"))).toBe(false);
    });

    test.skipIf(sh === undefined)("on macOS: Homebrew's names", () => {
      program(path.join(programs, "uname"), "echo Darwin");
      const run = system("needed skopeo buildah minisign");
      expect(run.stderr).toContain("get them: brew install skopeo minisign\n");
      expect(run.status).toBe(1);
    });

    test.skipIf(sh === undefined)("as root: Debian's packages are installed, only those that are missing", () => {
      debian("echo 0");
      program(path.join(programs, "gh"), "");
      const run = system("needed gh skopeo");
      expect(run.stderr).toBe("");
      expect(run.status).toBe(0);
      expect(readFileSync(path.join(folder, "apt"), "utf8")).toMatch(
        / update\n.* install --no-install-recommends skopeo\n$/,
      );
    });

    test.skipIf(sh === undefined)("all there: nothing is asked of anybody", () => {
      debian("echo 0");
      program(path.join(programs, "skopeo"), "");
      expect(system("needed skopeo")).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect(existsSync(path.join(folder, "apt"))).toBe(false);
    });

    test.skipIf(sh === undefined)(
      "Debian can't be reached: the tests' ones are noted and left out, but not with CI=true",
      () => {
        debian("echo 0", "Unable to connect to deb.example");
        const run = system("wanted minisign");
        expect(run.status).toBe(0);
        expect(run.stderr).toContain("its tests will be skipped by name");
        expect(readFileSync(path.join(folder, ".setup/missing/minisign"), "utf8")).toContain("Unable to connect");
        expect(system("wanted minisign", { CI: "true" }).status).toBe(1);
        expect(system("needed minisign").status).toBe(1);
      },
    );

    function system(args: string, env: Record<string, string> = {}) {
      const script = `set -eu; root=$PWD; . scripts/lib.sh; mkdir -p .setup; system_tools ${args}`;
      // bash takes a socket on stdin for a remote shell and reads ~/.bashrc.
      const stdio: StdioOptions = ["ignore", "pipe", "pipe"];
      return spawnSync(sh as string, ["-c", script], {
        cwd: folder,
        env: { PATH: programs, ...env },
        stdio,
        encoding: "utf8",
      });
    }

    /** A Debian whose apt-get notes its arguments, and brings what it is asked for unless it fails. */
    function debian(id: string, failure?: string): void {
      program(path.join(programs, "id"), id);
      program(path.join(programs, "dpkg"), "");
      const bring = `for it; do :; done; [ "$it" = update ] || cp "$0" "${programs}/$it"`;
      symlinkSync("/bin/cp", path.join(programs, "cp"));
      program(
        path.join(programs, "apt-get"),
        failure === undefined ? `echo "$*" >>"${folder}/apt"; ${bring}` : `echo "${failure}"; exit 100`,
      );
    }
  },
);

function program(file: string, body: string): void {
  write(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
