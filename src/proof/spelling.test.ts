import { describe, expect, it } from "vitest";
import { compareSpelled, spellings, translate } from "./spelling.ts";

const list = spellings(
  { version: "0.1.19-rc.2", pythonVersion: "0.1.19rc2", commit: "a".repeat(40) },
  { version: "0.1.19", pythonVersion: "0.1.19", commit: "b".repeat(40) },
);
const compare = (a: string, b: string) => compareSpelled(Buffer.from(a), Buffer.from(b), list);

describe("two contents that may differ in the version alone", () => {
  it.each([
    ["nothing", "", "", 0],
    ["no version", "same\n", "same\n", 0],
    ["SemVer", '{"version": "0.1.19-rc.2"}', '{"version": "0.1.19"}', 1],
    ["PEP 440", "Version: 0.1.19rc2\n", "Version: 0.1.19\n", 1],
    ["both, and the commit", `0.1.19rc2 v0.1.19-rc.2 ${"a".repeat(40)}`, `0.1.19 v0.1.19 ${"b".repeat(40)}`, 3],
    ["a short commit", `built from ${"a".repeat(7)}.`, `built from ${"b".repeat(7)}.`, 1],
    ["Python's tuple", "version_tuple = (0, 1, 19, 'rc2')", "version_tuple = (0, 1, 19)", 1],
    ["the stable version as a word of both", "needs 0.1.19, is 0.1.19-rc.2", "needs 0.1.19, is 0.1.19", 1],
    ["the candidate's version as a word of both", "since 0.1.19-rc.2\n0.1.19rc2", "since 0.1.19-rc.2\n0.1.19", 1],
  ])("are equal: %s", (_, a, b, places) => expect(compare(a, b)).toEqual({ places }));

  it.each([
    ["a dependency raised", "needs x==1.0\n0.1.19rc2", "needs x==1.1\n0.1.19", 11],
    ["a line added at the end", "0.1.19rc2\n", "0.1.19\nmore\n", 10],
    ["a line taken away", "0.1.19rc2\nmore\n", "0.1.19\n", 10],
    ["another version", "0.1.19-rc.2", "0.1.20", 0],
    ["the other way round", "0.1.19", "0.1.19-rc.2", 6],
    ["another package's version that ends alike", "x==10.1.19rc2", "x==10.1.19", 4],
    ["another package's version that begins alike", "x==0.1.19rc23", "x==0.1.193", 3],
    ["another tuple", "(10, 1, 19, 'rc2')", "(10, 1, 19)", 10],
    ["a date", "2026-11-22T10:00:00Z", "2026-11-22T10:00:01Z", 18],
  ])("aren't equal: %s", (_, a, b, at) => expect(compare(a, b)).toEqual({ at }));
});

it("translates names", () => {
  expect(translate("hanzo-0.1.19rc2.dist-info/RECORD", list)).toBe("hanzo-0.1.19.dist-info/RECORD");
});
