import { describe, expect, test } from "vitest";
import { moduleOfTag, pathProblem, tagPrefix } from "./modules.ts";

describe("tagPrefix", () => {
  test.each([
    [".", "github.com/o/r", ""],
    ["sdk/go", "github.com/o/r/sdk/go", "sdk/go/"],
    ["sdk/go", "github.com/o/r/sdk/go/v2", "sdk/go/"],
    ["sdk/go/v2", "github.com/o/r/sdk/go/v2", "sdk/go/"],
    ["v2", "github.com/o/r/v2", ""],
    ["v2", "example.com/tools", "v2/"],
  ])("the tags of the module in %s called %s begin with %j", (dir, module, prefix) => {
    expect(tagPrefix({ dir, module })).toBe(prefix);
  });
});

describe("pathProblem", () => {
  const problem = (dir: string, module: string, version: string) => pathProblem({ dir, module }, version, "o/r");
  test.each([
    ["sdk/go", "github.com/o/r/sdk/go", "0.1.19-rc.1"],
    ["sdk/go", "github.com/o/r/sdk/go", "1.2.3"],
    ["sdk/go", "github.com/o/r/sdk/go/v2", "2.0.0"],
    ["sdk/go/v2", "github.com/o/r/sdk/go/v2", "2.0.0-rc.1"],
    [".", "github.com/o/r", "0.0.1"],
    [".", "go.example.com/r", "1.0.0"],
    [".", "gopkg.in/r.v2", "2.1.0"],
  ])("a module in %s called %s can be %s", (dir, module, version) => {
    expect(problem(dir, module, version)).toBeNull();
  });

  test("a major version that the path doesn't say is refused, with the line to write", () => {
    expect(problem("sdk/go", "github.com/o/r/sdk/go", "2.0.0")?.hint).toContain("module github.com/o/r/sdk/go/v2");
    expect(problem("sdk/go", "github.com/o/r/sdk/go/v2", "3.0.0")?.hint).toContain("module github.com/o/r/sdk/go/v3");
    expect(problem("sdk/go", "github.com/o/r/sdk/go/v2", "1.0.0")?.hint).toContain("`module github.com/o/r/sdk/go`");
  });

  test("a path that leads to another repository or folder is refused", () => {
    expect(problem("sdk/go", "github.com/fork/r/sdk/go", "1.0.0")?.message).toContain("somewhere else");
    expect(problem("go", "github.com/o/r/sdk/go", "1.0.0")?.hint).toContain("module github.com/o/r/go");
  });
});

test("a tag leads back to its module and version, and nothing else does", () => {
  const modules = [
    { dir: "sdk/go", module: "github.com/o/r/sdk/go" },
    { dir: ".", module: "github.com/o/r" },
  ];
  expect(moduleOfTag(modules, "sdk/go/v0.1.19-rc.1")).toEqual({ module: modules[0], version: "0.1.19-rc.1" });
  expect(moduleOfTag(modules, "v1.0.0")).toEqual({ module: modules[1], version: "1.0.0" });
  expect(() => moduleOfTag(modules, "sdk/v1.0.0")).toThrow("no tag of a Go module");
});
