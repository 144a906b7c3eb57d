import { expect, test } from "vitest";
import { parseRefs } from "../git/refs.ts";
import { tagNames } from "../version/tags.ts";
import { releasedVersions } from "./released.ts";

test("released is what has a tag, isn't in progress and wasn't taken back; channels are at the highest of their tier", () => {
  const sha = "1".repeat(40);
  const names = [
    "refs/heads/main",
    "refs/tags/v0.1.9",
    "refs/tags/v0.1.10",
    "refs/tags/v0.1.10-rc.2",
    "refs/tags/v0.1.11-rc.9",
    "refs/tags/v0.1.11-rc.10",
    "refs/tags/v0.1.11-rc.11",
    "refs/twotier/lock/v0.1.11-rc.11",
    "refs/tags/v0.1.11",
    "refs/twotier/retracted/v0.1.11",
    "refs/tags/v.0.1.3",
    "refs/tags/sdk/go/v0.1.12",
  ];
  const refs = parseRefs(names.map((name) => `${sha}\t${name}\n`).join(""));
  expect(releasedVersions(refs, tagNames("v{version}"))).toEqual({
    production: "0.1.10",
    staging: "0.1.11-rc.10",
    versions: ["0.1.11-rc.10", "0.1.11-rc.9", "0.1.10", "0.1.10-rc.2", "0.1.9"],
  });
  expect(releasedVersions(parseRefs(""), tagNames("v{version}"))).toEqual({
    production: null,
    staging: null,
    versions: [],
  });
});
