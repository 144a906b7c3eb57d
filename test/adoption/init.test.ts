import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { folderTree } from "../../src/git/folder.ts";
import { checkProposal, propose } from "../../src/init/index.ts";
import { readPlace } from "../../src/init/place.ts";
import { startRegistries } from "../../src/registries/index.ts";
import { root } from "../tools.ts";
import { twotier as adopted } from "./adopt.ts";
import { gitFor, goldenOf, type Layout, layouts, makeRepository, setRemote } from "./layouts.ts";

const folders: string[] = [];
afterEach(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A layout's repository, removed after the test. */
function repository(name: string, options?: { windows?: boolean }) {
  const layout = layouts.find((one) => one.name === name) as Layout;
  const made = makeRepository(layout, options);
  folders.push(made.dir);
  return made;
}

function empty() {
  const dir = mkdtempSync(path.join(tmpdir(), "twotier-init-"));
  folders.push(dir);
  return dir;
}

async function look(dir: string) {
  const signal = new AbortController().signal;
  const { place } = await readPlace(dir, signal, {});
  const tree = folderTree(dir, signal);
  const proposal = await propose(tree, place);
  return { place, proposal, ...(await checkProposal(proposal, tree)) };
}

function twotier(dir: string, ...args: string[]) {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", NO_COLOR: "1" };
  const command = [path.join(root, "src/cli/bin.ts"), ...args];
  return spawnSync(process.execPath, command, { cwd: dir, env, encoding: "utf8" });
}

/** Every file of a folder, .git included, with its contents. */
function fingerprint(dir: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files.map((entry) => path.join(entry.parentPath, entry.name)).sort())
    hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

describe("twotier.yaml", () => {
  test.each(layouts)("of $name is what a person would write", async (layout) => {
    const { proposal } = await look(repository(layout.name).dir);
    await expect(proposal.text).toMatchFileSnapshot(goldenOf(layout));
  });

  test.each(["npm-workspaces", "polyglot", "release-please"])(
    "of %s is the same with Windows line ends",
    async (name) => {
      const { proposal } = await look(repository(name, { windows: true }).dir);
      expect(proposal.text).toBe(readFileSync(goldenOf({ name }), "utf8"));
    },
  );
});

describe("twotier init", () => {
  test("writes what it shows; again it changes nothing", () => {
    const { dir } = repository("go-goreleaser");
    const dry = twotier(dir, "init", "--yes", "--dry-run");
    expect(dry.status).toBe(0);
    expect(existsSync(path.join(dir, "twotier.yaml"))).toBe(false);
    const first = twotier(dir, "init", "--yes");
    expect(first.stderr).toBe("");
    expect(first.status).toBe(0);
    expect(first.stdout.replaceAll("wrote ", "would write ").replace(/\nNext.*/, "\nNothing was written")).toBe(
      dry.stdout,
    );
    for (const file of ["twotier.yaml", ".github/workflows/release.yml", "scripts/install.sh", "scripts/uninstall.sh"])
      expect(existsSync(path.join(dir, file))).toBe(true);
    expect(readFileSync(path.join(dir, "twotier.yaml"), "utf8")).toMatch(/^# yaml-language-server: \$schema=https:/);
    const before = fingerprint(dir);
    const second = twotier(dir, "init", "--yes");
    expect(second.status).toBe(0);
    expect(second.stdout).toContain("twotier.yaml is there: it is kept");
    expect(fingerprint(dir)).toBe(before);
    for (const what of ["workflow", "installer"]) expect(twotier(dir, "generate", what, "--check").status).toBe(0);
  });

  test("keeps a workflow that somebody wrote, and says that nothing is released before it makes way", () => {
    const { dir } = repository("npm-single");
    const file = path.join(dir, ".github/workflows/release.yml");
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, "name: mine\n");
    const { status, stdout } = twotier(dir, "init", "--yes");
    expect(status).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("name: mine\n");
    expect(stdout).toContain(
      "kept .github/workflows/release.yml (somebody else wrote it: `twotier generate workflow --force` replaces it)",
    );
    expect(stdout).not.toContain("-name: mine");
    expect(stdout).toContain(
      "Left for you\n  1. the workflow: .github/workflows/release.yml is another's and was kept",
    );
    expect(stdout).toContain("\n     twotier generate workflow --force\n");
  });

  test("keeps a workflow of its own that somebody changed, and shows the difference", () => {
    const { dir } = repository("npm-single");
    const file = path.join(dir, ".github/workflows/release.yml");
    twotier(dir, "init", "--yes");
    const changed = readFileSync(file, "utf8").replace("timeout-minutes: 30", "timeout-minutes: 31");
    writeFileSync(file, changed.replaceAll("\n", "\r\n"));
    rmSync(path.join(dir, "twotier.yaml"));
    const { status, stdout } = twotier(dir, "init", "--yes");
    expect(status).toBe(0);
    expect(stdout).toContain("-    timeout-minutes: 31");
    expect(readFileSync(file, "utf8")).toBe(changed.replaceAll("\n", "\r\n"));
  });

  test("shows 200 packages in a page, and leaves the others to --json", () => {
    const { dir, git } = repository("npm-single");
    const manifest = (name: string, more: object) => JSON.stringify({ name, version: "1.1.0", ...more });
    writeFileSync(path.join(dir, "package.json"), manifest("root", { private: true, workspaces: ["packages/*"] }));
    for (let i = 0; i < 200; i++) {
      mkdirSync(path.join(dir, `packages/p${i}`), { recursive: true });
      writeFileSync(path.join(dir, `packages/p${i}/package.json`), manifest(`@acme/p${i}`, { private: i >= 150 }));
    }
    git("add", "--all");
    git("commit", "--quiet", "--message", "feat: packages");
    const { status, stdout } = twotier(dir, "init", "--yes", "--dry-run");
    expect(status).toBe(0);
    const page = stdout.slice(0, stdout.indexOf("  + # yaml"));
    expect(page.split("\n").length).toBeLessThan(40);
    expect(page).toContain("  and 138 more: see twotier.yaml\n");
    expect(page).toMatch(/ {2}and 3\d more: --json lists them\n/);
  });

  test("says everything as one JSON document", () => {
    const { dir } = repository("rust-cli");
    const { stdout, stderr } = twotier(dir, "init", "--json");
    expect(stderr).toBe("");
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ wrote: true, problems: [], config: { name: "pebble", repository: "acme/pebble" } });
    expect(said.files.map((one: { path: string; state: string }) => `${one.state} ${one.path}`)).toEqual([
      ...["new twotier.yaml", "new VERSION", "new .github/workflows/release.yml"],
      ...["new scripts/install.sh", "new scripts/uninstall.sh"],
    ]);
    expect(readFileSync(path.join(dir, "VERSION"), "utf8")).toBe("0.1.0\n");
  });

  test("says what must be mended before anything can be released", () => {
    const { dir } = repository("npm-single");
    writeFileSync(path.join(dir, "package.json"), '{ "name": "Tidy Strings", "version": "1.1.0", "bin": 3,, }');
    const { status, stderr } = twotier(dir, "init", "--yes");
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^error\[CONFIG\]: there is nothing here that could be released\n {2}package\.json {2}isn't JSON/,
    );
  });
});

test("--claim takes the names of npm packages that don't exist yet, once", async () => {
  const registries = await startRegistries({ token: "a-token" });
  try {
    const { dir } = repository("npm-workspaces");
    const env = { NPM_TOKEN: "a-token", TWOTIER_NPM_REGISTRY: registries.npm };
    const claimed = async () => JSON.parse(await adopted(dir, ["init", "--claim", "--json"], env)).claimed;
    expect(await claimed()).toEqual(["@lantern/cli", "@lantern/core"]);
    const answer = await fetch(`${registries.npm}/@lantern%2fcore`);
    const found = (await answer.json()) as { versions: object };
    expect(Object.keys(found.versions)).toEqual(["0.0.0"]);
    expect(await claimed()).toEqual([]);
  } finally {
    await registries.close();
  }
});

describe("bad input", () => {
  test("no git, no commit, a folder below the top: each says what to do", async () => {
    const dir = empty();
    await expect(look(dir)).rejects.toMatchObject({ code: "USAGE", hint: expect.stringContaining("clone") });
    const git = gitFor(dir);
    git("init", "--quiet", "--initial-branch=main");
    writeFileSync(path.join(dir, "package.json"), '{ "name": "thing", "version": "0.1.0" }');
    setRemote(git, "git@github.com:acme/thing.git");
    const { place, proposal } = await look(dir);
    expect(place).toMatchObject({ commits: false, current: "main", tags: [] });
    expect(proposal.config.repository).toBe("acme/thing");
    mkdirSync(path.join(dir, "below"));
    await expect(look(path.join(dir, "below"))).rejects.toMatchObject({ hint: expect.stringContaining("init -C") });
  });

  test("a branch that isn't the remote's, tags that only the remote has, a fork", async () => {
    const { dir, git } = repository("npm-single");
    const remote = path.join(empty(), "remote.git");
    execFileSync("git", ["clone", "--quiet", "--bare", dir, remote]);
    gitFor(remote)("tag", "v1.2.0");
    git("config", "--unset", "url.http://127.0.0.1:9/.insteadOf");
    git("config", `url.${path.dirname(remote)}/.insteadOf`, "https://github.com/acme/");
    git("remote", "set-url", "origin", "https://github.com/acme/remote.git");
    git("remote", "add", "upstream", "https://github.com/first/tidy-strings.git");
    git("checkout", "--quiet", "-b", "feature");
    const { place, proposal } = await look(dir);
    expect(place).toMatchObject({ branch: "main", current: "feature" });
    expect(proposal.tags.form).toMatchObject({ template: "v{version}", stable: { major: 1, minor: 2, patch: 0 } });
    expect(proposal.notes.join("\n")).toMatch(/looks like a fork of first\/tidy-strings/);
  });
});
