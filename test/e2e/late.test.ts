import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TargetName } from "../../src/core/target.ts";
import type { ReleaseError } from "../../src/lib/errors.ts";
import { hastyIo, type Project, startProject } from "../support/project.ts";

const tag = "v0.1.1-rc.1";
const [sdist, wheel] = ["fast_project-0.1.1rc1.tar.gz", "fast_project-0.1.1rc1-py3-none-any.whl"];
const day = 24 * 3_600_000;

describe("a release that is taken up late", () => {
  let project: Project;
  const files = async () => {
    const page = await fetch(`${project.registries.pypi}/simple/fast-project/`);
    return ((await page.text()).match(/fast_project-[^<>"#/]*(?=<)/g) ?? []).sort();
  };
  const resume = async (skip: { target: TargetName; reason: string }[] = []) =>
    project.release({ tier: "staging" }, { resume: tag, skip, dir: await project.clone() });
  beforeAll(async () => {
    project = await startProject();
    await project.registries.servers.npm.seed({ name: "@example/fast", version: "0.1.0" });
    await project.push("feat: first");
    // Preflight's upload and the wheel's pass, the sdist's doesn't.
    project.registries.faults.add({
      fault: "status",
      status: 403,
      registry: "pypi",
      method: "POST",
      after: 2,
      count: "all",
    });
    const error: ReleaseError = await project.release({ tier: "staging" }, { io: hastyIo() }).catch((thrown) => thrown);
    expect(error.message).toContain(sdist);
    // A refusal that stays, such as of a project in quarantine, is named with the way around it too.
    expect(error).toMatchObject({ code: "AUTH", facts: { target: "pypi" } });
    expect(error.hint).toContain("v0.1.1-rc.1 is sealed and isn't finished");
    expect(error.hint).toContain('go on without it: --skip pypi --reason "..."');
    project.registries.faults.clear();
    expect(await files()).toEqual([wheel]);
  });
  afterAll(() => project.close());

  it("says what PyPI takes no more, before it writes anything, and how to finish the rest", async () => {
    await project.registries.servers.pypi.admin.age("fast-project", "0.1.1rc1", 15 * day);
    const before = await project.refs();
    const error = await resume().then(
      () => expect.unreachable(),
      (thrown: ReleaseError) => thrown,
    );
    expect(error).toMatchObject({ code: "REFUSED", facts: { missing: sdist } });
    expect(error.message).toContain(`${tag} can't be completed: PyPI takes files of a release for 14 days`);
    expect(error.hint).toContain(`twotier release --resume ${tag} --skip pypi --reason`);
    expect(await project.refs()).toEqual(before);
    expect(await files()).toEqual([wheel]);
  });

  it("is finished without them when it is told so, for good", async () => {
    const done = await resume([{ target: "pypi", reason: "too late" }]);
    expect(done).toMatchObject({ released: true, pending: [] });
    expect((await project.refs()).has(`refs/twotier/lock/${tag}`)).toBe(false);
    expect(await files()).toEqual([wheel]);
  });

  it("is completed while PyPI still takes its files", async () => {
    await project.registries.servers.pypi.admin.age("fast-project", "0.1.1rc1", -2 * day);
    expect(await resume()).toMatchObject({ released: true });
    expect(await files()).toEqual([wheel, sdist].sort());
  });
});
