import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { errorCodes, exitCodeOf } from "../src/lib/errors.ts";
import { root } from "./tools.ts";

/** What a folder of src/ may import besides itself and npm packages (docs/architecture.md). */
const mayImport: Record<string, readonly string[]> = {
  lib: [],
  core: ["lib"],
  // So that one mistake about a protocol can't pass on both sides: nothing of what talks to them.
  registries: ["lib"],
  version: ["core", "lib"],
  git: ["core", "lib", "version", "config"],
  config: ["core", "lib", "version"],
  build: ["core", "lib", "version", "config"],
  // git: a Go module's registry is the remote's tags.
  // generate: what the site holds is made from the configuration alone.
  targets: ["core", "lib", "version", "config", "git", "generate"],
  generate: ["core", "lib", "version", "config"],
  proof: ["core", "lib", "version", "git", "config", "build"],
  // Targets are passed in.
  release: ["core", "lib", "version", "git", "config", "build", "proof"],
  // Targets are passed in.
  doctor: ["core", "lib", "version", "git", "config", "build", "generate", "release", "notify"],
  notify: ["core", "lib", "config"],
  // git: what the remote and the tags say; nothing is written, and no registry asked.
  init: ["core", "lib", "version", "git", "config"],
  rehearse: ["core", "lib", "version", "git", "config", "build", "targets", "registries", "release", "generate"],
  cli: [
    ...["core", "lib", "version", "git", "config", "build", "targets", "generate", "registries", "release", "rehearse"],
    ...["doctor", "notify", "init"],
  ],
  "index.ts": [
    "core",
    "lib",
    "version",
    "git",
    "config",
    "build",
    "targets",
    "generate",
    "registries",
    "release",
    "rehearse",
  ],
};

/** Files below cli that may read process.env, with the reason in their text. */
const readsEnvironment = ["lib/exec.ts"];

const src = path.join(root, "src");
const files = globSync("**/*.ts", { cwd: src })
  .filter((file) => !file.endsWith(".test.ts"))
  .sort();
const text = new Map(files.map((file) => [file, readFileSync(path.join(src, file), "utf8")]));
const code = new Map([...text].map(([file, source]) => [file, transformSync(source, { loader: "ts" }).code]));

describe("the arrows between the folders of src/", () => {
  test("every folder has its rule", () => {
    expect(files.filter((file) => mayImport[folderOf(file)] === undefined)).toEqual([]);
  });

  test("cli -> the rest -> core -> lib, and nobody imports cli", () => {
    const wrong: string[] = [];
    for (const { from, to } of edges()) {
      const [own, other] = [folderOf(from), folderOf(to)];
      if (own !== other && !mayImport[own]?.includes(other)) wrong.push(`${from} imports ${to}`);
    }
    expect(wrong).toEqual([]);
  });

  test("a target imports no other target", () => {
    const wrong: string[] = [];
    for (const { from, to } of edges()) {
      const [own, other] = [targetOf(from), targetOf(to)];
      if (own !== undefined && other !== undefined && own !== other) wrong.push(`${from} imports ${to}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("what only cli does", () => {
  test("print and exit", () => {
    const wrong = uses(/\bconsole\s*\.|\bprocess\s*\.\s*(?:exit|exitCode|abort|stdout|stderr|stdin)\b/);
    expect(wrong.filter((file) => folderOf(file) !== "cli")).toEqual([]);
  });

  test("read the environment", () => {
    const wrong = uses(/\bprocess\s*(?:\.\s*env\b|\[)|\b(?:env|argv)\b[^;"']*\bfrom\s*["'](?:node:)?process["']/);
    expect(wrong.filter((file) => folderOf(file) !== "cli" && !readsEnvironment.includes(file))).toEqual([]);
  });
});

describe("docs/errors.md", () => {
  const page = readFileSync(path.join(root, "docs/errors.md"), "utf8");
  const sections = new Map(
    page
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf("\n")).trim(), section] as const),
  );

  test("has one section for each error code, and none for others", () => {
    expect([...sections.keys()]).toEqual([...errorCodes]);
  });

  test.each(errorCodes)("says the exit code of %s, shows one, and says what to do", (code) => {
    const section = sections.get(code) ?? "";
    expect(section).toContain(`Exit code ${exitCodeOf(code)}.`);
    expect(section).toContain(`error[${code}]: `);
    expect(section).toMatch(/^hint: /m);
    expect(section).toContain("**What to do.**");
  });
});

/** Imports, re-exports and dynamic imports of our own files, types included, as paths below src/. */
function* edges(): Generator<{ from: string; to: string }> {
  const specifier = /^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)"|^import "(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"/gm;
  for (const [from, source] of text) {
    for (const [, ...found] of source.matchAll(specifier)) {
      yield { from, to: path.join(path.dirname(from), found.find((it) => it !== undefined) as string) };
    }
  }
}

/** Files whose code, without comments and types, has this in it. */
function uses(what: RegExp): string[] {
  return files.filter((file) => what.test(code.get(file) as string));
}

/** `lib/http.ts` -> `lib`; a file of src/ itself -> its name */
function folderOf(file: string): string {
  return file.split(path.sep)[0] as string;
}

/** `targets/npm/index.ts` -> `npm`; undefined for what all targets share and for other folders */
function targetOf(file: string): string | undefined {
  const parts = file.split(path.sep);
  return parts[0] === "targets" && parts.length > 2 ? parts[1] : undefined;
}
