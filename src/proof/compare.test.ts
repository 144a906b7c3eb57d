import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gzip } from "../build/archive/gzip.ts";
import { pack } from "../build/archive/tar.ts";
import * as oci from "../build/oci.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { type Digest, digestOf, hashing } from "../lib/hash.ts";
import { compareBuilds } from "./compare.ts";
import { spellings } from "./spelling.ts";
import type { Difference } from "./types.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "twotier-proof-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const candidate = { version: "0.1.19-rc.2", pythonVersion: "0.1.19rc2", commit: "a".repeat(40) };
const stable = { version: "0.1.19", pythonVersion: "0.1.19", commit: "b".repeat(40) };
const list = spellings(candidate, stable);

/** Compares one file of each side; what differs as `ENTRY: VERDICT: NOTE`. */
async function compare(left: ReleaseFile[], right: ReleaseFile[], reproduced = true): Promise<string[]> {
  const options = { spellings: list, stamped: new Map<Digest, Digest>(), reproduced: () => reproduced };
  const found = await compareBuilds(
    { folder: path.join(dir, "left"), files: left },
    { folder: path.join(dir, "right"), files: right },
    options,
  );
  const line = ({ entry, verdict, note }: Difference) => `${entry}: ${verdict}: ${note}`;
  return found.flatMap((file) => (file.verdict === "same" ? ["same"] : file.differences.map(line)));
}

function file(side: "left" | "right", name: string, content: string | Buffer): ReleaseFile[] {
  mkdirSync(path.join(dir, side), { recursive: true });
  writeFileSync(path.join(dir, side, name), content);
  return [{ name, size: content.length, sha256: digestOf(content), kind: "file", artifact: "x" }];
}

interface ImageParts {
  version: string;
  files: Record<string, string>;
  mode?: number;
  entrypoint?: string;
  diffId?: Digest;
  base?: string;
}

/** An OCI layout with a base layer and one of its own. */
async function image(side: "left" | "right", parts: ImageParts): Promise<ReleaseFile[]> {
  const layout = path.join(dir, side, "image.oci");
  await oci.createLayout(layout);
  const layer = async (files: Record<string, string>, mode = 0o644) => {
    const whole = hashing(["sha256"]);
    const entries = Object.entries(files).map(([name, text]) => ({
      ...{ name, type: "file" as const, mode, mtime: 0, size: Buffer.byteLength(text) },
      body: (async function* () {
        yield Buffer.from(text);
      })(),
    }));
    const watched = (async function* () {
      for await (const chunk of pack(entries)) {
        whole.update(chunk);
        yield chunk;
      }
    })();
    const blob = await oci.writeStream(layout, oci.mediaTypes.layer, gzip(watched));
    return { blob, diff: whole.end().digests.sha256 as Digest };
  };
  const base = await layer({ "etc/os": parts.base ?? "debian" });
  const own = await layer(parts.files, parts.mode);
  const config = await oci.writeJson(layout, oci.mediaTypes.config, {
    ...{ os: "linux", architecture: "amd64" },
    config: { Entrypoint: [parts.entrypoint ?? "/app"], Labels: { version: parts.version } },
    rootfs: { type: "layers", diff_ids: [base.diff, parts.diffId ?? own.diff] },
  });
  const manifest = await oci.writeJson(layout, oci.mediaTypes.manifest, {
    ...{ schemaVersion: 2, mediaType: oci.mediaTypes.manifest, config, layers: [base.blob, own.blob] },
  });
  const platform = { os: "linux", architecture: "amd64" };
  const index = await oci.writeIndex(layout, [{ ...manifest, platform }], { version: parts.version });
  return [{ name: "image.oci", size: index.size, sha256: index.digest, kind: "image", artifact: "x" }];
}

describe("two files of two builds", () => {
  it("are the same, differ in the version, or in more", async () => {
    expect(await compare(file("left", "a", "x"), file("right", "a", "x"))).toEqual(["same"]);
    expect(await compare(file("left", "a-0.1.19-rc.2", "0.1.19-rc.2"), file("right", "a-0.1.19", "0.1.19"))).toEqual([
      ": version: the version, once",
    ]);
    expect(await compare(file("left", "a", "one\ntwo\n"), file("right", "a", "one\n2\n"))).toEqual([
      ': differs: line 2: "two", then "2"',
    ]);
  });

  it("of which one is missing are told", async () => {
    expect(await compare(file("left", "a", "x"), file("right", "b", "x"))).toEqual([
      ": differs: the candidate has no such file",
      ": differs: only the candidate has it",
    ]);
  });

  it("that a compiler made are taken for the same only where the candidate was reproduced", async () => {
    const program = (text: string) => Buffer.from(`\x7fELF\0\0${text}`, "latin1");
    const [left, right] = [file("left", "a", program("0.1.19-rc.2 at 7")), file("right", "a", program("0.1.19 at 8"))];
    expect(await compare(left, right)).toEqual([
      expect.stringMatching(/^: compiled: \d+ bytes; same inputs, same tools, candidate reproduced$/),
    ]);
    expect(await compare(left, right, false)).toEqual([expect.stringMatching(/^: differs: from byte \d+ on/)]);
  });
});

describe("two images", () => {
  const left = { version: "0.1.19-rc.2", files: { app: "#!/bin/sh\necho 0.1.19-rc.2\n", data: "x" } };
  const right = { version: "0.1.19", files: { app: "#!/bin/sh\necho 0.1.19\n", data: "x" } };

  it("differ in the version's spelling; a layer that both have isn't unpacked", async () => {
    expect(await compare(await image("left", left), await image("right", right))).toEqual([
      "annotations: version: the version, once",
      "linux/amd64 configuration: version: the version, once",
      "linux/amd64 layer 2: app: version: the version, once",
    ]);
  });

  it.each<[string, Partial<ImageParts>, RegExp]>([
    [
      "a file added",
      { files: { ...right.files, evil: "x" } },
      /layer 2: evil: differs: the candidate has no such entry/,
    ],
    ["a file changed", { files: { ...right.files, data: "y" } }, /layer 2: data: differs: line 1: "x", then "y"/],
    ["a mode changed", { mode: 0o4755 }, /layer 2: data: differs: mode 644, then 4755/],
    ["another base", { base: "evil" }, /layer 1: etc\/os: differs: line 1: "debian", then "evil"/],
    ["another entrypoint", { entrypoint: "/evil" }, /configuration: differs: line \d+: .*\/app.*\/evil/],
    ["a wrong diff_id", { diffId: `sha256:${"0".repeat(64)}` }, /layer 2: differs: its diff_id isn't its digest/],
  ])("with %s are found out", async (_, parts, expected) => {
    const found = await compare(await image("left", left), await image("right", { ...right, ...parts }));
    expect(found.join("\n")).toMatch(expected);
  });
});
