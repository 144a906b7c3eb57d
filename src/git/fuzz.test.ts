import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeManifest, type Manifest } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { releasedVersions } from "../release/released.ts";
import { tagNames } from "../version/tags.ts";
import { formatVersion } from "../version/version.ts";
import { parseCommitObject } from "./commits.ts";
import { BatchParser, messageOf } from "./objects.ts";
import { parseRefs } from "./refs.ts";
import { decodeSeal, encodeSeal } from "./seal.ts";

fc.configureGlobal({ seed: 20261123 });

const sha = fc.stringMatching(/^[0-9a-f]{40}$/);
/** What stands in lists of refs, whole and in pieces. */
const pieces = fc.constantFrom(
  ...["refs/tags/", "refs/heads/", "refs/twotier/lock/", "v1.2.3", "v1.2.3-rc.1", "^{}", "HEAD", "ref: ", "\t", " "],
  ...["\n", "\r", "\0", "\u001b[2J", "a".repeat(40), "B".repeat(40), "--upload-pack=reboot", "..", "/", "\ud800"],
);
const text = fc.array(fc.oneof(pieces, fc.string({ maxLength: 6 }), sha), { maxLength: 40 }).map((all) => all.join(""));

describe("a list of refs", () => {
  it("is read as it was written", () => {
    const name = fc
      .stringMatching(/^refs\/(tags|heads|twotier)\/[!-9;-=@-Z_-}]{1,20}$/)
      .filter((one) => !one.endsWith("^{}"));
    const ref = fc.record({ name, sha, peeled: fc.option(sha) });
    fc.assert(
      fc.property(fc.uniqueArray(ref, { selector: (one) => one.name }), fc.constantFrom("\t", " "), (refs, blank) => {
        const lines = refs.map(
          (one) => `${one.sha}${blank}${one.name}\n${one.peeled ? `${one.peeled}${blank}${one.name}^{}\n` : ""}`,
        );
        const read = parseRefs(`ref: refs/heads/main\tHEAD\n${lines.join("")}`);
        expect(read.head).toBe("main");
        expect([...read.names()]).toEqual(refs.map((one) => one.name));
        for (const one of refs) {
          expect(read.get(one.name)).toBe(one.sha);
          expect(read.commit(one.name)).toBe(one.peeled ?? one.sha);
        }
      }),
    );
  });

  it("gives shas and nothing else for shas, whatever a server says", () => {
    fc.assert(
      fc.property(text, (said) => {
        const refs = parseRefs(said);
        for (const name of refs.names()) {
          for (const one of [refs.get(name), refs.commit(name)])
            expect(one ?? "0".repeat(40)).toMatch(/^[0-9a-f]{40,64}$/);
        }
        for (const [name, one] of refs.byName) expect(refs.get(name)).toBe(one);
        releasedVersions(refs, tagNames("v{version}"));
      }),
      { numRuns: 500 },
    );
  });

  it("has no line that becomes an argument: a name with a line end in it", () => {
    const option = "--upload-pack=touch /tmp/a-file-of-theirs".slice(0, 40).padEnd(40, ";");
    const said = `${"a".repeat(40)}\trefs/tags/x\n${option}\trefs/tags/v9.9.9\n`;
    expect(parseRefs(said).get("refs/tags/v9.9.9")).toBeUndefined();
    expect(parseRefs(said).byName.has("refs/tags/v9.9.9")).toBe(false);
  });
});

describe("the name of a tag", () => {
  const templates = ["v{version}", "{version}", "playground@{version}", "v{version}-final", "a.b/{version}*"];
  const number = fc.oneof(
    fc.nat(30).map(String),
    fc.constantFrom("00", "01", "9007199254740993", "9".repeat(400), "", "-1"),
  );
  const near = fc.tuple(
    fc.constantFrom("v", "", "V", "v.", "sdk/v"),
    number,
    number,
    number,
    fc.constantFrom("", "-rc.", "-rc", "-RC.", "+"),
    number,
  );
  const tag = fc.oneof(
    near.map(([start, a, b, c, label, n]) => `${start}${a}.${b}.${c}${label}${n}`),
    text,
    fc.string(),
  );

  it("is one version of ours, that of a module, or ignored for a reason", () => {
    fc.assert(
      fc.property(fc.constantFrom(...templates), tag, (template, name) => {
        const names = tagNames(template);
        const meaning = names.meaning(name);
        if (meaning.kind === "ignored") {
          expect(meaning.reason).toMatch(/^(isn't|has|counts) /);
          return;
        }
        const written = formatVersion(meaning.version);
        // No other text is taken for the same version: numbers have one spelling.
        expect(name).toBe(meaning.kind === "version" ? names.format(meaning.version) : `${meaning.dir}/v${written}`);
        expect(written).toMatch(/^\d{1,16}\.\d{1,16}\.\d{1,16}(-[a-z]+\.[1-9]\d{0,15})?$/);
      }),
      { numRuns: 2000 },
    );
  });
});

const manifest: Manifest = {
  ...{
    schema: 1,
    name: "fast",
    repository: "o/fast",
    tier: "staging",
    version: "1.0.0-rc.1",
    pythonVersion: "1.0.0rc1",
  },
  ...{ tag: "v1.0.0-rc.1", source: "a".repeat(40), commit: "b".repeat(40), epoch: 0, candidate: null, tools: {} },
  files: [{ name: "fast", size: 1, sha256: "sha256:00", kind: "file", artifact: "a" }],
  items: [{ target: "github", id: "fast", digest: "sha256:00", file: "fast", phase: "stage" }],
  pointers: [{ target: "github", name: "latest", itemId: "fast", version: "1.0.0-rc.1" }],
  skipped: [{ target: "npm", reason: "its {\n}\nTwotier-Staging: elsewhere:1" }],
};

describe("a seal", () => {
  const seal = { manifest, staging: { target: "github", id: "1:2" } };

  it("is read as it was written, with any reason for what was skipped", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), text), (reason) => {
        const one = { ...seal, manifest: { ...manifest, skipped: [{ target: "npm" as const, reason }] } };
        expect(decodeSeal(encodeSeal(one), manifest.tag)).toEqual(JSON.parse(JSON.stringify(one)));
      }),
    );
  });

  it("with anything changed in it is one of ours, none, or an error that says what is wrong", () => {
    const whole = encodeSeal(seal);
    const cut = fc.tuple(fc.nat(whole.length), fc.nat(60), fc.oneof(text, fc.string({ maxLength: 4 })));
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          cut.map(([at, length, by]) => whole.slice(0, at) + by + whole.slice(at + length)),
        ),
        (message) => {
          try {
            const read = decodeSeal(message, manifest.tag);
            if (read) expect(encodeManifest(read.manifest)).toContain(manifest.tag);
          } catch (error) {
            if (!(error instanceof ReleaseError) || error.code === "INTERNAL") throw error;
            expect(error.message).toContain(manifest.tag);
            expect(error.hint).toBeDefined();
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("git's objects", () => {
  it("are taken apart in whatever pieces they come", () => {
    const object = fc.record({ sha, type: fc.constantFrom("commit", "tree", "blob", "tag"), text });
    fc.assert(
      fc.property(
        fc.array(fc.option(object), { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (objects, sizes) => {
          const bytes = Buffer.concat(
            objects.flatMap((one) => {
              if (one === null) return [Buffer.from("x missing\n")];
              const body = Buffer.from(one.text);
              return [Buffer.from(`${one.sha} ${one.type} ${body.length}\n`), body, Buffer.from("\n")];
            }),
          );
          const parser = new BatchParser();
          const read: unknown[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const next = at + (sizes[turn % sizes.length] as number);
            read.push(...parser.push(bytes.subarray(at, next)));
            at = next;
          }
          const asRead = (one: { type: string; text: string }) =>
            Buffer.from(one.text).toString(one.type === "tree" ? "latin1" : "utf8");
          expect(read).toEqual(objects.map((one) => one && { ...one, text: asRead(one) }));
        },
      ),
    );
  });

  it("may say anything: a commit and a message are read from it all the same", () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (said) => {
        parseCommitObject(said);
        messageOf({ sha: "", type: "tag", text: said });
      }),
    );
  });
});
