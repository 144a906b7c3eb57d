import { afterEach, beforeEach, expect, it } from "vitest";
import { hastyIo, type Project, startProject } from "../support/project.ts";

/** Fails the push that comes after those of the number, the seal and Go's tag. */
const branchPush = {
  registry: "git",
  path: "**/git-receive-pack",
  method: "POST",
  after: 3,
  fault: "status",
  when: "before",
} as const;

let project: Project;
beforeEach(async () => {
  project = await startProject();
  await project.push("fix: something");
  await project.release({ tier: "staging" });
});
afterEach(() => project?.close());

it("a branch that is protected keeps what it has, and a branch for a pull request is pushed", async () => {
  await project.registries.servers.github.admin.protectBranch("example/fast", "main");
  const before = await project.refs();
  const { released, bookkeeping } = await project.release({ tier: "production" });
  expect(released).toBe(true);
  expect(bookkeeping).toBe("main can't be pushed to: open a pull request from twotier/v0.1.1");
  const after = await project.refs();
  expect(after.get("refs/heads/main")).toBe(before.get("refs/heads/main"));
  expect(after.has("refs/heads/twotier/v0.1.1")).toBe(true);
});

it.each([401, 403])(
  "a push that is refused once with %i is pushed again, and no pull request is asked for",
  async (status) => {
    const { faults } = project.registries;
    faults.add({ ...branchPush, status });
    const { bookkeeping, manifest } = await project.release({ tier: "production" }, { io: hastyIo() });
    expect(faults.happened).toHaveLength(1);
    expect(bookkeeping).toMatch(/^main is at /);
    const refs = await project.refs();
    expect([...refs.keys()].filter((ref) => ref.startsWith("refs/heads/"))).toEqual(["refs/heads/main"]);
    expect(refs.get("refs/heads/main")).toBe(manifest?.commit);
  },
);

it.each([401, 403, 404])("a branch that is refused to be read with %i is read again", async (status) => {
  const { faults } = project.registries;
  const io = hastyIo();
  const emit: typeof io.emit = (event) => {
    if (event.type === "step" && event.step === "bookkeeping" && event.state === "start")
      faults.add({ fault: "status", status, registry: "git", path: "**/info/refs?service=git-upload-pack", count: 2 });
  };
  const { bookkeeping } = await project.release({ tier: "production" }, { io: { ...io, emit } });
  expect(faults.happened).toHaveLength(2);
  expect(bookkeeping).toMatch(/^main is at /);
});

it("a branch that can't be pushed to for want of rights doesn't fail the release, which says what to do", async () => {
  const { faults } = project.registries;
  faults.add({ ...branchPush, status: 403, count: 6 });
  const { released, bookkeeping } = await project.release({ tier: "production" }, { io: hastyIo() });
  expect(faults.happened).toHaveLength(6);
  expect(released).toBe(true);
  expect(bookkeeping).toMatch(
    /^failed \(.* refused refs\/heads\/main\); the release stands: merge v0\.1\.1 into main by hand$/,
  );
});
