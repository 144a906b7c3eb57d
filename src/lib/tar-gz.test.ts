import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTarGz } from "./tar-gz.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-tar-gz-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function archive(members: Record<string, string>): Promise<string> {
  const entries = Object.entries(members).map(([name, data]) => ({
    header: { name, size: Buffer.byteLength(data), type: "file" as const },
    data,
  }));
  const file = path.join(folder, "it.tar.gz");
  await writeFile(file, gzipSync(await packTar(entries)));
  return file;
}

test("what is wanted comes whole behind what isn't, wherever it lies in the archive", async () => {
  // In steps of a tar block around the 64 KiB that come at once.
  for (let before = 40_000; before < 66_000; before += 512) {
    const file = await archive({
      "package/package.json": "{}",
      "package/code.js": "x".repeat(before),
      "package/CHANGELOG.txt": "one",
      "package/README.md": "r".repeat(11_000),
      "package/last.txt": "y".repeat(100_000),
    });
    const found = await readTarGz(file, (name) => /\.(?:json|md)$/.test(name));
    expect([...found].map(([name, { length }]) => [name, length])).toEqual([
      ["package/package.json", 2],
      ["package/README.md", 11_000],
    ]);
  }
}, 10_000);

test("it stops once there is enough", async () => {
  const file = await archive({ a: "1", b: "2", c: "3".repeat(200_000) });
  const found = await readTarGz(
    file,
    () => true,
    (all) => all.has("b"),
  );
  expect([...found.keys()]).toEqual(["a", "b"]);
}, 5000);
