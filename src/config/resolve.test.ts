import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../test/tools.ts";
import { asReleaseError } from "../lib/errors.ts";
import { expectedFiles } from "./expected.ts";
import { parseConfig } from "./parse.ts";
import { resolveArtifacts } from "./resolve.ts";
import type { Tree } from "./types.ts";

const head = "name: playground\nrepository: hanzoai/playground\n";

function treeOf(files: Record<string, string>): Tree {
  return {
    read: async (file) => files[file] ?? null,
    list: async () => Object.keys(files),
  };
}

const example = path.join(root, "examples/playground");
const exampleFiles = readdirSync(example, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(example, path.join(entry.parentPath, entry.name)))
  .filter((file) => !/(^|\/)(dist|bin|__pycache__|node_modules|[^/]+\.egg-info)\//.test(file));
const exampleTree: Tree = {
  read: async (file) => (exampleFiles.includes(file) ? readFileSync(path.join(example, file), "utf8") : null),
  list: async () => exampleFiles,
};

/** Files that make every artifact type happy. */
const good: Record<string, string> = {
  VERSION: "0.1.0\n",
  "app/go.mod": "module example.com/app // the app\n\ngo 1.19\n",
  "app/cmd/app/main.go": "package main\n",
  "app/Dockerfile": "FROM scratch\n",
  "py/pyproject.toml": '[project]\nname = "My.Project"\nversion = "0.1.0"\n',
  "py/my/__init__.py": '__version__ = "0.1.0"\n',
  "js/package.json": '{"name": "@x/js", "version": "0.1.0", "scripts": {"build": "tsc"}}',
  "js/package-lock.json": '{"version": "0.1.0"}',
  "none/package.json": '{"name": "none"}',
  "twice.txt": "a@1.0.0 b@1.0.0\n",
  "lib/go.mod": 'module "example.com/lib/v2"\r\n',
};

async function mistakes(yaml: string, files: Record<string, string> = good): Promise<string[]> {
  try {
    await resolveArtifacts(parseConfig(head + yaml), treeOf(files));
  } catch (thrown) {
    const error = asReleaseError(thrown);
    expect(error.code).toBe("CONFIG");
    return (error.findings.length ? error.findings : [error]).map((one) => `${one.message} | ${one.hint}`);
  }
  return [];
}

describe("the example", () => {
  test("resolves to the document's names", async () => {
    const config = parseConfig(readFileSync(path.join(example, "twotier.yaml"), "utf8"));
    const resolved = await resolveArtifacts(config, exampleTree);
    expect(resolved.packages).toEqual({
      npm: ["@hanzo/playground"],
      pypi: ["hanzo-playground"],
      docker: ["playground/control-plane"],
      go: [{ dir: "sdk/go", module: "github.com/hanzoai/playground/sdk/go" }],
    });
    const files = expectedFiles(resolved, { version: "0.1.19-rc.1", pythonVersion: "0.1.19rc1" });
    expect(files.map(({ name }) => name)).toEqual([
      "playground-darwin-amd64",
      "playground-darwin-arm64",
      "playground-linux-amd64",
      "playground-linux-arm64",
      "control-plane.oci",
      "hanzo_playground-0.1.19rc1-py3-none-any.whl",
      "hanzo_playground-0.1.19rc1.tar.gz",
      "hanzo-playground-0.1.19-rc.1.tgz",
    ]);
    expect(files.every(({ sha256, size }) => sha256 === "sha256:" && size === 0)).toBe(true);
    expect(files.find(({ kind }) => kind === "npm")).toMatchObject({
      package: "@hanzo/playground",
      artifact: "sdk-typescript",
    });
  });

  test("is detected too, from name, repository and targets alone", async () => {
    const config = parseConfig(`${head}targets: {pypi: true, npm: true, docker: true, github: true, go: true}`);
    const { artifacts, stamp } = await resolveArtifacts(config, exampleTree);
    expect(artifacts.map(({ name, type, dir, registryName }) => [name, type, dir, registryName])).toEqual([
      ["playground", "go", "control-plane", null],
      ["sdk-go", "go-module", "sdk/go", "github.com/hanzoai/playground/sdk/go"],
      ["sdk-python", "python", "sdk/python", "hanzo-playground"],
      ["sdk-typescript", "npm", "sdk/typescript", "@hanzo/playground"],
      ["control-plane-image", "image", "control-plane", "hanzoai/playground"],
    ]);
    expect(artifacts[0]).toMatchObject({ package: "./cmd/playground" });
    expect(artifacts[3]).toMatchObject({ script: "build" });
    expect(stamp.map(({ file }) => file)).toEqual([
      "sdk/python/pyproject.toml",
      "sdk/python/hanzo_playground/__init__.py",
      "sdk/typescript/package.json",
      "sdk/typescript/package-lock.json",
    ]);
  });
});

describe("names from manifests", () => {
  const target: Record<string, string> = { python: "pypi", npm: "npm", "go-module": "go" };
  const only = (type: string) => `artifacts: [{name: a, type: ${type}, dir: p}]\ntargets: {${target[type]}: true}\n`;
  const names = async (type: string, files: Record<string, string>) => {
    const { artifacts, stamp } = await resolveArtifacts(parseConfig(head + only(type)), treeOf(files));
    return [artifacts[0]?.registryName, stamp.map(({ file }) => file)];
  };
  test.each<[string, Record<string, string>, string, string[]]>([
    [
      "python",
      {
        "p/pyproject.toml": '[project]\nname = "x"\ndynamic = ["version"]',
        "p/src/x/_version.py": "__version__ = '1'\n",
      },
      "x",
      ["p/src/x/_version.py"],
    ],
    [
      "python",
      { "p/pyproject.toml": '[tool.poetry]\nname = "x"\nversion = "1"', "p/tests/x/__init__.py": '__version__ = "1"' },
      "x",
      ["p/pyproject.toml"],
    ],
    [
      "python",
      { "p/pyproject.toml": "[build-system]\n", "p/setup.cfg": "[metadata]\nname = x\nversion = 1.0.0\n" },
      "x",
      ["p/setup.cfg"],
    ],
    ["python", { "p/setup.cfg": "[metadata]\nname = x\nversion = attr: x.__version__\n" }, "x", []],
    [
      "npm",
      { "p/package.json": '{"name":"x","version":"1.0.0"}', "p/npm-shrinkwrap.json": '{"version":"1.0.0"}' },
      "x",
      ["p/package.json", "p/npm-shrinkwrap.json"],
    ],
    ["go-module", { "p/go.mod": "// doc\nmodule example.com/x\n" }, "example.com/x", []],
  ])("%s from %j", async (type, files, name, stamp) => expect(await names(type, files)).toEqual([name, stamp]));

  test.each<[string, Record<string, string>, string]>([
    ["python", { "p/x.py": "" }, "there is no p/pyproject.toml"],
    ["python", { "p/pyproject.toml": "[project]\nversion = '1'" }, "p/pyproject.toml has no [project] name"],
    ["python", { "p/pyproject.toml": "[project" }, "p/pyproject.toml can't be read"],
    ["npm", { "p/x.js": "" }, "there is no p/package.json"],
    ["npm", { "p/package.json": "{" }, "p/package.json isn't JSON"],
    ["npm", { "p/package.json": "{}" }, "p/package.json has no name"],
    ["npm", { "p/package.json": '{"name":"x","version":"1.0.0","private":true}' }, "x is private"],
    ["go-module", { "p/x.go": "package x" }, "there is no p/go.mod"],
  ])("%s without one is refused: %j", async (type, files, what) => {
    const [first] = await mistakes(only(type), files);
    expect(first).toContain(`twotier.yaml:3:`);
    expect(first).toContain(what);
  });
});

describe("what the config names must be there", () => {
  const all = "artifacts:\n  - {name: app, type: go, dir: app, package: ./cmd/app}\n";
  test.each<[string, string, string]>([
    [
      "a glob that matches nothing",
      'trigger: {paths: ["apps/**"]}\n',
      "twotier.yaml:3:19: trigger.paths: apps/** matches no file | did you mean app/**?",
    ],
    [
      "a path that isn't there",
      "trigger: {paths: [VERSIO]}\n",
      "twotier.yaml:3:19: trigger.paths: VERSIO matches no file | did you mean VERSION?",
    ],
    [
      "an exception that matches nothing",
      'trigger: {paths: ["**", "!zzz/**"]}\n',
      "twotier.yaml:3:25: trigger.paths: !zzz/** matches no file | correct it, or remove it: nothing would ever trigger a release by it",
    ],
    [
      "a folder that isn't there",
      "artifacts: [{name: a, type: go, dir: ap}]\n",
      "twotier.yaml:3:38: a: there is no folder ap | did you mean app?",
    ],
    [
      "a command that isn't there",
      "artifacts: [{name: a, type: go, dir: app}]\n",
      "twotier.yaml:3:13: a: no Go files in app | set `package` to the command's folder, e.g. ./cmd/name",
    ],
    [
      "a Dockerfile that isn't there",
      "artifacts: [{name: a, type: image, dir: app, dockerfile: Containerfile}]\ntargets: {docker: true}\n",
      "twotier.yaml:3:58: a: there is no app/Containerfile | `dockerfile` is a path in `dir`",
    ],
    [
      "a binary that isn't there",
      `${all}  - {name: i, type: image, files: {/app: ap}}\ntargets: {docker: true, github: true}\n`,
      "twotier.yaml:5:42: i: ap is neither an artifact with binaries nor a file or folder | did you mean app?",
    ],
    [
      "a base that is no layout",
      `${all}  - {name: i, type: image, base: js, files: {/app: app}}\ntargets: {docker: true, github: true}\n`,
      "twotier.yaml:5:34: i: js holds no OCI layout | make one with `skopeo copy docker://IMAGE oci:FOLDER`, or write `base: scratch`",
    ],
    [
      "a script that isn't there",
      "artifacts: [{name: a, type: npm, dir: js, script: bild}]\n",
      "twotier.yaml:3:51: a: js/package.json has no script bild | its scripts are: build; `script: null` runs none",
    ],
    [
      "a stamped file that isn't there",
      `${all}version: {stamp: [js/pakage.json]}\n`,
      "twotier.yaml:5:19: version.stamp names js/pakage.json, which isn't in the repository | did you mean js/package.json?",
    ],
    [
      "a stamp pattern that matches nothing",
      `${all}version: {stamp: [{file: app/cmd/app/main.go, pattern: 'Version = "{version}"'}]}\n`,
      'twotier.yaml:5:19: app/cmd/app/main.go: the stamp pattern "Version = \\"{version}\\"" matches nothing | everything but {version} is taken literally, blanks too; no line holds a version',
    ],
    [
      "a stamp pattern that matches twice",
      `${all}version: {stamp: [{file: py/pyproject.toml, pattern: "{version}"}, {file: twice.txt, pattern: "@{version}"}]}\n`,
      'twotier.yaml:5:68: twice.txt:1: the stamp pattern "@{version}" matches 2 times, not once | make the pattern longer, so that it fits the right place alone, or write `count: 2`',
    ],
    [
      "a manifest without a version",
      "artifacts: [{name: a, type: npm, dir: none}]\n",
      'twotier.yaml:1:1: none/package.json has no "version" | write a version there, which releases then replace, or name the file that has one in version.stamp',
    ],
    [
      "a manifest that isn't stamped",
      "artifacts: [{name: a, type: npm, dir: js}]\nversion: {stamp: [js/package.json]}\n",
      "twotier.yaml:4:18: js/package-lock.json spells the version, but version.stamp doesn't name it | add `- js/package-lock.json`",
    ],
    [
      "a VERSION file that isn't there",
      `${all}version: {file: app/VERSION}\n`,
      "twotier.yaml:5:17: version.file names app/VERSION, which isn't in the repository | correct the path, or write `file: null`",
    ],
    [
      "one package twice",
      "artifacts: [{name: a, type: npm, dir: js}, {name: b, type: npm, dir: ./js}]\n",
      "twotier.yaml:3:44: b and a are both @x/js | remove one of them, or rename its package",
    ],
    [
      "one file twice",
      `${all}  - {name: b, type: command, run: "true", files: [app-linux-amd64]}\n`,
      "twotier.yaml:5:5: b and app both make a file app-linux-amd64 | give each file of the release its own name",
    ],
    [
      "a file that is ours",
      `${all}  - {name: b, type: command, run: "true", files: [checksums.txt]}\n`,
      "twotier.yaml:5:5: b and twotier both make a file checksums.txt | give each file of the release its own name",
    ],
  ])("%s", async (_, yaml, expected) => expect(await mistakes(yaml)).toEqual([expected]));

  test("all of them are said at once", async () => {
    expect(
      await mistakes(
        'trigger: {paths: ["zzz/**"]}\nartifacts: [{name: a, type: go, dir: ap}]\nversion: {stamp: [nope.json]}\n',
      ),
    ).toHaveLength(3);
  });

  test("a repository may have no artifacts, but then no target that wants one", async () => {
    expect(await mistakes("", { "README.md": "" })).toEqual([]);
    expect(await mistakes("artifacts: []\n", { "README.md": "" })).toEqual([]);
    expect(await mistakes("targets: {npm: true}\n", { "README.md": "" })).toEqual([
      "twotier.yaml:3:16: targets.npm is on, but nothing of type npm was found in this repository | name the artifacts: docs/configuration.md shows every type; or remove targets.npm",
    ]);
  });

  test("several Dockerfiles can't be told apart", async () => {
    const files = { "a/Dockerfile": "", "b/Dockerfile": "" };
    expect((await mistakes("targets: {docker: true}\n", files))[0]).toContain("there are 2 Dockerfiles");
  });
});

describe("detection", () => {
  const detect = async (files: Record<string, string>, targets = "{github: true}") => {
    const { artifacts } = await resolveArtifacts(parseConfig(`${head}targets: ${targets}`), treeOf(files));
    return artifacts.map(({ name, type, dir }) => `${name}: ${type} in ${dir}`);
  };

  test("leaves dependencies, tests, examples and private packages alone", async () => {
    const name = '{"name": "x", "version": "1.0.0"}';
    expect(
      await detect({
        "package.json": name,
        "node_modules/y/package.json": name,
        "tests/fixture/package.json": name,
        "examples/z/pyproject.toml": '[project]\nname = "z"',
        "tools/package.json": '{"name": "t", "version": "1.0.0", "private": true}',
        "lint/pyproject.toml": "[tool.ruff]\n",
        ".github/package.json": name,
      }),
    ).toEqual(["playground: npm in ."]);
  });

  test("two artifacts of one folder get different names", async () => {
    const files = {
      "package.json": '{"name": "x", "version": "1.0.0"}',
      "pyproject.toml": '[project]\nname = "x"\nversion = "1"',
    };
    expect(await detect(files)).toEqual(["playground-npm: npm in .", "playground-python: python in ."]);
  });

  test("a Go module with commands gives binaries, one without gives its tag where go is a target", async () => {
    const files = {
      "go.mod": "module m",
      "gen.go": "//go:build ignore\n\npackage main\n",
      "m.go": "package m\n",
      "cmd/a/main.go": "package main\n",
      "cmd/b/main.go": "package main\n",
      "sub/go.mod": "module m/sub",
      "sub/s.go": "package sub\n",
    };
    expect(await detect(files)).toEqual(["a: go in .", "b: go in ."]);
    expect(await detect(files, "{github: true, go: true}")).toEqual([
      "a: go in .",
      "b: go in .",
      "sub: go-module in sub",
    ]);
  });
});

describe("names of expected files", () => {
  test("are those that builders give", async () => {
    const config = parseConfig(`${head}artifacts:
  - {name: app, type: go, dir: app, package: ./cmd/app, platforms: [windows/amd64, linux/arm/v7]}
  - {name: py, type: python, dir: py, formats: [sdist]}
  - {name: c, type: command, run: "true", files: ["out/tool.txt", "*.bin"]}
  - {name: n, type: command, run: "true", files: ["*.tgz"], kind: npm, package: "@acme/web"}
  - {name: s, type: command, run: "true", files: ["*.tar.gz"], kind: sdist, package: Other.Project}
`);
    const resolved = await resolveArtifacts(config, treeOf(good));
    const files = expectedFiles(resolved, { version: "1.0.0-beta.2", pythonVersion: "1.0.0b2" });
    expect(files.map(({ name }) => name)).toEqual([
      "app-windows-amd64.exe",
      "app-linux-armv7",
      "my_project-1.0.0b2.tar.gz",
      "tool.txt",
      "acme-web-1.0.0-beta.2.tgz",
      "other_project-1.0.0b2.tar.gz",
    ]);
  });
});
