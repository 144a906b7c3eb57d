import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ResolvedArtifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { collectParts } from "./collect.ts";
import { type PartRecord, recordFile } from "./part.ts";
import type { Prepared } from "./prepared.ts";

const [tag, commit] = ["v0.1.1-rc.1", "a".repeat(40)];
const prepared = { plan: { tag }, commit, candidate: null } as unknown as Prepared;
const platforms = ["linux/amd64", "linux/arm64"];
const artifacts = [{ name: "tool", type: "go", platforms }] as unknown as ResolvedArtifact[];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "twotier-parts-"));
  for (const platform of platforms) part(platform);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nameOf = (platform: string) => `tool-${platform.replace("/", "-")}`;

/** What one runner leaves behind: a binary, and what it says about it. */
function part(platform: string, change: (record: PartRecord) => void = () => {}): void {
  const name = nameOf(platform);
  const dir = path.join(folder, name);
  mkdirSync(path.join(dir, "release"), { recursive: true });
  writeFileSync(path.join(dir, "release", name), platform);
  const sha256 = `sha256:${createHash("sha256").update(platform).digest("hex")}` as const;
  const file: ReleaseFile = { name, size: platform.length, sha256, kind: "binary", platform, artifact: "tool" };
  const tools = { go: "1.26" };
  const built = [{ folder: "release" as const, tag, commit, files: [file], tools }];
  const record: PartRecord = { schema: 1, name, built, checks: [] };
  change(record);
  writeFileSync(path.join(dir, recordFile), JSON.stringify(record));
}

const collect = (checks = false) => collectParts(folder, prepared, { artifacts }, checks, new AbortController().signal);

test("the parts of a release are put together in one folder", async () => {
  const parts = await collect();
  const out = `${folder}-out`;
  try {
    const { files, tools } = await parts.files({ tag, commit } as never, out);
    expect(files.map((file) => file.name)).toEqual(platforms.map(nameOf));
    expect(tools).toEqual({ go: "1.26" });
    for (const platform of platforms) expect(readFileSync(path.join(out, nameOf(platform)), "utf8")).toBe(platform);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test("a file that was changed on the way is a CONFLICT", async () => {
  writeFileSync(path.join(folder, "tool-linux-amd64/release/tool-linux-amd64"), "linux/amd65");
  await expect(collect()).rejects.toMatchObject({
    code: "CONFLICT",
    message: "tool-linux-amd64 isn't what part tool-linux-amd64 has built",
  });
});

test("a platform that no part has built, a file that isn't there and checks that didn't run are named", async () => {
  await expect(collect(true)).rejects.toMatchObject({
    code: "BUILD",
    message: expect.stringMatching(/twotier-checks/),
  });
  rmSync(path.join(folder, "tool-linux-arm64/release/tool-linux-arm64"));
  await expect(collect()).rejects.toMatchObject({
    code: "BUILD",
    message: expect.stringMatching(/tool-linux-arm64 of part/),
  });
  rmSync(path.join(folder, "tool-linux-arm64"), { recursive: true });
  await expect(collect()).rejects.toMatchObject({
    code: "BUILD",
    message: expect.stringMatching(/tool for linux\/arm64 of v0\.1\.1-rc\.1/),
  });
  rmSync(folder, { recursive: true });
  await expect(collect()).rejects.toMatchObject({ code: "BUILD", message: expect.stringMatching(/holds no part/) });
});

test("a part of another commit or tag is a CONFLICT, and nothing of it is taken", async () => {
  for (const other of [{ commit: "b".repeat(40) }, { tag: "v0.1.1-rc.2" }]) {
    part("linux/arm64", ({ built: [share] }) => Object.assign(share as object, other));
    await expect(collect()).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringMatching(/built for another release/),
    });
  }
});

test("a part can't give out a file as another artifact's, nor as another kind, nor twice", async () => {
  for (const other of [{ artifact: "else" }, { kind: "wheel" as const }]) {
    part("linux/arm64", ({ built: [share] }) => Object.assign(share?.files[0] as object, other));
    await expect(collect()).rejects.toMatchObject({ code: "CONFLICT", message: expect.stringMatching(/doesn't make/) });
  }
  part("linux/arm64");
  part("linux/amd64", (record) => {
    record.built.push(...record.built);
  });
  await expect(collect()).rejects.toMatchObject({
    code: "BUILD",
    message: expect.stringMatching(/two parts have built tool-linux-amd64/),
  });
});

test("names that lead out of a part's folder, and records that are none, aren't read", async () => {
  for (const name of ["../../outside", "/etc/hostname", "a\\b", "..", ""]) {
    part("linux/arm64", ({ built: [share] }) => Object.assign(share?.files[0] as object, { name }));
    await expect(collect(), name).rejects.toMatchObject({
      code: "BUILD",
      message: expect.stringMatching(/holds no part of a release/),
    });
  }
  writeFileSync(path.join(folder, "tool-linux-arm64", recordFile), "{");
  await expect(collect()).rejects.toMatchObject({
    code: "BUILD",
    message: expect.stringMatching(/no readable part\.json/),
  });
});

test("files built for one release aren't handed out for another", async () => {
  const parts = await collect();
  const out = path.join(folder, "out");
  await expect(parts.files({ tag: "v0.1.1-rc.2", commit } as never, out)).rejects.toMatchObject({ code: "LOST" });
  expect(existsSync(out)).toBe(false);
});
