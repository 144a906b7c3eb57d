import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change } from "../core/plan.ts";
import { escapeMarkdown, printable } from "../lib/text.ts";
import { skipsIn, withSkips } from "./left-out.ts";
import { groupChanges, type NotesInput, releaseNotes, renderChanges } from "./notes.ts";

const change = (subject: string, breaking?: string): Change => ({
  sha: "0123456789abcdef0123456789abcdef01234567",
  subject,
  triggers: true,
  ...(breaking === undefined ? {} : { breaking }),
});

const input: NotesInput = {
  tier: "staging",
  version: "0.1.19-rc.1",
  line: "0.1.19",
  previous: "0.1.18",
  candidate: null,
  changes: [change("feat(sdk): a"), change("fix: b")],
  install: [{ title: "npm", command: "npm install @hanzo/playground@next" }],
};

describe("groupChanges", () => {
  it("puts breaking changes first, then features, fixes, performance, documentation and the rest", () => {
    const subjects = ["chore: a", "update b", "docs: c", "perf: d", "fix: e", "feat(x): f", "feat!: g"];
    const groups = groupChanges([
      ...subjects.map((subject) => change(subject)),
      change("fix: h", "the port is another"),
    ]);
    expect(groups.map((group) => [group.title, group.changes.map((one) => one.text)])).toEqual([
      ["Breaking changes", ["g", "h: the port is another"]],
      ["Features", ["f"]],
      ["Fixes", ["e"]],
      ["Performance", ["d"]],
      ["Documentation", ["c"]],
      ["Other changes", ["a", "update b"]],
    ]);
    expect(groups[1]?.changes[0]?.scope).toBe("x");
  });

  it("takes any message, constructor and toString among the types", () => {
    expect(groupChanges([change("constructor: a"), change("toString: b"), change("")]).map((one) => one.kind)).toEqual([
      "other",
    ]);
  });
});

describe("renderChanges", () => {
  const repository = "https://github.com/hanzoai/playground";

  it("links commits and issues, and thanks everybody once, programs left out", () => {
    const made = (subject: string, ...authors: string[]): Change => ({ ...change(subject), authors });
    const changes = [
      made("fix: a (#12)", "Zoe", "Ada"),
      made("fix: b, see other/repo#3 and @ada", "Ada", "renovate[bot]"),
      made("fix: c", "<b>Mallory</b>\n# x"),
    ];
    const commit =
      "[0123456789](https://github.com/hanzoai/playground/commit/0123456789abcdef0123456789abcdef01234567)";
    expect(renderChanges(changes, 3, repository)).toBe(`### Fixes

- a ([#12](https://github.com/hanzoai/playground/issues/12)) (${commit})
- b, see other/repo#3 and @&#8203;ada (${commit})
- c (${commit})

### Contributors

\\<b\\>Mallory\\</b\\> # x, Ada, Zoe
`);
  });

  it("has no section for nothing", () => {
    expect(renderChanges([], 3, repository)).toBe("");
  });
});

describe("releaseNotes", () => {
  it("warns of a candidate, says how to install and what changed", () => {
    expect(releaseNotes(input)).toBe(`> [!WARNING]
> This is a candidate for 0.1.19, for testing. Installers don't choose it by themselves; the stable version is another one.

## Install

\`\`\`sh
# npm
npm install @hanzo/playground@next
\`\`\`

## Features

- **sdk:** a (0123456789)

## Fixes

- b (0123456789)
`);
  });

  it("says which candidate a stable release was", () => {
    const notes = releaseNotes({
      ...input,
      tier: "production",
      candidate: "v0.1.19-rc.2",
      changes: [],
      compare: "https://a/b",
    });
    expect(notes).toContain("This is v0.1.19-rc.2, released as stable.");
    expect(notes).toContain("No changes since 0.1.18.");
    expect(notes).toContain("**All changes**: https://a/b");
    expect(notes).not.toContain("WARNING");
  });

  it("says what was left out, and why", () => {
    expect(releaseNotes({ ...input, skipped: [{ target: "npm", reason: "later <b>" }] })).toContain(
      "Released without npm: later \\<b\\>",
    );
  });

  it("says it at its top, from where it is read again, until it isn't so any more", () => {
    const reason = "npm's *registry* is down: see <https://a.b>, #12 & @someone";
    const whole = releaseNotes(input);
    const told = withSkips(whole, [
      { target: "npm", reason },
      { target: "pypi", reason: "1. two\nlines" },
    ]);
    expect(told).toMatch(/^Released without npm: .*\n\nReleased without pypi: .*\n\n/);
    expect(skipsIn(told.replaceAll("\n", "\r\n"))).toEqual([
      { target: "npm", reason },
      { target: "pypi", reason: "1. two lines" },
    ]);
    expect(withSkips(told, [])).toBe(whole);
    const fake = { ...change("Released without npm: a lie"), body: "Released without npm: another" };
    expect(skipsIn(releaseNotes({ ...input, changes: [fake] }))).toEqual([]);
  });

  it("keeps below a limit and says how much it leaves out", () => {
    const many = Array.from({ length: 5000 }, (_, n) => change(`fix: number ${n}`));
    const text = renderChanges(many, 2, null, 10_000);
    expect(text.length).toBeLessThan(10_200);
    expect(text).toMatch(/\n\.\.\. and \d+ more changes\.\n$/);
  });
});

describe("hostile messages", () => {
  it.each([
    ["<img src=x onerror=alert(1)>", "\\<img src=x onerror=alert(1)\\>"],
    ["[click](https://evil)", "\\[click\\](https://evil)"],
    ["![x](y)", "!\\[x\\](y)"],
    ["`code` and *bold* _it_ ~~no~~", "\\`code\\` and \\*bold\\* \\_it\\_ \\~\\~no\\~\\~"],
    ["# heading", "\\# heading"],
    ["- item", "\\- item"],
    ["1. item", "1\\. item"],
    ["=== x", "\\=== x"],
    ["> quote", "\\> quote"],
    ["a | b", "a \\| b"],
    ["$x$", "\\$x\\$"],
    ["&lt;b&gt;", "&amp;lt;b&amp;gt;"],
    ["@everyone and a@b.c", "@&#8203;everyone and a@&#8203;b.c"],
    ["closes #12", "closes #12"],
    ["a\\", "a\\\\"],
    ["\u001b[31mred\u001b[0m \u0007", "\\[31mred\\[0m"],
    ["a\r\nb\u2028c", "a b c"],
    ["\u202etxt.exe", "txt.exe"],
    ["naïve 🎉 日本", "naïve 🎉 日本"],
  ])("%j is shown as %j", (text, expected) => {
    expect(escapeMarkdown(text)).toBe(expected);
  });

  it("are always one line of printable characters, a list item each", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (subject) => {
        const lines = renderChanges([change(subject), change("fix: z")], 2)
          .trimEnd()
          .split("\n");
        expect(lines.filter((line) => line.startsWith("- "))).toHaveLength(2);
        expect(lines.join("")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(lines.every((line) => !/(^|[^\\])[<`[]/.test(line))).toBe(true);
      }),
    );
  });

  it("are cut where they are too long, never within a character", () => {
    expect(printable("🎉".repeat(10), 6)).toBe("🎉🎉…");
    expect(printable("abc", 3)).toBe("abc");
    expect(renderChanges([change(`fix: ${"x".repeat(10_000)}`)], 2).length).toBeLessThan(400);
  });
});
