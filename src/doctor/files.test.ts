import { describe, expect, test } from "vitest";
import { parseConfig } from "../config/parse.ts";
import { resolveArtifacts } from "../config/resolve.ts";
import type { Tree } from "../config/types.ts";
import { checkStamps } from "./stamps.ts";
import { checkTrigger } from "./trigger.ts";
import { checkActions, checkWorkflows } from "./workflows.ts";
import { secretsOf } from "./yaml.ts";

function treeOf(files: Record<string, string>): Tree {
  return { read: async (path) => files[path] ?? null, list: async () => Object.keys(files) };
}

async function subjectOf(yaml: string, files: Record<string, string>) {
  const tree = treeOf({ "twotier.yaml": "", ...files });
  const config = parseConfig(`name: tool\nrepository: acme/tool\n${yaml}`);
  return { config, tree, resolved: await resolveArtifacts(config, tree) };
}

/** Files that `trigger.paths` misses, by the beginning of the sentence. */
async function missed(
  paths: string,
  artifacts: string,
  files: Record<string, string>,
  targets = "{ github: true }",
): Promise<string[]> {
  const subject = await subjectOf(`trigger: { paths: ${paths} }\ntargets: ${targets}\nartifacts:\n${artifacts}`, files);
  return (await checkTrigger(subject)).found.map((one) => one.what.replace("trigger.paths misses what ", ""));
}

const goFiles = {
  "go.mod": "module example.invalid/tool\n\ngo 1.22\n\nreplace example.invalid/shared => ./shared\n",
  "go.sum": "",
  "cmd/tool/main.go":
    'package main\n\nimport (\n\t"fmt"\n\tx "example.invalid/tool/internal/a"\n\t"example.invalid/shared/log"\n)\n',
  "cmd/tool/main_test.go": 'package main\n\nimport "example.invalid/tool/internal/onlytest"\n',
  "internal/a/a.go": 'package a\n\nimport "example.invalid/tool/internal/b"\n\n//go:embed all:templates "more/*.txt"\n',
  "internal/a/templates/x.tmpl": "",
  "internal/a/more/y.txt": "",
  "internal/b/b.go": "package b\n",
  "internal/unused/u.go": "package unused\n",
  "internal/onlytest/t.go": "package onlytest\n",
  "shared/go.mod": "module example.invalid/shared\n",
  "shared/log/log.go": "package log\n",
  "README.md": "",
};
const goTool = "  - { name: tool, type: go, package: ./cmd/tool }";

describe("trigger.paths", () => {
  test("covers a Go command when it covers its package, what that imports and embeds, and go.mod", async () => {
    expect(await missed('["cmd/**", "internal/**", "shared/**", "go.*"]', goTool, goFiles)).toEqual([]);
  });

  test("misses packages that are imported from elsewhere in the repository, and what they embed", async () => {
    expect(await missed('["cmd/**", "go.*"]', goTool, goFiles)).toEqual([
      "tool is built from: internal/a/a.go, internal/a/more/y.txt, internal/a/templates/x.tmpl and 3 more",
    ]);
    expect(await missed('["cmd/**", "internal/**", "go.*"]', goTool, goFiles)).toEqual([
      "tool is built from: shared/go.mod, shared/log/log.go",
    ]);
  });

  test("misses nothing that it takes away by an exclamation mark, and nothing by default", async () => {
    expect(await missed('["cmd/**", "internal/**", "!shared/**", "go.*"]', goTool, goFiles)).toEqual([]);
    expect(await missed('["**"]', goTool, goFiles)).toEqual([]);
  });

  test("misses what a Dockerfile copies from its context", async () => {
    const files = {
      Dockerfile:
        'FROM golang AS build\nCOPY --chown=1:1 src \\\n  config/*.json /app/\nCOPY ["assets", "/a"]\nFROM scratch\nCOPY --from=build /app/tool /tool\nADD https://example.invalid/x /x\n',
      "src/a.go": "",
      "config/a.json": "",
      "config/a.yaml": "",
      "assets/logo.svg": "",
      "other.txt": "",
    };
    const image = "  - { name: image, type: image, repository: acme/tool, dockerfile: Dockerfile }";
    expect(await missed('["src/**"]', image, files, "{ docker: true }")).toEqual([
      "image is built from: Dockerfile, assets/logo.svg, config/a.json",
    ]);
    const whole = { ...files, Dockerfile: "FROM x\nCOPY . .\n", ".dockerignore": "# no\nconfig\n*.txt\n!other.txt\n" };
    expect(await missed('["src/**", Dockerfile]', image, whole, "{ docker: true }")).toEqual([
      "image is built from: assets/logo.svg, other.txt",
    ]);
  });

  test("misses the sources of another workspace that an npm package depends on", async () => {
    const files = {
      "packages/a/package.json": '{"name":"a","version":"1.0.0","dependencies":{"b":"workspace:*"}}',
      "packages/a/src/index.ts": "",
      "packages/b/package.json": '{"name":"b","version":"1.0.0"}',
      "packages/b/src/index.ts": "",
      "packages/b/README.md": "",
    };
    const both = "  - { name: a, type: npm, dir: packages/a }\n  - { name: b, type: npm, dir: packages/b }";
    expect(await missed('["packages/a/**"]', both, files)).toEqual([
      "a is built from: packages/b/src/index.ts",
      "b is built from: packages/b/package.json, packages/b/src/index.ts",
    ]);
    expect(await missed('["packages/**"]', both, files)).toEqual([]);
  });

  test("misses a Python package in the root, but neither its tests nor its docs", async () => {
    const files = {
      "pyproject.toml": '[project]\nname = "tool"\nversion = "1.0.0"\n',
      "tool/__init__.py": "",
      "tool/core.py": "",
      "tests/test_core.py": "",
      "docs/conf.py": "",
    };
    const python = "  - { name: tool, type: python }";
    expect(await missed('["tool/core.py"]', python, files)).toEqual([
      "tool is built from: pyproject.toml, tool/__init__.py",
    ]);
  });

  test("misses the script that a command runs, and the VERSION file", async () => {
    const files = { VERSION: "1.0.0\n", "make.sh": "", "other.sh": "", "src/a.txt": "" };
    const command = '  - { name: files, type: command, run: sh ./make.sh "$OUT", files: ["*"] }';
    expect(await missed('["src/**"]', command, files)).toEqual([
      "files is built from: make.sh",
      "opens the next line: VERSION",
    ]);
  });

  test("says which glob to add", async () => {
    const subject = await subjectOf(`trigger: { paths: ["cmd/**", "go.*"] }\nartifacts:\n${goTool}`, goFiles);
    const [found] = (await checkTrigger(subject)).found;
    expect(found).toMatchObject({ code: "trigger-misses", level: "warning" });
    expect(found?.remedy).toContain('add "internal/**", "shared/**" to trigger.paths');
  });
});

describe("stamps", () => {
  const manifest = { "pyproject.toml": '[project]\nname = "tool"\nversion = "0.4.2"\n', VERSION: "0.4.2\n" };
  const unstamped = async (files: Record<string, string>, stamp = "[pyproject.toml]") => {
    const subject = await subjectOf(`version: { stamp: ${stamp} }\nartifacts:\n  - { name: tool, type: python }`, {
      ...manifest,
      "tool/__init__.py": "",
      ...files,
    });
    return (await checkStamps(subject)).found;
  };

  test("are complete where nothing else spells the version, but for what init wrote into twotier.yaml", async () => {
    expect(await unstamped({})).toEqual([]);
    expect(await unstamped({ "twotier.yaml": "# the newest stable version is 0.4.2\n" })).toEqual([]);
  });

  test.each([
    ["README.md", "pip install tool==0.4.2", "'pip install tool=={version}'"],
    ["tool/about.py", '__version__ = "0.4.2"', "'__version__ = \"{version}\"'"],
    ["deploy.yaml", "image: acme/tool:v0.4.2", "'image: acme/tool:v{version}'"],
  ])("miss %s, which says %s", async (file, line, pattern) => {
    const [found, ...more] = await unstamped({ [file]: `one\n${line}\n` });
    expect(more).toEqual([]);
    expect(found).toMatchObject({ code: "unstamped", level: "warning" });
    expect(found?.what).toBe(`${file}:2 spells the version, and isn't stamped: ${line}`);
    expect(found?.remedy).toContain(`{ file: "${file}", pattern: ${pattern} }`);
  });

  test.each([
    ["CHANGELOG.md", "## tool 0.4.2"],
    ["uv.lock", 'name = "tool"\nversion = "0.4.2"'],
    ["vendor/x/about.txt", "version 0.4.2"],
    ["tests/test_tool.py", 'assert tool.version == "0.4.2"'],
    ["README.md", "tool 10.4.2, tool 0.4.21, tool 0.4.2.1, tool 0.4.2-rc.1"],
    ["requirements.txt", "other==0.4.2"],
  ])("don't concern %s with %s", async (file, text) => {
    expect(await unstamped({ [file]: text })).toEqual([]);
  });

  test("say nothing of a VERSION file that holds none: the plan does", async () => {
    expect(await unstamped({ VERSION: "soon\n" })).toEqual([]);
  });

  test("miss a second spelling in a file that is stamped once", async () => {
    const text = 'version = "0.4.2"\nother = "0.4.2"\nsee = "tool-0.4.2"\n';
    const found = await unstamped(
      { "setup.txt": text },
      "[pyproject.toml, { file: setup.txt, pattern: 'version = \"{version}\"' }]",
    );
    expect(found.map((one) => one.what)).toEqual([
      'setup.txt:3 spells the version, and isn\'t stamped: see = "tool-0.4.2"',
    ]);
  });
});

describe("workflows", () => {
  const sha = "a".repeat(40);
  const actions = async (text: string) => (await checkActions(treeOf({ ".github/workflows/ci.yml": text }))).found;

  test.each([
    ["actions/checkout@v5", true],
    ["actions/checkout@main", true],
    [`actions/checkout@${sha.slice(1)}`, true],
    ["docker://alpine:3", true],
    [`actions/checkout@${sha} # v5.0.0`, false],
    [`acme/tool/.github/workflows/x.yml@${sha}`, false],
    [`docker://alpine@sha256:${"b".repeat(64)}`, false],
    ["./.github/actions/own", false],
  ])("that use %s: found %s", async (use, loose) => {
    const found = await actions(`jobs:\n  one:\n    steps:\n      - uses: ${use}\n`);
    expect(found.map((one) => one.code)).toEqual(loose ? ["action-unpinned"] : []);
  });

  test("that are no YAML are found, and stop no other check", async () => {
    expect(await actions("jobs: [\n")).toMatchObject([{ code: "workflow" }]);
  });

  test.each(["a: &a [*a, { uses: x/y@v1 }]\n", "&a [*a, { uses: x/y@v1 }]\n", "a: &a { uses: x/y@v1, b: *a }\n"])(
    "that hold themselves are looked at once: %j",
    async (text) => {
      expect(await actions(text)).toMatchObject([{ code: "action-unpinned" }]);
    },
  );

  test("that would grow without end are no YAML", async () => {
    const text = `a: &a [1]\nb: &b [${"*a,".repeat(50)}]\nc: [${"*b,".repeat(500)}]\n`;
    expect(await actions(text)).toMatchObject([{ code: "workflow" }]);
  });

  test("name secrets in both spellings, and not in comments", () => {
    const text = "env:\n  A: ${{ secrets.ONE }}\n  # ${{ secrets.NO }}\n  B: ${{ secrets['TWO'] }}\n";
    expect(secretsOf([{ text }])).toEqual(["ONE", "TWO"]);
  });

  const targets = "targets: { npm: true, docker: true, github: true }";
  const releasing = async (text: string) => {
    const subject = await subjectOf(
      `${targets}\nartifacts:\n  - { name: n, type: npm }\n  - { name: i, type: image, files: { /x: package.json } }`,
      { "package.json": '{"name":"tool","version":"1.0.0"}', ".github/workflows/release.yml": text },
    );
    return (await checkWorkflows({ ...subject, branch: "main" })).found.map(({ code, what }) => `${code}: ${what}`);
  };
  const step = "run: npx twotier@1 release --tier staging";

  test.each([
    ["on: push", []],
    ["on: [push, workflow_dispatch]", []],
    ["on: { push: { branches: [main] } }", []],
    ["on: { push: { branches: ['**', '!dev'] } }", []],
    ["on: { push: { branches-ignore: [dev] } }", []],
    [
      "on: { push: { branches: [master] } }",
      ["workflow: .github/workflows/release.yml runs on pushes to other branches than main"],
    ],
    [
      "on: { push: { branches-ignore: [main] } }",
      ["workflow: .github/workflows/release.yml runs on pushes to other branches than main"],
    ],
    [
      "on: { push: { tags: ['v*'] } }",
      ["workflow: .github/workflows/release.yml runs on pushes to other branches than main"],
    ],
    ["on: workflow_dispatch", ["workflow: .github/workflows/release.yml doesn't run on pushes to main"]],
  ])("that release with %s: %j", async (on, expected) => {
    const env = "{ NPM_TOKEN: x, DOCKERHUB_USERNAME: y, DOCKERHUB_TOKEN: z }";
    expect(await releasing(`${on}\njobs:\n  r:\n    steps:\n      - ${step}\n        env: ${env}\n`)).toEqual(expected);
  });

  test("that release must give every token to the step", async () => {
    expect(
      await releasing(`on: push\njobs:\n  r:\n    steps:\n      - ${step}\n        env: { NPM_TOKEN: x }\n`),
    ).toEqual(["secret-unnamed: .github/workflows/release.yml names no DOCKERHUB_USERNAME, DOCKERHUB_TOKEN"]);
    const env = "{ NPM_TOKEN: x, DOCKERHUB_USERNAME: y, DOCKERHUB_TOKEN: z }";
    expect(await releasing(`on: push\njobs:\n  r:\n    steps:\n      - ${step}\n        env: ${env}\n`)).toEqual([]);
  });

  test("that publish by OIDC need no npm token", async () => {
    const rights = "permissions: { id-token: write }";
    expect(await releasing(`on: push\n${rights}\njobs:\n  r:\n    steps:\n      - ${step}\n`)).toEqual([
      "secret-unnamed: .github/workflows/release.yml names no DOCKERHUB_USERNAME, DOCKERHUB_TOKEN",
    ]);
  });

  test("that release on some paths alone are found; others may filter", async () => {
    const on = 'on: { push: { branches: [main], paths: ["src/**"] } }';
    const env = "{ NPM_TOKEN: x, DOCKERHUB_USERNAME: y, DOCKERHUB_TOKEN: z }";
    expect(await releasing(`${on}\njobs:\n  r:\n    steps:\n      - ${step}\n        env: ${env}\n`)).toEqual([
      "path-filter: .github/workflows/release.yml has a `paths` filter on its push",
    ]);
    expect(await releasing(`${on}\njobs:\n  r:\n    steps:\n      - run: make test\n`)).toEqual([
      "workflow: no workflow runs twotier",
    ]);
  });
});
