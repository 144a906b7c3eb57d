import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../test/tools.ts";
import { asReleaseError, type ReleaseError } from "../lib/errors.ts";
import { fillConditions } from "./defaults.ts";
import { parseConfig, placeOf } from "./parse.ts";

const head = "name: playground\nrepository: hanzoai/playground\n";

/** The mistakes of a config as `LINE:COLUMN: what | hint`. */
function mistakes(text: string): string[] {
  try {
    parseConfig(text);
  } catch (thrown) {
    const error = asReleaseError(thrown);
    expect(error.code).toBe("CONFIG");
    return (error.findings.length ? error.findings : [error]).map(spellOut);
  }
  return [];
}

function spellOut(error: ReleaseError): string {
  expect(error.facts.file).toBe("twotier.yaml");
  expect(error.hint).toBeTruthy();
  return `${error.message.replace(/^twotier\.yaml:? ?/, "")} | ${error.hint}`;
}

describe("a config that is right", () => {
  test("name and repository are enough: a GitHub release of what is detected", () => {
    expect(parseConfig(head)).toEqual({
      name: "playground",
      repository: "hanzoai/playground",
      trigger: { branch: null, paths: ["**"] },
      version: { file: "VERSION", stamp: null, tag: "v{version}", gaps: "refuse" },
      tiers: { staging: { label: "rc" }, production: { bookkeeping: "push", conditions: fillConditions({}) } },
      artifacts: null,
      targets: { github: { assets: true } },
      installer: null,
      checks: [],
      notify: [],
    });
  });

  test.each([
    ["true", { kind: "branch", branch: "gh-pages", dir: "." }],
    ["{dir: docs}", { kind: "branch", branch: "gh-pages", dir: "docs" }],
    ["{folder: /var/www}", { kind: "folder", folder: "/var/www" }],
    ["{bucket: cat-site}", { kind: "bucket", bucket: "cat-site", prefix: "", endpoint: null, region: null }],
    [
      "{bucket: cat-site/in/stall, endpoint: 'https://r2.example/', region: auto}",
      { kind: "bucket", bucket: "cat-site", prefix: "in/stall/", endpoint: "https://r2.example", region: "auto" },
    ],
  ])("the site %s", (text, site) => {
    const { targets, installer } = parseConfig(
      `${head}installer: {url: "https://cat.example/"}\ntargets: {site: ${text}}`,
    );
    expect(targets).toEqual({ site });
    expect(installer).toMatchObject({ url: "https://cat.example", channels: true });
  });

  test("true and {} are a target with its defaults, false is none", () => {
    const { targets } = parseConfig(`${head}targets: {npm: true, pypi: {}, docker: true, go: true, github: false}`);
    expect(targets).toEqual({
      npm: {
        registry: "https://registry.npmjs.org",
        tags: { staging: "next", production: "latest" },
        access: "public",
      },
      pypi: { upload: "https://upload.pypi.org/legacy/", index: "https://pypi.org/simple/" },
      docker: {
        registry: "docker.io",
        tags: { staging: ["staging-{version}"], production: ["v{version}"] },
        pointers: { staging: [], production: ["latest"] },
      },
      go: {},
    });
  });

  test("true is an installer with its defaults, and its address has no slash at the end", () => {
    const none = { command: null, root: null, url: null, channels: false, minisign: null, attestations: false };
    expect(parseConfig(`${head}installer: true`).installer).toEqual(none);
    expect(parseConfig(`${head}installer: false`).installer).toBe(null);
    const { installer } = parseConfig(`${head}installer: {root: ~/.hanzo, url: https://hanzo.bot/}`);
    expect(installer).toEqual({ ...none, root: "~/.hanzo", url: "https://hanzo.bot" });
    expect(mistakes(`${head}installer: {root: ../hanzo}`)).toHaveLength(1);
    expect(mistakes(`${head}installer: {root: ~/a/../b}`)).toHaveLength(1);
  });

  test("short forms are spelt out", () => {
    const config = parseConfig(`${head}
version:
  file: ./VERSION
  stamp: [./sdk//package.json, {file: a.go, pattern: 'V = "{version}"'}]
targets: {github: true, docker: {tags: {production: "{version}"}, pointers: {staging: edge}}}
artifacts:
  - {name: app, type: go, dir: ./app/, env: {CGO_ENABLED: 0}}
  - {name: img, type: image, files: {/app: app}, user: 1000}
`);
    expect(config.version).toMatchObject({
      file: "VERSION",
      stamp: [{ file: "sdk/package.json" }, { file: "a.go", pattern: 'V = "{version}"' }],
    });
    expect(config.targets.docker).toMatchObject({
      tags: { production: ["{version}"] },
      pointers: { staging: ["edge"] },
    });
    expect(config.artifacts).toMatchObject([
      { dir: "app", package: ".", env: { CGO_ENABLED: "0" }, platforms: expect.arrayContaining(["darwin/arm64"]) },
      { dir: ".", repository: "hanzoai/playground", base: "scratch", dockerfile: null, user: "1000" },
    ]);
  });

  test("the example's is read as it is meant, and its settings can be found again", () => {
    const config = parseConfig(readFileSync(path.join(root, "examples/playground/twotier.yaml"), "utf8"));
    expect(config.artifacts?.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      "playground: go",
      "control-plane: image",
      "sdk-python: python",
      "sdk-typescript: npm",
      "sdk-go: go-module",
    ]);
    expect(placeOf(config, ["trigger", "paths", 3])).toEqual({ file: "twotier.yaml", line: 10, column: 7 });
  });

  test("anchors and aliases may spare repetition", () => {
    const { artifacts } = parseConfig(`${head}artifacts:
  - {name: a, type: go, platforms: &all [linux/amd64, linux/arm64]}
  - {name: b, type: go, platforms: *all}
`);
    expect(artifacts?.[1]).toMatchObject({ platforms: ["linux/amd64", "linux/arm64"] });
  });
});

describe("a config with one mistake", () => {
  const artifact = `${head}artifacts:\n  - name: a\n    type: go\n`;
  test.each<[string, string, string]>([
    ["nothing in it", "", "is empty | it needs at least `name:` and `repository:`; `twotier init` writes one"],
    ["no name", "repository: o/r\n", "1:1: name is missing | add `name:` with the product's name"],
    ["a misspelt key", `${head}triger: {}\n`, '3:1: unknown key "triger" | did you mean "trigger"?'],
    [
      "a misspelt key further in",
      `${head}trigger:\n  branch: main\n  path: [a]\n`,
      '5:3: unknown key "path" in trigger | did you mean "paths"?',
    ],
    ["a key of another level", `${head}stamp: [a]\n`, '3:1: unknown key "stamp" | it belongs in version'],
    [
      "a key of another type",
      `${artifact}    dockerfile: x\n`,
      '6:5: unknown key "dockerfile" in artifacts[0] | the keys here are type, name, dir, smoke, package, platforms, ldflags, env',
    ],
    [
      "a key that nobody knows",
      `${head}tiers: {qqqq: 1}\n`,
      '3:9: unknown key "qqqq" in tiers | the keys here are staging, production',
    ],
    [
      "a number where text must be",
      `${head}version: {tag: 1}\n`,
      "3:16: version.tag must be text, but is 1 | put the value in quotes",
    ],
    [
      "text where a list must be",
      `${head}checks: make test\n`,
      '3:9: checks must be a list, but is "make test" | write a list: `- make test`',
    ],
    [
      "a target without a value",
      `${head}targets:\n  github:\n`,
      "4:10: targets.github must be true or false or a mapping, but is empty | give targets.github a value, or remove the line",
    ],
    [
      "a misspelt word",
      `${head}version: {gaps: refus}\n`,
      '3:17: version.gaps is "refus" | did you mean "refuse"? it can be refuse or allow',
    ],
    [
      "a type that isn't one",
      `${head}artifacts:\n  - name: a\n    type: pyton\n`,
      '5:11: artifacts[0].type is "pyton" | did you mean "python"? it can be go, python, npm, image, go-module or command',
    ],
    [
      "no type",
      `${head}artifacts:\n  - name: a\n`,
      "4:5: artifacts[0] has no type | add `type:`, one of go, python, npm, image, go-module or command",
    ],
    [
      "a path out of the repository",
      `${head}version: {file: ../VERSION}\n`,
      '3:17: version.file is "../VERSION" | it must be a path inside the repository, relative to its root, without ..',
    ],
    [
      "an absolute path",
      `${head}version: {stamp: [/etc/passwd]}\n`,
      '3:19: version.stamp[0] is "/etc/passwd" | it must be a path inside the repository, relative to its root, without ..',
    ],
    [
      "a Windows path",
      `${artifact}    dir: 'C:\\x'\n`,
      '6:10: artifacts[0].dir is "C:\\\\x" | it must be a path inside the repository, relative to its root, without ..',
    ],
    [
      "a glob with an open bracket",
      `${head}trigger: {paths: ["src/[ab"]}\n`,
      '3:19: trigger.paths[0] isn\'t a glob: Missing closing: "]" | close the bracket, or write \\ before it',
    ],
    [
      "globs that only take away",
      `${head}trigger: {paths: ["!docs/**"]}\n`,
      '3:18: trigger.paths only takes files away, so that nothing triggers a release | begin with "**"',
    ],
    [
      "a platform in another spelling",
      `${artifact}    platforms: [macos/x64]\n`,
      "6:17: artifacts[0].platforms[0] is macos/x64, which Go doesn't know | did you mean darwin/amd64?",
    ],
    [
      "a platform without architecture",
      `${artifact}    platforms: [linux-x86_64]\n`,
      '6:17: artifacts[0].platforms[0] is "linux-x86_64" | did you mean linux/amd64?',
    ],
    [
      "a tag without {version}",
      `${head}version: {tag: release}\n`,
      '3:16: version.tag is "release" | it must hold {version}, and no other {...}',
    ],
    [
      "a tag that git refuses",
      `${head}version: {tag: "v {version}"}\n`,
      "3:16: version.tag is \"v {version}\", which git doesn't take as a tag's name | git check-ref-format says what is allowed",
    ],
    [
      "a command that comes after nobody",
      `${head}artifacts: [{name: c, type: command, run: x, files: [a], after: [d]}]\n`,
      "3:66: c is built after d, and no artifact is called so | name one of them",
    ],
    [
      "a command that comes after itself",
      `${head}artifacts: [{name: c, type: command, run: x, files: [a], after: [c]}]\n`,
      "3:66: c is built after itself | take it away",
    ],
    [
      "two commands that wait for each other",
      `${head}artifacts: [{name: c, type: command, run: x, files: [a], after: [d]}, {name: d, type: command, run: x, files: [b], after: [c]}]\n`,
      "3:66: c is built after d, which stands below it | move d above c",
    ],
    [
      "an image of a command's binaries, for a platform that they aren't for",
      `${head}artifacts: [{name: c, type: command, run: x, files: [c-linux-amd64]}, {name: i, type: image, files: {/c: c}}]\ntargets: {docker: true, github: true}\n`,
      "3:106: i is for linux/arm64, but c isn't built for it | name the file among files of c",
    ],
    [
      "a label that PyPI can't spell",
      `${head}tiers: {staging: {label: canary}}\ntargets: {pypi: true}\n`,
      "3:26: the label canary can't be spelt in PEP 440, which PyPI wants | with a target pypi the label is one of dev, alpha, beta, rc (peps.python.org/pep-0440)",
    ],
    [
      "latest for candidates on npm",
      `${head}targets: {npm: {tags: {staging: latest, production: stable}}}\n`,
      "3:33: targets.npm.tags.staging is latest | npm installs latest where nothing else is asked: give staging another, e.g. next",
    ],
    [
      "latest for candidates as an image",
      `${head}targets: {docker: {pointers: {staging: latest}}}\n`,
      "3:40: targets.docker.pointers.staging holds latest, which belongs to production | a candidate must not come to those who pull the stable image: give staging its own, e.g. staging",
    ],
    [
      "latest for candidates where stable images have another",
      `${head}targets: {docker: {pointers: {staging: latest, production: stable}}}\n`,
      "3:40: targets.docker.pointers.staging holds latest, which belongs to production | a candidate must not come to those who pull the stable image: give staging its own, e.g. staging",
    ],
    [
      "an image's version tag that moves",
      `${head}targets: {docker: {tags: {production: ["v{version}", "v{major}"]}}}\n`,
      "3:39: targets.docker.tags.production holds v{major}, which the next release would have too | a tag of tags is never moved; write it in pointers.production",
    ],
    [
      "credentials in an address",
      `${head}targets: {npm: {registry: "https://me:pw@npm.example"}}\n`,
      '3:27: targets.npm.registry is "https://me:pw@npm.example" | it must be an https address (http only on this machine), without credentials',
    ],
    [
      "an address in plain text",
      `${head}targets: {npm: {registry: "http://npm.example"}}\n`,
      '3:27: targets.npm.registry is "http://npm.example" | it must be an https address (http only on this machine), without credentials',
    ],
    [
      "a site in two places",
      `${head}installer: {url: "https://cat.example"}\ntargets: {site: {branch: gh-pages, folder: www}}\n`,
      "4:17: targets.site names branch and folder: a site is in one place | keep one of them",
    ],
    [
      "a setting of another place",
      `${head}installer: {url: "https://cat.example"}\ntargets: {site: {folder: www, region: eu-west-1}}\n`,
      "4:39: targets.site.region says nothing without a bucket | remove it, or add bucket",
    ],
    [
      "a site without its address",
      `${head}targets: {site: true}\n`,
      "3:17: targets.site is on, but installer.url doesn't say what its address is | add `installer: { url: https://... }`",
    ],
    [
      "two artifacts of one name",
      `${head}artifacts:\n  - {name: a, type: go}\n  - {name: A, type: go}\n`,
      "5:12: artifacts[0] is called a too | give each artifact a name of its own",
    ],
    [
      "an artifact that nobody gets",
      `${head}artifacts:\n  - {name: m, type: go-module}\n`,
      "4:5: nobody gets m: without `targets` a release is a GitHub release | add `go: true` to targets, or remove the artifact",
    ],
    [
      "a target without an artifact",
      `${artifact}targets: {npm: true, github: true}\n`,
      "6:16: targets.npm is on, but no artifact is of type npm | add one to artifacts, or remove targets.npm",
    ],
    [
      "a newer format",
      `${head}schema: 2\nunknown: 1\n`,
      "3:9: written for a newer twotier (schema 2; this one knows 1) | install the newest twotier: npm install --global twotier@latest",
    ],
    ["a key twice", `${head}name: other\n`, '3:1: the key "name" is there already | write each key once'],
    ["a tab", `${head}trigger:\n\tbranch: x\n`, "4:1: a tab as indentation | YAML indents with spaces"],
    [
      "a tag of YAML",
      `${head}checks: !!js/function x\n`,
      "3:9: a YAML tag that isn't known (Unresolved tag: tag:yaml.org,2002:js/function) | write plain text, numbers, lists and mappings",
    ],
    ["a second document", `${head}---\na: 1\n`, "3:1: a second YAML document | write one, without `---` between"],
    [
      "an alias without anchor",
      `${head}checks: *x\n`,
      "its aliases can't be resolved: Unresolved alias (the anchor must be set before the alias): x | write the values out",
    ],
    ["a control character", `${head}checks: [a\u001b[31m]\n`, "3:11: an invisible control character | remove it"],
  ])("%s", (_, text, expected) => expect(mistakes(text)).toEqual([expected]));

  test("keys can't trick the terminal either", () => {
    const [line] = mistakes(`${head}artifacts: [{name: a, type: image, files: {"/\\e[31m": x}}]\n`);
    expect(line).toContain('artifacts[0].files."/\\u001b[31m"');
  });

  test("terminal escapes and other tricks in a value are printed escaped", () => {
    const [line] = mistakes(`${head}version: {gaps: "\\e[31m\\u202e"}\n`);
    expect(line).toContain('"\\u001b[31m\\u202e"');
  });
});

describe("a config with many mistakes", () => {
  test("says them all at once, in the order of their lines", () => {
    const text = `nme: x
repository: foo
targets: {npm: {acess: public, tags: {staging: latest, production: latest}}, pypi: true}
tiers: {staging: {label: canary}}
version: {tag: v}
`;
    const found = mistakes(text);
    expect(found.map((line) => line.split(" ", 1)[0])).toEqual(["1:1:", "1:1:", "2:13:", "3:17:", "5:16:"]);
  });

  test("finds what contradicts itself beside a misspelt key", () => {
    const found = mistakes(`${head}triger: {}\ntiers: {staging: {label: canary}}\ntargets: {pypi: true}\n`);
    expect(found).toHaveLength(2);
    expect(found[1]).toContain("the label canary");
  });

  test("is told by one error that counts them", () => {
    expect(() => parseConfig(`${head}a: 1\nb: 2\n`, "conf/twotier.yaml")).toThrow("conf/twotier.yaml has 2 mistakes");
  });
});

describe("hostile YAML", () => {
  const bomb = ["b", "c", "d", "e", "f"].map((key, at) => `${key}: &${key} [${Array(9).fill(`*${"abcde"[at]}`)}]`);
  test.each<[string, string, string]>([
    ["an alias bomb", `a: &a [${Array(9).fill("x")}]\n${bomb.join("\n")}`, "aliases can't be resolved"],
    ["a key twice, deep inside", `${head}trigger: {paths: [{a: 1, "a": 2}]}\n`, '3:26: the key "a" is there already'],
    ["a value that holds itself", `${head}checks: &a [*a]\n`, "checks[0] must be text, but is a list"],
    ["a huge file", "# ".padEnd(70_000, "x"), "is larger than 64 KiB"],
    ["60 000 open brackets", "[".repeat(60_000), "mistakes"],
    ["30 000 open lists", "- ".repeat(30_000), "twotier.yaml"],
    ["6 000 keys", Array.from({ length: 6000 }, (_, at) => `k${at}: 1`).join("\n"), "mistakes"],
    ["keys of JavaScript", `${head}__proto__: {x: 1}\n`, 'unknown key "__proto__"'],
    ["more keys of JavaScript", `${head}constructor: 1\n`, 'unknown key "constructor"'],
    ["binary", `${head}checks: !!binary AAAA\n`, "checks must be a list"],
  ])("%s is refused in no time", (_, text, expected) => {
    const started = performance.now();
    expect(() => parseConfig(text)).toThrow(
      expect.objectContaining({ code: "CONFIG", message: expect.stringContaining(expected) }),
    );
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("conditions for production", () => {
  const at = (lines: string) => `${head}tiers:\n  production:\n    conditions:\n${lines}`;

  test("are off by default, and read into seconds, commands and a window", () => {
    expect(parseConfig(head, "twotier.yaml").tiers.production.conditions).toEqual({
      ...{ verified: false, minAge: 0, checks: [], docs: [], changelog: false, approvers: [], window: null },
    });
    const text = `${at("      minAge: 36h\n      checks: true\n      window: { days: [mon], hours: '09:00-16:30' }\n")}checks: [make test]\n`;
    expect(parseConfig(text, "twotier.yaml").tiers.production.conditions).toMatchObject({
      minAge: 129_600,
      checks: ["make test"],
      window: { days: ["mon"], from: "09:00", to: "16:30", timezone: "UTC" },
    });
  });

  test.each([
    ["      minAge: 1 week\n", /must be a number of minutes, hours or days/],
    ["      checks: true\n", /is on, but there are no checks/],
    ["      window: { timezone: Europe/Berlinn }\n", /there is no time zone Europe\/Berlinn/],
    ["      window: { hours: '09:00-09:00' }\n", /hours is empty/],
    ["      window: { hours: '9-17' }\n", /must be two times of day/],
    ["      docs: [../README.md]\n", /must be a path inside/],
  ])("%j is a mistake", (lines, what) => expect(mistakes(at(lines)).join("\n")).toMatch(what));
});
