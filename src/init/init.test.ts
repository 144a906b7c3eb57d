import { describe, expect, it } from "vitest";
import type { Tree } from "../config/types.ts";
import { checkProposal, propose } from "./index.ts";
import { parseRemote } from "./remote.ts";
import { nextSteps } from "./steps.ts";
import { tagForms } from "./tags.ts";
import { configText } from "./text.ts";
import type { Place } from "./types.ts";

const treeOf = (files: Record<string, string>): Tree => ({
  read: async (path) => files[path] ?? null,
  list: async () => Object.keys(files),
});
const json = (value: unknown) => JSON.stringify(value, null, 2);
const place = (more: Partial<Place> = {}): Place => ({
  remote: parseRemote("https://github.com/acme/thing.git"),
  upstream: null,
  branch: "main",
  current: "main",
  commits: true,
  tags: ["v1.2.3"],
  folder: "thing",
  ...more,
});
const npm = (name: string, version: string, more: object = {}) => json({ name, version, ...more });

describe("a remote's address", () => {
  it.each([
    ["https://github.com/acme/thing.git", "github.com acme thing github"],
    ["https://github.com/acme/thing", "github.com acme thing github"],
    ["https://user:secret@github.com/acme/thing.git/", "github.com acme thing github"],
    ["git@github.com:acme/thing.git", "github.com acme thing github"],
    ["ssh://git@github.example.com:2222/acme/thing.git", "github.example.com acme thing github"],
    ["ssh://git@ssh.github.com:443/acme/thing.git", "ssh.github.com acme thing github"],
    ["git@gitlab.com:group/sub/thing.git", "gitlab.com group/sub thing gitlab"],
    ["https://code.example.org/acme/thing", "code.example.org acme thing other"],
    ["/srv/git/thing.git", null],
    ["file:///srv/git/thing.git", null],
    ["C:\\git\\acme\\thing", null],
    ["C:/git/acme/thing", null],
    ["../thing", null],
    ["https://github.com/thing", null],
    ["", null],
  ])("%s", (url, expected) => {
    const found = parseRemote(url);
    expect(found && `${found.host} ${found.owner} ${found.name} ${found.provider}`).toBe(expected);
  });
});

describe("the form of tags", () => {
  it.each([
    [["v1.2.3", "v1.10.0", "v1.9.0"], "v{version} 3 1.10.0"],
    [["1.2.3", "nightly", "v1"], "{version} 1 1.2.3"],
    [["@acme/core@1.0.0", "@acme/core@1.1.0"], "@acme/core@{version} 2 1.1.0"],
    [["sdk/go/v0.3.1"], "sdk/go/v{version} 1 0.3.1"],
    [["relay-v2.0.0", "relay-v2.1.0-rc.1"], "relay-v{version} 2 2.0.0"],
    [["release-1.0.0"], "release-{version} 1 1.0.0"],
    [["v.0.1.3", "v1.2", "2024.01.05", "v01.2.3", "latest"], undefined],
    [["v1.0.0-beta", "v1.0.0-next.1"], "v{version} 2 null"],
  ])("of %j", (tags, expected) => {
    const [form] = tagForms(tags);
    const stable = form?.stable ? `${form.stable.major}.${form.stable.minor}.${form.stable.patch}` : null;
    expect(form && `${form.template} ${form.count} ${stable}`).toBe(expected);
  });
});

describe("what is released", () => {
  const names = async (files: Record<string, string>, more: Partial<Place> = {}) => {
    const { packages, leftOut } = await propose(treeOf(files), place(more));
    return { released: packages.map((one) => one.registryName ?? one.artifact.name), leftOut };
  };

  it("leaves out what is private, nameless, a fixture, an example, or outside of the workspaces", async () => {
    const found = await names({
      "package.json": json({ name: "root", private: true, workspaces: ["packages/*", "!packages/internal"] }),
      "packages/a/package.json": npm("@acme/a", "1.2.3"),
      "packages/b/package.json": npm("@acme/b", "1.2.3", { private: true }),
      "packages/internal/package.json": npm("@acme/internal", "1.2.3"),
      "packages/a/test/fixtures/x/package.json": npm("x", "1.2.3"),
      "examples/demo/package.json": npm("demo", "1.2.3"),
      "templates/t/package.json": npm("t", "1.2.3"),
      "packages/c/package.json": json({ version: "1.2.3" }),
    });
    expect(found.released).toEqual(["@acme/a"]);
    expect(found.leftOut.map(({ path, why }) => `${path} ${why}`)).toEqual([
      "packages/c/package.json has no name",
      "packages/internal/package.json isn't one of the workspaces",
      "templates/t/package.json isn't one of the workspaces",
      "package.json is private: the root of the workspaces",
      "packages/b/package.json is private",
    ]);
  });

  it("takes neither of two packages with one name", async () => {
    const found = await names({
      "a/package.json": npm("@acme/a", "1.2.3"),
      "copy/package.json": npm("@acme/a", "1.2.3"),
      "b/package.json": npm("@acme/b", "1.2.3"),
    });
    expect(found.released).toEqual(["@acme/b"]);
    expect(found.leftOut).toEqual([
      {
        path: "a/package.json, copy/package.json",
        why: "are all called @acme/a: rename all but one, or make them private",
      },
    ]);
  });

  it("leaves out what is versioned apart, and says so", async () => {
    const found = await names(
      {
        "a/package.json": npm("@acme/a", "3.0.0"),
        "b/package.json": npm("@acme/b", "3.0.0"),
        "c/package.json": npm("@acme/c", "0.4.0"),
      },
      { tags: ["@acme/a@3.0.0", "@acme/c@0.4.0", "@acme/b@3.0.0"] },
    );
    expect(found.released).toEqual(["@acme/a", "@acme/b"]);
    expect(found.leftOut[0]?.why).toBe(
      "@acme/c is at 0.4.0, not 3.0.0: versioned apart, and one twotier.yaml has one version",
    );
  });

  it("doesn't take a manifest that nobody kept up to date for a version apart, beside Go modules with tags", async () => {
    const python = '[project]\nname = "x"\nversion = "0.1.5"\n';
    const found = await names(
      { "py/pyproject.toml": python, "go/go.mod": "module github.com/acme/thing/go\n" },
      { tags: ["v0.2.0", "go/v0.2.0"] },
    );
    expect(found.released).toEqual(["x", "github.com/acme/thing/go"]);
  });

  it("takes 0.0.0 beside real versions for a playground, and the tags of the package that has most", async () => {
    const files = {
      "a/package.json": npm("@acme/a", "3.0.0"),
      "b/package.json": npm("@acme/b", "3.0.0"),
      "playground/package.json": npm("@acme/playground", "0.0.0"),
    };
    const found = await propose(treeOf(files), place({ tags: ["@acme/a@3.0.0", "@acme/b@2.0.0", "@acme/b@3.0.0"] }));
    expect(found.leftOut).toEqual([
      {
        path: "playground/package.json",
        why: "@acme/playground is at 0.0.0, and the others at 3.0.0: taken for something that isn't released",
      },
    ]);
    expect(found.config.version?.tag).toBe("@acme/b@{version}");
  });

  it("stamps nothing of what is left out", async () => {
    const build = { scripts: { build: "tsc" }, devDependencies: { typescript: "^5.0.0" } };
    const files = {
      "pnpm-lock.yaml": "",
      "a/package.json": npm("@acme/a", "3.0.0", build),
      "b/package.json": npm("@acme/b", "3.0.0", build),
      "c/package.json": npm("@acme/c", "0.4.0", { ...build, dependencies: { "@acme/a": "workspace:^" } }),
    };
    const { config } = await propose(treeOf(files), place({ tags: [] }));
    expect(config.version?.stamp).toEqual(["a/package.json", "b/package.json"]);
  });

  it("never leaves out the only package because nobody kept its version up to date", async () => {
    const found = await names({ "package.json": npm("thing", "1.0.0") }, { tags: ["v1.2.3"] });
    expect(found.released).toEqual(["thing"]);
  });

  it.each([
    ["a classifier", '[project]\nname = "x"\nversion = "1"\nclassifiers = ["Private :: Do Not Upload"]\n'],
    ["poetry's package-mode", '[tool.poetry]\nname = "x"\nversion = "1.2.3"\npackage-mode = false\n'],
    ["uv's package", '[project]\nname = "x"\nversion = "1"\n[tool.uv]\npackage = false\n'],
  ])("leaves out a Python project that is private by %s", async (_, text) => {
    await expect(names({ "pyproject.toml": text })).rejects.toMatchObject({ code: "CONFIG" });
  });

  it.each([
    ["poetry", '[tool.poetry]\nname = "x"\nversion = "1.2.3"\n'],
    ["flit", '[build-system]\nbuild-backend = "flit_core.buildapi"\n[project]\nname = "x"\ndynamic = ["version"]\n'],
    ["setup.cfg", null],
  ])("takes a project of %s", async (_, text) => {
    const files: Record<string, string> =
      text === null
        ? { "setup.cfg": "[metadata]\nname = x\nversion = 1.2.3\n", "setup.py": "setup()\n" }
        : { "pyproject.toml": text, "Cargo.toml": '[package]\nname = "x"\nversion = "1.2.3"\n' };
    expect((await names(files)).released).toEqual(["x"]);
  });

  it.each([
    ["Cargo.toml's", 'dynamic = ["version"]\n', ["Cargo.toml"]],
    ["its own", 'version = "1.2.3"\n', ["pyproject.toml", "Cargo.toml"]],
  ])("has maturin's own commands make the files of a project with %s version", async (_, version, stamps) => {
    const text = `[build-system]\nrequires = ["maturin>=1.8,<2"]\nbuild-backend = "maturin"\n[project]\nname = "x"\n${version}`;
    const cargo = '[package]\nname = "x"\nversion = "1.2.3"\n';
    const files = { "pyproject.toml": text, "Cargo.toml": cargo };
    const { config, packages, notes } = await propose(treeOf(files), place());
    expect(packages.map((one) => one.registryName)).toEqual(["x", "x"]);
    expect(config.artifacts).toMatchObject([
      { type: "command", name: "x", package: "x", files: ["*.whl"] },
      { type: "command", name: "x-sdist", package: "x", files: ["*.tar.gz"], kind: "sdist", after: ["x"] },
    ]);
    const [wheel] = config.artifacts as { run: string }[];
    const noted = (of: readonly string[]) => of.filter((note) => note.includes("[tool.maturin.sbom]")).length;
    expect(noted(notes)).toBe(1);
    const without = { ...files, "pyproject.toml": `${text}[tool.maturin.sbom]\nrust = false\n` };
    expect(noted((await propose(treeOf(without), place())).notes)).toBe(0);
    expect(wheel?.run).toMatch(/install --quiet 'maturin>=1\.8,<2' && .*maturin" build --release --out "\$OUT"$/);
    expect(config.version?.stamp).toEqual(stamps);
    await checkProposal({ text: configText(config, {}), versionFile: null }, treeOf(files));
  });

  it("says what it looked at where there is nothing", async () => {
    await expect(names({ "README.md": "# x\n", "package.json": json({ private: true }) })).rejects.toMatchObject({
      code: "CONFIG",
      message: "there is nothing here that could be released",
      facts: { "package.json": "is private" },
    });
  });

  it("looks at 200 packages at once, and names each once", async () => {
    const files: Record<string, string> = { "package.json": json({ private: true, workspaces: ["packages/*"] }) };
    for (let i = 0; i < 200; i++)
      files[`packages/p${i}/package.json`] = npm(`@acme/p${i}`, "1.2.3", {
        dependencies: Object.fromEntries(
          Array.from({ length: Math.min(i, 20) }, (_, at) => [`@acme/p${at}`, "^1.2.3"]),
        ),
      });
    const started = performance.now();
    const proposal = await propose(treeOf(files), place());
    await checkProposal(proposal, treeOf(files));
    expect(performance.now() - started).toBeLessThan(5000);
    expect(new Set(proposal.packages.map(({ artifact }) => artifact.name)).size).toBe(200);
  });
});

describe("the version", () => {
  const proposal = (files: Record<string, string>, tags: string[]) => propose(treeOf(files), place({ tags }));

  it.each([
    ["as the tags", "1.2.3", ["v1.2.3"], null],
    ["behind the tags", "1.0.0", ["v1.2.3"], null],
    ["one patch ahead, which comes next anyway", "1.2.4", ["v1.2.3"], null],
    ["one minor ahead", "1.3.0", ["v1.2.3"], "1.3.0\n"],
    ["one minor ahead, in development", "1.3.0-dev.0", ["v1.2.3"], "1.3.0\n"],
    ["too far ahead", "3.0.0", ["v1.2.3"], null],
    ["without any tag", "0.4.0", [], "0.4.0\n"],
    ["a placeholder", "0.0.0-development", [], null],
  ])("a manifest that is %s", async (_, version, tags, expected) => {
    const found = await proposal({ "package.json": npm("thing", version) }, tags);
    expect(found.versionFile).toBe(expected);
    expect(found.notes.length).toBe(expected === null && version !== "3.0.0" && tags.length > 0 ? 0 : 1);
  });

  it("of a VERSION file with Windows line ends is taken as it is", async () => {
    const found = await proposal({ "package.json": npm("thing", "1.2.3"), VERSION: "1.3.0\r\n" }, []);
    expect(found.versionFile).toBeNull();
    expect(found.config.version?.file).toBeUndefined();
  });

  it("of a VERSION file that is none is left alone", async () => {
    const found = await proposal({ "package.json": npm("thing", "1.2.3"), VERSION: "codename badger\n" }, ["v1.2.3"]);
    expect(found.config.version?.file).toBeNull();
    expect(found.notes).toContain('VERSION says "codename badger", which isn\'t a version X.Y.Z: it is left alone');
  });

  it("keeps the label of candidates that are open, unless PyPI can't spell it", async () => {
    const tags = ["v1.2.3", "v1.3.0-next.4"];
    expect((await proposal({ "package.json": npm("thing", "1.2.3") }, tags)).config.tiers?.staging?.label).toBe("next");
    const python = await proposal({ "pyproject.toml": '[project]\nname = "x"\nversion = "1.2.3"\n' }, tags);
    expect(python.config.tiers).toBeUndefined();
    expect(python.notes[0]).toMatch(/^candidates were called next/);
  });

  it("that uv-dynamic-versioning takes from the tag is nothing to stamp", async () => {
    const text =
      '[project]\nname = "x"\ndynamic = ["version"]\n[tool.hatch.version]\nsource = "uv-dynamic-versioning"\n';
    const found = await proposal({ "pyproject.toml": text }, ["v1.2.3"]);
    expect(found.notes).toEqual(["x: its version comes from the tag; nothing is stamped, builds are told the version"]);
  });

  it.each([
    ["hatch", '[tool.hatch.version]\npath = "src/ns/deep/x/_meta.py"\n', "src/ns/deep/x/_meta.py", "VERSION = '1.2.3'"],
    [
      "setuptools",
      '[tool.setuptools.dynamic]\nversion = {attr = "x.meta.__version__"}\n',
      "src/x/meta.py",
      '__version__ = "1.2.3"',
    ],
    ["flit", '[build-system]\nbuild-backend = "flit_core.buildapi"\n', "x_y.py", '__version__: str = "1.2.3"'],
  ])("is stamped where %s reads it", async (_, settings, file, line) => {
    const text = `[project]\nname = "x-y"\ndynamic = ["version"]\n${settings}`;
    const files = { "pyproject.toml": text, [file]: `import os\n${line}\n` };
    const found = await proposal(files, ["v1.2.3"]);
    expect(found.config.version?.stamp).toEqual([{ file, pattern: line.replace("1.2.3", "{version}") }]);
    expect(found.packages[0]?.version).toBe("1.2.3");
    await checkProposal(found, treeOf(files));
  });

  it("is stamped wherever it is surely spelt, and other places are told", async () => {
    const found = await proposal(
      {
        "package.json": npm("thing", "1.2.3"),
        "src/version.ts": 'export const version = "1.2.3";\n',
        "src/constants.ts": 'export const a = "1.2.3", minimum = "1.2.3";\n',
        "deploy/Chart.yaml": "version: 1.2.3\nappVersion: 1.2.3\n",
        "jsr.json": '{ "version": "1.2.3" }\n',
        "py/src/a/b/__init__.py": '__version__ = "1.2.3"\n',
        Dockerfile: 'FROM scratch\nLABEL org.opencontainers.image.version="1.2.3"\nCOPY . /\n',
      },
      ["v1.2.3"],
    );
    expect(found.config.version?.stamp).toEqual([
      "package.json",
      { file: "Dockerfile", pattern: 'org.opencontainers.image.version="{version}"' },
      "deploy/Chart.yaml",
      { file: "jsr.json", pattern: 'version": "{version}"' },
      { file: "py/src/a/b/__init__.py", pattern: '__version__ = "{version}"' },
      { file: "src/version.ts", pattern: 'version = "{version}"' },
    ]);
    expect(found.notes).toContain("src/constants.ts also spells 1.2.3, and nothing stamps it: see version.stamp");
  });
});

describe("npm packages that npm alone can't build", () => {
  const build = { scripts: { build: "tsc" } };
  const workspace = (files: Record<string, string>, root: object = {}) =>
    propose(
      treeOf({
        "package.json": json({ private: true, workspaces: ["packages/*"], ...root }),
        "packages/core/package.json": npm("@acme/core", "1.2.3", {
          ...build,
          devDependencies: { typescript: "^5.0.0" },
        }),
        "packages/web/package.json": npm("@acme/web", "1.2.3", {
          ...build,
          dependencies: { "@acme/core": "workspace:^" },
        }),
        "packages/data/package.json": npm("@acme/data", "1.2.3"),
        ...files,
      }),
      place(),
    );

  it.each([
    [
      "pnpm-lock.yaml",
      { packageManager: "pnpm@10.12.4+sha512.abc" },
      /^npx --yes pnpm@10\.12\.4 install --frozen-lockfile/,
    ],
    [
      "pnpm-lock.yaml",
      {},
      /^npx --yes pnpm@10 install --frozen-lockfile .* --filter "@acme\/web\.\.\." run --if-present build/,
    ],
    [
      "yarn.lock",
      {},
      /^npx --yes yarn@1 install --frozen-lockfile --ignore-scripts && .* run build && npm pack --ignore-scripts/,
    ],
    [
      "yarn.lock",
      { packageManager: "yarn@4.9.1" },
      /^npx --yes @yarnpkg\/cli-dist@4\.9\.1 install --immutable .* pack --out "\$OUT\/acme-web-\$VERSION\.tgz"$/,
    ],
    ["bun.lock", {}, /^npx --yes bun@1 install --frozen-lockfile .* npx --yes bun@1 pm pack/],
  ])("are built and packed by the program of %s, one after the other", async (lock, root, expected) => {
    const { config } = await workspace({ [lock]: "" }, root);
    const [core, data, web] = config.artifacts ?? [];
    expect(data).toEqual({ type: "npm", name: "data", dir: "packages/data" });
    expect(web).toMatchObject({
      type: "command",
      kind: "npm",
      package: "@acme/web",
      files: ["*.tgz"],
      after: ["core"],
    });
    expect(core).not.toHaveProperty("after");
    expect((web as { run: string }).run).toMatch(expected);
    expect(config.version?.stamp).toEqual(["data", "core", "web"].map((name) => `packages/${name}/package.json`));
    expect(config.installer).toBeUndefined();
  });

  it("have ranges stamped as their manifest spells them, without a blank too", async () => {
    const web = JSON.stringify({ ...JSON.parse(npm("@acme/web", "1.2.3")), dependencies: { "@acme/core": "^1.2.3" } });
    const files = { "packages/web/package.json": web };
    const { config } = await workspace(files);
    expect(config.version?.stamp).toContainEqual({
      file: "packages/web/package.json",
      pattern: '"@acme/core":"^{version}"',
    });
  });

  it.each([
    ["5.4", "7"],
    ["'6.0'", "8"],
    ["'9.0'", "10"],
  ])("are built by a pnpm that reads a lock file of version %s", async (format, version) => {
    const { config } = await workspace({ "pnpm-lock.yaml": `lockfileVersion: ${format}\r\n` });
    expect(config.artifacts?.at(-1)).toMatchObject({
      run: expect.stringMatching(`^npx --yes pnpm@${version} install`),
    });
  });

  it("are built after those that they need, in npm's workspaces", async () => {
    const app = npm("@acme/app", "1.2.3", { ...build, dependencies: { "@acme/web": "^1.2.3" } });
    const web = npm("@acme/web", "1.2.3", { ...build, dependencies: { "@acme/core": "^1.2.3" } });
    const { config } = await workspace({ "packages/app/package.json": app, "packages/web/package.json": web });
    const found = config.artifacts?.find((one) => one.name === "app") as { run: string };
    expect(found.run).toContain("--workspace @acme/core --workspace @acme/web --workspace @acme/app");
    expect(config.artifacts?.find((one) => one.name === "core")?.type).toBe("npm");
  });
});

describe("where it is released from", () => {
  const files = { "package.json": npm("thing", "1.2.3", { repository: "github:other/thing" }) };
  const notesOf = async (more: Partial<Place>, options = {}) => {
    const { notes, config } = await propose(treeOf(files), place(more), options);
    return { notes, config };
  };

  it("names the remote's branch, whatever is checked out", async () => {
    const { notes, config } = await notesOf({ branch: "trunk", current: "feature" });
    expect(config.trigger?.branch).toBe("trunk");
    expect(notes).toContain("releases come from trunk; feature is checked out");
  });

  it("says that a repository looks like a fork", async () => {
    const upstream = parseRemote("git@github.com:origin/thing.git");
    expect((await notesOf({ upstream })).notes[0]).toMatch(/^acme\/thing looks like a fork of origin\/thing/);
    expect((await notesOf({})).notes[0]).toMatch(/^the manifests name other\/thing, the remote acme\/thing: a fork/);
  });

  it("takes what the manifests say where there is no remote, and what somebody says above all", async () => {
    expect((await notesOf({ remote: null })).config.repository).toBe("other/thing");
    expect((await notesOf({ remote: null }, { repository: "me/mine" })).config.repository).toBe("me/mine");
    const nowhere = propose(treeOf({ "package.json": npm("thing", "1.2.3") }), place({ remote: null }));
    await expect(nowhere).rejects.toMatchObject({ code: "USAGE", hint: expect.stringContaining("--repository") });
  });

  it("knows that GitLab has no GitHub releases", async () => {
    const { config, notes } = await notesOf({ remote: parseRemote("git@gitlab.com:group/sub/thing.git") });
    expect(config.targets).toEqual({ npm: true });
    expect(config.repository).toBe("sub/thing");
    expect(notes.join()).toContain("there are no GitHub releases");
  });
});

describe("Go, Docker and other tools' configurations", () => {
  const go = { "go.mod": "module github.com/acme/thing\n", "main.go": "package main\n\nfunc main() {}\n" };
  const artifacts = async (files: Record<string, string>) => {
    const found = await propose(treeOf(files), place());
    return { artifacts: found.config.artifacts ?? [], ...found };
  };

  it.each([
    ['var version = "dev"', "-s -w -X main.version={version}"],
    ["var Version string", "-s -w -X main.Version={version}"],
    [
      'var (\n\tversion = "dev"\n\tcommit  = "none"\n\tdate    = "unknown"\n)',
      "-s -w -X main.version={version} -X main.commit={commit} -X main.date={date}",
    ],
    ['const version = "1.2.3"', "-s -w"],
    ["var version int", "-s -w"],
  ])("sets the variables that package main has: %j", async (declared, expected) => {
    const main = `package main\n\n${declared}\n\nfunc main() {}\n`;
    const { artifacts: found } = await artifacts({ ...go, "main.go": main });
    expect(found[0]).toMatchObject({ type: "go", name: "thing", package: ".", ldflags: expected });
  });

  it("finds the variable of a package for it", async () => {
    const version = 'package version\n\nvar Version = "dev"\n';
    const { artifacts: found } = await artifacts({ ...go, "internal/version/version.go": version });
    expect(found[0]).toMatchObject({
      ldflags: "-s -w -X github.com/acme/thing/internal/version.Version={version}",
    });
  });

  it.each([
    ["COPY dist/thing-linux-${TARGETARCH} /thing", { "dist/thing-{os}-{arch}": "thing" }, undefined],
    ["COPY ${TARGETPLATFORM}/thing /thing", { "{os}/{arch}/thing": "thing" }, undefined],
    ["ADD $TARGETOS/$TARGETARCH/thing /", { "{os}/{arch}/thing": "thing" }, undefined],
    ["COPY thing /thing", { thing: "thing" }, ["linux/amd64"]],
    ["COPY --from=build /out/thing /thing", undefined, undefined],
    ["COPY --chown=1:1 main.go \\\n  /src/", undefined, undefined],
  ])("knows which binaries %j wants", async (line, files, platforms) => {
    const { artifacts: found } = await artifacts({ ...go, Dockerfile: `FROM scratch\n${line}\n` });
    const image = found.find(({ type }) => type === "image") as { files?: object; platforms?: string[] };
    expect({ files: image.files, platforms: image.platforms }).toEqual({ files, platforms });
  });

  it("leaves out an image of something that the repository doesn't make", async () => {
    const { leftOut } = await artifacts({ ...go, Dockerfile: "FROM openjdk\nCOPY target/app.jar /\n" });
    expect(leftOut).toContainEqual({
      path: "Dockerfile",
      why: "copies target/app.jar, which is neither in the repository nor built by it",
    });
  });

  it("takes an image's name and registry from the workflow that pushes it", async () => {
    const workflow =
      "jobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6\n        with: { tags: ghcr.io/acme/server:latest }\n";
    const found = await artifacts({
      ...go,
      Dockerfile: "FROM scratch\nCOPY . /\n",
      ".github/workflows/image.yml": workflow,
    });
    expect(found.artifacts.find(({ type }) => type === "image")).toMatchObject({ repository: "acme/server" });
    expect(found.config.targets?.docker).toEqual({ registry: "ghcr.io" });
    expect(found.notes.join()).not.toContain("is taken to be");
  });

  it("reads GoReleaser's platforms, paths, variables and defaults", async () => {
    const config = json({
      project_name: "tool",
      builds: [
        { main: "./cmd/tool/main.go", binary: "tool", goos: ["linux"], goarch: ["amd64", "arm"], goarm: ["6", "7"] },
        {
          id: "helper",
          main: "cmd/helper",
          binary: "{{ .ProjectName }}-helper",
          targets: ["linux_amd64_v1"],
          env: ["CGO_ENABLED=1"],
        },
      ],
    });
    const { artifacts: found } = await artifacts({
      ...go,
      ".goreleaser.yml": config,
      "cmd/tool/main.go": "",
      "cmd/helper/main.go": "",
    });
    expect(found).toMatchObject([
      {
        ...{ name: "tool", package: "./cmd/tool", platforms: ["linux/amd64", "linux/arm/v6", "linux/arm/v7"] },
        ldflags: "-s -w",
      },
      { name: "tool-helper", package: "./cmd/helper", platforms: ["linux/amd64"], env: { CGO_ENABLED: "1" } },
    ]);
  });

  it.each([
    ["tool-{{ .Os }}-{{ .Arch }}", "tool"],
    ["tool-linux-{{ .Arch }}", "tool"],
    ["{{ .ProjectName }}_{{ .Version }}_{{ .Os }}", "thing"],
    ["{{ .Env.NAME }}", "thing"],
  ])(
    "calls a binary that GoReleaser calls %s by its name, and leaves out what Go has no port for",
    async (binary, name) => {
      const flags = ["{{ .Env.LDFLAGS }}", "-X main.version={{ .Version }}"];
      const build = { main: "./cmd/tool", binary, goos: ["linux", "darwin", "windows"], goarch: ["amd64", "s390x"] };
      const files = (ldflags: unknown) => ({
        ...{ ...go, "cmd/tool/main.go": "package main\n\nvar version string\n" },
        ".goreleaser.yml": json({ builds: [{ ...build, ldflags }] }),
      });
      const found = await artifacts(files(flags));
      expect(found.artifacts).toMatchObject([
        { name, platforms: ["darwin/amd64", "linux/amd64", "linux/s390x", "windows/amd64"] },
      ]);
      expect(found.artifacts[0]).toMatchObject({ ldflags: "-X main.version={version}" });
      expect(found.notes.join("\n")).toContain("{{ .Env.LDFLAGS }} of its ldflags isn't taken over");
      const none = await artifacts(files("{{ .Env.LDFLAGS }}"));
      expect(none.artifacts[0]).toMatchObject({ ldflags: "-s -w -X main.version={version}" });
    },
  );

  it.each([
    [{ "dist-workspace.toml": "[dist]\n" }, "dist-workspace.toml: dist makes a GitHub release of every tag"],
    [{ "Cargo.toml": "[workspace.metadata.dist]\n" }, "Cargo.toml: dist makes a GitHub release of every tag"],
    [{ "release-plz.toml": "" }, "release-plz.toml: release-plz makes tags and GitHub releases too"],
  ])("says what other tools go on doing: %j", async (files, expected) => {
    expect((await artifacts({ ...go, ...files })).notes.join("\n")).toContain(expected);
  });

  it("takes GoReleaser's builds for one platform each as one command, with its build tags", async () => {
    const one = (goos: string, goarch: string, env: string[] = []) => ({
      ...{ main: "./cmd/tool", binary: `tool-${goos}-${goarch}`, goos: [goos], goarch: [goarch] },
      ...{ env: ["CGO_ENABLED=1", ...env], tags: ["a", "b"], ldflags: "-s" },
    });
    const builds = [one("linux", "amd64"), one("linux", "arm64", ["CC=aarch64-linux-gnu-gcc"]), one("darwin", "arm64")];
    const config = json({ before: { hooks: ["go mod tidy", "make web"] }, builds });
    const found = await artifacts({ ...go, ".goreleaser.yml": config, "cmd/tool/main.go": "" });
    expect(found.artifacts).toMatchObject([
      {
        ...{ name: "tool", platforms: ["darwin/arm64", "linux/amd64", "linux/arm64"] },
        env: { CGO_ENABLED: "1", GOFLAGS: "-tags=a,b" },
      },
    ]);
    expect(found.notes.join("\n")).toContain("runs before its builds: make web. twotier doesn't");
    expect(found.notes.join("\n")).toContain("its C compiler aarch64-linux-gnu-gcc isn't taken over");
  });

  it("builds a Dockerfile of another folder from the root, where it copies from there; none for the repository's own use", async () => {
    const found = await artifacts({
      ...go,
      "deploy/docker/Dockerfile": "FROM golang\nCOPY go.mod main.go ./\n",
      "tools/perf/Dockerfile": "FROM scratch\nCOPY . /\n",
    });
    expect(found.artifacts.filter(({ type }) => type === "image")).toEqual([
      {
        ...{ type: "image", name: "deploy-docker-image", dir: ".", repository: "acme/thing" },
        dockerfile: "deploy/docker/Dockerfile",
      },
    ]);
    expect(found.leftOut).toContainEqual({
      path: "tools/perf/Dockerfile",
      why: "is for the repository's own use, by its folder",
    });
  });

  it("stamps all crates that have a Cargo workspace's version, in the lock file and where they ask for each other", async () => {
    const member = (name: string, more = "") => `[package]\nname = "${name}"\nversion.workspace = true\n${more}`;
    const files = {
      "Cargo.toml": '[workspace]\nmembers = ["cli", "core"]\n[workspace.package]\nversion = "1.2.3"\n',
      "Cargo.lock":
        'version = 4\n\n[[package]]\nname = "cli"\nversion = "1.2.3"\n\n[[package]]\nname = "core"\nversion = "1.2.3"\n',
      "cli/Cargo.toml": member("cli", '[dependencies]\ncore = { path = "../core", version = "1.2.3" }\n'),
      "cli/src/main.rs": "fn main() {}\n",
      "core/Cargo.toml": member("core"),
      "core/src/lib.rs": "",
    };
    const found = await propose(treeOf(files), place());
    expect(found.config.version?.stamp).toEqual([
      "Cargo.toml",
      { file: "Cargo.lock", pattern: 'name = "cli"\nversion = "{version}"' },
      { file: "Cargo.lock", pattern: 'name = "core"\nversion = "{version}"' },
      { file: "cli/Cargo.toml", pattern: 'core = { path = "../core", version = "{version}" }' },
    ]);
    await checkProposal(found, treeOf(files));
  });

  it("stamps what release-please marks, by the line and by the block", async () => {
    const files = {
      "package.json": npm("thing", "1.2.3"),
      "release-please-config.json": json({ packages: { ".": { "extra-files": ["a.ts", { path: "b.md" }, "c.ts"] } } }),
      "a.ts":
        "// x-release-please-start-version\nexport const v = '1.2.3';\n// x-release-please-end\nconst w = '1.2.3';\n",
      "b.md": "Install 1.2.3 <!-- x-release-please-version -->\n",
      "c.ts": "export {};\n",
    };
    const found = await propose(treeOf(files), place());
    expect(found.config.version?.stamp).toEqual([
      "package.json",
      { file: "a.ts", pattern: "export const v = '{version}';" },
      { file: "b.md", pattern: "Install {version} <!-- x-release-please-version -->" },
    ]);
    expect(found.notes.join()).toContain("c.ts: which line spells the version isn't known");
  });

  it.each([
    ["semantic-release without its npm plugin", ".releaserc", json({ plugins: ["@semantic-release/github"] })],
    ["changesets that ignore it", ".changeset/config.json", json({ ignore: ["thing"] })],
  ])("publishes no npm package that isn't by %s", async (_, file, text) => {
    await expect(artifacts({ "package.json": npm("thing", "1.2.3"), [file]: text })).rejects.toMatchObject({
      facts: { "package.json": `${file} doesn't publish it` },
    });
  });

  it("takes the name of tags from semantic-release where there is no tag", async () => {
    const files = { "package.json": npm("thing", "0.0.0", { release: { tagFormat: "thing/${version}" } }) };
    expect((await propose(treeOf(files), place({ tags: [] }))).config.version?.tag).toBe("thing/{version}");
  });
});

describe("what is left for a person", () => {
  it("names the exact pages of the repository's own host", async () => {
    const files = { "package.json": npm("@acme/thing", "1.2.3") };
    const there = place({ remote: parseRemote("git@github.example.com:acme/thing.git") });
    const { config, resolved } = await checkProposal(await propose(treeOf(files), there), treeOf(files));
    const urls = nextSteps(config, resolved, there).flatMap((step) => step.urls);
    expect(urls).toContain("https://github.example.com/acme/thing/settings/secrets/actions");
    expect(urls).toContain("https://www.npmjs.com/package/@acme/thing");
    // npm trusts workflows of github.com alone.
    expect(urls).not.toContain("https://www.npmjs.com/package/@acme/thing/access");
  });

  it.each([
    ["git@github.com:acme/things.git", "owner acme, repository things, workflow release.yml"],
    ["git@gitlab.com:acme/things.git", "namespace acme, project things, CI file .gitlab-ci.yml"],
  ])("names trusted publishers first, with what to type there: %s", async (remote, typed) => {
    const files = {
      "package.json": npm("@acme/thing", "1.2.3"),
      "py/pyproject.toml": '[project]\nname = "acme-thing"\nversion = "1.2.3"\n',
    };
    const there = place({ remote: parseRemote(remote) });
    const { config, resolved } = await checkProposal(await propose(treeOf(files), there), treeOf(files));
    const steps = nextSteps(config, resolved, there);
    const of = (url: string) => steps.findIndex((step) => step.urls.includes(url));
    const npmjs = of("https://www.npmjs.com/package/@acme/thing/access");
    const pypi = of("https://pypi.org/manage/project/acme-thing/settings/publishing/");
    expect(steps[npmjs]?.what).toContain(`${typed}, environment left empty`);
    expect(steps[pypi]?.what).toContain(`${typed}, environment staging, and the same with production`);
    expect(npmjs).toBeLessThan(of("https://www.npmjs.com/settings/~/tokens"));
    expect(pypi).toBeLessThan(of("https://pypi.org/manage/account/token/"));
  });
});
