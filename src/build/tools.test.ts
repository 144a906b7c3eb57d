import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import type { Artifact } from "../config/types.ts";
import { checkTools, requiredTools } from "./tools.ts";

const base = { dir: "." };
const artifacts = [
  { ...base, name: "a", type: "go", package: ".", platforms: ["linux/amd64"], ldflags: "", env: {} },
  { ...base, name: "b", type: "go", package: ".", platforms: ["linux/amd64"], ldflags: "", env: {} },
  { ...base, name: "py", type: "python", formats: ["wheel"], isolated: true },
  { ...base, name: "js", type: "npm", script: null },
  { ...base, name: "mod", type: "go-module" },
  { ...base, name: "box", type: "image", repository: "a/b", platforms: [], dockerfile: "Dockerfile" },
  { ...base, name: "layers", type: "image", repository: "a/c", platforms: [], dockerfile: null },
] as unknown as Artifact[];

afterEach(() => {
  vi.unstubAllEnvs();
});

test("each program is asked for once, with all that need it and how to get it", () => {
  const required = requiredTools(artifacts);
  expect(required.map(({ tool, why }) => `${tool} ${why}`)).toEqual([
    "go to build a, b",
    "python3 to build py",
    "npm to build js",
    "buildah or docker buildx to build box",
  ]);
  for (const { get } of required) expect(get).toContain("apt-get install");
});

test("all that are missing are found at once", async () => {
  const empty = await mkdtemp(path.join(tmpdir(), "twotier-tools-"));
  vi.stubEnv("PATH", empty);
  const findings = await checkTools(requiredTools(artifacts));
  await rm(empty, { recursive: true });
  expect(findings).toHaveLength(4);
  expect(findings.every((finding) => finding.level === "error" && finding.target === "tools")).toBe(true);
  const all = findings.map((finding) => finding.message).join("\n");
  expect(all).toContain("go is needed to build a, b, and isn't on the PATH");
  expect(all).toContain("buildah or docker buildx is needed to build box (docker isn't installed)");
  expect(all).toMatch(/a Python with pypa's build is needed to build py/);
});
