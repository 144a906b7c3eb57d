import { describe, expect, it } from "vitest";
import { statementOf } from "./attestation.ts";

const sealed = (statement: unknown) => Buffer.from(JSON.stringify(statement)).toString("base64");
const subject = [{ name: "pkg:npm/a@1.0.0", digest: { sha512: "AB", gitCommit: "not hex" } }];
const predicateType = "https://slsa.dev/provenance/v1";
const from = (repository: unknown) => ({ buildDefinition: { externalParameters: { workflow: { repository } } } });

describe("a statement", () => {
  const expected = { predicateType, subjects: [{ name: "pkg:npm/a@1.0.0", digests: ["sha512:ab"] }], repository: null };
  it.each([
    ["a Sigstore bundle", { dsseEnvelope: { payload: sealed({ predicateType, subject }) } }],
    ["npm's and GitHub's answers", { bundle: { dsseEnvelope: { payload: sealed({ predicateType, subject }) } } }],
    [
      "a PEP 740 attestation",
      { version: 1, envelope: { statement: sealed({ predicateType, subject }), signature: "" } },
    ],
  ])("is read from %s", (_, attestation) => {
    expect(statementOf(attestation)).toEqual(expected);
  });

  it.each<[unknown, string | null]>([
    ["https://github.com/hanzoai/playground", "hanzoai/playground"],
    ["https://github.example/hanzoai/playground.git/", "hanzoai/playground"],
    ["https://github.com/hanzoai", null],
    ["git+ssh://github.com/a/b", null],
    [7, null],
  ])("names the repository of its workflow: %s", (address, repository) => {
    const payload = sealed({ predicateType, subject, predicate: from(address) });
    expect(statementOf({ dsseEnvelope: { payload } })?.repository).toBe(repository);
  });

  it.each<[string, unknown]>([
    ["nothing", null],
    ["a text", "x"],
    ["a list", []],
    ["no envelope", { bundle: null }],
    ["no base64", { dsseEnvelope: { payload: 7 } }],
    ["no JSON", { dsseEnvelope: { payload: "%%%" } }],
    ["JSON that is no object", { dsseEnvelope: { payload: sealed([1]) } }],
    ["no subjects", { dsseEnvelope: { payload: sealed({ predicateType, subject: {} }) } }],
    ["no type", { dsseEnvelope: { payload: sealed({ subject }) } }],
  ])("isn't in %s", (_, attestation) => {
    expect(statementOf(attestation)).toBeNull();
  });

  it("leaves out subjects that are none", () => {
    const payload = sealed({ predicateType, subject: [null, 1, { digest: {} }, { name: "a", digest: null }] });
    expect(statementOf({ dsseEnvelope: { payload } })?.subjects).toEqual([{ name: "a", digests: [] }]);
  });
});
