import { writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asReleaseError, excerpt, ReleaseError, redact, registerSecret } from "./errors.ts";

/** Tokens as people and programs make them, and worse. */
const token = fc.oneof(
  fc.string({ minLength: 12, maxLength: 60, unit: "grapheme-ascii" }),
  fc.stringMatching(/^(ghp_|npm_|pypi-|dckr_pat_)[A-Za-z0-9_\-+/=.$^*()[\]{}|\\?&<>"'% ]{20,40}$/),
  fc
    .tuple(fc.stringMatching(/^[a-z0-9]{12,20}$/), fc.stringMatching(/^[a-z0-9]{12,20}$/))
    .map((lines) => lines.join("\r\n")),
);
const around = fc.string({ maxLength: 40 });

describe("redact", () => {
  it("takes a secret out in every spelling of it", () => {
    fc.assert(
      fc.property(token, around, around, (secret, before, after) => {
        registerSecret(secret);
        const spellings = [
          secret,
          encodeURIComponent(secret),
          encodeURIComponent(secret).replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
          new URLSearchParams({ t: secret }).toString(),
          JSON.stringify({ t: secret }),
          JSON.stringify({ said: JSON.stringify({ t: secret }) }),
          Buffer.from(secret).toString("base64url"),
        ];
        for (const spelling of spellings) expect(redact(`${before}${spelling}${after}`)).toContain("[redacted]");
      }),
    );
  });

  it("finds it in base64 wherever it begins, whoever is the user", () => {
    fc.assert(
      fc.property(token, around, around, (secret, before, after) => {
        registerSecret(secret);
        const whole = Buffer.from(`${before}:${secret}:${after}`);
        for (const alphabet of ["base64", "base64url"] as const) {
          const out = redact(whole.toString(alphabet));
          expect(out).toContain("[redacted]");
          // What is left are the few characters that hold bits of the neighbours too.
          const rest = out.split("[redacted]").map((part) => Buffer.from(part, "base64").toString("latin1"));
          for (const part of rest) expect(part).not.toContain(secret.slice(2, -2));
        }
      }),
    );
  });

  it("is done before a text is cut, so that no half of a secret is left", () => {
    const secret = "ghp_half+of+it/is/enough=0123456789";
    registerSecret(secret);
    const text = `said: ${secret} is refused`;
    for (let limit = 0; limit < text.length; limit++) expect(excerpt(text, limit)).not.toContain("ghp_");
  });

  it("happens to everything that an error carries", () => {
    const secret = 'a"b\\c(d)[e]*+?.$^{1}';
    registerSecret(secret, "__token__");
    const error = new ReleaseError("AUTH", `refused ${secret}`, {
      facts: { header: `Basic ${Buffer.from(`__token__:${secret}`).toString("base64")}` },
      hint: `not ${encodeURIComponent(secret)}`,
    });
    expect([error.message, error.facts.header, error.hint]).toEqual([
      "refused [redacted]",
      expect.stringMatching(/^Basic .{0,20}\[redacted\]$/),
      "not [redacted]",
    ]);
  });
});

describe("what this machine refuses", () => {
  it("is no mistake of twotier's, and says what to do", () => {
    const file = path.join(import.meta.dirname, "errors.ts", "below");
    const thrown = () => {
      try {
        return writeFileSync(file, "");
      } catch (error) {
        return error;
      }
    };
    expect(asReleaseError(thrown())).toMatchObject({
      code: "IO",
      hint: "move away the file that stands where a folder belongs, then run the same command again",
    });
    expect(asReleaseError(new TypeError("x is undefined")).code).toBe("INTERNAL");
  });
});
