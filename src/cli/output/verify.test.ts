import { describe, expect, it } from "vitest";
import { exitCodeOfRows, type Row, type Verification } from "../../release/rows.ts";
import type { Style } from "./style.ts";
import { renderVerification } from "./verify.ts";

const same = (text: string) => text;
const plain: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };
const row = (state: Row["state"], more: Partial<Row> = {}): Row => {
  return { target: "npm", what: "item", id: "a@1.0.0", state, text: `says ${state}`, ...more };
};
const shown = (rows: Row[], more: Partial<Verification> = {}) => {
  const head = { schema: 1, name: "a", version: "1.0.0", tag: "v1.0.0", tier: "production", retracted: false } as const;
  return renderVerification({ ...head, kind: "sealed", rows, ...more }, plain);
};

describe("a verification", () => {
  it("that found nothing wrong says so, and how much isn't known", () => {
    expect(shown([row("ok"), row("ok")])).toMatch(/\nall 2 as they should be$/);
    expect(shown([row("ok"), row("unproven")])).toMatch(
      / {2}– {2}npm {2}a@1\.0\.0 {2}says unproven\n\n1 as they should be, 1 not known$/,
    );
    expect(exitCodeOfRows([row("ok"), row("unproven")])).toBe(0);
  });

  it("of another tool's release claims nothing about bytes", () => {
    expect(shown([row("ok")], { kind: "foreign" })).toMatch(
      /\nall 1 are there; without a manifest no bytes are compared$/,
    );
  });

  it("counts what is wrong, and shows what was expected", () => {
    const differs = row("differs", { expected: "sha256:aa", found: "sha256:bb" });
    const text = shown([row("ok"), differs, row("missing"), row("pending"), row("unknown"), row("unproven")]);
    expect(text).toContain("differs  npm a@1.0.0\n  expected  sha256:aa\n  found     sha256:bb");
    expect(text).toMatch(/\n1 differs, 1 missing, 1 pending, 1 unknown of 6$/);
    expect(exitCodeOfRows([differs])).toBe(3);
    expect(exitCodeOfRows([differs, row("unknown")])).toBe(1);
  });
});
