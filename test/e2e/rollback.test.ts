import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderRollback } from "../../src/cli/output/rollback.ts";
import type { UndoStep } from "../../src/core/undo.ts";
import { planRollback, type RollbackOptions, type RollbackResult, rollback } from "../../src/release/rollback.ts";
import { type Project, projectToken, startProject } from "../support/project.ts";

// One project for each group, rolled back once: what its tests look at is one state of all registries.
let project: Project;
beforeAll(async () => {
  project = await startProject();
});
afterAll(() => project.close());

const json = async (url: string) =>
  (await fetch(url, { headers: { authorization: `Bearer ${projectToken}` } })).json() as Promise<Record<string, never>>;
const packument = async () => json(`${project.registries.npm}/@example%2ffast`);
const releases = async () =>
  (await json(`${project.registries.github}/repos/example/fast/releases`)) as unknown as {
    tag_name: string;
    prerelease: boolean;
    draft: boolean;
  }[];
/** Digest of a tag, as `docker pull` asks for it; null where there is none. */
async function image(tag: string): Promise<string | null> {
  const { docker } = project.registries;
  const scope = "repository:example/fast:pull";
  const { token } = (await (await fetch(`http://${docker}/token?scope=${scope}`)).json()) as { token: string };
  const headers = { accept: "application/vnd.oci.image.index.v1+json", authorization: `Bearer ${token}` };
  const answer = await fetch(`http://${docker}/v2/example/fast/manifests/${tag}`, { headers });
  return answer.headers.get("docker-content-digest");
}

async function back(version: string, more: Partial<RollbackOptions> = {}, dir?: string): Promise<RollbackResult> {
  const session = await project.session({ tier: "staging" }, dir ? { dir } : {});
  try {
    return await rollback(session, { version, ...more });
  } finally {
    await session.close();
  }
}

const of = (steps: readonly UndoStep[], target: string) =>
  steps.filter((step) => step.target === target && step.do === "undo").map(({ state, text }) => ({ state, text }));

async function candidate(message = "feat: one") {
  await project.push(message);
  return (await project.release({ tier: "staging" })).manifest?.version;
}

describe("a candidate is taken back", () => {
  let planned: UndoStep[];
  let result: RollbackResult;

  beforeAll(async () => {
    await candidate();
    expect(await candidate("fix: two")).toBe("0.1.1-rc.2");
    const everything = async () => JSON.stringify([await packument(), await releases(), [...(await project.refs())]]);
    const before = await everything();
    const session = await project.session({ tier: "staging" });
    planned = (await planRollback(session, { version: "0.1.1-rc.2", deleteTag: true })).steps;
    await session.close();
    expect(await everything(), "a plan writes nothing").toBe(before);
    result = await back("v0.1.1-rc.2");
  });

  it("its plan lists what is left to do, and afterwards nothing is", () => {
    expect(planned.filter((step) => step.state === "todo").map(({ target, id }) => `${target} ${id}`)).toEqual([
      "git refs/twotier/retracted/v0.1.1-rc.2",
      "npm @example/fast@next",
      "npm @example/fast@0.1.1-rc.2",
      "docker example/fast:staging-0.1.1-rc.2",
      "github v0.1.1-rc.2",
      "git v0.1.1-rc.2",
      "git sdk/go/v0.1.1-rc.2",
    ]);
    expect(result.failures).toEqual([]);
    expect(result.steps.filter((step) => step.state === "todo")).toEqual([]);
  });

  it("is marked for good on the remote", async () => {
    expect([...(await project.refs()).keys()]).toContain("refs/twotier/retracted/v0.1.1-rc.2");
  });

  it("PyPI: a person is told where to yank it, and it is done once it is yanked", async () => {
    const [told] = of(result.steps, "pypi");
    expect(told?.state).toBe("manual");
    expect(told?.text).toContain("/manage/project/fast-project/release/0.1.1rc2/");
    await project.registries.servers.pypi.admin.yank("fast-project", "0.1.1rc2");
    expect(of((await back("0.1.1rc2")).steps, "pypi")).toEqual([{ state: "done", text: "is yanked" }]);
  });

  it("npm: it is unpublished, and next goes back to the candidate before", async () => {
    expect(of(result.steps, "npm")).toEqual([{ state: "done", text: "is unpublished" }]);
    const { versions, "dist-tags": tags } = await packument();
    expect(Object.keys(versions ?? {})).not.toContain("0.1.1-rc.2");
    expect(tags).toMatchObject({ next: "0.1.1-rc.1" });
  });

  it("Docker: its tag is deleted, the others stay", async () => {
    expect(of(result.steps, "docker")).toEqual([{ state: "done", text: "isn't there" }]);
    expect(await image("staging-0.1.1-rc.2")).toBeNull();
    expect(await image("staging-0.1.1-rc.1")).not.toBeNull();
  });

  it("GitHub: its pre-release is deleted", async () => {
    expect(of(result.steps, "github")).toEqual([{ state: "done", text: "has no release page" }]);
    expect((await releases()).map((one) => one.tag_name)).toEqual(["v0.1.1-rc.1"]);
  });

  it("Go: it stays, and the answer says so", () => {
    expect(of(result.steps, "go")).toMatchObject([{ state: "kept" }]);
  });

  it("one that later versions follow leaves their pointers alone, and says that they follow", async () => {
    project.registries.servers.github.admin.setImmutableReleases("example/fast", true);
    expect((await project.release({ tier: "staging" })).manifest?.version, "of the same commit").toBe("0.1.1-rc.3");
    const { warnings } = await back("0.1.1-rc.1");
    expect(warnings.join("\n")).toContain("v0.1.1-rc.3 stays as it is");
    expect((await packument())["dist-tags"]).toMatchObject({ next: "0.1.1-rc.3" });
  });

  it("its tags stay unless they are asked for; then they go here and there, and the number stays spent", async () => {
    expect([...(await project.refs()).keys()]).toContain("refs/tags/v0.1.1-rc.2");
    await project.git(["fetch", "--quiet", "--tags", "origin"]);
    const session = await project.session({ tier: "staging" });
    const plan = await planRollback(session, { version: "0.1.1-rc.3", deleteTag: true });
    await session.close();
    // This one is immutable: what is final is said beforehand.
    expect(of(plan.steps, "github")).toEqual([
      { state: "todo", text: "delete the pre-release; it is immutable: its tag's name can never be used again" },
    ]);
    expect(plan.warnings).toContain("the tag goes, but 0.1.1-rc.3 stays spent: the next version is the next number");
    const { steps } = await back("0.1.1-rc.3", { deleteTag: true });
    expect(steps.filter((step) => step.do === "delete-tag").map(({ id, state }) => `${id} ${state}`)).toEqual([
      "v0.1.1-rc.3 done",
      "sdk/go/v0.1.1-rc.3 done",
    ]);
    const left = [...(await project.refs()).keys()].filter((ref) => ref.startsWith("refs/tags/") && /rc\.3/.test(ref));
    expect(left).toEqual([]);
    expect((await project.git(["tag", "--list", "*rc.3"])).stdout).toBe("");
    // Known from its retraction alone, on a machine that never saw the tag.
    const again = await back("0.1.1-rc.3", { deleteTag: true }, await project.clone());
    expect(again.steps.filter((step) => step.state === "todo")).toEqual([]);
    expect(again.subject.kind).toBe("sealed");
    expect(await candidate("fix: three")).toBe("0.1.1-rc.4");
  });
});

describe("a stable version is taken back", () => {
  let result: RollbackResult;
  let planned: UndoStep[];

  beforeAll(async () => {
    await project.close();
    project = await startProject();
    for (const version of ["0.1.1", "0.1.2", "0.1.3"]) {
      await project.push(`feat: ${version}`);
      if (version === "0.1.3") project.registries.servers.github.admin.setImmutableReleases("example/fast", true);
      // The others without a candidate: what matters here is what comes after, and this is built once.
      if (version === "0.1.3") await project.release({ tier: "staging" });
      const released = await project.release({ tier: "production", allowUntested: version !== "0.1.3" });
      expect(released.manifest?.version).toBe(version);
    }
    const session = await project.session({ tier: "staging" });
    planned = (await planRollback(session, { version: "0.1.3" })).steps;
    await session.close();
    result = await back("0.1.3");
  });

  it("PyPI: a person is told where to yank it", () => {
    expect(of(result.steps, "pypi")).toMatchObject([
      { state: "manual", text: expect.stringContaining("/release/0.1.3/") },
    ]);
  });

  it("npm: it is deprecated with what to install instead, and latest and next go back", async () => {
    const { versions, "dist-tags": tags } = (await packument()) as unknown as {
      versions: Record<string, { deprecated?: string }>;
      "dist-tags": Record<string, string>;
    };
    expect(versions["0.1.3"]?.deprecated).toBe("This version was taken back. Install 0.1.2 instead.");
    expect(tags).toMatchObject({ latest: "0.1.2", next: "0.1.2" });
  });

  it("Docker: latest goes back to the previous stable version, and its own tag stays", async () => {
    expect(await image("latest")).toBe(await image("v0.1.2"));
    expect(await image("v0.1.3")).not.toBeNull();
    expect(of(result.steps, "docker")).toMatchObject([{ state: "kept" }]);
  });

  it("GitHub: its release is marked as a pre-release, and latest goes back; what is immutable stays", async () => {
    expect(of(planned, "github")).toEqual([
      { state: "todo", text: "mark the release as a pre-release; its assets and its tag are immutable and stay" },
    ]);
    expect((await releases()).find((one) => one.tag_name === "v0.1.3")).toMatchObject({ prerelease: true });
    const latest = await json(`${project.registries.github}/repos/example/fast/releases/latest`);
    expect(latest).toMatchObject({ tag_name: "v0.1.2" });
  });

  it("twice, and on another machine, ends the same", async () => {
    const second = await back("0.1.3", {}, await project.clone());
    expect(second.steps).toEqual(result.steps);
    expect(second.failures).toEqual([]);
  });

  it("Go: the retract line for the next version is prepared, and done once go.mod has it", async () => {
    expect(of(result.steps, "go")).toMatchObject([
      { state: "manual", text: expect.stringContaining("go mod edit -retract=v0.1.3 sdk/go/go.mod") },
    ]);
    await project.push("fix: take 0.1.3 back", {
      "sdk/go/go.mod": "module example.invalid/fast/sdk/go\n\ngo 1.19\n\nretract v0.1.3 // it is broken\n",
    });
    expect(of((await back("0.1.3")).steps, "go")).toMatchObject([{ state: "done" }]);
  });

  it("--to chooses what the pointers go back to, and refuses what can't be", async () => {
    await back("0.1.3", { to: "0.1.1" });
    expect((await packument())["dist-tags"]).toMatchObject({ latest: "0.1.1" });
    expect(await image("latest")).toBe(await image("v0.1.1"));
    await expect(back("0.1.2", { to: "0.1.3" })).rejects.toMatchObject({ code: "REFUSED" });
    await expect(back("0.1.2", { to: "0.1.3-rc.1" })).rejects.toMatchObject({ code: "REFUSED" });
    await expect(back("0.1.2", { to: "0.1.2" })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("with its tag the release page goes too, and the next version is the next number", async () => {
    await back("0.1.3", { deleteTag: true });
    expect((await releases()).map((one) => one.tag_name)).not.toContain("v0.1.3");
    expect([...(await project.refs()).keys()]).not.toContain("refs/tags/v0.1.3");
    expect(await candidate("fix: three")).toBe("0.1.4-rc.1");
  });
});

describe("bad input", () => {
  beforeAll(async () => {
    await project.close();
    project = await startProject();
    await candidate();
  });

  it("no such version, or none at all", async () => {
    await expect(back("0.9.9")).rejects.toMatchObject({ code: "USAGE", message: "there is no release 0.9.9" });
    await expect(back("nonsense")).rejects.toMatchObject({ code: "USAGE" });
  });

  it("without rights nothing is done", async () => {
    const before = JSON.stringify(await packument());
    const session = await project.session({ tier: "staging" }, { gitEnv: { GIT_TERMINAL_PROMPT: "0" } });
    await expect(rollback(session, { version: "0.1.1-rc.1" })).rejects.toMatchObject({ code: "GIT" });
    await session.close();
    expect(JSON.stringify(await packument())).toBe(before);
  });

  it("without rights at one registry the others are done, and the same command does the rest later", async () => {
    await candidate("fix: more");
    const { faults } = project.registries;
    faults.add({
      fault: "status",
      status: 403,
      registry: "npm",
      method: "PUT|DELETE",
      count: "all",
      body: "read only",
    });
    const first = await back("0.1.1-rc.2");
    expect(first.failures.map(({ step, error }) => `${step.do} ${step.id} ${error.code}`)).toEqual([
      "point @example/fast@next AUTH",
      "undo @example/fast@0.1.1-rc.2 AUTH",
    ]);
    const left = (result: RollbackResult) => result.steps.filter((step) => step.state === "todo").map(({ id }) => id);
    expect(left(first)).toEqual(["@example/fast@next", "@example/fast@0.1.1-rc.2"]);
    expect((await releases()).map((one) => one.tag_name)).toEqual(["v0.1.1-rc.1"]);
    faults.clear();
    expect(left(await back("0.1.1-rc.2"))).toEqual([]);
    expect((await packument())["dist-tags"]).toMatchObject({ next: "0.1.1-rc.1" });
  });

  it("a registry that can't be read doesn't keep the others from being put right", async () => {
    expect((await project.release({ tier: "staging" })).manifest?.version).toBe("0.1.1-rc.3");
    const { faults } = project.registries;
    faults.add({ fault: "status", status: 401, registry: "npm", count: "all" });
    const first = await back("0.1.1-rc.3");
    faults.clear();
    expect(first.failures).toEqual([]);
    const states = first.steps.map(({ target, state }) => `${target} ${state}`);
    expect([...new Set(states)]).toEqual([
      "git done",
      "npm unknown",
      "pypi manual",
      "docker done",
      "github done",
      "go kept",
    ]);
    expect(renderRollback(first, false)).toMatch(/^0\.1\.1-rc\.3 isn't taken back yet: run the same command again\n/);
    expect((await packument())["dist-tags"]).toMatchObject({ next: "0.1.1-rc.3" });
    const second = await back("0.1.1-rc.3");
    expect(second.steps.filter(({ state }) => state === "unknown" || state === "todo")).toEqual([]);
    expect((await packument())["dist-tags"]).toMatchObject({ next: "0.1.1-rc.1" });
  });

  it("one that is begun but not sealed: its number is given up, and the run that goes on can't seal it", async () => {
    await project.push("fix: three");
    const onStep = async (step: string) => {
      if (step === "staged") await back("0.1.1-rc.4");
    };
    await expect(project.release({ tier: "staging" }, { onStep })).rejects.toMatchObject({ code: "LOST" });
    const refs = [...(await project.refs()).keys()];
    expect(refs).not.toContain("refs/tags/v0.1.1-rc.4");
    expect(refs).not.toContain("refs/twotier/lock/v0.1.1-rc.4");
    expect((await releases()).filter((one) => one.draft)).toEqual([]);
  });

  it("one that is half published is taken back, and its release doesn't go on", async () => {
    const onStep = async (step: string) => {
      if (step === "sealed") await back("0.1.1-rc.5");
    };
    await expect(project.release({ tier: "staging" }, { onStep })).rejects.toMatchObject({ code: "REFUSED" });
    expect((await packument())["dist-tags"]).toMatchObject({ next: "0.1.1-rc.1" });
    expect((await releases()).map((one) => one.tag_name)).toEqual(["v0.1.1-rc.1"]);
  });

  it("a release by another tool is taken back as far as it can be seen", async () => {
    const { steps, warnings } = await back("0.1.0");
    expect(warnings.join("\n")).toContain("another tool released it");
    expect(steps.filter((step) => step.state === "todo")).toEqual([]);
    expect([...(await project.refs()).keys()]).toContain("refs/twotier/retracted/v0.1.0");
  });

  it("the only one: its pointers go where they can, and the answer says that nothing is left", async () => {
    const { steps, warnings } = await back("0.1.1-rc.1");
    expect(warnings.join("\n")).toContain("users have nothing to go back to");
    expect(warnings.join("\n")).toContain("the line 0.1.1 closes");
    expect(steps.filter((step) => step.state === "todo")).toEqual([]);
    expect(of(steps, "npm")).toMatchObject([
      { state: "done", text: expect.stringMatching(/^is (unpublished|deprecated)/) },
    ]);
    expect((await packument())["dist-tags"]).not.toHaveProperty("next");
  });
});
