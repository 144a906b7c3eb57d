import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../src/lib/exec.ts";
import { runGit } from "../git-fixture.ts";
import { snapshotOf } from "../torture/snapshot.ts";
import { makeTemplate, openWorld, type Template, type World } from "../torture/world.ts";

const release = ["release", "--tier", "staging"];
let template: Template;
let world: World;
let clone: string;
beforeAll(async () => {
  template = await makeTemplate();
});
afterAll(() => template?.remove());
beforeEach(async () => {
  world = await openWorld(template);
  clone = world.clone();
});
afterEach(() => world.close());

/** What is in the clone's own folder and in the one for temporary files, but for what is to stay. */
const left = () =>
  [path.join(clone, ".twotier"), path.join(world.dir, "tmp")]
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
    .filter((name) => ![".gitignore", "journal"].includes(name));
const workTrees = () => runGit(clone, ["worktree", "list"]).split("\n");

/** A release that has just begun to build. */
async function building() {
  const run = world.run(clone, release);
  await expect.poll(left, { interval: 5, timeout: 30_000 }).toContainEqual(expect.stringMatching(/^tree-/));
  return run;
}

async function finished() {
  const { code, output } = await world.run(clone, release).done;
  expect(code, output).toBe(0);
  expect((await snapshotOf(world)).get("npm @next")).toBe("0.1.1-rc.2");
  return output;
}

describe("a clone in which a release ended early", () => {
  it("is tidied by the next run when it was killed: folders, work trees, and what git knows of them", async () => {
    const run = await building();
    run.kill();
    expect((await run.done).code).toBe(-1);
    expect(left()).not.toEqual([]);
    await finished();
    expect(left()).toEqual([]);
    expect(workTrees()).toHaveLength(1);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "is tidied at once on %s, and the error says so",
    async (signal) => {
      const run = await building();
      process.kill(run.pid, signal);
      const { code, output } = await run.done;
      expect(output).toContain(`error[INTERRUPTED]: stopped by ${signal}\nhint: run the same command again`);
      expect(code).toBe(1);
      expect(left()).toEqual([]);
      expect(workTrees()).toHaveLength(1);
    },
  );

  it("leaves none of a builder's programs when it alone is stopped, as CI's cancel does", async () => {
    const bin = path.join(world.dir, "bin");
    mkdirSync(bin);
    const script = '#!/bin/sh\nsleep 100 &\necho "$$ $!" > "$(dirname "$0")/pids-$$"\nwait\n';
    writeFileSync(path.join(bin, "python3"), script, { mode: 0o755 });
    const run = world.run(clone, release, { env: { PATH: `${bin}:${world.env.PATH}` } });
    const pids = () =>
      readdirSync(bin)
        .filter((file) => file.startsWith("pids-"))
        .flatMap((file) => readFileSync(path.join(bin, file), "utf8").trim().split(" "));
    await expect.poll(() => pids().length, { interval: 20, timeout: 30_000 }).toBeGreaterThan(1);
    process.kill(run.pid, "SIGTERM");
    expect(await run.done).toMatchObject({ code: 1, output: expect.stringContaining("stopped by SIGTERM") });
    // A zombie has ended; it waits for whoever adopted it.
    const { stdout } = await exec("ps", ["-o", "stat=", "-p", pids().join(",")], { ok: [0, 1] });
    expect(stdout.split("\n").filter((state) => state !== "" && !state.startsWith("Z"))).toEqual([]);
    expect(left()).toEqual([]);
  });

  it("keeps the work tree of a run that goes on", async () => {
    const run = await building();
    const other = world.run(clone, release);
    const ends = await Promise.all([run.done, other.done]);
    expect(ends.map((end) => end.code)).toEqual([0, 0]);
    expect(left()).toEqual([]);
  });
});

it("a journal that can't be written is a warning: it is only for reading", async () => {
  mkdirSync(path.join(clone, ".twotier"));
  writeFileSync(path.join(clone, ".twotier/journal"), "a file\n");
  expect(await finished()).toContain("warning: the journal can't be written: ");
});

it("a clone that git takes for a mirror (`git clone --mirror`) releases as any other", async () => {
  runGit(clone, ["config", "remote.origin.mirror", "true"]);
  await finished();
});
