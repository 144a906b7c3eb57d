import { createWriteStream, existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gzip } from "../../build/archive/gzip.ts";
import { pack, type TarEntry } from "../../build/archive/tar.ts";
import { copyFromImage } from "./image-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-image-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function* once(text: string) {
  yield Buffer.from(text);
}
const base = { mode: 0o755, mtime: 0 };
const file = (name: string, text: string): TarEntry => {
  return { ...base, name, type: "file", size: text.length, body: once(text) };
};
const link = (name: string, linkname: string, type: "symlink" | "link" = "symlink"): TarEntry => {
  return { ...base, name, type, size: 0, linkname };
};

/** Copies `/app` out of an image with these layers. */
async function copied(layers: TarEntry[][], entry = "/app"): Promise<string> {
  const files: string[] = [];
  for (const [at, entries] of layers.entries()) {
    const to = path.join(folder, `layer-${at}`);
    await pipeline(gzip(pack(entries)), createWriteStream(to));
    files.push(to);
  }
  const to = path.join(folder, "copy");
  await copyFromImage(files, entry, to);
  expect((await stat(to)).mode & 0o777).toBe(0o755);
  return readFile(to, "utf8");
}

describe("a file of an image", () => {
  it("is copied whole, however large", async () => {
    const large = Array.from({ length: 500_000 }, (_, at) => `line ${at}`).join("\n");
    expect((await copied([[file("app", large), file("other", "b")]])) === large).toBe(true);
  });

  it.each([
    ["as it is", [[file("app", "a")]]],
    [
      "after larger files that nobody asks for",
      [[file("big", "b".repeat(3 << 20)), file("app", "a")], [file("c", "c".repeat(3 << 20))]],
    ],
    ["of the highest layer that has it", [[file("app", "b")], [file("./app", "a")], [file("other", "c")]]],
    ["by a link", [[file("opt/app", "a")], [link("app", "opt/app")]]],
    [
      "by a link of a folder, to the root",
      [[file("usr/bin/app", "a"), link("bin", "usr/bin")], [link("app", "/bin/app")]],
    ],
    ["by a hard link", [[file("opt/app", "a"), link("app", "opt/app", "link")]]],
    ["that was taken away and came again", [[file("app", "b")], [file(".wh.app", "")], [file("app", "a")]]],
    ["beside a whiteout of its own layer", [[file("x/y", "b")], [file("app", "a"), file(".wh..wh..opq", "")]]],
  ])("%s", async (_, layers) => {
    expect(await copied(layers)).toBe("a");
  });

  it.each([
    ["isn't there", [[file("other", "a")]], "holds no file /app"],
    ["was taken away", [[file("app", "a")], [file(".wh.app", "")]], "holds no file /app"],
    [
      "was taken away with its folder",
      [[file("opt/app", "a"), link("app", "opt/app")], [file(".wh.opt", "")]],
      "no file",
    ],
    ["is a folder", [[{ ...base, name: "app/", type: "directory" as const, size: 0 }]], "isn't a file"],
    ["is a link to itself", [[link("app", "app")]], "don't end"],
    ["is a link in a circle", [[link("app", "b"), link("b", "/app")]], "don't end"],
    ["is a link out of the image", [[link("app", "../../../../../../etc/passwd")]], "holds no file"],
  ])("that %s is none", async (_, layers, message) => {
    await expect(copied(layers)).rejects.toThrow(message);
  });

  it("is all that is written: a link of one layer leads nothing of the next anywhere", async () => {
    const outside = path.join(folder, "outside");
    const layers = [
      [link("out", folder), link("up", "../../..")],
      [file("out/outside", "evil"), file("../outside", "evil"), file(outside, "evil"), file("app", "a")],
    ];
    expect(await copied(layers)).toBe("a");
    expect(existsSync(outside)).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(["copy", "layer-0", "layer-1"]);
  });
});
