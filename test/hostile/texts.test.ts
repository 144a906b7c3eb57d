import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { decodeManifest } from "../../src/core/manifest.ts";
import { parseCommitObject, parseLog } from "../../src/git/commits.ts";
import { parseRefs } from "../../src/git/refs.ts";
import { decodeSeal } from "../../src/git/seal.ts";
import { ReleaseError, redact } from "../../src/lib/errors.ts";
import { fromIntegrity } from "../../src/lib/hash.ts";
import { linksOf } from "../../src/lib/link.ts";
import { retryAfterOf } from "../../src/lib/retry-after.ts";
import { escapeMarkdown, printable } from "../../src/lib/text.ts";
import { checkRecord } from "../../src/proof/record.ts";
import { hasSection, withSection } from "../../src/release/changelog.ts";
import { groupChanges, renderChanges } from "../../src/release/notes.ts";
import { uploadAddress } from "../../src/targets/github/upload.ts";
import { retracts } from "../../src/targets/go/undo.ts";
import { parseChallenge } from "../../src/targets/oci/auth.ts";
import { isRepository, isTag } from "../../src/targets/oci/reference.ts";
import { parseMetadata } from "../../src/targets/pypi/metadata.ts";
import { projectOfFile, toSemver, versionOfFile } from "../../src/targets/pypi/names.ts";
import { componentOf, parseCommit } from "../../src/version/conventional.ts";
import { readVersionFile } from "../../src/version/numbering.ts";
import { stampText } from "../../src/version/stamp.ts";
import { tagNames } from "../../src/version/tags.ts";
import { isOwn, releaseTrailers } from "../../src/version/trigger.ts";
import { parseVersion } from "../../src/version/version.ts";

const change = (subject: string) => ({ sha: "a".repeat(40), subject, triggers: true });
const stable = { major: 1, minor: 0, patch: 0, label: null, n: 0 };

/** Everything that reads a text of somebody else. */
const readers: Record<string, (text: string) => unknown> = {
  parseConfig: (text) => parseConfig(text),
  decodeManifest: (text) => decodeManifest(text, "here"),
  parseCommitObject,
  parseLog,
  parseRefs: (text) => parseRefs(text).byName,
  decodeSeal: (text) => decodeSeal(text, "v1.0.0"),
  redact,
  fromIntegrity,
  linksOf,
  retryAfterOf: (text) => retryAfterOf({ "retry-after": text }, new Date(0)),
  escapeMarkdown,
  printable: (text) => printable(text, 50),
  checkRecord: (text) => checkRecord(text, new Map()),
  hasSection: (text) => hasSection(text, "1.0.0"),
  withSection: (text) => withSection(text, { version: "1.0.0", date: "2026-11-23", body: text }),
  renderChanges: (text) => renderChanges([change(text)], 2, "https://x/o/r"),
  uploadAddress: (text) => uploadAddress("https://api.github.com", text),
  retracts: (text) => retracts(text, "1.0.0"),
  parseChallenge,
  isRepository: (text) => isRepository(text),
  isTag: (text) => isTag(text),
  toSemver,
  versionOfFile: (text) => [
    versionOfFile(text, "fast"),
    versionOfFile(`${text}.whl`, "fast"),
    versionOfFile(`${text}.tar.gz`, "fast"),
  ],
  projectOfFile,
  parseMetadata,
  parseCommit,
  componentOf: (text) => componentOf([text], stable),
  readVersionFile,
  stampText: (text) => stampText(text, { file: "package.json" }, { version: "1.0.0", pythonVersion: "1.0.0" }),
  tagMeaning: (text) => tagNames("v{version}").meaning(text),
  releaseTrailers,
  isOwn: (text) =>
    isOwn(
      { message: text, paths: ["VERSION"] },
      () => true,
      () => true,
    ),
  parseVersion,
};

/** Pieces that texts of these kinds are made of, and that expressions with two stars stumble over. */
const pieces = [
  ..."< > ; , = \" ' \\ / : @ # ( ) [ ] { } * _ - . ! ? & % | ~ ` $ + ^".split(" "),
  ...[" ", "\t", "\n", "\r\n", "\0", "\u001b[2J", "\u202e", "\ud800", "é"],
  ...[
    "v1.0.0",
    "1.0.0-rc.1",
    "1.0",
    "00",
    "9".repeat(20),
    "feat",
    "feat(",
    "constructor: x",
    "__proto__",
    "BREAKING CHANGE: ",
  ],
  ...[
    "## [",
    "## 1.0.0",
    "{",
    "}",
    "\n{\n",
    "Twotier-Staging: ",
    "Twotier-Release: v1.0.0",
    "retract (",
    "retract v1.0.0",
    "//",
  ],
  ...[
    "Bearer realm=",
    'a="',
    "sha512-",
    "sha256=",
    ",",
    "Name: x",
    "\n ",
    "tree ",
    "parent ",
    "refs/tags/",
    "^{}",
    "rel=next",
    "?page=1",
  ],
];

describe("a text of somebody else", () => {
  it.each(Object.entries(readers))("is read or refused in words, in no time: %s", (name, read) => {
    const run = (text: string) => {
      const started = performance.now();
      try {
        read(text);
      } catch (error) {
        if (!(error instanceof ReleaseError) || error.code === "INTERNAL") throw new Error(name, { cause: error });
      }
      return performance.now() - started;
    };
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 5 })), { maxLength: 30 }),
        (parts) => {
          run(parts.join(""));
        },
      ),
      { numRuns: 60, seed: 20261123 },
    );
    for (const piece of pieces) {
      // No expression goes back and back again; a second look, because a busy machine may stop for a while.
      const text = piece.repeat(100_000 / piece.length);
      const slow = [text, `${text}!`].find((one) => run(one) > 400 && run(one) > 400);
      expect(slow?.slice(0, 40)).toBeUndefined();
    }
  });

  it("with a type that every object has is a change like others", () => {
    for (const type of ["constructor", "__proto__", "tostring", "hasOwnProperty"]) {
      expect(groupChanges([change(`${type}: x`)]).map((group) => group.kind)).toEqual(["other"]);
    }
  });
});
