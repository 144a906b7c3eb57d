import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { ReleaseError } from "../lib/errors.ts";
import { stampText } from "../version/stamp.ts";
import { descriptions } from "./describe.ts";
import { parseConfig } from "./parse.ts";

const keys = [...new Set(Object.keys(descriptions).flatMap((key) => key.split(/[.[\]]+/)))].filter(Boolean);
const words = [
  "go",
  "npm",
  "python",
  "image",
  "{version}",
  "v{version}",
  "latest",
  "a/b",
  "../x",
  "linux/amd64",
  "**",
  "[",
  "rc",
  "",
];

test("whatever a twotier.yaml holds, the answer is a config or a CONFIG error with a place and a hint", () => {
  const { value } = fc.letrec((again) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom(...words, null, true, 0, -1, 1e9, "\u001b[31m"),
      fc.array(again("value"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), again("value"), { maxKeys: 5 }),
    ),
  }));
  const document = fc.record(
    {
      name: fc.constant("x"),
      repository: fc.constant("o/x"),
      ...Object.fromEntries(
        ["trigger", "version", "tiers", "artifacts", "targets", "checks"].map((key) => [key, value]),
      ),
    },
    { requiredKeys: ["name", "repository"] },
  );
  fc.assert(
    fc.property(fc.oneof(document, value), (content) => {
      try {
        parseConfig(stringify(content));
      } catch (error) {
        if (!(error instanceof ReleaseError) || error.code !== "CONFIG") throw error;
        for (const one of error.findings.length ? error.findings : [error]) {
          expect(one.hint).toBeTruthy();
          expect(one.message).toMatch(/^twotier\.yaml:/);
          expect(one.message).not.toMatch(/\p{Cc}/u);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("whatever a text file holds, stamping changes nothing outside of its spans", () => {
  const line = fc.constantFrom(
    'v = "1.2.3"',
    "v = ",
    '"version": "0.1.0",',
    "{",
    "}",
    "ü🎉",
    "\r",
    "[project]",
    'version = "1.0.0"',
    "'''",
    "",
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.constantFrom("package.json", "pyproject.toml", "Chart.yaml", "setup.cfg", "VERSION", "x.txt"),
      (lines, file) => {
        const text = lines.join("\n");
        const rule = file === "x.txt" ? { file, pattern: 'v = "{version}"' } : { file };
        let stamped: ReturnType<typeof stampText>;
        try {
          stamped = stampText(text, rule, { version: "9.9.9-rc.1", pythonVersion: "9.9.9rc1" });
        } catch (error) {
          if (!(error instanceof ReleaseError) || error.code !== "CONFIG") throw error;
          return;
        }
        let bytes = Buffer.from(text);
        for (const { start, end, text: written } of stamped.spans.toReversed()) {
          bytes = Buffer.concat([bytes.subarray(0, start), Buffer.from(written), bytes.subarray(end)]);
        }
        expect(bytes.toString()).toBe(stamped.text);
      },
    ),
  );
});
