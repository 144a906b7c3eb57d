import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReleaseError } from "../lib/errors.ts";
import { decodeManifest, encodeManifest, type Manifest } from "./manifest.ts";

const manifest: Manifest = {
  ...{
    schema: 1,
    name: "fast",
    repository: "o/fast",
    tier: "staging",
    version: "1.0.0-rc.1",
    pythonVersion: "1.0.0rc1",
  },
  ...{ tag: "v1.0.0-rc.1", source: "a".repeat(40), commit: "b".repeat(40), epoch: 0, candidate: null, tools: {} },
  files: [{ name: "fast", size: 1, sha256: "sha256:00", kind: "file", artifact: "a" }],
  items: [{ target: "github", id: "fast", digest: "sha256:00", file: "fast", phase: "stage" }],
  pointers: [{ target: "github", name: "latest", itemId: "fast", version: "1.0.0-rc.1" }],
  skipped: [],
};

describe("decodeManifest", () => {
  it("reads what encodeManifest wrote", () => {
    expect(decodeManifest(encodeManifest(manifest), "tag")).toEqual(manifest);
  });

  it.each(["../escaped", "/etc/passwd", "a/b", "..", "", "a\\b", "a\u0000b"])("refuses a file called %j", (name) => {
    const text = JSON.stringify({ ...manifest, files: [{ ...manifest.files[0], name }] });
    expect(() => decodeManifest(text, "tag v1")).toThrow('tag v1: the manifest has no valid "files"');
  });

  it.each([
    ["source", "--upload-pack=reboot"],
    ["commit", "A".repeat(40)],
    ["tag", "v9.9.9"],
    ["tag", "-v1.0.0-rc.1"],
    ["tag", "v1.0.0-rc.1:refs/heads/main"],
    ["tier", "production"],
    ["version", "1.0.0-rc.1\n"],
    ["version", "../1.0.0-rc.1"],
    ["name", "fast\u001b[2J"],
    ["epoch", -1],
    ["candidate", { tag: "--all", commit: "b".repeat(40) }],
    ["tools", { go: 1 }],
    ["files", [{ ...manifest.files[0], size: -1 }]],
    ["files", [{ ...manifest.files[0], sha256: "SHA256:00" }]],
    ["files", [{ ...manifest.files[0], kind: "folder" }]],
    ["files", [{ ...manifest.files[0], artifact: "../../bin/sh" }]],
    ["items", [{ ...manifest.items[0], file: "../fast" }]],
    ["items", [{ ...manifest.items[0], digest: "sha256:AB" }]],
    ["items", [{ ...manifest.items[0], id: "sdk/v1\ndelete refs/heads/main" }]],
    ["items", [{ ...manifest.items[0], target: "ftp" }]],
    ["items", [{ ...manifest.items[0], phase: "later" }]],
    ["items", [{ ...manifest.items[0], after: "fast" }]],
    ["pointers", [{ ...manifest.pointers[0], version: "latest" }]],
  ])("refuses as %s %j", (key, value) => {
    const read = () => decodeManifest(JSON.stringify({ ...manifest, [key]: value }), "tag v1");
    expect(read).toThrow(`tag v1: the manifest has no valid "${key}"`);
  });

  it("says what is wrong with whatever somebody wrote there", () => {
    const part = fc.constantFrom(...(Object.keys(manifest) as (keyof Manifest)[]));
    const value = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue(), { minLength: 1, maxLength: 2 }));
    fc.assert(
      fc.property(part, value, (key, by) => {
        try {
          decodeManifest(JSON.stringify({ ...manifest, [key]: by }), "tag v1");
        } catch (error) {
          if (!(error instanceof ReleaseError) || error.code === "INTERNAL") throw error;
        }
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => decodeManifest(text, "tag v1")).toThrow(ReleaseError);
      }),
    );
  });
});
