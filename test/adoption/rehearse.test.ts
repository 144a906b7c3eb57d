import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { build } from "../../src/build/index.ts";
import { expectedFiles } from "../../src/config/expected.ts";
import { folderTree } from "../../src/git/folder.ts";
import { checkProposal, propose } from "../../src/init/index.ts";
import { readPlace } from "../../src/init/place.ts";
import { stampText } from "../../src/version/stamp.ts";
import { needs } from "../tools.ts";
import { adopt } from "./adopt.ts";
import { layouts, makeRepository } from "./layouts.ts";

const signal = new AbortController().signal;
const release = { version: "9.8.7-rc.6", pythonVersion: "9.8.7rc6" };

/** Layouts whose whole rehearsal is quick; `make adoption` plays all of them. */
const quick = ["go-module-in-folder"];

describe("init --yes, then rehearse, without an edit", () => {
  for (const layout of layouts.filter(({ name }) => quick.includes(name))) {
    test.skipIf(needs(layout.needs))(layout.name, async () => {
      const { acts, staging, production, failed } = await adopt(layout);
      expect(failed).toEqual([]);
      expect(acts).toBe(7);
      expect(staging).toMatch(/-rc\.2$/);
      expect(production).toMatch(/^\d+\.\d+\.\d+$/);
    });
  }
});

describe("what init writes builds a candidate", () => {
  for (const layout of layouts.filter(({ name }) => !quick.includes(name))) {
    test.skipIf(needs(layout.needs))(layout.name, async () => {
      const { dir, git } = makeRepository(layout);
      const out = await mkdtemp(path.join(tmpdir(), "twotier-built-"));
      try {
        const tree = folderTree(dir, signal);
        const { place } = await readPlace(dir, signal, {});
        const { config, resolved } = await checkProposal(await propose(tree, place), tree);
        for (const rule of resolved.stamp) {
          const file = path.join(dir, rule.file);
          await writeFile(file, stampText(await readFile(file, "utf8"), rule, release).text);
        }
        // One platform of each is enough here.
        const artifacts = resolved.artifacts.map((artifact) => {
          if (artifact.type === "python") return { ...artifact, isolated: false };
          return "platforms" in artifact ? { ...artifact, platforms: ["linux/amd64"] } : artifact;
        });
        const { files } = await build({
          ...{ tree: dir, artifacts, ...release, tag: "v9.8.7-rc.6", commit: git("rev-parse", "HEAD").trim(), out },
          ...{ epoch: 1_700_000_000, repository: config.repository, io: { signal, emit: () => {} } },
        });
        const expected = expectedFiles({ artifacts }, release).map((file) => file.name);
        expect(files.map((file) => file.name).sort()).toEqual(expected.sort());
        expect(files.length).toBeGreaterThan(0);
      } finally {
        rmSync(dir, { recursive: true, force: true });
        await rm(out, { recursive: true, force: true });
      }
    });
  }
});
