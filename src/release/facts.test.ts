import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GitFixture, gitFixture, runGit } from "../../test/git-fixture.ts";
import { plainConfig } from "../../test/history.ts";
import type { Config } from "../config/types.ts";
import type { Manifest } from "../core/manifest.ts";
import type { Plan, ReleaseFlags } from "../core/plan.ts";
import type { Io, Target } from "../core/target.ts";
import { gitIn } from "../git/git.ts";
import { lockRef, makeLock, retractedRef } from "../git/lock.ts";
import { pushRefs } from "../git/push.ts";
import { makeReleaseCommit, makeTagObject } from "../git/release-commit.ts";
import { openRepository } from "../git/repository.ts";
import { encodeSeal } from "../git/seal.ts";
import { ReleaseError } from "../lib/errors.ts";
import { gatherFacts } from "./facts.ts";
import { decide } from "./plan.ts";
import { readSource } from "./source.ts";

let fixture: GitFixture;
let config: Config;
beforeEach(() => {
  config = plainConfig;
  fixture = gitFixture();
  fixture.commit("feat: first", { "src/version.txt": "0.0.0\n", "twotier.yaml": "name: playground\n" });
});
afterEach(() => fixture.close());

interface Ask extends Partial<ReleaseFlags> {
  dir?: string;
  revision?: string;
  targets?: Target[];
}

async function plan({ dir, revision = "HEAD", targets = [], ...flags }: Ask = {}): Promise<Plan> {
  const repository = await openRepository(dir ?? fixture.dir);
  try {
    const all: ReleaseFlags = { tier: "staging", ...flags };
    const source = await readSource(repository, revision, () => config);
    return decide(await gatherFacts(repository, source, all, targets, {} as Io), all);
  } finally {
    await repository.close();
  }
}

/** Makes a release as the engine does: release commit, lock, seal; `until` stops it there. From a clone of its own. */
async function release(tag: string, until: "lock" | "seal" | "complete" = "complete", candidate: string | null = null) {
  const clone = path.join(fixture.root, `clone-${tag}`);
  runGit(fixture.root, ["clone", "--quiet", fixture.origin, clone]);
  const git = gitIn(clone);
  const source = runGit(clone, ["rev-parse", "HEAD"]);
  const epoch = Number(runGit(clone, ["log", "-1", "--format=%ct"]));
  const commit = await makeReleaseCommit(git, source, [{ path: "src/version.txt", text: `${tag}\n` }], { tag, epoch });
  const lock = await makeLock(git, { tag, commit, source, runId: "https://ci.example/1", epoch });
  const change = (ref: string, to: string | null, expect: string | null) =>
    pushRefs(git, "origin", [{ ref, to, expect }]);
  await change(lockRef(tag), lock, null);
  if (until === "lock") return { source, commit, clone };
  const version = tag.slice(1);
  const manifest: Manifest = {
    ...{
      schema: 1,
      name: "playground",
      repository: "o/p",
      tag,
      version,
      pythonVersion: version,
      source,
      commit,
      epoch,
    },
    ...{
      tier: tag.includes("-") ? "staging" : "production",
      tools: {},
      files: [],
      items: [],
      pointers: [],
      skipped: [],
    },
    candidate: candidate === null ? null : { tag: candidate, commit },
  };
  const message = encodeSeal({ manifest, staging: { target: "local", id: "x" } });
  const seal = await makeTagObject(git, { name: tag, commit, epoch, message });
  await pushRefs(git, "origin", [
    { ref: `refs/tags/${tag}`, to: seal, expect: null },
    { ref: lockRef(tag), to: seal, expect: lock },
  ]);
  if (until === "complete") await change(lockRef(tag), null, seal);
  return { source, commit, clone };
}

describe("gatherFacts", () => {
  it("plans a whole cycle from a clone that never fetches", async () => {
    const versions: (string | null)[] = [(await plan()).version];
    await release("v0.0.1-rc.1");
    versions.push((await plan()).version);
    fixture.commit("fix: second", { "src/a": "1" });
    versions.push((await plan()).version);
    const { source, commit } = await release("v0.0.1-rc.2");
    const later = fixture.commit("feat: later", { "src/a": "2" });
    const production = await plan({ tier: "production" });
    versions.push(production.version);
    expect(production).toMatchObject({
      candidate: "v0.0.1-rc.2",
      candidateCommit: commit,
      candidateSealed: true,
      source,
      epoch: 1_700_000_001,
      notInRelease: [{ sha: later, subject: "feat: later", triggers: true }],
      changes: [{ subject: "fix: second" }, { subject: "feat: first" }],
      warnings: [],
    });
    expect(versions).toEqual(["0.0.1-rc.1", null, "0.0.1-rc.2", "0.0.1"]);
  });

  it("writes nothing to the repository", async () => {
    await release("v0.0.1-rc.1");
    const before = fixture.git("for-each-ref") + fixture.git("count-objects", "-v");
    await plan();
    await plan({ tier: "production" });
    expect(fixture.git("for-each-ref") + fixture.git("count-objects", "-v")).toBe(before);
  });

  it("resumes with the lock's number, and says who took it", async () => {
    const { commit, source } = await release("v0.0.1-rc.1", "lock");
    expect(await plan()).toMatchObject({
      resume: true,
      sealed: false,
      version: "0.0.1-rc.1",
      source,
      releaseCommit: commit,
      lock: { commit, run: "https://ci.example/1" },
      reason: "v0.0.1-rc.1 of this commit was begun by https://ci.example/1, and isn't finished",
      changes: [{ subject: "feat: first" }],
    });
  });

  it("knows a sealed release that isn't complete", async () => {
    await release("v0.0.1-rc.1", "seal");
    expect(await plan()).toMatchObject({ resume: true, sealed: true, version: "0.0.1-rc.1" });
    await expect(plan({ tier: "production" })).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("no complete candidate"),
    });
  });

  it("finishes a stable version with the candidate it came from", async () => {
    await release("v0.0.1-rc.1");
    await release("v0.0.1", "lock");
    expect(await plan({ tier: "production" })).toMatchObject({
      resume: true,
      candidate: "v0.0.1-rc.1",
      candidateSealed: true,
      lastStable: null,
    });
  });

  it("sees retractions", async () => {
    const { commit, clone } = await release("v0.0.1-rc.1");
    runGit(clone, ["push", "--quiet", "origin", `${commit}:${retractedRef("v0.0.1-rc.1")}`]);
    const next = await plan();
    expect(next).toMatchObject({ version: "0.0.1-rc.2", warnings: ["v0.0.1-rc.1 of this same commit was retracted"] });
  });

  it("isn't set off by its own commits on the branch", async () => {
    await release("v0.0.1-rc.1");
    const { commit, clone } = await release("v0.0.1", "complete", "v0.0.1-rc.1");
    // Bookkeeping: a merge of the release commit, with the changelog put in.
    runGit(clone, ["merge", "--quiet", "--no-ff", "--no-commit", commit]);
    writeFileSync(path.join(clone, "CHANGELOG.md"), "# 0.0.1\n");
    runGit(clone, ["add", "CHANGELOG.md"]);
    runGit(clone, ["commit", "--quiet", "-m", "chore(release): merge v0.0.1\n\nTwotier-Release: v0.0.1"]);
    runGit(clone, ["push", "--quiet", "origin", "HEAD:main"]);
    fixture.git("pull", "--quiet", "origin", "main");
    expect(await plan()).toMatchObject({ release: false, reason: "there is no change since v0.0.1", changes: [] });
  });

  it("takes tags of other tools as they are", async () => {
    fixture.git("tag", "-a", "-m", "not { a manifest", "v0.1.0");
    fixture.git("tag", "v.0.1.3");
    fixture.git("push", "--quiet", "origin", "v0.1.0", "v.0.1.3");
    fixture.commit("fix: b", { "src/b": "1" });
    fixture.git("tag", "v0.1.1-rc.1");
    fixture.git("push", "--quiet", "origin", "v0.1.1-rc.1");
    expect(await plan()).toMatchObject({
      release: false,
      reason: "this commit is released as v0.1.1-rc.1",
      lastStable: "0.1.0",
    });
    await expect(plan({ tier: "production" })).rejects.toMatchObject({
      hint: expect.stringContaining("--accept-differences"),
    });
    expect((await plan()).ignoredTags).toEqual([{ tag: "v.0.1.3", reason: expect.any(String) }]);
  });

  it("refuses a manifest of a newer twotier", async () => {
    fixture.git("tag", "-a", "-m", 'x\n\n{\n  "schema": 2\n}\n\nTwotier-Staging: local:x', "v0.1.0");
    fixture.git("push", "--quiet", "origin", "v0.1.0");
    await expect(plan()).rejects.toMatchObject({ code: "REFUSED", hint: expect.stringContaining("twotier@latest") });
  });

  it("refuses a source that isn't on the remote's branch, detached or not", async () => {
    const pushed = fixture.git("rev-parse", "HEAD");
    fixture.commit("fix: local", { "src/a": "1" }, { push: false });
    await expect(plan()).rejects.toMatchObject({
      code: "REFUSED",
      hint: expect.stringContaining("git push origin HEAD:main"),
    });
    fixture.git("checkout", "--quiet", pushed);
    expect((await plan()).release).toBe(true);
    expect((await plan({ revision: pushed })).source).toBe(pushed);
  });

  it("takes a source that is behind the branch, whose head isn't here", async () => {
    const clone = path.join(fixture.root, "other");
    runGit(fixture.root, ["clone", "--quiet", fixture.origin, clone]);
    runGit(clone, ["commit", "--quiet", "--allow-empty", "-m", "elsewhere"]);
    runGit(clone, ["push", "--quiet", "origin", "HEAD:main"]);
    expect(await plan()).toMatchObject({ version: "0.0.1-rc.1", source: fixture.git("rev-parse", "HEAD") });
  });

  it("takes the branch that the config names, and says when it isn't there", async () => {
    fixture.git("push", "--quiet", "origin", "HEAD:release/next");
    config = { ...plainConfig, trigger: { ...plainConfig.trigger, branch: "release/next" } };
    expect((await plan()).branch).toBe("release/next");
    config = { ...plainConfig, trigger: { ...plainConfig.trigger, branch: "gone" } };
    await expect(plan()).rejects.toMatchObject({ code: "CONFIG", message: "there is no branch gone on origin" });
  });

  it("warns of a force-pushed branch", async () => {
    fixture.commit("fix: lost", { "src/lost": "1" });
    await release("v0.0.1-rc.1");
    fixture.git("reset", "--quiet", "--hard", "HEAD~1");
    fixture.commit("fix: instead", { "src/a": "1" }, { push: false });
    fixture.git("push", "--quiet", "--force", "origin", "HEAD:main");
    const next = await plan();
    expect(next).toMatchObject({ version: "0.0.1-rc.2", changes: [{ subject: "fix: instead" }] });
    expect(next.warnings).toEqual([expect.stringContaining("force-pushed")]);
    await expect(plan({ tier: "production" })).rejects.toMatchObject({
      message: expect.stringContaining("isn't on branch main any more"),
    });
  });

  it("plans without a remote by its own refs, and says that it can't release", async () => {
    fixture.git("remote", "remove", "origin");
    fixture.git("tag", "v0.1.0");
    fixture.commit("fix: b", { "src/b": "1" }, { push: false });
    expect(await plan()).toMatchObject({
      version: "0.1.1-rc.1",
      remote: null,
      branch: "main",
      warnings: [expect.stringContaining("no remote")],
    });
  });

  it("says that uncommitted changes are no part of a release", async () => {
    writeFileSync(path.join(fixture.dir, "untracked"), "1");
    expect((await plan()).warnings).toEqual([]);
    writeFileSync(path.join(fixture.dir, "src/version.txt"), "changed");
    expect((await plan()).warnings).toEqual([expect.stringContaining("aren't committed")]);
  });

  it("asks every registry once, and none when offline", async () => {
    let asked = 0;
    const target = (name: string, versions: string[]) =>
      ({
        name,
        versions: async () => {
          asked++;
          return versions;
        },
      }) as unknown as Target;
    const targets = [target("npm", ["0.0.1-rc.4", "nonsense"]), target("pypi", ["0.0.1-rc.6"])];
    expect((await plan({ targets })).version).toBe("0.0.1-rc.7");
    expect(asked).toBe(2);
    expect((await plan({ targets, offline: true })).version).toBe("0.0.1-rc.1");
    expect(asked).toBe(2);
  });

  it("fails when a registry doesn't answer: unknown is never absent", async () => {
    const failing = { name: "npm", versions: () => Promise.reject(new ReleaseError("NETWORK", "no answer")) };
    await expect(plan({ targets: [failing as unknown as Target] })).rejects.toMatchObject({ code: "NETWORK" });
  });

  it("says that a commit has no twotier.yaml, and that a revision names no commit", async () => {
    fixture.git("rm", "--quiet", "twotier.yaml");
    fixture.commit("chore: away", {});
    await expect(plan()).rejects.toMatchObject({ code: "CONFIG", hint: expect.stringContaining("twotier init") });
    await expect(plan({ revision: "nothing" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(plan({ revision: "a\nb" })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("reads VERSION from the commit, wherever the config has it", async () => {
    fixture.commit("chore: version", { VERSION: "0.2.0\n", "sub/VERSION.txt": "v0.3.0-beta.2\n" });
    expect((await plan()).version).toBe("0.2.0-rc.1");
    config = { ...plainConfig, version: { ...plainConfig.version, file: "sub/VERSION.txt" } };
    expect((await plan({ label: "beta" })).version).toBe("0.3.0-beta.3");
    config = { ...plainConfig, version: { ...plainConfig.version, file: null } };
    expect((await plan()).version).toBe("0.0.1-rc.1");
  });

  it("finds that our commit is contained in another run's release", async () => {
    const older = fixture.git("rev-parse", "HEAD");
    fixture.commit("fix: b", { "src/b": "1" });
    await release("v0.0.1-rc.1", "lock");
    expect((await plan({ revision: older })).reason).toBe(
      "this commit is contained in v0.0.1-rc.1, which is being released by https://ci.example/1",
    );
  });
});
