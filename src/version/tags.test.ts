import { describe, expect, it } from "vitest";
import { tagNames } from "./tags.ts";
import { formatVersion, parseVersion, type Version } from "./version.ts";

describe("tagNames", () => {
  it.each([
    ["v{version}", "v0.1.19-rc.1"],
    ["{version}", "0.1.19-rc.1"],
    ["playground@{version}", "playground@0.1.19-rc.1"],
    ["release-{version}-final", "release-0.1.19-rc.1-final"],
  ])("with the template %s, %s is 0.1.19-rc.1 and back", (template, tag) => {
    const names = tagNames(template);
    const version = names.version(tag) as Version;
    expect(formatVersion(version)).toBe("0.1.19-rc.1");
    expect(names.format(version)).toBe(tag);
  });

  it.each(["v", "{version}{version}", "", "v{VERSION}"])("refuses the template %j", (template) => {
    expect(() => tagNames(template)).toThrow(/must hold {version} once/);
  });

  it.each([
    ["v.0.1.3", /isn't X\.Y\.Z/],
    ["v0.1.41-rc.278.1", /more than LABEL\.N/],
    ["v0.1.0-rc02", /without a number/],
    ["v0.1.0-rc.02", /leading zero \(02\)/],
    ["v01.1.0", /leading zero \(01\)/],
    ["v0.1.0-rc.0", /from 0/],
    ["v0.1.0-RC.1", /lower-case/],
    ["v0.1.0-next", /without a number/],
    ["v1.2.99999999999999999999", /too large/],
    ["v1.2.3-rc.99999999999999999999", /too large/],
    ["v1.2.3+build", /isn't X\.Y\.Z/],
    ["nightly", /isn't of the form vX\.Y\.Z/],
    ["v", /isn't of the form/],
    ["$(reboot)", /isn't of the form/],
    ["docs/latest", /isn't of the form/],
    ["other@1.2.3", /isn't of the form/],
    ["/v1.2.3", /isn't of the form/],
  ])("leaves %s alone and says why", (tag, reason) => {
    const meaning = tagNames("v{version}").meaning(tag);
    expect(meaning.kind).toBe("ignored");
    expect(meaning.kind === "ignored" && meaning.reason).toMatch(reason);
  });

  it("knows the tags of Go modules in folders", () => {
    const tag = "sdk/go/v0.1.19-rc.1";
    const expected = { kind: "module", dir: "sdk/go", version: parseVersion("0.1.19-rc.1") };
    expect(tagNames("v{version}").meaning(tag)).toEqual(expected);
    expect(tagNames("playground@{version}", ["sdk/go"]).meaning(tag)).toEqual(expected);
    expect(tagNames("v{version}", ["other"]).meaning(tag).kind).toBe("ignored");
  });
});
