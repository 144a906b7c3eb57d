import { describe, expect, test } from "vitest";
import { partsOf, runnerOf, toolsOf } from "./parts.ts";
import type { ResolvedArtifact } from "./types.ts";

const go = (name: string, platforms: string[], env = {}): ResolvedArtifact => ({
  ...{ type: "go", name, dir: ".", package: `./cmd/${name}`, platforms, ldflags: "", env, registryName: null },
});
const image = (name: string, platforms: string[], files: Record<string, string>): ResolvedArtifact => ({
  ...{ type: "image", name, dir: ".", repository: `me/${name}`, platforms, dockerfile: null, base: "scratch", files },
  ...{ entrypoint: [], labels: {}, env: {}, ports: [], user: null, registryName: `me/${name}` },
});
const npm = (name: string): ResolvedArtifact => ({ type: "npm", name, dir: name, registryName: name });
const command = (name: string, more: { after?: string[]; files: string[] }): ResolvedArtifact => ({
  ...{ type: "command", name, dir: ".", run: "make", registryName: null, ...more },
});
const four = ["darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64"];
const linux = ["linux/amd64", "linux/arm64"];

describe("a build split among runners", () => {
  test.each<[string, ResolvedArtifact[], Record<string, string>]>([
    [
      "has a part for each platform",
      [go("a", linux)],
      { "a-linux-amd64": "a linux/amd64", "a-linux-arm64": "a linux/arm64" },
    ],
    ["has a part for each package", [npm("a"), npm("b")], { a: "a", b: "b" }],
    [
      "keeps an image with the binaries it is made from",
      [go("a", four), image("i", linux, { "/a": "a" }), npm("n")],
      {
        "a-darwin-amd64": "a darwin/amd64",
        "a-darwin-arm64": "a darwin/arm64",
        i: "a,i linux/amd64,linux/arm64",
        n: "n",
      },
    ],
    [
      "keeps two images together that share a binary",
      [go("a", linux), image("i", ["linux/amd64"], { "/a": "a" }), image("j", linux, { "/a": "a" })],
      { i: "a,i,j linux/amd64,linux/arm64" },
    ],
    [
      "keeps a command with what it comes after, and an image with the command whose binaries it holds",
      [
        npm("n"),
        command("c", { after: ["n"], files: ["c-linux-amd64", "c-linux-arm64"] }),
        image("i", linux, { "/c": "c" }),
      ],
      { i: "c,i,n linux/amd64,linux/arm64" },
    ],
    [
      "leaves an image alone that is made from files of the repository",
      [go("a", linux), image("i", linux, { "/etc/a": "a.conf" })],
      { "a-linux-amd64": "a linux/amd64", "a-linux-arm64": "a linux/arm64", i: "i linux/amd64,linux/arm64" },
    ],
    [
      "never builds in two parts what one of them names by artifact and platform",
      [
        ...[go("a", linux), go("b", linux), image("i", ["linux/amd64"], { "/a": "a", "/b": "b" })],
        image("j", ["linux/arm64"], { "/a": "a" }),
      ],
      { i: "a,b,i linux/amd64", j: "a,j linux/arm64", "b-linux-arm64": "b linux/arm64" },
    ],
    [
      "joins a binary that the artifacts and platforms of a part take in",
      [
        go("a", linux),
        go("b", linux),
        image("i", linux, { "/a": "a" }),
        image("j", ["linux/amd64"], { "/a": "a", "/b": "b" }),
      ],
      { i: "a,b,i,j linux/amd64,linux/arm64" },
    ],
    [
      "has no part for a Go module, which is a tag",
      [{ type: "go-module", name: "m", dir: "m", registryName: "x/m" }],
      {},
    ],
    [
      "gives names that can stand in a file name",
      [npm("@me/a b"), npm("-me-a-b")],
      { "-me-a-b": "@me/a b", "-me-a-b.2": "-me-a-b" },
    ],
  ])("%s", (_, artifacts, expected) => {
    const parts = partsOf({ artifacts });
    const shown = parts.map(({ name, artifacts, platforms }) => [name, `${[...artifacts].sort()} ${platforms}`.trim()]);
    expect(Object.fromEntries(shown)).toEqual(expected);
    expect(new Set(parts.map((part) => part.name)).size).toBe(parts.length);
  });

  test("has no more parts than a matrix holds, and all 200 packages are in one of them", () => {
    const artifacts = [...Array.from({ length: 200 }, (_, index) => npm(`p${index}`)), go("a", four)];
    const parts = partsOf({ artifacts });
    expect(parts.length).toBe(24);
    expect(parts.flatMap((part) => part.artifacts).sort()).toEqual(
      [...artifacts.slice(0, 200).map((one) => one.name), "a", "a", "a", "a"].sort(),
    );
  });

  test("says what each part needs, and that cgo needs the platform's own machine", () => {
    const artifacts = [go("a", four, { CGO_ENABLED: "1" }), npm("n")];
    const parts = partsOf({ artifacts });
    expect(parts.map((part) => runnerOf({ artifacts }, part))).toEqual([
      ...["macos-latest", "macos-latest", "ubuntu-latest", "ubuntu-24.04-arm", "ubuntu-latest"],
    ]);
    expect(parts.map((part) => toolsOf({ artifacts }, part.artifacts).go)).toEqual([true, true, true, true, false]);
  });
});
