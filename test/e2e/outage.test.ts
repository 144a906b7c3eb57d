import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderResult } from "../../src/cli/output/result.ts";
import { exitCodeOfStatus, renderRelease } from "../../src/cli/output/status.ts";
import { renderVerification } from "../../src/cli/output/verify.ts";
import type { TargetName } from "../../src/core/target.ts";
import type { ReleaseError } from "../../src/lib/errors.ts";
import { exitCodeOfRows } from "../../src/release/rows.ts";
import type { Session } from "../../src/release/session.ts";
import { statusOf } from "../../src/release/status.ts";
import { verify } from "../../src/release/verify.ts";
import { hastyIo, type Project, startProject } from "../support/project.ts";
import { differences, fastNames, snapshotOf } from "../torture/snapshot.ts";
import { makeTemplate, openWorld } from "../torture/world.ts";

let project: Project;
beforeEach(async () => {
  project = await startProject();
  await project.registries.servers.npm.seed({ name: "@example/fast", version: "0.1.0" });
  await project.push("feat: first");
  await project.release({ tier: "staging" });
  await project.push("fix: second");
});
afterEach(() => project.close());

const failing = (more: Parameters<Project["release"]>[1] = {}) =>
  project.release({ tier: "staging" }, { io: hastyIo(), ...more }).then(
    (result) => expect.unreachable(`released ${result.manifest?.version}`) as never,
    (error: ReleaseError) => error,
  );
const skip = [{ target: "pypi" as TargetName, reason: "PyPI is down" }];
const facts = async () => snapshotOf({ registries: project.registries, names: fastNames });
const within = async <T>(use: (session: Session) => Promise<T>): Promise<T> => {
  const session = await project.session({}, { io: hastyIo(), dir: await project.clone() });
  return use(session).finally(() => session.close());
};
/** What another machine says of rc.2: PyPI's rows, and the exit codes. */
async function said() {
  const status = await within((session) => statusOf(session, "0.1.1-rc.2"));
  const { result } = await within((session) => verify(session, "0.1.1-rc.2"));
  return {
    status: status.rows.filter((row) => row.target === "pypi"),
    verify: result.rows.filter((row) => row.target === "pypi" && row.what === "item").map(({ state }) => state),
    codes: [exitCodeOfStatus([status]), exitCodeOfRows(result.rows)],
    text: [renderRelease(status).join("\n"), renderVerification(result)],
  };
}
async function saysSkipped() {
  const { status, verify, codes, text } = await said();
  const remedy = "twotier release --resume v0.1.1-rc.2";
  expect(status).toEqual([
    {
      target: "pypi",
      state: "skipped",
      items: { count: 2, of: 2 },
      text: expect.stringMatching(/^PyPI is down/),
      remedy,
    },
  ]);
  expect(verify).toEqual(["skipped", "skipped"]);
  expect(codes).toEqual([0, 0]);
  for (const one of text)
    expect(one).toMatch(/PyPI is down[\s\S]*add it later: twotier release --resume v0\.1\.1-rc\.2/);
}
async function saysPresent() {
  const { status, verify, codes, text } = await said();
  expect(status).toMatchObject([{ state: "present", items: { count: 2, of: 2 } }]);
  expect(verify).toEqual(["ok", "ok"]);
  expect(codes).toEqual([0, 0]);
  for (const one of text) expect(one).not.toContain("PyPI is down");
  expect(body(await facts())).not.toContain("PyPI is down");
}
const body = (snapshot: Map<string, string>) => snapshot.get("github v0.1.1-rc.2") ?? "";

describe("a registry that is down for good", () => {
  it("before the release stops it before anything is written; --skip goes on without, --resume adds it", async () => {
    const before = await facts();
    project.registries.faults.add({ fault: "refuse", registry: "pypi", count: "all" });
    const error = await failing();
    expect(error.code).toMatch(/NETWORK|PREFLIGHT/);
    expect(error.hint).toContain('go on without it: --skip pypi --reason "..."');
    project.registries.faults.clear();
    expect(differences(before, await facts())).toEqual([]);
    // Where only preflight's question fails, and where it is the one registry that can't be left out.
    project.registries.faults.add({ fault: "status", status: 503, registry: "pypi", method: "POST", count: "all" });
    const asked = await failing();
    expect(asked.hint).toContain('go on without it: --skip pypi --reason "..."');
    project.registries.faults.clear();
    project.registries.faults.add({ fault: "status", status: 503, registry: "github", count: "all" });
    const github = await failing();
    expect(github.hint ?? "").not.toContain("--skip");
    project.registries.faults.clear();

    project.registries.faults.add({ fault: "refuse", registry: "pypi", count: "all" });
    const result = await project.release({ tier: "staging" }, { io: hastyIo(), skip });
    expect(result.manifest).toMatchObject({ version: "0.1.1-rc.2", skipped: skip });
    project.registries.faults.clear();
    const skipped = await facts();
    expect(skipped.get("npm @next")).toBe("0.1.1-rc.2");
    expect(body(skipped)).toContain("PyPI is down");
    expect([...skipped.keys()].filter((key) => key.startsWith("pypi") && key.includes("rc2"))).toEqual([]);
    await saysSkipped();

    await project.release({ tier: "staging" }, { resume: "v0.1.1-rc.2", dir: await project.clone() });
    expect([...(await facts()).keys()].filter((key) => key.startsWith("pypi") && key.includes("rc2"))).toHaveLength(2);
    await saysPresent();
  });

  it("from the seal on leaves pointers and the pre-release alone; --skip goes on and says why, --resume adds it", async () => {
    // Preflight asks PyPI with an upload that can't be taken: that one passes.
    project.registries.faults.add({
      ...{ fault: "status", status: 503, registry: "pypi", method: "POST", after: 1, count: "all" },
    });
    const error = await failing();
    expect(error.message).toContain("fast_project-0.1.1rc2");
    expect(error.facts.while).toMatch(/^publishing fast_project-0\.1\.1rc2.*\.whl to pypi$/);
    expect(error.hint).toContain("v0.1.1-rc.2 is sealed and isn't finished");
    expect(error.hint).toContain('go on without it: --skip pypi --reason "..."');
    const stopped = await facts();
    expect(stopped.get("npm @next")).toBe("0.1.1-rc.1");
    expect(stopped.has("github v0.1.1-rc.2")).toBe(false);
    expect(stopped.has("refs/tags/v0.1.1-rc.2")).toBe(true);
    expect(stopped.has("refs/twotier/lock/v0.1.1-rc.2")).toBe(true);

    const elsewhere = await project.clone();
    const result = await project.release({ tier: "staging" }, { io: hastyIo(), skip, dir: elsewhere });
    expect(result).toMatchObject({ manifest: { version: "0.1.1-rc.2", skipped: [] }, skipped: skip });
    const said = renderResult(result);
    expect(said).toContain("pypi (PyPI is down)");
    expect(said).not.toContain(".whl");
    const skipped = await facts();
    expect(skipped.get("npm @next")).toBe("0.1.1-rc.2");
    expect(skipped.has("refs/twotier/lock/v0.1.1-rc.2")).toBe(false);
    expect(body(skipped)).toContain("PyPI is down");
    await saysSkipped();
    project.registries.faults.clear();
    project.registries.faults.add({ fault: "refuse", registry: "pypi", count: "all" });
    await saysSkipped();
    // Nothing is left to do, and nobody takes the release for a broken one.
    project.registries.faults.clear();
    expect(await project.release({ tier: "staging" })).toMatchObject({ released: false });

    await project.release({ tier: "staging" }, { resume: "v0.1.1-rc.2", dir: await project.clone() });
    const whole = await facts();
    expect([...whole.keys()].filter((key) => key.startsWith("pypi") && key.includes("rc2"))).toHaveLength(2);
    await saysPresent();
  });

  it("that a candidate went on without keeps its stable version from nothing", async () => {
    project.registries.faults.add({
      ...{ fault: "status", status: 503, registry: "pypi", method: "POST", after: 1, count: "all" },
    });
    await failing();
    await project.release({ tier: "staging" }, { io: hastyIo(), skip });
    project.registries.faults.clear();
    const stable = await project.release({ tier: "production" }, { dir: await project.clone() });
    expect(stable).toMatchObject({ released: true, manifest: { version: "0.1.1", candidate: { tag: "v0.1.1-rc.2" } } });
    expect([...(await facts()).keys()]).toContainEqual(expect.stringMatching(/^pypi.*fast_project-0\.1\.1-py3/));
  });
});

describe("a registry that hangs", () => {
  it("ends a run when its time is up, and the next one goes on", async () => {
    const template = await makeTemplate();
    const world = await openWorld(template);
    try {
      const hangs = { fault: "hang", registry: "git", path: "**/git-receive-pack" } as const;
      world.registries.faults.add({ ...hangs, after: 1 }); // preflight pushes nothing; then the lock
      const release = ["release", "--tier", "staging"];
      const { code, output } = await world.run(world.clone(), [...release, "--timeout", "0.08"]).done;
      expect(output).toContain("error[INTERRUPTED]: the release took longer than 0.08 minutes");
      expect(code).toBe(1);
      world.registries.faults.clear();
      expect((await world.run(world.clone(), release).done).code).toBe(0);
      expect((await snapshotOf(world)).get("npm @next")).toBe("0.1.1-rc.2");
    } finally {
      await world.close();
      template.remove();
    }
  });
});

it("a git server that fails for a moment is asked again, and nobody's rights are blamed", async () => {
  const down = { fault: "status", status: 503, registry: "git", path: "**/git-receive-pack" } as const;
  project.registries.faults.add({ ...down, count: 2 });
  expect(await project.release({ tier: "staging" }, { io: hastyIo() })).toMatchObject({ released: true });
  await project.push("fix: third");
  project.registries.faults.add({ ...down, count: "all" });
  const error = await failing();
  expect(error).toMatchObject({ code: "GIT", retryable: true });
  expect(error.hint).toContain("git ls-remote");
});
