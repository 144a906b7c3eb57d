import { compare as pep440Compare, valid as pep440Valid } from "@renovatebot/pep440";
import fc from "fast-check";
import semver from "semver";
import { describe, expect, it } from "vitest";
import { comparePythonLabels, pythonLabels, pythonVersion } from "./pep440.ts";
import { bump, compareVersions, follows, formatVersion, lineOf, parseVersion, type Version } from "./version.ts";

const v = (text: string) => parseVersion(text) as Version;
const number = fc.nat({ max: 400 });
const anyVersion = fc
  .tuple(number, number, number, fc.constantFrom(null, ...pythonLabels, "next"), fc.integer({ min: 1, max: 400 }))
  .map(([major, minor, patch, label, n]): Version => ({ major, minor, patch, label, n: label === null ? 0 : n }));

describe("parseVersion", () => {
  it.each(["0.0.0", "0.1.19", "10.20.30", "2026.11.22", "0.1.41-rc.392", "1.0.0-alpha.1", "1.0.0-canary.7"])(
    "reads %s and writes it back",
    (text) => {
      expect(formatVersion(v(text))).toBe(text);
    },
  );

  it.each([
    "",
    "1",
    "1.2",
    "1.2.3.4",
    "v1.2.3",
    "01.2.3",
    "1.02.3",
    "1.2.03",
    "1.2.3-",
    "1.2.3-rc",
    "1.2.3-rc.",
    "1.2.3-rc.0",
    "1.2.3-rc.01",
    "1.2.3-rc02",
    "1.2.3-rc.1.2",
    "1.2.3-RC.1",
    "1.2.3-r1.1",
    "1.2.3-.1",
    "1.2.3-rc.1+b",
    "1.2.3+b",
    " 1.2.3",
    "1.2.3 ",
    "1.2.3\n",
    "-1.2.3",
    "1.2.99999999999999999999",
    "1.2.3-rc.99999999999999999999",
    "１.2.3",
  ])("takes %j for no version", (text) => {
    expect(parseVersion(text)).toBeNull();
  });

  it("takes a part of a longer text", () => {
    expect(parseVersion("name@1.2.3!", 5, 10)).toEqual(v("1.2.3"));
  });
});

describe("compareVersions", () => {
  it("orders by number and not by string", () => {
    const sorted = [
      "0.1.9",
      "0.1.10-rc.2",
      "0.1.10-rc.10",
      "0.1.10-rc.392",
      "0.1.10",
      "0.2.0-alpha.1",
      "0.2.0-beta.1",
      "0.2.0-rc.1",
    ];
    expect([...sorted].reverse().map(v).sort(compareVersions).map(formatVersion)).toEqual(sorted);
  });

  it("agrees with SemVer's own order", () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, (a, b) => {
        expect(Math.sign(compareVersions(a, b))).toBe(semver.compare(formatVersion(a), formatVersion(b)));
      }),
    );
  });
});

describe("lines", () => {
  it.each([
    ["0.1.18", "patch", "0.1.19"],
    ["0.1.18", "minor", "0.2.0"],
    ["0.1.18", "major", "1.0.0"],
    ["0.0.0", "patch", "0.0.1"],
  ] as const)("%s with its %s bumped is %s", (from, component, to) => {
    expect(formatVersion(bump(v(from), component))).toBe(to);
  });

  it.each([
    ["0.1.19", true],
    ["0.2.0", true],
    ["1.0.0", true],
    ["0.1.20", false],
    ["0.1.18", false],
    ["0.2.1", false],
    ["0.3.0", false],
    ["1.1.0", false],
    ["2.0.0", false],
  ])("%s follows 0.1.18: %s", (line, expected) => {
    expect(follows(v(line), v("0.1.18"))).toBe(expected);
  });

  it("is the stable version that a candidate works towards", () => {
    expect(formatVersion(lineOf(v("0.1.19-rc.7")))).toBe("0.1.19");
  });
});

describe("PEP 440", () => {
  it.each([
    ["0.1.19", "0.1.19"],
    ["0.1.19-rc.1", "0.1.19rc1"],
    ["0.1.19-beta.2", "0.1.19b2"],
    ["0.1.19-alpha.3", "0.1.19a3"],
    ["0.1.19-dev.4", "0.1.19.dev4"],
    ["0.1.19-next.1", null],
    ["0.1.19-constructor.1", null],
  ])("spells %s as %s", (text, expected) => {
    expect(pythonVersion(v(text))).toBe(expected);
  });

  it("spells only what PEP 440 takes, and orders labels as it does", () => {
    fc.assert(
      fc.property(fc.constantFrom(...pythonLabels), fc.constantFrom(...pythonLabels), number, (a, b, n) => {
        const [left, right] = [a, b].map((label) => pythonVersion({ ...v("1.2.3"), label, n: n + 1 }) as string);
        expect(pep440Valid(left as string)).not.toBeNull();
        expect(Math.sign(comparePythonLabels(a, b))).toBe(pep440Compare(left as string, right as string));
      }),
    );
  });

  it("has no order for labels that it can't spell", () => {
    expect(comparePythonLabels("next", "rc")).toBe(0);
    expect(comparePythonLabels("rc", "toString")).toBe(0);
  });
});
