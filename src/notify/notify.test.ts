import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { parse as yaml } from "yaml";
import { parseConfig } from "../config/parse.ts";
import type { Notification } from "../config/types.ts";
import { workflowFiles } from "../generate/workflow/index.ts";
import { asReleaseError, redact, registerSecret } from "../lib/errors.ts";
import { createHttp } from "../lib/http.ts";
import { bodyOf } from "./message.ts";
import { notify } from "./send.ts";
import type { Outcome } from "./types.ts";

const released: Outcome = {
  event: "production",
  name: "playground",
  repository: "hanzoai/playground",
  tier: "production",
  version: "0.1.19",
  tag: "v0.1.19",
  url: "https://github.com/hanzoai/playground/releases/tag/v0.1.19",
  notes: ["feat: agents", "fix: a leak"],
  pending: [],
  error: null,
  run: "https://github.com/hanzoai/playground/actions/runs/1",
};
const failed: Outcome = {
  ...released,
  event: "failure",
  version: null,
  tag: null,
  url: null,
  notes: [],
  error: { code: "PREFLIGHT", message: "playground can't be released yet", hint: "set NPM_TOKEN" },
};
const evil =
  "@everyone <!channel> <https://evil.invalid|here> [x](https://evil.invalid) **b** \u202egnp \u001b[31m\"'\\";

type Sent = Pick<Notification, "type"> & Partial<Notification>;
const bodied = (one: Sent, outcome: Outcome) => JSON.parse(bodyOf({ template: null, ...one }, outcome));

describe("a message", () => {
  test("to Slack is text and one block, with what is out and what changed", () => {
    const { text, blocks } = bodied({ type: "slack" }, released);
    expect(text).toBe(
      "playground 0.1.19 is out (production) https://github.com/hanzoai/playground/releases/tag/v0.1.19\n• feat: agents\n• fix: a leak",
    );
    expect(blocks).toEqual([{ type: "section", text: { type: "mrkdwn", text } }]);
  });

  test("to Discord is content that mentions nobody", () => {
    const body = bodied({ type: "discord" }, { ...released, notes: [evil] });
    expect(body.allowed_mentions).toEqual({ parse: [] });
    expect(body.content).toContain("• @everyone \\<!channel\\> \\<https://evil.invalid\\|here\\> \\[x\\]\\(https");
    expect(body.content).not.toMatch(/[\u202e\u001b]/);
  });

  test("to Slack makes no link and no mention of what a commit says", () => {
    const { text } = bodied({ type: "slack" }, { ...released, notes: [evil] });
    expect(text).toContain("&lt;!channel&gt; &lt;https://evil.invalid|here&gt;");
  });

  test("to a webhook has all that is known", () => {
    expect(bodied({ type: "webhook" }, failed)).toEqual({ schema: 1, ...failed, text: expect.any(String) });
  });

  test("of a failure says why, what to do and where", () => {
    expect(bodied({ type: "webhook" }, failed).text).toBe(
      `playground: the production release failed: playground can't be released yet [PREFLIGHT]\nset NPM_TOKEN\n${failed.run}`,
    );
  });

  test("by a template leaves out lines whose names have no value", () => {
    const template = "{name} {version}\nwhere: {url}\nwhy: {error}\nthe end";
    expect(bodied({ type: "webhook", template }, released).text).toBe(
      `playground 0.1.19\nwhere: ${released.url}\nthe end`,
    );
    expect(bodied({ type: "webhook", template }, failed).text).toBe(
      "playground\nwhy: playground can't be released yet [PREFLIGHT]\nthe end",
    );
  });

  test.each([
    ["slack", 3000],
    ["discord", 2000],
  ] as const)("to %s has at most %i characters, whole ones", (type, limit) => {
    for (const extra of [0, 1, 2, 3, 4, 5]) {
      const template = `${"x".repeat(extra)}${"{error}".repeat(40)}`;
      const error = { code: "GIT", message: "😀&<*".repeat(100), hint: "" };
      const body = bodied({ type, template }, { ...failed, error });
      const text: string = body.text ?? body.content;
      expect(text.length).toBeLessThanOrEqual(limit);
      expect(text.length).toBeGreaterThan(limit - 20);
      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toMatch(type === "slack" ? /&[a-z]*…$/ : /\\…$/);
    }
  });

  test.each(["slack", "discord", "webhook"] as const)("to a %s holds no secret, wherever it stood", (type) => {
    const secret = 'npm_"quoted"<secret>&more_1234';
    registerSecret(secret);
    const error = { code: "AUTH", message: `npm refused ${secret}`, hint: `not ${secret}` };
    const body = bodyOf({ type, template: null }, { ...failed, error, run: secret, notes: [secret] });
    expect(body).not.toMatch(/1234|quoted/);
    expect(body).toContain("redacted");
  });

  test("lists 20 changes, and how many more there are", () => {
    const notes = Array.from({ length: 33 }, (_, index) => `change ${index}`);
    const lines = bodied({ type: "webhook" }, { ...released, notes }).text.split("\n");
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe("and 13 more");
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** A service that keeps what it is sent; `status` 0: it never answers. */
async function service(status: number): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      bodies.push(body);
      if (status > 0) response.writeHead(status, { location: "http://127.0.0.1:1/" }).end("no_text");
    });
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/B0/s3cretpath`, bodies };
}

const to = (env: string, more: Partial<Notification> = {}): Notification => {
  return { type: "slack", env, on: ["production", "failure"], template: null, ...more };
};

describe("telling", () => {
  const http = createHttp();

  test("sends one message to each who wants to hear of it", async () => {
    const [one, other] = [await service(200), await service(204)];
    const variables: Record<string, string> = { ONE: `${one.url}\n`, OTHER: other.url };
    const list = [to("ONE"), to("OTHER", { type: "discord", on: ["failure"] })];
    expect(await notify(list, released, { http }, (name) => variables[name])).toEqual([]);
    expect(one.bodies.map((body) => JSON.parse(body).text)).toEqual([expect.stringContaining("0.1.19 is out")]);
    expect(other.bodies).toEqual([]);
  });

  test("is a sentence and no failure where it can't be: refused, redirected, unset, no address, nobody there", async () => {
    const [refusing, moved] = [await service(404), await service(302)];
    const variables: Record<string, string> = {
      REFUSING: refusing.url,
      MOVED: moved.url,
      PLAIN: "http://hooks.example.invalid/x",
      GONE: "http://127.0.0.1:1/services/gone-secret",
    };
    const list = ["REFUSING", "MOVED", "UNSET", "PLAIN", "GONE"].map((env) => to(env));
    const said = await notify(list, released, { http }, (name) => variables[name]);
    expect(said.map((text) => redact(text))).toEqual([
      "slack wasn't told: the address in REFUSING answered 404",
      "slack wasn't told: the address in MOVED answered 302",
      "slack wasn't told: UNSET isn't set",
      "slack wasn't told: PLAIN holds no https address",
      expect.stringMatching(/^slack wasn't told: (?!.*gone-secret)/),
    ]);
  });

  test("gives up on a service that doesn't answer, and never shows its address", async () => {
    const silent = await service(0);
    const aborted = (request: Parameters<typeof http>[0]) =>
      http({ ...request, signal: AbortSignal.any([request.signal as AbortSignal, AbortSignal.timeout(50)]) });
    const said = await notify([to("SILENT")], released, { http: aborted }, () => silent.url);
    expect(said).toEqual(["slack wasn't told: no answer in 5 seconds"]);
    expect(redact(`POST ${silent.url}`)).toBe("POST [redacted]");
    expect(redact("Cannot POST /services/T0/B0/s3cretpath")).toBe("Cannot POST [redacted]");
  });
});

describe("notify in twotier.yaml", () => {
  const parse = (lines: string) => parseConfig(`name: x\nrepository: a/x\nnotify:\n${lines}`).notify;

  test("goes to the jobs prepare and publish of the generated workflow, and to none that runs the repository's code", () => {
    const notify = "notify: [{ type: slack, env: HOOK }, { type: discord, env: HOOK, on: [failure] }]";
    const config = parseConfig(`name: x\nrepository: a/x\nartifacts: []\n${notify}`);
    const nothing = { artifacts: [], stamp: [], packages: { npm: [], pypi: [], docker: [], go: [] } };
    const { jobs } = yaml(workflowFiles(config, nothing, "github")[0]?.text ?? "");
    const holders = Object.keys(jobs).filter((job) => JSON.stringify(jobs[job]).includes("secrets.HOOK"));
    expect(holders).toEqual(["prepare", "publish"]);
    expect(JSON.stringify(jobs).match(/secrets\.HOOK/g)).toHaveLength(2);
  });

  test("is told of everything unless it says of what", () => {
    expect(parse("  - { type: slack, env: HOOK }")).toEqual([
      { type: "slack", env: "HOOK", on: ["staging", "production", "failure"], template: null },
    ]);
  });

  const mistakes = (lines: string) => {
    try {
      return parse(lines) && "";
    } catch (thrown) {
      const error = asReleaseError(thrown);
      return [error, ...error.findings].map((one) => `${one.message} ${one.hint}`).join("\n");
    }
  };

  test.each([
    ["  - { type: slack, env: https://hooks.slack.com/x }", /must be the name of an environment variable/],
    ["  - { type: teams, env: HOOK }", /type/],
    ["  - { type: slack, env: HOOK, on: [] }", /on/],
    ['  - { type: slack, env: HOOK, template: "{verison}" }', /there is no \{verison\}/],
    ["  - { type: slack, url: x }", /url/],
  ])("refuses %s", (lines, message) => {
    expect(mistakes(lines)).toMatch(message);
  });
});
