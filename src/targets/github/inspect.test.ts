import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Io, Surroundings } from "../../core/target.ts";
import { digestOf, hexOf } from "../../lib/hash.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http.ts";
import { createGithubTarget } from "./index.ts";

/** Answers by the path below the repository, without its query; a number is a status. All else is 404. */
type Answers = Record<string, unknown>;

const about: Surroundings = {
  branch: "main",
  pushes: true,
  tag: "v1.2.4",
  taken: new Set(["v1.2.3", "v1.2.4-rc.1"]),
  newest: "v1.2.3",
  secrets: [],
};

/** The target, and what it is told and asks. */
function setUp(answers: Answers, token = "t") {
  const asked: string[] = [];
  const io: Io = {
    signal: new AbortController().signal,
    now: () => new Date("2026-11-22T00:00:00Z"),
    sleep: async () => {},
    emit: () => {},
    async http({ url, method = "GET" }: HttpRequest): Promise<HttpResponse> {
      const path = new URL(url).pathname.replace("/repos/octo/cat/", "");
      asked.push(`${method} ${path}`);
      const known = { releases: [], ...answers }[path] ?? 404;
      const status = typeof known === "number" ? known : 200;
      const content = Buffer.from(
        typeof known === "string" ? known : JSON.stringify(status === 200 ? known : { message: "no" }),
      );
      return {
        ...{ status, statusText: "", headers: {}, url, body: Readable.from([content]), bytes: async () => content },
        ...{ text: async () => content.toString(), json: async () => JSON.parse(content.toString()), discard() {} },
      };
    },
  };
  const target = createGithubTarget({
    ...{ api: "https://api.github.test", server: "https://github.test", repository: "octo/cat", token: () => token },
  });
  return { target, io, asked };
}

async function inspect(answers: Answers, change: Partial<Surroundings> = {}, token = "t") {
  const { target, io, asked } = setUp(answers, token);
  const remarks = (await target.inspect?.({ ...about, ...change }, io)) ?? [];
  return { found: remarks.map((one) => `${one.level} ${one.code}: ${one.message}`), remarks, asked };
}

describe("settings of a GitHub repository", () => {
  test("are only read, and nothing is said of what can't be seen", async () => {
    const { found, asked } = await inspect({});
    expect(found).toEqual([]);
    expect(asked.filter((one) => !one.startsWith("GET "))).toEqual([]);
    const all = ["rules/branches/main", "branches/main", "rulesets", "immutable-releases"];
    expect((await inspect(Object.fromEntries(all.map((path) => [path, 403])))).found).toEqual([]);
    expect((await inspect({}, {}, "")).asked).toEqual([]);
  });

  const wantsPullRequest = { "rules/branches/main": [{ type: "pull_request", ruleset_id: 5 }, { type: "deletion" }] };

  test("a branch that wants pull requests is found, where production pushes to it", async () => {
    expect((await inspect(wantsPullRequest)).found).toEqual([
      "warning branch-rules: main wants pull requests, and production pushes VERSION and CHANGELOG.md to it",
    ]);
    expect((await inspect(wantsPullRequest, { pushes: false })).found).toEqual([]);
  });

  test.each([
    ["always", 0],
    ["exempt", 0],
    ["pull_requests_only", 1],
    ["never", 1],
  ])("a rule that the token may bypass %s is found %i times", async (bypass, count) => {
    const ruleset = { id: 5, current_user_can_bypass: bypass };
    expect((await inspect({ ...wantsPullRequest, "rulesets/5": ruleset })).found).toHaveLength(count);
  });

  test("a branch with protection of the older kind is found; one with rules that hinder nobody isn't", async () => {
    expect((await inspect({ "branches/main": { protected: true } })).found).toEqual([
      "warning branch-rules: main is protected, and production pushes VERSION and CHANGELOG.md to it",
    ]);
    expect((await inspect({ "branches/main": { protected: false } })).found).toEqual([]);
    expect((await inspect({ "rules/branches/main": [{ type: "non_fast_forward" }] })).found).toEqual([]);
  });

  test.each([
    ["refs/tags/v*", [], ["creation"], 1],
    ["~ALL", [], ["creation"], 1],
    ["refs/tags/**", [], ["creation", "deletion"], 1],
    ["refs/tags/v*", ["refs/tags/v1.*"], ["creation"], 0],
    ["refs/tags/release-*", [], ["creation"], 0],
    ["refs/tags/*", [], ["update", "deletion", "non_fast_forward"], 0],
  ])("a ruleset over the tags %s but for %j with %j is found %i times", async (include, exclude, types, count) => {
    const ruleset = {
      ...{ id: 9, name: "tags", enforcement: "active", current_user_can_bypass: "never" },
      ...{ conditions: { ref_name: { include: [include], exclude } }, rules: types.map((type) => ({ type })) },
    };
    const { found } = await inspect({ rulesets: [{ id: 9, enforcement: "active" }], "rulesets/9": ruleset });
    const text = 'error tag-rules: the ruleset "tags" doesn\'t let this token make the tag v1.2.4';
    expect(found).toEqual(Array.from({ length: count }, () => text));
    const off = await inspect({ rulesets: [{ id: 9, enforcement: "evaluate" }], "rulesets/9": ruleset });
    expect(off.found).toEqual([]);
  });

  test("immutable releases are a note", async () => {
    expect((await inspect({ "immutable-releases": { enabled: true } })).remarks).toMatchObject([
      { level: "note", code: "immutable-releases" },
    ]);
    expect((await inspect({ "immutable-releases": { enabled: false } })).found).toEqual([]);
  });

  test("drafts of ours are found whose tag isn't there and isn't under way; a person's own drafts aren't", async () => {
    const draft = (id: number, tag: string, body = "<!-- twotier draft 0a -->") => ({
      ...{ id, tag_name: tag, draft: true, body },
    });
    const releases = [
      { id: 4, tag_name: "v1.2.3", draft: false },
      draft(5, "v1.2.3"),
      draft(1, "v1.2.4-rc.1"),
      draft(2, "v1.2.2-rc.9"),
      draft(3, "v9.9.9", "by hand"),
    ];
    const { found, remarks } = await inspect({ releases });
    expect(found).toEqual([
      "warning orphan-draft: a draft of v1.2.3 is left of a run that another was faster than",
      "warning orphan-draft: a draft of v1.2.2-rc.9 is left of a run that ended before it had a tag",
    ]);
    expect(remarks[1]?.hint).toContain("repos/octo/cat/releases/2");
  });
});

describe("checksums.txt of the newest release", () => {
  const [tool, manifest] = [digestOf("tool"), digestOf("{}")];
  const asset = (id: number, name: string, digest: string | null, size = 4) => ({
    id,
    name,
    size,
    state: "uploaded",
    digest,
  });
  const published = (text: string | null, tools: string | null = tool) => ({
    "releases/tags/v1.2.3": {
      ...{ id: 1, tag_name: "v1.2.3", draft: false },
      assets: [
        asset(10, "tool-linux-amd64", tools),
        asset(11, "release.json", manifest),
        ...(text === null ? [] : [asset(12, "checksums.txt", digestOf(text), text.length)]),
      ],
    },
    "releases/assets/12": text ?? 404,
  });
  const line = (digest: `${string}:${string}`, name: string) => `${hexOf(digest)}  ${name}\n`;
  const right = line(tool, "tool-linux-amd64") + line(manifest, "release.json");

  test("is right where each asset has its line", async () => {
    expect((await inspect(published(right))).found).toEqual([]);
    expect((await inspect(published(right, null))).found).toEqual([]); // a server that tells no digests
  });

  test.each([
    ["has none", null, "v1.2.3 has no checksums.txt: install.sh refuses to install it"],
    [
      "has other bytes",
      line(manifest, "tool-linux-amd64") + line(manifest, "release.json"),
      "tool-linux-amd64 has other bytes",
    ],
    ["leaves one out", line(manifest, "release.json"), "tool-linux-amd64 isn't in it"],
    ["names another", `${right}${line(tool, "gone")}`, "gone isn't among the assets"],
  ])("is found where it %s", async (_, text, message) => {
    const { found, remarks } = await inspect(published(text));
    expect(found).toEqual([expect.stringMatching(/^error checksums: /)]);
    expect(found[0]).toContain(message);
    expect(remarks[0]?.hint).toContain("twotier verify v1.2.3");
  });

  test("isn't asked of another tool's release", async () => {
    const foreign = { id: 1, tag_name: "v1.2.3", draft: false, assets: [asset(10, "tool", tool)] };
    expect((await inspect({ "releases/tags/v1.2.3": foreign })).found).toEqual([]);
  });
});

describe("secrets that workflows name", () => {
  const secrets = { secrets: ["GITHUB_TOKEN", "NPM_TOKEN", "PYPI_TOKEN", "HOOK"] };
  const lists = (own: string[], shared: string[], inside: string[]) => {
    const list = (names: string[]) => ({ secrets: names.map((name) => ({ name })) });
    return {
      "actions/secrets": list(own),
      "actions/organization-secrets": list(shared),
      environments: { environments: [{ name: "production" }] },
      "environments/production/secrets": list(inside),
    };
  };

  test("are looked for in the repository, its organisation and its environments", async () => {
    expect((await inspect(lists(["NPM_TOKEN"], ["PYPI_TOKEN"], ["HOOK"]), secrets)).found).toEqual([]);
    expect((await inspect(lists(["NPM_TOKEN"], [], []), secrets)).found).toEqual([
      "error secret-missing: workflows name PYPI_TOKEN, HOOK, and the repository has no such secret",
    ]);
  });

  test.each(["actions/secrets", "actions/organization-secrets", "environments", "environments/production/secrets"])(
    "are unknown, not missing, where %s can't be read",
    async (path) => {
      expect((await inspect({ ...lists([], [], []), [path]: 403 }, secrets)).found).toEqual([]);
    },
  );
});

describe("a run of GitHub Actions", () => {
  const run = "https://github.test/octo/cat/actions/runs/77";
  const running = async (answers: Answers, address = run) => {
    const { target, io } = setUp(answers);
    return target.running?.(address, io);
  };

  test.each([
    ["in_progress", true],
    ["queued", true],
    ["completed", false],
  ])("that is %s: %s", async (status, goesOn) => {
    expect(await running({ "actions/runs/77": { status } })).toBe(goesOn);
    expect(await running({ "actions/runs/77": { status } }, `${run}/attempts/2`)).toBe(goesOn);
  });

  test("is unknown where it can't be seen, is another repository's, or is none", async () => {
    expect(await running({})).toBe(null);
    expect(await running({ "actions/runs/77": 403 })).toBe(null);
    expect(await running({ "actions/runs/77": { status: "completed" } }, run.replace("cat", "dog"))).toBe(null);
    expect(await running({}, "vm:1234")).toBe(null);
  });
});
