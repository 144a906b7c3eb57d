import { describe, expect, it } from "vitest";
import { History, plainConfig } from "../../test/history.ts";
import type { ReleaseFlags } from "../core/plan.ts";
import { ReleaseError } from "../lib/errors.ts";

/** Released as v0.1.18, by the product, and nothing since. */
function released(): History {
  const history = new History();
  history.commit("feat: a");
  history.release("v0.1.18");
  return history;
}

/** v0.1.18, and v0.1.19-rc.1 of a commit since. */
function open(): History {
  const history = released();
  history.commit("fix: b");
  history.release("v0.1.19-rc.1");
  return history;
}

function refusal(history: History, flags: Partial<ReleaseFlags>, source?: string): ReleaseError {
  try {
    history.plan(flags, source);
  } catch (error) {
    if (error instanceof ReleaseError) return error;
    throw error;
  }
  throw new Error("it wasn't refused");
}

describe("staging: the line and the number", () => {
  it("starts at 0.0.1-rc.1 where there is nothing", () => {
    const history = new History();
    history.commit("first");
    expect(history.plan()).toMatchObject({
      schema: 1,
      release: true,
      tier: "staging",
      version: "0.0.1-rc.1",
      tag: "v0.0.1-rc.1",
      pythonVersion: "0.0.1rc1",
      previous: null,
      lastStable: null,
      line: "0.0.1",
      lineTag: "v0.0.1",
      candidate: null,
      resume: false,
    });
  });

  it("starts at the VERSION file's line where there is no tag", () => {
    const history = new History();
    history.versionText = "0.1.19\n";
    history.commit("first");
    expect(history.plan().version).toBe("0.1.19-rc.1");
  });

  it("goes on from a VERSION file that names a candidate", () => {
    const history = new History();
    history.versionText = "0.1.41-rc.7\n";
    history.commit("first");
    expect(history.plan().version).toBe("0.1.41-rc.8");
  });

  it("follows the process document's example", () => {
    const history = released();
    const versions: (string | null)[] = [];
    const stage = () => {
      const plan = history.plan();
      versions.push(plan.version);
      history.release(plan.tag as string);
    };
    for (let i = 0; i < 3; i++) {
      history.commit("fix: b");
      stage();
    }
    const production = history.plan({ tier: "production" });
    versions.push(production.version);
    history.book("v0.1.19", history.release("v0.1.19", production.source, production.candidate));
    history.versionText = "0.1.19";
    versions.push(history.plan({ tier: "production" }).version, history.plan().version);
    history.commit("feat: c");
    stage();
    expect(versions).toEqual(["0.1.19-rc.1", "0.1.19-rc.2", "0.1.19-rc.3", "0.1.19", null, null, "0.1.20-rc.1"]);
  });

  it("counts by number: rc.392 comes after rc.391, and rc.10 after rc.9", () => {
    for (const highest of [9, 391]) {
      const history = open();
      history.tag(`v0.1.19-rc.${highest}`);
      history.tag("v0.1.19-rc.2");
      history.commit("fix: c");
      expect(history.plan().version).toBe(`0.1.19-rc.${highest + 1}`);
    }
  });

  it.each<[string, (history: History) => void]>([
    ["a tag", (history) => history.tag("v0.1.19-rc.5")],
    ["a lock", (history) => history.lock("v0.1.19-rc.5")],
    ["a retraction whose tag was deleted", (history) => history.retract("v0.1.19-rc.5")],
    ["a registry", (history) => history.holds("npm", "0.1.19-rc.5", "0.1.17")],
    ["a Go module's tag", (history) => history.tag("sdk/go/v0.1.19-rc.5")],
    [
      "the VERSION file",
      (history) => {
        history.versionText = "0.1.19-rc.5";
      },
    ],
  ])("never uses a number twice that %s has taken", (_, take) => {
    const history = open();
    take(history);
    history.commit("fix: c");
    expect(history.plan().version).toBe("0.1.19-rc.6");
  });

  it.each<[Partial<ReleaseFlags>, string]>([
    [{}, "0.1.19-rc.2"],
    [{ component: "patch" }, "0.1.19-rc.2"],
    [{ component: "minor" }, "0.2.0-rc.1"],
    [{ component: "major" }, "1.0.0-rc.1"],
  ])("takes the component as a floor: %j on the open line 0.1.19 makes %s", (flags, version) => {
    const history = open();
    history.commit("fix: c");
    expect(history.plan(flags).version).toBe(version);
  });

  it("stays on an open minor line when a patch is asked", () => {
    const history = open();
    history.release("v0.2.0-rc.1");
    history.commit("fix: c");
    expect(history.plan({ component: "patch" }).version).toBe("0.2.0-rc.2");
  });

  it.each([
    ["fix: c", "0.1.19-rc.2"],
    ["feat: c", "0.2.0-rc.1"],
    ["feat!: c", "0.2.0-rc.1"],
    ["no convention", "0.1.19-rc.2"],
  ])("--component auto after %j makes %s", (message, version) => {
    const history = open();
    history.commit(message);
    expect(history.plan({ component: "auto" }).version).toBe(version);
  });

  it("leaves a line that has only retracted candidates, but not their numbers", () => {
    const history = open();
    history.release("v0.2.0-rc.1");
    history.retract("v0.2.0-rc.1");
    history.commit("fix: c");
    expect(history.plan().version).toBe("0.1.19-rc.2");
    expect(history.plan({ component: "minor" }).version).toBe("0.2.0-rc.2");
  });

  it("counts a retracted stable version as the last one", () => {
    const history = released();
    history.release("v0.1.19");
    history.retract("v0.1.19");
    history.commit("fix: c");
    expect(history.plan()).toMatchObject({ version: "0.1.20-rc.1", lastStable: "0.1.19", previous: "0.1.18" });
  });

  it("counts a stable version in progress as the last one, so that no candidate follows it", () => {
    const history = open();
    history.lock("v0.1.19", history.head);
    history.commit("fix: c");
    expect(history.plan().version).toBe("0.1.20-rc.1");
  });

  it("reads several tags on one commit as several versions", () => {
    const history = released();
    history.tag("v0.1.41");
    history.tag("v0.1.42");
    history.commit("fix: c");
    expect(history.plan().version).toBe("0.1.43-rc.1");
  });

  it("leaves malformed tags alone and lists them with the reason", () => {
    const history = open();
    for (const tag of ["v.0.1.3", "v0.1.41-rc.278.1", "v0.1.0-rc02", "x`$(id)`"]) history.tag(tag);
    history.commit("fix: c");
    const plan = history.plan();
    expect(plan.version).toBe("0.1.19-rc.2");
    expect(plan.ignoredTags.map((one) => one.tag)).toEqual(["v.0.1.3", "v0.1.0-rc02", "v0.1.41-rc.278.1", "x`$(id)`"]);
    for (const { reason } of plan.ignoredTags) expect(reason).not.toBe("");
  });

  it("reads and writes tags by the template", () => {
    const history = new History({ version: { ...plainConfig.version, tag: "playground@{version}" } });
    history.commit("a");
    history.tag("playground@0.1.18");
    history.tag("v9.9.9");
    history.commit("b");
    expect(history.plan()).toMatchObject({ tag: "playground@0.1.19-rc.1", lineTag: "playground@0.1.19" });
    expect(history.plan().ignoredTags.map((one) => one.tag)).toEqual(["v9.9.9"]);
  });
});

describe("staging: what is refused", () => {
  it.each([
    ["below the one used", "beta", "REFUSED", /twotier release --tier staging --label rc/],
    ["that PEP 440 orders below", "dev", "REFUSED", /--label rc/],
    ["with a digit", "rc1", "USAGE", /use rc/],
    ["with a capital", "RC", "USAGE", /use rc/],
  ])("a label %s (%s)", (_, label, code, hint) => {
    const history = open();
    history.commit("fix: c");
    const error = refusal(history, { label });
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(hint);
  });

  it("a label that PyPI can't spell, with anything for PyPI", () => {
    const history = new History({ targets: { pypi: { upload: "", index: "" } } });
    history.commit("a");
    expect(refusal(history, { label: "next" }).hint).toMatch(/dev, alpha, beta, rc/);
    history.config = plainConfig;
    expect(history.plan({ label: "next" })).toMatchObject({ version: "0.0.1-next.1", pythonVersion: null });
  });

  it("takes a higher label on the same line, and counts it from 1", () => {
    const history = released();
    history.commit("fix: b");
    history.release("v0.1.19-beta.4");
    history.commit("fix: c");
    expect(history.plan({ label: "beta" }).version).toBe("0.1.19-beta.5");
    expect(history.plan({ label: "rc" }).version).toBe("0.1.19-rc.1");
  });

  it("a gap that VERSION asks for, unless gaps are allowed", () => {
    const history = released();
    history.versionText = "0.1.20";
    history.commit("fix: c");
    const error = refusal(history, {});
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringContaining("0.1.20") });
    expect(error.facts.line).toBe("0.1.20 (VERSION)");
    expect(error.hint).toMatch(/--allow-gap/);
    expect(history.plan({ allowGap: true }).version).toBe("0.1.20-rc.1");
    history.config = { ...plainConfig, version: { ...plainConfig.version, gaps: "allow" } };
    expect(history.plan().version).toBe("0.1.20-rc.1");
  });

  it("a gap that a candidate made by hand opened", () => {
    const history = released();
    history.tag("v0.3.0-rc.1");
    history.commit("fix: c");
    expect(refusal(history, {}).facts.line).toBe("0.3.0 (the candidate v0.3.0-rc.1)");
  });

  it("allows any first line: gaps need a stable version", () => {
    const history = new History();
    history.versionText = "3.7.2";
    history.commit("a");
    expect(history.plan().version).toBe("3.7.2-rc.1");
  });

  it("a line whose stable version a registry holds without a tag", () => {
    const history = open();
    history.holds("npm", "0.1.19");
    history.commit("fix: c");
    const error = refusal(history, {});
    expect(error).toMatchObject({ code: "REFUSED", message: "npm already holds 0.1.19, but there is no tag v0.1.19" });
    expect(error.hint).toMatch(/git tag v0\.1\.19 COMMIT && git push origin v0\.1\.19/);
  });

  it("a VERSION file that isn't a version", () => {
    const history = released();
    history.versionText = "0.1.19rc1\n";
    expect(refusal(history, {})).toMatchObject({ code: "CONFIG", hint: expect.stringContaining("0.1.18") });
  });

  it("only warns of a VERSION file below the last stable version", () => {
    const history = open();
    history.versionText = "0.1.17";
    history.commit("fix: c");
    expect(history.plan()).toMatchObject({ version: "0.1.19-rc.2", warnings: [expect.stringContaining("0.1.17")] });
    history.versionText = "0.1.18";
    expect(history.plan().warnings).toEqual([]);
  });

  it("warns of stable versions in a registry that no tag names", () => {
    const history = open();
    history.holds("npm", "0.1.25", "0.0.0");
    history.commit("fix: c");
    expect(history.plan().warnings).toEqual(["npm holds stable versions that no tag names: 0.1.25"]);
  });

  it("--candidate", () => {
    expect(refusal(open(), { candidate: "v0.1.19-rc.1" }).code).toBe("USAGE");
  });
});

describe("staging: the trigger", () => {
  it("is a commit since the newest release that touches a path of trigger.paths", () => {
    const history = open();
    history.commit("docs: c", ["README.md"]);
    expect(history.plan()).toMatchObject({ release: false, version: null, tag: null, pythonVersion: null });
    expect(history.plan().reason).toContain("no change since v0.1.19-rc.1 touches");
    const sha = history.commit("fix: d", ["README.md", "src/b"]);
    expect(history.plan().changes).toEqual([
      { sha, subject: "fix: d", triggers: true },
      { sha: expect.any(String), subject: "docs: c", triggers: false },
    ]);
  });

  it("catches up with a push that was missed, and counts a change and its revert", () => {
    const history = open();
    history.commit("fix: c");
    history.commit('Revert "fix: c"');
    history.commit("docs: d", ["README.md"]);
    expect(history.plan().version).toBe("0.1.19-rc.2");
  });

  it.each(["[skip ci]", "chore(release): v0.1.19", "x\n\nskip-release: true\n\n[ci skip]"])(
    "isn't suppressed by the message %j",
    (message) => {
      const history = open();
      history.commit(message);
      expect(history.plan().release).toBe(true);
    },
  );

  it("never is a commit of the product's own, nor a bookkeeping merge", () => {
    const history = open();
    const own = history.release("v0.1.19", history.head, "v0.1.19-rc.1");
    history.book("v0.1.19", own);
    expect(history.plan()).toMatchObject({ release: false, changes: [], reason: "there is no change since v0.1.19" });
  });

  it("is a merge that changes such a file itself, and the commits that come in with it", () => {
    const history = open();
    const side = history.commit("fix: side", ["src/side"], [history.head]);
    history.merge("Merge side", side, []);
    expect(history.plan().changes.map((one) => one.subject)).toEqual(["fix: side"]);
    history.release("v0.1.19-rc.2");
    const docs = history.commit("docs: side", ["README.md"], [history.head]);
    history.merge("Merge docs", docs, ["src/evil"]);
    expect(history.plan().changes.map((one) => [one.subject, one.triggers])).toEqual([
      ["Merge docs", true],
      ["docs: side", false],
    ]);
  });

  it("isn't a release commit that somebody else's change was put into", () => {
    const history = open();
    history.commit("chore\n\nTwotier-Release: v0.1.18", ["VERSION", "src/a"]);
    expect(history.plan().release).toBe(true);
  });

  it("is a component that raises the line", () => {
    const history = open();
    expect(history.plan().release).toBe(false);
    expect(history.plan({ component: "patch" }).release).toBe(false);
    const plan = history.plan({ component: "minor" });
    expect(plan).toMatchObject({ version: "0.2.0-rc.1", reason: "--component minor opens the line 0.2.0" });
    history.release("v0.2.0-rc.1");
    expect(history.plan({ component: "minor" })).toMatchObject({
      release: false,
      reason: "this commit is released as v0.2.0-rc.1",
    });
  });

  it("isn't a component that auto finds in commits that don't trigger", () => {
    const history = open();
    history.commit("feat: described", ["README.md"]);
    expect(history.plan({ component: "auto" }).release).toBe(false);
  });

  it("is --force, once a commit, line and label", () => {
    const history = released();
    const plan = history.plan({ force: true });
    expect(plan).toMatchObject({ version: "0.1.19-rc.1", reason: "forced, without a change that triggers" });
    history.release("v0.1.19-rc.1");
    expect(history.plan({ force: true })).toMatchObject({
      release: false,
      reason: "this commit is released as v0.1.19-rc.1",
    });
    expect(history.plan({ force: true, label: "rc" }).release).toBe(false);
  });

  it("lets another candidate follow a retracted one of the same commit", () => {
    const history = open();
    history.retract("v0.1.19-rc.1");
    const plan = history.plan();
    expect(plan).toMatchObject({ version: "0.1.19-rc.2", previous: "0.1.18" });
    expect(plan.warnings).toEqual(["v0.1.19-rc.1 of this same commit was retracted"]);
  });

  it("is nothing for a commit that is contained in a release's source, not even forced", () => {
    const history = released();
    const older = history.commit("fix: b");
    history.commit("fix: c");
    history.release("v0.1.19-rc.1");
    for (const force of [false, true]) {
      expect(history.plan({ force }, older)).toMatchObject({
        release: false,
        reason: "this commit is contained in v0.1.19-rc.1",
      });
    }
  });

  it("is nothing for a commit that is contained in a release in progress, and says whose", () => {
    const history = released();
    const older = history.commit("fix: b");
    history.commit("fix: c");
    history.lock("v0.1.19-rc.1", history.head, "https://ci.example/run/7");
    expect(history.plan({}, older)).toMatchObject({
      release: false,
      reason: "this commit is contained in v0.1.19-rc.1, which is being released by https://ci.example/run/7",
    });
  });

  it("warns when the branch was force-pushed, and lists changes since the common ancestor", () => {
    const history = released();
    const common = history.head;
    history.commit("fix: lost");
    history.release("v0.1.19-rc.1");
    history.head = common;
    history.commit("fix: instead");
    const plan = history.plan();
    expect(plan.version).toBe("0.1.19-rc.2");
    expect(plan.changes.map((one) => one.subject)).toEqual(["fix: instead"]);
    expect(plan.warnings).toEqual([expect.stringContaining("force-pushed")]);
  });

  it("finds the candidate of a commit that came back", () => {
    const history = released();
    const common = history.head;
    const first = history.commit("fix: first");
    history.release("v0.1.19-rc.1");
    history.head = common;
    history.commit("fix: second");
    history.release("v0.1.19-rc.2");
    expect(history.plan({ force: true }, first)).toMatchObject({
      release: false,
      reason: "this commit is released as v0.1.19-rc.1",
    });
  });
});

describe("staging: a release that was begun", () => {
  it("is finished by a second run for the same commit, with the same number", () => {
    const history = open();
    history.commit("fix: c");
    const commit = history.lock("v0.1.19-rc.2", history.head, "run 9");
    expect(history.plan()).toMatchObject({
      release: true,
      resume: true,
      version: "0.1.19-rc.2",
      previous: "0.1.19-rc.1",
      releaseCommit: commit,
      sealed: false,
      lock: { commit, run: "run 9" },
      source: history.head,
      changes: [{ subject: "fix: c" }],
      reason: "v0.1.19-rc.2 of this commit was begun by run 9, and isn't finished",
    });
    history.seal("v0.1.19-rc.2");
    expect(history.plan({ force: true })).toMatchObject({ resume: true, sealed: true, version: "0.1.19-rc.2" });
    history.unlock("v0.1.19-rc.2");
    expect(history.plan()).toMatchObject({ release: false, resume: false });
  });

  it("is finished when nothing triggers", () => {
    const history = open();
    const source = history.commit("fix: c");
    history.lock("v0.1.19-rc.2");
    history.commit("docs: d", ["README.md"]);
    expect(history.plan()).toMatchObject({ resume: true, version: "0.1.19-rc.2", source });
  });

  it("is left to itself when there is a newer change", () => {
    const history = open();
    history.commit("fix: c");
    history.lock("v0.1.19-rc.2");
    history.commit("fix: d");
    expect(history.plan()).toMatchObject({ resume: false, version: "0.1.19-rc.3" });
  });

  it("is left to production when it is a stable one", () => {
    const history = open();
    history.lock("v0.1.19");
    const plan = history.plan();
    expect(plan.release).toBe(false);
    expect(plan.warnings).toEqual([expect.stringContaining("twotier release --tier production")]);
  });
});

describe("production", () => {
  it("finalises the highest complete candidate: its source, not the branch's head", () => {
    const history = open();
    const source = history.commit("feat: c");
    const candidateCommit = history.release("v0.1.19-rc.2");
    const later = history.commit("fix: later");
    history.commit("docs: later", ["README.md"]);
    const plan = history.plan({ tier: "production" });
    expect(plan).toMatchObject({
      release: true,
      version: "0.1.19",
      tag: "v0.1.19",
      pythonVersion: "0.1.19",
      candidate: "v0.1.19-rc.2",
      candidateCommit,
      candidateSealed: true,
      source,
      previous: "0.1.19-rc.2",
      lastStable: "0.1.18",
      line: "0.1.19",
    });
    expect(plan.changes.map((one) => one.subject)).toEqual(["feat: c", "fix: b"]);
    expect(plan.notInRelease).toEqual([{ sha: later, subject: "fix: later", triggers: true }]);
  });

  it("finalises the candidate that is named, by tag or version", () => {
    const history = open();
    history.commit("feat: c");
    history.release("v0.1.19-rc.2");
    for (const candidate of ["v0.1.19-rc.1", "0.1.19-rc.1"]) {
      const plan = history.plan({ tier: "production", candidate });
      expect(plan).toMatchObject({ version: "0.1.19", candidate: "v0.1.19-rc.1" });
      expect(plan.notInRelease.map((one) => one.subject)).toEqual(["feat: c"]);
    }
  });

  it("finalises a named candidate of a lower line above the last stable version", () => {
    const history = open();
    history.release("v0.2.0-rc.1");
    expect(history.plan({ tier: "production", candidate: "v0.1.19-rc.1" }).version).toBe("0.1.19");
    expect(history.plan({ tier: "production" }).version).toBe("0.2.0");
  });

  it("passes over candidates that aren't complete or were retracted, and says so", () => {
    const history = open();
    history.commit("fix: c");
    history.lock("v0.1.19-rc.2");
    history.seal("v0.1.19-rc.2");
    history.commit("fix: d");
    history.release("v0.1.19-rc.3");
    history.retract("v0.1.19-rc.3");
    const plan = history.plan({ tier: "production" });
    expect(plan.candidate).toBe("v0.1.19-rc.1");
    expect(plan.warnings).toEqual(["v0.1.19-rc.2 isn't complete, and is left out"]);
  });

  it("is refused while no candidate is complete", () => {
    const history = released();
    history.commit("fix: b");
    history.lock("v0.1.19-rc.1");
    expect(refusal(history, { tier: "production" })).toMatchObject({
      code: "REFUSED",
      hint: "finish it first: twotier release --resume v0.1.19-rc.1",
    });
  });

  it.each<[string, string, "USAGE" | "REFUSED", RegExp]>([
    ["doesn't exist", "v0.1.19-rc.9", "USAGE", /v0\.1\.19-rc\.1/],
    ["is no version", "main", "USAGE", /v0\.1\.19-rc\.1/],
    ["is stable", "v0.1.18", "USAGE", /-rc\.1/],
    ["was retracted", "v0.1.19-rc.2", "REFUSED", /staging/],
    ["isn't complete", "v0.1.19-rc.3", "REFUSED", /--resume v0\.1\.19-rc\.3.*take v0\.1\.19-rc\.1/],
    ["is below the last stable version", "v0.1.17-rc.1", "REFUSED", /newest line/],
  ])("refuses a named candidate that %s", (_, candidate, code, hint) => {
    const history = open();
    history.tag("v0.1.17-rc.1");
    history.release("v0.1.19-rc.2");
    history.retract("v0.1.19-rc.2");
    history.lock("v0.1.19-rc.3");
    const error = refusal(history, { tier: "production", candidate });
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(hint);
  });

  it("does nothing when everything is released", () => {
    const history = open();
    history.release("v0.1.19", history.head, "v0.1.19-rc.1");
    expect(history.plan({ tier: "production" })).toMatchObject({
      release: false,
      reason: "everything is released: v0.1.19 is complete",
      notInRelease: [],
    });
  });

  it("says what waits when there is no candidate", () => {
    const history = released();
    history.commit("fix: b");
    expect(history.plan({ tier: "production" })).toMatchObject({
      release: false,
      reason: "there is no candidate above v0.1.18; 1 commit waits for one: twotier release --tier staging",
      notInRelease: [{ subject: "fix: b" }],
    });
    expect(history.plan({ tier: "production", component: "minor" }).reason).toContain(
      "--tier staging --component minor",
    );
  });

  it("does nothing when the named candidate is released already, and fails when another one was", () => {
    const history = open();
    history.commit("fix: c");
    history.release("v0.1.19-rc.2");
    history.release("v0.1.19", history.head, "v0.1.19-rc.2");
    const plan = history.plan({ tier: "production", candidate: "v0.1.19-rc.2" });
    expect(plan).toMatchObject({ release: false, reason: "v0.1.19-rc.2 is released as v0.1.19" });
    expect(refusal(history, { tier: "production", candidate: "v0.1.19-rc.1" })).toMatchObject({ code: "LOST" });
  });

  it("finishes an unfinished newest stable first, and nothing else", () => {
    const history = open();
    const source = history.head;
    const commit = history.lock("v0.1.19", source);
    history.commit("fix: c");
    history.release("v0.1.20-rc.1");
    const plan = history.plan({ tier: "production", candidate: "v0.1.20-rc.1" });
    expect(plan).toMatchObject({
      resume: true,
      version: "0.1.19",
      candidate: "v0.1.19-rc.1",
      candidateSealed: true,
      releaseCommit: commit,
      source,
      lastStable: "0.1.18",
      sealed: false,
      changes: [{ subject: "fix: b" }],
    });
    expect(plan.warnings).toEqual(["v0.1.19 is finished first; run it again for v0.1.20-rc.1"]);
    history.seal("v0.1.19", "v0.1.19-rc.1");
    expect(history.plan({ tier: "production" })).toMatchObject({ resume: true, version: "0.1.19", sealed: true });
    history.unlock("v0.1.19");
    expect(history.plan({ tier: "production" })).toMatchObject({ resume: false, version: "0.1.20" });
  });

  it("loses to a release of the same line that was begun from another candidate", () => {
    const history = open();
    const source = history.head;
    history.commit("fix: c");
    history.release("v0.1.19-rc.2");
    history.lock("v0.1.19", source);
    expect(refusal(history, { tier: "production", candidate: "v0.1.19-rc.2" })).toMatchObject({ code: "LOST" });
    const plan = history.plan({ tier: "production", candidate: "v0.1.19-rc.1" });
    expect(plan).toMatchObject({ resume: true, candidate: "v0.1.19-rc.1", warnings: [] });
  });

  it.each<[Partial<ReleaseFlags>, string]>([
    [{ component: "minor" }, "twotier release --tier staging --component minor"],
    [{ component: "major" }, "twotier release --tier staging --component major"],
    [{ component: "auto" }, "twotier release --tier staging --component minor"],
  ])("refuses %j above the open line with the command that opens that line", (flags, command) => {
    const history = open();
    history.commit("feat: c");
    history.release("v0.1.19-rc.2");
    const error = refusal(history, { tier: "production", ...flags });
    expect(error.code).toBe("REFUSED");
    expect(error.hint).toContain(command);
  });

  it("takes a component at or below the open line", () => {
    const history = open();
    expect(history.plan({ tier: "production", component: "patch" }).version).toBe("0.1.19");
    history.release("v0.2.0-rc.1");
    expect(history.plan({ tier: "production", component: "minor" }).version).toBe("0.2.0");
  });

  it("leaves no gap", () => {
    const history = released();
    history.tag("v0.3.0-rc.1");
    const flags = { tier: "production", acceptDifferences: "by hand" } as const;
    expect(refusal(history, flags)).toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("0.3.0 doesn't follow"),
    });
    expect(history.plan({ ...flags, allowGap: true }).version).toBe("0.3.0");
  });

  it("refuses a version that a registry holds without a tag", () => {
    const history = open();
    history.holds("pypi", "0.1.19");
    expect(refusal(history, { tier: "production" }).hint).toContain("git tag v0.1.19");
  });

  it("wants a reason for a candidate that another tool released", () => {
    const history = released();
    history.commit("fix: b");
    history.tag("v0.1.19-rc.1");
    expect(refusal(history, { tier: "production" })).toMatchObject({
      code: "REFUSED",
      hint: expect.stringContaining("--accept-differences"),
    });
    expect(history.plan({ tier: "production", acceptDifferences: "moving over" })).toMatchObject({
      version: "0.1.19",
      candidateSealed: false,
      acceptDifferences: "moving over",
    });
  });

  it("refuses a candidate whose source left the branch", () => {
    const history = released();
    const common = history.head;
    history.commit("fix: lost");
    history.release("v0.1.19-rc.1");
    history.head = common;
    history.commit("fix: instead");
    expect(refusal(history, { tier: "production" }).message).toContain("isn't on branch main any more");
  });

  it("--allow-untested releases the head, numbered as staging would, only where no line is open", () => {
    const history = released();
    history.commit("fix: b");
    const plan = history.plan({ tier: "production", allowUntested: true });
    expect(plan).toMatchObject({
      version: "0.1.19",
      candidate: null,
      source: history.head,
      changes: [{ subject: "fix: b" }],
    });
    expect(plan.warnings).toEqual(["nobody has tested 0.1.19: it has had no candidate"]);
    expect(history.plan({ tier: "production", allowUntested: true, component: "minor" }).version).toBe("0.2.0");
    history.release("v0.1.19");
    expect(history.plan({ tier: "production", allowUntested: true })).toMatchObject({
      release: false,
      reason: "this commit is released in v0.1.19",
    });
    expect(refusal(open(), { tier: "production", allowUntested: true }).message).toContain(
      "the line 0.1.19 has candidates",
    );
  });

  it("--label is for staging", () => {
    expect(refusal(open(), { tier: "production", label: "rc" }).code).toBe("USAGE");
  });
});
