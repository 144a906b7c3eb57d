import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { ResolvedArtifact } from "../config/types.ts";
import type { Io } from "../core/target.ts";
import { checkTools } from "./tools.ts";

const io = { signal: new AbortController().signal } as Io;
const command: ResolvedArtifact = {
  ...{ type: "go", name: "tool", dir: ".", package: ".", platforms: ["linux/amd64"], ldflags: "", env: {} },
  registryName: null,
};
const look = (go: string, artifacts: ResolvedArtifact[] = [command]) =>
  checkTools({
    resolved: { artifacts, stamp: [], packages: { npm: [], pypi: [], docker: [], go: [] } },
    dir: tmpdir(),
    tree: { read: async (file) => (file === "go.mod" ? `module x\n\ngo ${go}\n` : null), list: async () => ["go.mod"] },
    io,
  });

const folders: string[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A PATH with these programs alone. */
function pathWith(programs: Record<string, string>): void {
  const folder = mkdtempSync(path.join(tmpdir(), "twotier-path-"));
  folders.push(folder);
  for (const [name, to] of Object.entries(programs)) symlinkSync(to, path.join(folder, name));
  vi.stubEnv("PATH", folder);
}

describe("tools", () => {
  test("that a builder needs are found missing, with how to get them", async () => {
    pathWith({});
    const { found, text } = await look("1.20");
    expect(found).toMatchObject([{ code: "tool-missing", level: "error" }]);
    expect(found[0]?.what).toContain("go is needed to build tool");
    expect(found[0]?.remedy).toContain("https://go.dev/dl");
    expect(text).toBe("");
  });

  test("that nobody needs aren't missed", async () => {
    pathWith({});
    expect((await look("1.20", [])).found).toEqual([]);
  });

  test.each([
    ["1.20.3", "1.20", 0],
    ["1.20.3", "1.20.3", 0],
    ["1.20.3", "1.20.4", 1],
    ["1.9.1", "1.20", 1],
    ["1.20", "1.20.0", 0],
    ["2.0", "1.99.9", 0],
  ])("Go %s where go.mod asks for %s: %i findings", async (here, wanted, count) => {
    pathWith({ sh: "/bin/sh" });
    writeFileSync(path.join(folders[0] as string, "go"), `#!/bin/sh\necho go${here}\n`, { mode: 0o755 });
    const { found, text } = await look(wanted);
    expect(text).toBe(`go ${here}`);
    expect(found.map((one) => one.what)).toEqual(
      Array.from({ length: count }, () => `go.mod asks for Go ${wanted}, and this machine has ${here}`),
    );
  });
});
