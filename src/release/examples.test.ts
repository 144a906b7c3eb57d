import { expect, it } from "vitest";
import { markedExamples, runnerOf } from "./examples.ts";

it("finds the code blocks below a mark, and no others", () => {
  const text = [
    "# Title",
    "```sh",
    "not marked",
    "```",
    "<!-- twotier:run -->",
    "```sh",
    "echo one",
    "",
    "echo two",
    "```",
    "",
    "<!-- twotier:run -->",
    "words between: the mark is spent",
    "```python",
    "print(1)",
    "```",
    "<!-- twotier:run -->",
    "",
    "  ~~~~ Python",
    "  if True:",
    "    print(2)",
    "  ~~~",
    "  ~~~~",
  ].join("\n");
  expect(markedExamples(text)).toEqual([
    { language: "sh", code: "echo one\n\necho two\n", line: 6 },
    { language: "python", code: "if True:\n  print(2)\n~~~\n", line: 19 },
  ]);
});

it("knows how shells, Python and JavaScript are run, and nothing else", () => {
  expect(runnerOf("bash")).toEqual(["bash", "-euc"]);
  expect(runnerOf("go")).toBeUndefined();
});
