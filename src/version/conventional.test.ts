import { describe, expect, it } from "vitest";
import { componentOf, parseCommit } from "./conventional.ts";
import { parseVersion, type Version } from "./version.ts";

describe("parseCommit", () => {
  it.each([
    ["feat: a", "feat", null, "a", null],
    ["FEAT(sdk): a", "feat", "sdk", "a", null],
    ["fix(sdk-go)!: drops x", "fix", "sdk-go", "drops x", "drops x"],
    ["feat: a\n\nBREAKING CHANGE: the port is another", "feat", null, "a", "the port is another"],
    ["feat!: a\n\ntext\n\nBREAKING-CHANGE: b", "feat", null, "a", "b"],
    ["feat: a\n\nquoted BREAKING CHANGE: b", "feat", null, "a", null],
    ["feat: a\n\nbreaking change: b", "feat", null, "a", null],
    ["Update the handler", null, null, "Update the handler", null],
    ["Merge pull request #1 from a/b", null, null, "Merge pull request #1 from a/b", null],
    ["feat : a", null, null, "feat : a", null],
    ["feat:a", null, null, "feat:a", null],
    ["feat: ", null, null, "feat:", null],
    ["feat(a)(b): c", null, null, "feat(a)(b): c", null],
    ['Revert "feat: a"', null, null, 'Revert "feat: a"', null],
    ["https://example.com", null, null, "https://example.com", null],
    ["", null, null, "", null],
  ])("reads %j", (message, type, scope, description, breaking) => {
    expect(parseCommit(message)).toEqual({ type, scope, description, breaking });
  });
});

describe("componentOf", () => {
  it.each([
    [[], "0.1.18", "patch"],
    [["fix: a", "update b"], "0.1.18", "patch"],
    [["fix: a", "feat: b"], "0.1.18", "minor"],
    [["feat!: b"], "0.1.18", "minor"],
    [["fix: a\n\nBREAKING CHANGE: b"], "0.1.18", "minor"],
    [["feat!: b"], "1.0.0", "major"],
    [["feat: b", "fix!: a"], "2.3.4", "major"],
    [["feat: b"], "2.3.4", "minor"],
  ])("%j after %s is a %s", (messages, stable, component) => {
    expect(componentOf(messages, parseVersion(stable) as Version)).toBe(component);
  });
});
