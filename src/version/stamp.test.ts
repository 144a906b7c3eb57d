import { describe, expect, test } from "vitest";
import { ReleaseError } from "../lib/errors.ts";
import { type StampRule, stampText } from "./stamp.ts";

const to = { version: "0.1.19-rc.1", pythonVersion: "0.1.19rc1" };

/** `<<old>>` marks where the version stands; all else must stay as it is. */
function expectStamped(file: string, marked: string, written: string, rule: Partial<StampRule> = {}): void {
  const before = marked.replace(/<<(.*?)>>/g, "$1");
  const after = marked.replace(/<<.*?>>/g, written);
  const result = stampText(before, { file, ...rule }, to);
  expect(result.text).toBe(after);
  // The spans alone lead from the old bytes to the new ones: that is what proves a release commit.
  let bytes = Buffer.from(before);
  for (const span of [...result.spans].reverse()) {
    bytes = Buffer.concat([bytes.subarray(0, span.start), Buffer.from(span.text), bytes.subarray(span.end)]);
  }
  expect(bytes.toString()).toBe(after);
  expect(result.spans.length).toBe(marked.split("<<").length - 1);
}

function failure(text: string, rule: StampRule): ReleaseError {
  try {
    stampText(text, rule, to);
  } catch (error) {
    if (error instanceof ReleaseError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("files whose format their name tells", () => {
  test.each<[string, string, string]>([
    [
      "package.json",
      '{\n\t"name": "x",\n\t"version" : "<<0.1.18>>",\n\t"engines": {"version": "1"}\n}\n',
      "0.1.19-rc.1",
    ],
    ["sdk/package.json", '{"a":{"version":"9"},"b":["version"],"version":"<<0.1.18>>"}', "0.1.19-rc.1"],
    [
      "package-lock.json",
      '{\r\n "name": "x", "version": "<<0.1.18>>",\r\n "packages": {"": {"name": "x", "version": "<<0.1.18>>"},\r\n "node_modules/y": {"version": "0.1.18"}}}\r\n',
      "0.1.19-rc.1",
    ],
    [
      "npm-shrinkwrap.json",
      '{"version":"<<1.0.0>>","packages":{"":{"version":"<<1.0.0>>"},"libs/a":{"version":"<<1.0.0>>"},"libs/b":{"version":"3.0.0"}}}',
      "0.1.19-rc.1",
    ],
    [
      "pyproject.toml",
      '[tool.x]\nversion = "9"\n[project]\nname = "x"\nversion = "<<0.1.18>>" # the version\n',
      "0.1.19rc1",
    ],
    [
      "pyproject.toml",
      "[ tool . poetry ]\r\nversion='<<0.1.18>>'\r\n[tool.poetry.dependencies]\r\nversion = \"1\"\r\n",
      "0.1.19rc1",
    ],
    ["pyproject.toml", 'project.version = "<<0.1.18>>"\n[project.x]\nversion = "1"\n', "0.1.19rc1"],
    [
      "pyproject.toml",
      '[project]\ndescription = """\n[project]\nversion = "1.0.0"\n"""\nversion = "<<0.1.18>>"\n',
      "0.1.19rc1",
    ],
    [
      "pyproject.toml",
      '# don\'t """\n[project]\nname = "x" # \'\'\'\nreadme = """one line"""\nkeys = ["\'\'\'"]\nversion = "<<0.1.18>>"\n',
      "0.1.19rc1",
    ],
    ["setup.cfg", "[bdist]\nversion = 1\n[metadata]\nname = x\nversion = <<0.1.18>>\n", "0.1.19rc1"],
    ["x/__init__.py", '"""Doc."""\n__version__ = "<<0.1.18>>"\n', "0.1.19rc1"],
    ["x/_version.py", "__version__: str = version = '<<0.1.18>>'  # generated\n", "0.1.19rc1"],
    [
      "Cargo.toml",
      '[package]\nname = "x"\nversion = "<<0.1.18>>"\n[dependencies]\nserde = { version = "1" }\n',
      "0.1.19-rc.1",
    ],
    ["Cargo.toml", '[workspace.package]\nversion = "<<0.1.18>>"\n[package]\nversion.workspace = true\n', "0.1.19-rc.1"],
    [
      "helm/Chart.yaml",
      'apiVersion: v2\nversion: <<0.1.18>>   # chart\nappVersion: "<<0.1.17>>"\ndependencies:\n  - name: x\n    version: 1.0.0\n',
      "0.1.19-rc.1",
    ],
    ["Chart.yaml", "version: <<0.1.18>>\r\nappVersion: '<<0.1.18>>'\r\n", "0.1.19-rc.1"],
    ["VERSION", "<<0.1.18>>\n", "0.1.19-rc.1"],
    ["VERSION", "<<0.1.18>>", "0.1.19-rc.1"],
    ["VERSION", "<<v0.1.18>>\r\n\r\n", "v0.1.19-rc.1"],
    ["release/number", "\ufeff<<0.1.41-rc.7>>\n", "0.1.19-rc.1"],
  ])("%s: %j", (file, marked, written) => expectStamped(file, marked, written));

  test("text before the version may have any characters, spans count bytes", () => {
    expectStamped("package.json", '{"description": "Größe \\" 🎉 {[", "version": "<<0.1.18>>"}', "0.1.19-rc.1");
  });

  test("a stable version takes the prerelease part away", () => {
    const { text } = stampText("0.1.19-rc.2\n", { file: "VERSION" }, { version: "0.1.19", pythonVersion: "0.1.19" });
    expect(text).toBe("0.1.19\n");
  });

  test("the spelling can be chosen", () => {
    expectStamped("VERSION", "<<0.1.18>>\n", "0.1.19rc1", { form: "pep440" });
    expectStamped("pyproject.toml", '[project]\nversion = "<<0.1.18>>"\n', "0.1.19-rc.1", { form: "semver" });
  });

  test("stamping twice changes nothing more", () => {
    const once = stampText('{"version": "0.1.18"}', { file: "package.json" }, to);
    expect(stampText(once.text, { file: "package.json" }, to)).toEqual({ text: once.text, spans: [] });
  });

  test.each<[string, string]>([
    ["package.json", '{"name": "x"}'],
    ["pyproject.toml", '[project]\nname = "x"\ndynamic = ["version"]\n'],
    ["setup.cfg", "[metadata]\nversion = attr: x.__version__\n"],
    ["x/__init__.py", "from .version import __version__\n"],
    ["Cargo.toml", "[package]\nversion.workspace = true\n"],
    ["Chart.yaml", "name: x\n"],
    ["VERSION", "soon\n"],
    ["VERSION", "1.0.0\n2.0.0\n"],
    ["README.md", "Version 1.2.3 is out\n"],
    ["logo.png", "\x89PNG\0"],
  ])("a file that has no version where its format has it is refused, with a remedy: %s %j", (file, text) => {
    const error = failure(text, { file });
    expect(error.code).toBe("CONFIG");
    expect(error.message).toContain(file);
    expect(error.hint).toBeTruthy();
  });
});

describe("any file by a pattern", () => {
  test.each<[string, string, string, string]>([
    ["version.go", 'const Version = "{version}"', 'package x\nconst Version = "<<0.1.18>>"\n', "0.1.19-rc.1"],
    ["version.go", 'Version = "{version}"', 'GoVersion = "1.19"\nVersion = "<<0.1.18-rc.4>>"\n', "0.1.19-rc.1"],
    ["x.txt", 'v="{version}"', 'v="<<0.1.18rc3>>"', "0.1.19-rc.1"],
    ["x.txt", 'v="{version}"', 'v="<<v0.1.18+build.5>>"', "v0.1.19-rc.1"],
    ["a.tmpl", "image:{version}", "image:<<0.1.18>>, and image:latest", "0.1.19-rc.1"],
    ["a.md", "playground@{version}", "Use playground@<<0.1.18-rc.12>>. Or not.", "0.1.19-rc.1"],
    ["a.md", "playground-{version}.tar.gz", "get playground-<<0.1.18-beta.2>>.tar.gz", "0.1.19-rc.1"],
    ["a.md", "playground-{version}", "get playground-<<0.1.18>>-linux.tar.gz", "0.1.19-rc.1"],
    ["requirements.txt", "hanzo-playground=={version}", "x==1.0.0\nhanzo-playground==<<0.1.18rc2>>\n", "0.1.19rc1"],
    ["docs/conf.py", 'release = "{version}"', 'release = "<<0.1.18>>"\n', "0.1.19rc1"],
    ["Cargo.lock", 'name = "x"\nversion = "{version}"', 'name = "x"\r\nversion = "<<0.1.18>>"\r\n', "0.1.19-rc.1"],
    ["a.txt", "{version}", "released as <<0.1.18>> today", "0.1.19-rc.1"],
    ["a.txt", "$({version}|[a-z]*)", "$(<<0.1.18>>|[a-z]*)", "0.1.19-rc.1"],
    ["a.txt", "from {version} to {version}", "from <<0.1.17>> to <<0.1.18>>", "0.1.19-rc.1"],
  ])("%s: %s in %j", (file, pattern, marked, written) => expectStamped(file, marked, written, { pattern }));

  test("a count says how often it must match", () => {
    expectStamped("a.txt", "x@<<0.1.18>> x@<<0.1.18>>", "0.1.19-rc.1", { pattern: "x@{version}", count: 2 });
    expect(failure("x@1.0.0\n", { file: "a.txt", pattern: "x@{version}", count: 2 }).message).toContain(
      "matches once, not 2 times",
    );
  });

  test("a pattern that matches nothing is refused with the place where a version is", () => {
    const error = failure("a\nVersion  = '0.1.18'\n", { file: "a.go", pattern: 'Version = "{version}"' });
    expect(error.code).toBe("CONFIG");
    expect(error.message).toBe('a.go: the stamp pattern "Version = \\"{version}\\"" matches nothing');
    expect(error.hint).toContain("line 2 holds a version: Version  = '0.1.18'");
  });

  test("a pattern that matches twice is refused with both lines", () => {
    const error = failure('v = "1.0.0"\n\nv = "1.0.0"\n', { file: "a.go", pattern: 'v = "{version}"' });
    expect(error.message).toBe('a.go:1: the stamp pattern "v = \\"{version}\\"" matches 2 times, not once');
    expect(error.facts.lines).toBe("1, 3");
    expect(error.hint).toContain("count: 2");
  });

  test("a version with more to it than ours isn't cut in the middle", () => {
    for (const text of ["x-1.2.3.4", "x-1.2.3rc1foo", "x-1.2"]) {
      expect(failure(text, { file: "a.txt", pattern: "x-{version}" }).message).toContain("matches nothing");
    }
  });

  test("a long line is read in no time", () => {
    const started = performance.now();
    const text = `${"1.".repeat(100_000)}\n${'"'.repeat(50_000)}`;
    failure(text, { file: "a.txt", pattern: 'v="{version}"' });
    failure(text, { file: "a.txt", pattern: "v{version}" });
    failure(text, { file: "package.json" });
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
