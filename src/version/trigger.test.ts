import { describe, expect, it } from "vitest";
import { isOwn, pathMatcher, releaseTrailers } from "./trigger.ts";

describe("pathMatcher", () => {
  const spec = ["control-plane/**", "sdk/**", "VERSION", ".github/workflows/release.yml"];
  it.each([
    [spec, "control-plane/main.go", true],
    [spec, "control-plane/a/b/.hidden", true],
    [spec, "sdk/python/x.py", true],
    [spec, "VERSION", true],
    [spec, "docs/VERSION", false],
    [spec, ".github/workflows/release.yml", true],
    [spec, ".github/workflows/ci.yml", false],
    [spec, "README.md", false],
    [spec, "my-sdk/x", false],
    [["**"], "anything/at/all", true],
    [["**"], ".github/x", true],
    [["**", "!docs/**"], "docs/x.md", false],
    [["**", "!docs/**"], "src/x", true],
    [["**", "!docs/**", "docs/api/**"], "docs/api/x.md", true],
    [["*.md"], "docs/x.md", false],
    [["**/*.md"], "docs/x.md", true],
    [["src/**"], "src/a\nb", true],
  ])("%j matches %j: %s", (globs, path, expected) => {
    expect(pathMatcher(globs)(path)).toBe(expected);
  });
});

describe("own commits", () => {
  const stamped = (path: string) => ["VERSION", "CHANGELOG.md", "package.json"].includes(path);
  const isTag = (tag: string) => tag === "v0.1.19";
  const own = (message: string, paths: string[]) => isOwn({ message, paths }, isTag, stamped);

  it("are told by their trailer, and by having changed nothing but stamped files", () => {
    expect(own("chore(release): v0.1.19\n\nTwotier-Release: v0.1.19", ["VERSION", "package.json"])).toBe(true);
    expect(
      own("chore(release): v0.1.19\n\nText\n\nSigned-off-by: a\nTwotier-Release: v0.1.19\n", ["CHANGELOG.md"]),
    ).toBe(true);
  });

  it.each([
    ["changed another file", "x\n\nTwotier-Release: v0.1.19", ["VERSION", "src/main.go"]],
    ["names a tag that isn't ours", "x\n\nTwotier-Release: v9.9.9", ["VERSION"]],
    ["says it in the subject", "Twotier-Release: v0.1.19", ["VERSION"]],
    ["quotes it in its body", "x\n\nTwotier-Release: v0.1.19\n\nmore text", ["VERSION"]],
    ["says [skip ci]", "chore(release): v0.1.19 [skip ci]", ["VERSION"]],
    ["spells it otherwise", "x\n\ntwotier-release: v0.1.19", ["VERSION"]],
  ])("a commit that %s isn't one", (_, message, paths) => {
    expect(own(message, paths)).toBe(false);
  });

  it("may have several trailers", () => {
    expect(releaseTrailers("x\n\nTwotier-Release: a\nTwotier-Release:  b \n")).toEqual(["a", "b"]);
  });
});
