import { describe, expect, it } from "vitest";
import { nextLine, nextNumber, readVersionFile, usedAbove } from "./numbering.ts";
import { formatVersion, type LineComponent, parseVersion, type Version } from "./version.ts";

const v = (text: string) => parseVersion(text) as Version;
const orNull = (text: string | null) => (text === null ? null : v(text));
const used = (...texts: string[]) => texts.map((text) => ({ version: v(text), by: "tag" }));

describe("nextLine", () => {
  it.each<[string | null, string | null, LineComponent, string | null, string]>([
    // stable, open line, component, VERSION -> line
    ["0.1.18", null, "patch", null, "0.1.19"],
    ["0.1.18", "0.1.19", "patch", null, "0.1.19"],
    ["0.1.18", "0.1.19", "minor", null, "0.2.0"],
    ["0.1.18", "0.2.0", "patch", null, "0.2.0"],
    ["0.1.18", "0.2.0", "major", null, "1.0.0"],
    ["0.1.18", null, "patch", "0.1.18", "0.1.19"],
    ["0.1.18", null, "patch", "0.2.0", "0.2.0"],
    ["0.1.18", null, "minor", "0.1.19", "0.2.0"],
    ["0.1.18", "0.1.19", "patch", "0.1.17", "0.1.19"],
    [null, null, "patch", null, "0.0.1"],
    [null, null, "minor", null, "0.1.0"],
    [null, null, "patch", "0.1.18", "0.1.18"],
    ["0.1.9", "0.1.10", "patch", null, "0.1.10"],
  ])("stable %s, open %s, %s, VERSION %s: %s", (stable, open, component, file, line) => {
    const input = { stable: orNull(stable), open: orNull(open), component, file: orNull(file) };
    expect(formatVersion(nextLine(input))).toBe(line);
  });
});

describe("nextNumber", () => {
  it.each([
    [[], 1],
    [["0.1.19-rc.1"], 2],
    [["0.1.19-rc.9", "0.1.19-rc.10", "0.1.19-rc.2"], 11],
    [["0.1.18-rc.40", "0.1.20-rc.50", "0.1.19-beta.7", "0.1.19"], 1],
  ])("after %j comes %i", (taken, n) => {
    expect(nextNumber(v("0.1.19"), "rc", used(...taken))).toBe(n);
  });
});

describe("usedAbove", () => {
  it.each([
    ["rc", ["0.1.19-beta.1", "0.1.19-alpha.1"], null],
    ["rc", ["0.1.19-rc.4"], null],
    ["beta", ["0.1.19-rc.1"], "0.1.19-rc.1"],
    ["alpha", ["0.1.19-beta.3"], "0.1.19-beta.3"],
    // SemVer has alpha < beta < dev < rc, PEP 440 dev < alpha < beta < rc: after dev only rc is left.
    ["dev", ["0.1.19-alpha.1"], "0.1.19-alpha.1"],
    ["alpha", ["0.1.19-dev.1"], "0.1.19-dev.1"],
    ["rc", ["0.1.19-dev.1"], null],
    ["beta", ["0.1.18-rc.1", "0.1.20-rc.1"], null],
    ["next", ["0.1.19-rc.1"], "0.1.19-rc.1"],
  ])("the label %s on 0.1.19 after %j falls below %s", (label, taken, expected) => {
    const found = usedAbove(v("0.1.19"), label, used(...taken));
    expect(found && formatVersion(found.version)).toBe(expected);
  });
});

describe("readVersionFile", () => {
  it.each([
    ["0.1.19\n", "0.1.19", null],
    ["v0.1.19", "0.1.19", null],
    ["  0.1.19\r\n", "0.1.19", null],
    ["0.1.41-rc.7\n", "0.1.41", "0.1.41-rc.7"],
    ["0.2.0-SNAPSHOT", "0.2.0", null],
    ["0.2.0-rc.1.2+build.5", "0.2.0", null],
  ])("reads %j as %s", (text, line, candidate) => {
    expect(readVersionFile(text)).toEqual({ line: v(line), candidate: orNull(candidate) });
  });

  it.each([
    "",
    "\n",
    "next",
    "0.1",
    "0.1.x",
    "01.2.3",
    "0.1.19rc1",
    "0.1.19\n0.1.20",
    "<<<<<<< HEAD",
    "1.2.99999999999999999999",
  ])("takes %j for no version", (text) => {
    expect(readVersionFile(text)).toBeNull();
  });
});
