import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Plan } from "../../core/plan.ts";
import type { Event } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { errorJson, renderError } from "./error.ts";
import { renderPlan } from "./plan.ts";
import { createReporter } from "./reporter.ts";
import { bytes, type Style, safe, seconds, table } from "./style.ts";

const same = (text: string) => text;
const plain: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };

function reported(kind: "plain" | "github" | "live" | "silent", events: Event[], verbose = false, tick = 1000): string {
  let out = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      out += chunk;
      done();
    },
  }) as unknown as NodeJS.WriteStream;
  let clock = 0;
  const reporter = createReporter({ stream, kind, verbose, now: () => (clock += tick) });
  for (const event of events) reporter.event(event);
  reporter.end();
  return out;
}

const run: Event[] = [
  { type: "step", step: "build", state: "start" },
  { type: "output", from: "go", line: "compiling" },
  { type: "step", step: "build", state: "done", detail: "3 files" },
  { type: "item", target: "npm", id: "a@1.0.0", state: "publish" },
  { type: "progress", target: "npm", id: "a@1.0.0", sent: 1 << 20, total: 4 << 20 },
  { type: "item", target: "npm", id: "a@1.0.0", state: "present", ms: 3 },
  { type: "retry", what: "publishing b", attempt: 1, because: "502", seconds: 0.5 },
  { type: "pointer", target: "npm", name: "a@latest", from: null, to: "1.0.0" },
  { type: "warning", message: "careful\nnow" },
];

describe("a run", () => {
  it("is plain lines where there is no terminal", () => {
    expect(reported("plain", run)).toBe(
      [
        "… build",
        "✓ build 3 files, 1.0 s",
        "  ✓ npm    a@1.0.0 present",
        "  ↻ publishing b: 502; again in 0.5 s",
        "  → npm    a@latest new → 1.0.0",
        "warning: careful\nnow",
        "",
      ].join("\n"),
    );
  });

  it("shows what tools print where that is asked for", () => {
    expect(reported("plain", run, true)).toContain("  go | compiling\n");
  });

  it("is groups and annotations on GitHub Actions", () => {
    const out = reported("github", run);
    expect(out).toContain("::group::build\n  go | compiling\n::endgroup::\n✓ build 3 files");
    expect(out).toContain("::warning::careful%0Anow\n");
  });

  it("shows bytes, speed and time left of a transfer on a terminal, and takes those lines away at the end", () => {
    const out = reported("live", run.slice(3, 5));
    expect(out).toMatch(/a@1\.0\.0 {2}1\.0 MiB of 4\.0 MiB {2}\d.*\/s {2}.* left/);
    expect(out.endsWith("\u001b[J")).toBe(true);
  });

  it("says in a log what is waited for, once a minute", () => {
    const waiting = Array.from(
      { length: 3 },
      (_, n): Event => ({ type: "wait", for: "npm to show a", seconds: 90 - n }),
    );
    expect(reported("plain", waiting, false, 40_000)).toBe(
      "  waiting for npm to show a, up to 1 min 30 s more\n  waiting for npm to show a, up to 1 min 28 s more\n",
    );
  });

  it("says nothing where nothing is wanted", () => {
    expect(reported("silent", run)).toBe("");
  });

  it("can't be made to drive the terminal or GitHub's commands by what it shows", () => {
    const hostile: Event[] = [{ type: "note", message: "a\u001b]0;title\u0007b\u202ec" }];
    expect(reported("plain", hostile)).toBe("  a\ufffd]0;title\ufffdb\ufffdc\n");
    const command: Event[] = [{ type: "warning", message: "x\n::add-mask::y" }];
    expect(reported("github", command)).toBe("::warning::x%0A: :add-mask::y\n");
    const facts = { git: "remote:\n \t::set-output name=released::true\nsee ##[add-mask]e" };
    const error = renderError(new ReleaseError("GIT", "::error::a", { facts, hint: "x" }), plain, false);
    for (const line of error.split("\n")) expect(line).not.toMatch(/^\s*::|##\[/);
  });
});

describe("an error", () => {
  const error = new ReleaseError("CONFLICT", "npm already holds a@1.0.0 with other contents", {
    facts: { expected: "sha512:aa", found: "sha512:bb\nsecond line" },
    hint: "release the next number",
  });

  it("says what, where and what now", () => {
    expect(renderError(error, plain, false)).toBe(
      [
        "error[CONFLICT]: npm already holds a@1.0.0 with other contents",
        "  expected  sha512:aa",
        "  found     sha512:bb",
        "            second line",
        "hint: release the next number",
      ].join("\n"),
    );
  });

  it("tells all findings, each with its hint", () => {
    const all = new ReleaseError("PREFLIGHT", "2 findings", {
      findings: [error, new ReleaseError("AUTH", "no token")],
    });
    expect(renderError(all, plain, false)).toContain("\n\n  error[AUTH]: no token");
    expect(errorJson(all)).toMatchObject({ code: "PREFLIGHT", findings: [{ code: "CONFLICT" }, { code: "AUTH" }] });
  });
});

describe("a plan", () => {
  const plan = {
    ...{ schema: 1, release: true, tier: "staging", version: "0.1.19-rc.1", tag: "v0.1.19-rc.1" },
    ...{ pythonVersion: "0.1.19rc1", previous: "0.1.18", lastStable: "0.1.18", line: "0.1.19" },
    ...{ source: "0123456789abcdef", branch: "main", candidate: null, resume: false, reason: "1 commit triggers" },
    changes: [
      { sha: "aaaaaaaaaaaaaaaa", subject: "feat(api): add \u001b[2J nodes", triggers: true },
      { sha: "bbbbbbbbbbbbbbbb", subject: "plain words", triggers: false },
    ],
    notInRelease: [],
    conditions: [],
    items: [
      { target: "npm", id: "a@0.1.19-rc.1", phase: "hidden", file: "a.tgz" },
      { target: "docker", id: "acme/a@sha256:", phase: "stage", file: "a.oci" },
      { target: "pypi", id: "a-0.1.19rc1.tar.gz", phase: "sdist", file: "a-0.1.19rc1.tar.gz" },
    ],
    steps: [{ phase: "lock", target: "git", text: "take v0.1.19-rc.1" }],
    ignoredTags: [{ tag: "v.0.1.3", reason: "isn't of the form vX.Y.Z" }],
    warnings: ["VERSION is low"],
  } as unknown as Plan;

  it("tells version and why, changes in groups, items, the order, and the tags that were left alone", () => {
    expect(renderPlan(plan, plain)).toMatchInlineSnapshot(`
      "v0.1.19-rc.1 (PyPI: 0.1.19rc1), candidate
      1 commit triggers

        source     0123456789ab on main
        before it  0.1.18
        stable     0.1.18

      Features
        aaaaaaaaaa api: add �[2J nodes

      Other changes
        bbbbbbbbbb plain words

      items
        npm     a@0.1.19-rc.1
        docker  acme/a, by digest
        pypi    a-0.1.19rc1.tar.gz

      order
         1  git    take v0.1.19-rc.1

      tags left alone
        v.0.1.3: isn't of the form vX.Y.Z

      warning: VERSION is low

      nothing was written; the command \`twotier release\` with the same flags does this"
    `);
  });

  it("tells hundreds of tags that were left alone in a line for each reason", () => {
    const ignoredTags = ["a@1.0.0", "a@1.1.0", "a@1.2.0", "a@1.3.0", "nightly"].map((tag) => {
      return { tag, reason: tag === "nightly" ? "isn't a version" : "isn't of the form vX.Y.Z" };
    });
    const lines = renderPlan({ ...plan, ignoredTags }, plain).split("\n");
    expect(lines).toContain("  a@1.0.0, a@1.1.0, a@1.2.0 and 1 more: isn't of the form vX.Y.Z");
    expect(lines).toContain("  nightly: isn't a version");
  });

  it("spells the version as PyPI does where something goes there", () => {
    const npm = { ...plan, items: plan.items.slice(0, 1) };
    expect(renderPlan(npm, plain).split("\n")[0]).toBe("v0.1.19-rc.1, candidate");
  });

  it("says why there is nothing to release", () => {
    const nothing = { ...plan, release: false, reason: "no change", changes: [], items: [], steps: [], warnings: [] };
    expect(renderPlan(nothing, plain).split("\n")[0]).toBe("nothing to release: no change");
  });
});

describe("text", () => {
  it("counts bytes and seconds as people do", () => {
    expect([bytes(999), bytes(1536), bytes(5 * 2 ** 30)]).toEqual(["999 B", "1.5 KiB", "5.0 GiB"]);
    expect([seconds(1.23), seconds(42), seconds(125)]).toEqual(["1.2 s", "42 s", "2 min 5 s"]);
  });

  it("stands in columns whatever its colours", () => {
    expect(
      table([
        ["a", "b"],
        ["\u001b[1mlonger\u001b[22m", "c"],
      ]),
    ).toEqual(["a       b", "\u001b[1mlonger\u001b[22m  c"]);
    expect(safe("line\nbreak\tkept")).toBe("line\nbreak\tkept");
  });
});
