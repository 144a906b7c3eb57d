import { execFileSync } from "node:child_process";
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { needs, skipped } from "../../test/tools.ts";
import { expectedFiles } from "../config/expected.ts";
import type {
  Artifact,
  CommandArtifact,
  GoArtifact,
  ImageArtifact,
  NpmArtifact,
  PythonArtifact,
  ResolvedArtifacts,
} from "../config/types.ts";
import type { Event } from "../core/target.ts";
import type { ReleaseError } from "../lib/errors.ts";
import { digestFile } from "../lib/hash.ts";
import { type BuildOptions, build, withWorktree } from "./index.ts";
import { findPython } from "./python.ts";

const platform = `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`;
const noPython = await findPython("x", "/nowhere", false).then(
  () => false,
  (error: ReleaseError) => skipped(error.message, process.env.CI === "true"),
);

const go: GoArtifact = {
  ...{ name: "tool", type: "go", dir: "go", package: ".", platforms: [platform], env: {} },
  ldflags: "-X main.version={version} -X main.commit={commit} -X main.date={date}",
};
const python: PythonArtifact = {
  ...{ name: "py", type: "python", dir: "py", formats: ["wheel", "sdist"], isolated: false },
};
const npm: NpmArtifact = { name: "js", type: "npm", dir: "js" };
const command: CommandArtifact = {
  ...{ name: "docs", type: "command", dir: "go" },
  run: 'mkdir "$OUT/sub"; echo "$VERSION $PYTHON_VERSION $TAG $SOURCE_DATE_EPOCH" > "$OUT/sub/about.txt"; echo x > "$OUT/rest"',
  files: ["**/*.txt"],
};
const image: ImageArtifact = {
  ...{ name: "image", type: "image", dir: ".", repository: "acme/tool", platforms: ["linux/amd64", "linux/arm64"] },
  ...{ dockerfile: null, base: "scratch", files: { "/etc/app": "js/src", "/LICENSE": "LICENSE" } },
  ...{ entrypoint: ["/tool"], labels: { about: "v{version}" }, env: { MODE: "on" }, ports: [8080], user: "65532" },
};
const dockerfile: ImageArtifact = {
  ...image,
  ...{ name: "docker", dir: "docker", dockerfile: "Dockerfile", files: { "dist/{os}-{arch}.txt": "LICENSE" } },
};

const sources: Record<string, string> = {
  LICENSE: "MIT\n",
  "go/go.mod": "module example.com/tool\n\ngo 1.19\n",
  "go/main.go": [
    "package main",
    'var version, commit, date = "", "", ""',
    "func main() { println(version, commit, date) }\n",
  ].join("\n"),
  "py/pyproject.toml": `[build-system]
requires = ["setuptools>=61", "wheel"]
build-backend = "setuptools.build_meta"
[project]
name = "acme-tool-kit"
version = "1.2.0rc3"
[tool.setuptools.packages.find]
where = ["src"]
`,
  "py/src/acme/__init__.py": "x = 1\n",
  "py/src/acme/data/__init__.py": "",
  "js/package.json": JSON.stringify({
    ...{ name: "@acme/tool", version: "1.2.0-rc.3", main: "dist/index.js", files: ["dist"], bin: { t: "dist/run.js" } },
    scripts: { build: "node build.mjs" },
  }),
  "js/build.mjs": `import { copyFileSync, mkdirSync } from "node:fs";
mkdirSync("dist"); for (const name of ["index.js", "run.js"]) copyFileSync("src/" + name, "dist/" + name);
`,
  "js/src/index.js": "export const x = 1;\n",
  "js/src/run.js": "#!/usr/bin/env node\n",
  "docker/Dockerfile":
    'FROM scratch\nARG TARGETARCH\nCOPY dist/linux-$TARGETARCH.txt /file\nCOPY sub /sub\nENTRYPOINT ["/file"]\n',
  "docker/sub/a": "a\n",
};

let folder: string;
let repo: string;
let commit: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-build-test-"));
  repo = path.join(folder, "repo");
  for (const [name, text] of Object.entries(sources)) await put(repo, name, text);
  await chmod(path.join(repo, "js/src/run.js"), 0o755);
  const git = (...args: string[]) => execFileSync("git", args, { cwd: repo, stdio: ["ignore", "pipe", "inherit"] });
  git("init", "-q", "-b", "main", ".");
  git("add", "-A");
  git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "all");
  commit = git("rev-parse", "HEAD").toString().trim();
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
});

async function put(root: string, name: string, text: string): Promise<void> {
  await mkdir(path.join(root, path.dirname(name)), { recursive: true });
  await writeFile(path.join(root, name), text);
}

function options(tree: string, out: string, artifacts: Artifact[], more: Partial<BuildOptions> = {}): BuildOptions {
  return {
    ...{ tree, artifacts, commit, out, epoch: 1_700_000_000, repository: "acme/tool" },
    ...{ version: "1.2.0-rc.3", pythonVersion: "1.2.0rc3", tag: "v1.2.0-rc.3" },
    io: { signal: new AbortController().signal, emit: () => {} },
    ...more,
  };
}

let count = 0;
/** Builds the commit in a work tree of its own. */
function make(artifacts: Artifact[], more: Partial<BuildOptions> = {}, edit?: (tree: string) => Promise<void>) {
  const out = path.join(folder, `out-${count++}`);
  return withWorktree(path.join(repo, ".git"), commit, path.join(folder, "trees"), async (tree) => {
    await edit?.(tree);
    return { ...(await build(options(tree, out, artifacts, more))), out };
  });
}

async function failure(artifacts: Artifact[], edit?: (tree: string) => Promise<void>, more?: Partial<BuildOptions>) {
  const error = await make(artifacts, more, edit).then(
    () => undefined,
    (error: ReleaseError) => error,
  );
  if (error === undefined) throw new Error("it was built");
  return error;
}

/** Every file under a folder -> its digest, so that a difference names the file. */
async function digests(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.relative(root, file)] = String((await digestFile(file)).digests.sha256);
  }
  return found;
}

/** Builds twice, the second time with another folder, umask, time zone, language, dates, owner and GOFLAGS. */
async function twice(artifacts: Artifact[]) {
  const first = await make(artifacts);
  vi.stubEnv("TZ", "Asia/Kathmandu");
  vi.stubEnv("LC_ALL", "C");
  vi.stubEnv("GOFLAGS", "-tags=other");
  vi.stubEnv("HOME", path.join(folder, "home"));
  vi.stubEnv(
    "GOCACHE",
    execFileSync("go", ["env", "GOCACHE"], { env: { ...process.env, HOME: process.env.HOME } })
      .toString()
      .trim(),
  );
  const before = process.umask(0o077);
  try {
    const parent = path.join(folder, "elsewhere/with a longer path");
    const second = await withWorktree(path.join(repo, ".git"), commit, parent, async (tree) => {
      await disturb(tree);
      const out = path.join(folder, "elsewhere", `out-${count++}`);
      return { ...(await build(options(tree, out, artifacts))), out };
    });
    expect(await digests(second.out)).toEqual(await digests(first.out));
    expect(second.files).toEqual(first.files);
    return first;
  } finally {
    process.umask(before);
  }
}

async function disturb(tree: string): Promise<void> {
  let at = 1_000_000_000;
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.name === ".git" || (await lstat(file)).isSymbolicLink()) continue;
    if (process.getuid?.() === 0) await chown(file, 1234, 99);
    at += 1001;
    await utimes(file, at, at);
  }
}

describe.skipIf(needs(["go", "git"]))("go", () => {
  test("a binary has the version, and the same bytes from another folder, umask, language and time", async () => {
    const { files, tools, out } = await twice([go]);
    const os = `${go.name}-${platform.replace("/", "-")}`;
    expect(files).toMatchObject([{ name: os, kind: "binary", platform, artifact: "tool" }]);
    expect(files[0]?.sha256).toBe((await digestFile(path.join(out, os))).digests.sha256);
    const said = execFileSync(path.join(out, os), { stdio: "pipe", encoding: "utf8", input: "" });
    expect(said).toBe("");
    expect((await lstat(path.join(out, os))).mode & 0o777).toBe(0o755);
    expect(tools.go).toMatch(/^go1\./);
    expect(await readFile(path.join(out, os), "latin1")).toContain("2023-11-14T22:13:20Z");
  });

  test("a version that -X doesn't set is found out", async () => {
    const error = await failure([{ ...go, ldflags: "-X main.verzion={version}" }]);
    expect(error).toMatchObject({
      code: "BUILD",
      message: expect.stringContaining("doesn't hold its version 1.2.0-rc.3"),
    });
    expect(error.hint).toContain("-X");
  });

  test("a package that is no command is refused", async () => {
    const error = await failure([go], (tree) => put(tree, "go/main.go", 'package lib\nvar V = "1.2.0-rc.3"\n'));
    expect(error.message).toContain(`. gave no program for ${platform}`);
  });

  test("a compiler's error names the artifact and shows its last lines", async () => {
    const lines: Event[] = [];
    const io = { signal: new AbortController().signal, emit: (event: Event) => lines.push(event) };
    const error = await failure([go], (tree) => put(tree, "go/main.go", "package main\nfunc main() { oops }\n"), {
      io,
    });
    expect(error).toMatchObject({
      code: "BUILD",
      message: expect.stringMatching(/^tool: go build .* ended with exit code 1$/),
    });
    expect(error.facts.output).toContain("undefined: oops");
    expect(lines).toContainEqual({ type: "output", from: "tool", line: expect.stringContaining("undefined: oops") });
  });

  test("only the asked platforms are built", async () => {
    const { files } = await make([{ ...go, platforms: [platform, "plan9/386"] }, { ...npm }], {
      platforms: [platform],
    });
    expect(files.map((file) => file.platform)).toEqual([platform]);
  });
});

describe.skipIf(noPython)("python", () => {
  test("wheel and sdist have the names that expectedFiles says, and the same bytes everywhere", async () => {
    const { files, tools } = await twice([python]);
    const expected = expectedFiles({ artifacts: [{ ...python, registryName: "acme-tool-kit" }] } as ResolvedArtifacts, {
      version: "1.2.0-rc.3",
      pythonVersion: "1.2.0rc3",
    });
    const about = ({ name, kind, package: project }: (typeof files)[number]) => ({ name, kind, project });
    expect(files.map(about)).toEqual(expected.map(about));
    expect(tools).toMatchObject({ python: expect.stringMatching(/^3\./), build: expect.any(String) });
    expect(Object.keys(tools).some((name) => /setuptools|wheel/.test(name))).toBe(true);
  });

  test("an sdist's folder is called as the file, whatever the backend calls it", async () => {
    const { files, out } = await make([{ ...python, formats: ["sdist"] }]);
    const listing = execFileSync("tar", ["-tzf", path.join(out, files[0]?.name as string)], { encoding: "utf8" });
    const tops = new Set(
      listing
        .trim()
        .split("\n")
        .map((line) => line.split("/")[0]),
    );
    expect([...tops]).toEqual(["acme_tool_kit-1.2.0rc3"]);
    expect(listing).toContain("acme_tool_kit-1.2.0rc3/PKG-INFO");
  });

  test("a version that wasn't stamped is found out, with the file to name", async () => {
    const error = await failure([{ ...python, formats: ["wheel"] }], async (tree) => {
      const file = path.join(tree, "py/pyproject.toml");
      await writeFile(file, (await readFile(file, "utf8")).replace("1.2.0rc3", "1.1.0"));
    });
    expect(error).toMatchObject({ code: "BUILD", facts: { expected: "1.2.0rc3", found: "1.1.0" } });
    expect(error.hint).toContain("py/pyproject.toml");
    expect(error.hint).toContain("version.stamp");
  });

  test("a wheel for linux_x86_64, which PyPI refuses, stops the build", async () => {
    const error = await failure([python], (tree) =>
      writeFile(path.join(tree, "py/setup.cfg"), "[bdist_wheel]\nplat_name = linux_x86_64\n"),
    );
    expect(error).toMatchObject({
      code: "BUILD",
      message: expect.stringContaining("-linux_x86_64.whl has a platform tag"),
    });
    expect(error.hint).toContain("manylinux");
  });

  test("no Python with what the project requires: each one says what it lacks", async () => {
    const error = await failure([python], async (tree) => {
      const file = path.join(tree, "py/pyproject.toml");
      await writeFile(file, (await readFile(file, "utf8")).replace('"wheel"', '"no-such-backend"'));
    });
    expect(error.code).toBe("TOOL_MISSING");
    expect(error.facts.found).toMatch(/lacks .*no-such-backend/);
  });
});

describe.skipIf(needs(["npm", "git"]))("npm", () => {
  test("the package's own script runs, and the tarball has the same bytes everywhere", async () => {
    const { files, out, tools, findings } = await twice([npm]);
    expect(files).toMatchObject([{ name: "acme-tool-1.2.0-rc.3.tgz", kind: "npm", package: "@acme/tool" }]);
    const { digests: found } = await digestFile(path.join(out, "acme-tool-1.2.0-rc.3.tgz"), ["sha512", "sha1"]);
    expect(files[0]).toMatchObject(found);
    const listing = execFileSync("tar", ["-tvzf", path.join(out, "acme-tool-1.2.0-rc.3.tgz")], { encoding: "utf8" });
    expect(listing).toMatch(/-rwxr-xr-x .* package\/dist\/run\.js/);
    expect(listing).toMatch(/-rw-r--r-- .* package\/dist\/index\.js/);
    expect(tools.node).toBe(process.versions.node);
    expect(findings).toEqual([]);
  });

  test("a program of twotier that is no node lends none: the machine's builds it", async () => {
    const own = process.execPath;
    const machine = path.join(folder, "machine");
    await put(machine, "node", `#!/bin/sh\n[ "$1" = --version ] && echo v99.1.2 || exec "${own}" "$@"\n`);
    await chmod(path.join(machine, "node"), 0o755);
    vi.stubEnv("PATH", `${machine}:${process.env.PATH}`);
    expect((await make([npm])).tools.node).toBe(process.versions.node);
    process.execPath = "/opt/twotier";
    try {
      expect((await make([npm])).tools.node).toBe("99.1.2");
    } finally {
      process.execPath = own;
    }
  });

  test("no lifecycle script runs while it is packed, and that is said", async () => {
    const about = {
      name: "t",
      version: "1.2.0-rc.3",
      main: "missing.js",
      scripts: { prepack: "touch ran", prepare: "touch ran" },
    };
    const { findings, out } = await make([npm], {}, (tree) => put(tree, "js/package.json", JSON.stringify(about)));
    expect(findings).toEqual([
      expect.stringContaining("prepack and prepare scripts don't run"),
      expect.stringContaining("missing.js, which isn't in the tarball"),
    ]);
    const listing = execFileSync("tar", ["-tzf", path.join(out, "t-1.2.0-rc.3.tgz")], { encoding: "utf8" });
    expect(listing).not.toContain("ran");
  });

  test.each([
    ["a version that wasn't stamped", { name: "t", version: "1.0.0" }, /has version 1\.0\.0, not 1\.2\.0-rc\.3/],
    ["a private package", { name: "t", version: "1.2.0-rc.3", private: true }, /is private/],
    [
      "dependencies without a lock file",
      { name: "t", version: "1.2.0-rc.3", scripts: { build: "true" }, devDependencies: { x: "1" } },
      /no package-lock/,
    ],
  ])("%s is refused", async (_what, about, message) => {
    const error = await failure([npm], (tree) => put(tree, "js/package.json", JSON.stringify(about)));
    expect(error).toMatchObject({ code: "BUILD", message: expect.stringMatching(message) });
  });

  test("its dependencies are installed from the nearest lock file, without their scripts, before it is built", async () => {
    const about = { name: "t", version: "1.2.0-rc.3", devDependencies: { helper: "file:../helper" } };
    const helper = { name: "helper", version: "1.0.0", scripts: { install: "touch installed" }, main: "index.cjs" };
    const lock = {
      ...{ name: "t", version: about.version, lockfileVersion: 3, requires: true },
      packages: {
        "": about,
        "../helper": { version: "1.0.0", dev: true, hasInstallScript: true },
        "node_modules/helper": { resolved: "../helper", link: true },
      },
    };
    const { files } = await make([npm], {}, async (tree) => {
      const scripts = { build: "node -e \"require('fs').writeFileSync('made.txt', require('helper'))\"" };
      await put(tree, "js/package.json", JSON.stringify({ ...about, scripts }));
      await put(tree, "js/package-lock.json", JSON.stringify(lock));
      await put(tree, "helper/package.json", JSON.stringify(helper));
      await put(
        tree,
        "helper/index.cjs",
        'module.exports = String(require("fs").existsSync(__dirname + "/installed"));',
      );
    });
    const file = path.join(folder, `out-${count - 1}`, files[0]?.name as string);
    expect(execFileSync("tar", ["-xzOf", file, "package/made.txt"], { encoding: "utf8" })).toBe("false");
  });

  test("a script that isn't there, and one that fails", async () => {
    expect((await failure([{ ...npm, script: "bundle" }])).message).toContain('no script "bundle"');
    const error = await failure([npm], (tree) => put(tree, "js/build.mjs", 'console.log("here"); process.exit(7);\n'));
    expect(error.message).toBe("js: npm run-script build ended with exit code 7");
    expect(error.facts.output).toContain("here");
  });
});

describe("command", () => {
  test("runs in its folder with the release's variables, and takes what its globs name", async () => {
    const { files, out, findings } = await twice([command]);
    expect(files).toMatchObject([{ name: "about.txt", kind: "file", artifact: "docs" }]);
    expect(await readFile(path.join(out, "about.txt"), "utf8")).toBe("1.2.0-rc.3 1.2.0rc3 v1.2.0-rc.3 1700000000\n");
    expect(findings).toEqual(["docs: no glob names rest"]);
  });

  test("a glob that matches nothing fails, and says what was made", async () => {
    const error = await failure([{ ...command, files: ["*.deb"] }]);
    expect(error).toMatchObject({ code: "BUILD", message: "docs: no file in OUT matches *.deb" });
    expect(error.facts.made).toBe("rest, sub/about.txt");
  });

  test("no token of the environment reaches it", async () => {
    vi.stubEnv("NPM_TOKEN", "npm_very_secret");
    vi.stubEnv("GITHUB_TOKEN", "ghp_very_secret");
    const { out } = await make([{ ...command, run: 'env > "$OUT/env.txt"' }]);
    const env = await readFile(path.join(out, "env.txt"), "utf8");
    expect(env).toContain("VERSION=1.2.0-rc.3");
    expect(env).not.toContain("secret");
  });

  test("two files with one name, and what calls itself a wheel, are refused", async () => {
    const two = await failure([{ ...command, run: 'mkdir "$OUT/a"; echo 1 > "$OUT/x.txt"; echo 2 > "$OUT/a/x.txt"' }]);
    expect(two.message).toContain("two files of the release are called x.txt");
    const wheel = await failure([{ ...command, run: 'echo 1 > "$OUT/x-1-py3-none-any.whl"', files: ["*.whl"] }]);
    expect(wheel.message).toContain("is no wheel");
  });

  test("comes after those that it says, in the same tree, and takes no place while it waits", async () => {
    const first = { ...command, name: "first", dir: ".", run: 'sleep 0.2; echo 1 >left; cp left "$OUT/1.txt"' };
    const then = { ...command, name: "then", dir: ".", run: 'cat left >"$OUT/2.txt"', after: ["first", "docs"] };
    const { files } = await make([command, first, then]);
    expect(files.map(({ name }) => name)).toEqual(["about.txt", "1.txt", "2.txt"]);
    const alone = { ...then, run: 'test ! -e left; echo >"$OUT/2.txt"' };
    expect((await make([command, first, alone], { only: ["then"], platforms: [platform] })).files).toHaveLength(1);
  });

  test("a folder that isn't in the commit is named", async () => {
    expect((await failure([{ ...command, dir: "gone" }])).message).toBe(
      "docs: there is no folder gone in the release commit",
    );
  });
});

describe("several artifacts", () => {
  test.skipIf(noPython)("what an earlier, stopped build left in the folder is replaced", async () => {
    const all = [python, npm, command, image];
    const out = path.join(folder, `out-${count++}`);
    for (const name of ["acme-tool-1.2.0-rc.3.tgz", "acme_tool_kit-1.2.0rc3.tar.gz.part", "image.oci/blobs/sha256/1"]) {
      await put(out, name, "cut off");
    }
    const first = await make(all, { out });
    const before = await digests(out);
    const second = await make(all, { out });
    expect(second.files).toEqual(first.files);
    expect(await digests(out)).toEqual(before);
    expect((await readdir(out)).sort()).toEqual(first.files.map((file) => file.name).sort());
  });

  test("the first failure stops the others, and is what is thrown", async () => {
    const slow: CommandArtifact = { ...command, name: "slow", run: "exec sleep 600" };
    const error = await failure([slow, { ...command, name: "bad", run: "echo broken >&2; exit 3" }]);
    expect(error.message).toBe("bad: sh -c echo broken >&2; exit 3 ended with exit code 3");
  });

  test("an abort is no failure of the build", async () => {
    const stop = new AbortController();
    const io = { signal: stop.signal, emit: (event: Event) => void (event.type === "output" && stop.abort()) };
    const error = await failure([{ ...command, run: "echo started; exec sleep 600" }], undefined, { io });
    expect(error.code).toBe("INTERRUPTED");
  });

  test("a missing program says for which artifact and how to get it", async () => {
    vi.stubEnv("PATH", "/usr/bin:/bin");
    const error = await failure([{ ...npm, script: null }], async () => {
      vi.stubEnv("PATH", path.join(folder, "nothing"));
    });
    expect(error).toMatchObject({ code: "TOOL_MISSING", message: "npm is needed to build js, and isn't on the PATH" });
    expect(error.hint).toContain("apt-get install");
  });
});

describe("image from files, without a daemon", () => {
  test("one index for all platforms, the same bytes everywhere", async () => {
    const { files, out, tools } = await twice([image]);
    const layout = path.join(out, "image.oci");
    const top = JSON.parse(await readFile(path.join(layout, "index.json"), "utf8"));
    expect(top.manifests).toHaveLength(1);
    expect(files).toEqual([
      {
        ...{ name: "image.oci", kind: "image", package: "acme/tool", artifact: "image" },
        sha256: top.manifests[0].digest,
        size: await sizeOf(path.join(layout, "blobs/sha256")),
      },
    ]);
    expect(tools).toEqual({});
    const index = await blob(layout, top.manifests[0].digest);
    expect(index.manifests.map((entry: { platform: object }) => entry.platform)).toEqual([
      { architecture: "amd64", os: "linux" },
      { architecture: "arm64", os: "linux" },
    ]);
    const manifest = await blob(layout, index.manifests[1].digest);
    expect(await blob(layout, manifest.config.digest)).toMatchObject({
      ...{ created: "2023-11-14T22:13:20Z", architecture: "arm64", os: "linux" },
      config: {
        ...{ User: "65532", ExposedPorts: { "8080/tcp": {} }, Env: ["MODE=on"], Entrypoint: ["/tool"] },
        Labels: {
          about: "v1.2.0-rc.3",
          "org.opencontainers.image.version": "1.2.0-rc.3",
          "org.opencontainers.image.revision": commit,
          "org.opencontainers.image.source": "https://github.com/acme/tool",
        },
      },
    });
    expect(tarList(layout, manifest.layers[0].digest)).toBe(
      [
        "-rw-r--r-- 0/0 4 LICENSE",
        "drwxr-xr-x 0/0 0 etc/",
        "drwxr-xr-x 0/0 0 etc/app/",
        "-rw-r--r-- 0/0 20 etc/app/index.js",
        "-rwxr-xr-x 0/0 20 etc/app/run.js\n",
      ].join("\n"),
    );
  });

  test("on a base, its layers come first and its settings stay where none are given", async () => {
    const base = { ...image, name: "base", env: { A: "1" }, user: null, labels: { from: "base" } };
    const { out, files } = await make([base]);
    const own = { ...image, base: "base.oci", files: { "/etc/app/index.js": "LICENSE" }, entrypoint: [], user: null };
    const { out: second } = await make([own], {}, async (tree) => {
      execFileSync("cp", ["-r", path.join(out, "base.oci"), tree]);
    });
    const layout = path.join(second, "image.oci");
    const top = JSON.parse(await readFile(path.join(layout, "index.json"), "utf8"));
    expect(top.manifests[0].digest).not.toBe(files[0]?.sha256);
    const index = await blob(layout, top.manifests[0].digest);
    const manifest = await blob(layout, index.manifests[0].digest);
    expect(manifest.layers).toHaveLength(2);
    // No folders: one of them could take the place of a link in the base.
    expect(tarList(layout, manifest.layers[1].digest)).toBe("-rw-r--r-- 0/0 4 etc/app/index.js\n");
    const config = await blob(layout, manifest.config.digest);
    expect(config.config).toMatchObject({
      Env: ["A=1", "MODE=on"],
      Entrypoint: ["/tool"],
      Labels: { from: "base", about: "v1.2.0-rc.3" },
    });
    expect(config.rootfs.diff_ids).toHaveLength(2);
    const error = await failure([{ ...own, platforms: ["linux/riscv64"] }], async (tree) => {
      execFileSync("cp", ["-r", path.join(out, "base.oci"), tree]);
    });
    expect(error.message).toBe("image: no base image for linux/riscv64 in base.oci");
    expect(error.facts.found).toBe("it has linux/amd64, linux/arm64");
  });

  test("a file that isn't there is named, with where it was to go", async () => {
    const error = await failure([{ ...image, files: { "/bin/x": "no/such" } }]);
    expect(error).toMatchObject({ code: "BUILD", message: "image: no/such for /bin/x isn't there" });
  });

  test("a binary of the release may be run, even where it lost its mode on the way here", async () => {
    const out = path.join(folder, `out-${count++}`);
    await put(out, "tool-linux-amd64", "program");
    const binary = { ...go, platforms: ["linux/amd64"] };
    const own = { ...image, platforms: ["linux/amd64"], files: { "/bin/tool": "tool" } };
    const { files } = await make([binary, own], { out, only: ["image"] });
    expect(files.map((file) => file.name)).toEqual(["image.oci"]);
    const top = JSON.parse(await readFile(path.join(out, "image.oci/index.json"), "utf8"));
    const index = await blob(path.join(out, "image.oci"), top.manifests[0].digest);
    const manifest = await blob(path.join(out, "image.oci"), index.manifests[0].digest);
    expect(tarList(path.join(out, "image.oci"), manifest.layers[0].digest)).toContain("-rwxr-xr-x 0/0 7 bin/tool");
    const error = await failure([binary, { ...own, platforms: ["linux/arm64"] }], undefined, { out, only: ["image"] });
    expect(error.message).toBe("image: tool isn't built for linux/arm64");
  });

  test("holds a command's binaries, each for its platform, once they are there", async () => {
    const tool: CommandArtifact = {
      ...{ name: "made", type: "command", dir: ".", files: ["made-linux-amd64", "made-linux-arm64"] },
      run: 'sleep 0.2; for arch in amd64 arm64; do echo "$arch" >"$OUT/made-linux-$arch"; done',
    };
    const { out } = await make([{ ...image, files: { "/made": "made" } }, tool]);
    const top = JSON.parse(await readFile(path.join(out, "image.oci/index.json"), "utf8"));
    const index = await blob(path.join(out, "image.oci"), top.manifests[0].digest);
    const sizes = [];
    for (const { digest, platform } of index.manifests) {
      const { layers } = await blob(path.join(out, "image.oci"), digest);
      const archive = path.join(out, "image.oci/blobs/sha256", layers[0].digest.slice("sha256:".length));
      sizes.push(`${platform.architecture}: ${execFileSync("tar", ["-xzOf", archive, "made"])}`);
    }
    expect(sizes).toEqual(["amd64: amd64\n", "arm64: arm64\n"]);
  });

  test.skipIf(needs(["skopeo"]))("skopeo reads every platform of it", async () => {
    const { out, files } = await make([image]);
    for (const arch of ["amd64", "arm64"]) {
      const copy = path.join(folder, `copy-${count++}`);
      execFileSync("skopeo", ["--override-arch", arch, "copy", `oci:${path.join(out, "image.oci")}`, `dir:${copy}`]);
    }
    const raw = execFileSync("skopeo", ["inspect", "--raw", `oci:${path.join(out, "image.oci")}`]);
    await writeFile(path.join(folder, "raw"), raw);
    expect((await digestFile(path.join(folder, "raw"))).digests.sha256).toBe(files[0]?.sha256);
  });
});

describe.skipIf(needs(["buildah", "skopeo"]))("image from a Dockerfile, by buildah", () => {
  test("both platforms in one index, the same bytes everywhere, nothing left in the user's store", async () => {
    const { files, out, tools } = await twice([dockerfile]);
    const raw = execFileSync("skopeo", ["inspect", "--raw", `oci:${path.join(out, "docker.oci")}`], {
      encoding: "utf8",
    });
    expect(JSON.parse(raw).manifests.map((entry: { platform: object }) => entry.platform)).toEqual([
      { architecture: "amd64", os: "linux" },
      { architecture: "arm64", os: "linux" },
    ]);
    const config = execFileSync("skopeo", ["inspect", "--config", `oci:${path.join(out, "docker.oci")}`], {
      encoding: "utf8",
    });
    expect(JSON.parse(config)).toMatchObject({
      created: "2023-11-14T22:13:20Z",
      config: { Labels: { about: "v1.2.0-rc.3", "org.opencontainers.image.version": "1.2.0-rc.3" } },
    });
    expect(tools.buildah).toMatch(/^\d+\./);
    expect(files[0]?.size).toBe(await sizeOf(path.join(out, "docker.oci/blobs/sha256")));
  });

  test("RUN of another architecture's program says that qemu is missing", async () => {
    const error = await failure([{ ...dockerfile, platforms: ["linux/amd64"] }], async (tree) => {
      await put(tree, "docker/sub/tool", "\x7fELF that this machine can't run");
      await chmod(path.join(tree, "docker/sub/tool"), 0o755);
      await put(tree, "docker/Dockerfile", 'FROM scratch\nCOPY sub /sub\nRUN ["/sub/tool"]\n');
    });
    expect(error.code).toBe("BUILD");
    expect(error.hint).toContain("qemu-user-static");
  });
});

describe("image from a Dockerfile, by docker buildx", () => {
  // No daemon can be had on the machines that test this: a script stands for docker, and answers as buildx documents.
  test("asks for all platforms with fixed dates, and takes the layout that buildx exports", async () => {
    const { out } = await make([image]);
    const archive = path.join(folder, "export.tar");
    execFileSync("tar", ["-cf", archive, "-C", path.join(out, "image.oci"), "."]);
    const bin = path.join(folder, "bin");
    await put(
      bin,
      "docker",
      `#!/bin/sh
case "$1 $2" in
  "info --format") echo 29.0.0 ;;
  "buildx version") echo github.com/docker/buildx v0.30.1 abc ;;
  "buildx build") printf '%s\\n' "$@" > ${folder}/args; for arg; do case $arg in type=oci,*) d=\${arg#*dest=}; /bin/cp ${archive} "\${d%%,*}" ;; esac; done ;;
esac
`,
    );
    await chmod(path.join(bin, "docker"), 0o755);
    execFileSync("ln", ["-sf", "/bin/sh", path.join(bin, "sh")]);
    const { files, tools } = await make([dockerfile], {}, async () => void vi.stubEnv("PATH", bin));
    vi.unstubAllEnvs();
    expect(files).toMatchObject([{ name: "docker.oci", kind: "image" }]);
    expect(tools).toEqual({ "docker buildx": "v0.30.1" });
    const args = (await readFile(path.join(folder, "args"), "utf8")).split("\n");
    expect(args).toEqual(
      expect.arrayContaining(["linux/amd64,linux/arm64", "SOURCE_DATE_EPOCH=1700000000", "--provenance=false"]),
    );
    expect(args.find((arg) => arg.startsWith("type=oci"))).toMatch(/,rewrite-timestamp=true$/);
  });

  test("a daemon that doesn't answer is said where nothing else can build", async () => {
    const bin = path.join(folder, "bin-without-daemon");
    await put(bin, "docker", "#!/bin/sh\nexit 1\n");
    await chmod(path.join(bin, "docker"), 0o755);
    const error = await failure([dockerfile], async () => void vi.stubEnv("PATH", bin));
    expect(error).toMatchObject({ code: "TOOL_MISSING", facts: { found: "docker's daemon doesn't answer" } });
  });
});

async function blob(layout: string, digest: string) {
  return JSON.parse(await readFile(path.join(layout, "blobs", digest.replace(":", "/")), "utf8"));
}

async function sizeOf(root: string): Promise<number> {
  let size = 0;
  for (const name of await readdir(root)) size += (await lstat(path.join(root, name))).size;
  return size;
}

function tarList(layout: string, digest: string): string {
  const file = path.join(layout, "blobs", digest.replace(":", "/"));
  const listing = execFileSync("tar", ["--numeric-owner", "-tvzf", file], {
    encoding: "utf8",
    env: { ...process.env, TZ: "UTC" },
  });
  return listing.replace(/ +/g, " ").replaceAll(" 2023-11-14 22:13", "");
}
