import { describe, expect, test } from "vitest";
import { parseConfig } from "../config/parse.ts";
import type { Io } from "../core/target.ts";
import { parseRefs } from "../git/refs.ts";
import { standingOf } from "../release/standing.ts";
import { tagNames } from "../version/tags.ts";
import { checkReleases } from "./releases.ts";
import type { Subject } from "./types.ts";

const run = "https://github.com/a/x/actions/runs/1";
const sha = (letter: string) => letter.repeat(40);

/** What is found in a repository with these refs, where the run that holds a lock goes on, or is over, or isn't known. */
async function look(refs: string[], running: boolean | null = null, offline = false) {
  const config = parseConfig("name: x\nrepository: a/x\n");
  const read = parseRefs(refs.map((ref, index) => `${sha("abcdef"[index] as string)}\t${ref}\n`).join(""));
  const objects = async () => [
    { sha: sha("a"), type: "tag", text: `object 1\n\nX is being released\n\nrun: ${run}\n` },
  ];
  const subject = {
    ...{ config, refs: read, standing: standingOf(read, tagNames("v{version}")), offline, io: {} as Io },
    session: { repository: { remote: "origin", need: async () => {}, git: { objects } } },
    targets: [{ running: async (asked: string) => (asked === run ? running : null) }],
  } as unknown as Subject;
  return (await checkReleases(subject)).found.filter((one) => one.code === "unfinished");
}

describe("releases that were begun", () => {
  const lock = "refs/twotier/lock/v0.1.1-rc.1";

  test("and are finished aren't found", async () => {
    expect(await look(["refs/tags/v0.1.0", "refs/tags/v0.1.1-rc.1"])).toEqual([]);
  });

  test("by a run that goes on are a note", async () => {
    expect(await look([lock], true)).toEqual([
      {
        ...{ code: "unfinished", level: "note", what: `v0.1.1-rc.1 is being released by ${run}` },
        remedy: "wait until that run is over",
      },
    ]);
  });

  test("by a run that is over want the same command again", async () => {
    expect(await look([lock], false)).toMatchObject([
      {
        ...{ level: "warning", what: `v0.1.1-rc.1 was begun by ${run}, which is over, and isn't finished` },
        remedy: "run it again on the same commit: twotier release --tier staging",
      },
    ]);
  });

  test("and sealed want to be resumed", async () => {
    const [found] = await look([lock, "refs/tags/v0.1.1-rc.1"], false);
    expect(found?.remedy).toBe("finish it: twotier release --resume v0.1.1-rc.1");
  });

  test("by nobody knows whom leave the choice", async () => {
    const [found] = await look([lock], null);
    expect(found?.remedy).toMatch(/^if that run is over, run it again/);
    expect((await look([lock], true, true))[0]?.level).toBe("warning"); // offline, nobody is asked
  });

  test("on a line that has gone stable are only a lock, to be taken away", async () => {
    const [found] = await look([lock, "refs/tags/v0.1.1"], false);
    expect(found?.remedy).toBe("take its lock away: git push origin :refs/twotier/lock/v0.1.1-rc.1");
  });
});
