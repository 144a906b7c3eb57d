import { readFileSync, statSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeUsers, type User } from "./fixture.ts";
import { type Fetcher, fetchers, ordinary, type ShellName, shellNames, thin } from "./sandbox.ts";
import { binaryOf, sha256, startWorld, type World } from "./world.ts";

// Each shell x each fetcher x each fault x each request; in `make test` every third of them, so that each fault still
// meets each request with three of the nine pairs of shell and fetcher. Whatever happens, one of two versions runs: the
// one before, or the one asked for, whole; and nothing else is left in the home folder.

let world: World;
let user: Awaited<ReturnType<typeof makeUsers>>;
const runs = new Map<string, number>();
beforeAll(async () => {
  world = await startWorld(["0.1.17", "0.1.18", "0.1.18-rc.1", "0.1.19-rc.1"]);
  user = await makeUsers(world);
});
afterAll(async () => {
  await world.close();
  const all = [...runs.values()].reduce((sum, one) => sum + one, 0);
  const counts = [...runs].map(([shell, count]) => `${shell} ${count}`).join(", ");
  console.log(`installer: ${all} runs of shells x fetchers x faults x requests (${counts})`);
});

interface Spoilt {
  /** Left out: at every try. */
  times?: number;
  answer: (response: ServerResponse) => void;
}

const faults: Record<string, Spoilt> = {
  "404": { answer: (it) => void it.writeHead(404).end("not found") },
  "500, always": { answer: (it) => void it.writeHead(500).end("broken") },
  "500, once": { times: 1, answer: (it) => void it.writeHead(500).end("broken") },
  "429, for an hour": { answer: (it) => void it.writeHead(429, { "retry-after": "3600" }).end() },
  "429, for a second": { times: 1, answer: (it) => void it.writeHead(429, { "retry-after": "1" }).end() },
  "cut, always": { answer: cut },
  "cut, once": { times: 1, answer: cut },
  "hung up on": { answer: (it) => void it.destroy() },
  "wrong bytes": { answer: (it) => void it.end("<html>a captive portal</html>\n") },
  slow: { times: 1, answer: (it) => void setTimeout(() => it.writeHead(302, { location: "?again" }).end(), 150) },
};

function cut(response: ServerResponse): void {
  response.writeHead(200, { "content-length": "1000" });
  response.write("half of");
  setTimeout(() => response.destroy(), 10);
}

/** Each request of an installation, and which lasting faults it survives, by asking elsewhere. */
const requests = {
  "the latest release": {
    staging: false,
    request: /latest\/download\/release\.json/,
    survives: ["404", "wrong bytes"],
  },
  "the feed": {
    staging: true,
    request: /releases\.atom/,
    survives: ["404", "500, always", "429, for an hour", "cut, always", "hung up on", "wrong bytes"],
  },
  "checksums.txt": { staging: false, request: /download\/v0.*\/checksums\.txt/, survives: [] },
  "the binary": { staging: false, request: /download\/v0.*\/playground-linux-amd64/, survives: [] },
} as const;

const messages: Record<string, RegExp> = {
  "404": /HTTP 404/,
  "500, always": /HTTP 500/,
  "429, for an hour": /HTTP 429/,
  "cut, always": /could not fetch/,
  "hung up on": /could not fetch/,
  "wrong bytes": /has no line for playground-linux-amd64|checksum mismatch/,
};

/** Installs; `after` null: it must fail, with a message like that, and the version before must still be there. */
async function attempt(
  one: User,
  link: string,
  before: string,
  after: string | null,
  message = /^/,
  args: string[] = [],
) {
  const ran = await one.install(args);
  expect(ran, ran.stderr).toMatchObject({ code: after === null ? 1 : 0, stdout: "" });
  if (after === null) expect(ran.stderr).toMatch(/^error: /m);
  expect(ran.stderr).toMatch(message);
  const file = path.join(one.home, link);
  expect(readFileSync(file, "utf8")).toBe(binaryOf(after ?? before));
  expect(statSync(file).mode & 0o777).toBe(0o755);
  expect(one.leftovers()).toEqual([]);
}

describe.each(shellNames)("%s", (shell: ShellName) => {
  // BusyBox's wget is met where its shell is.
  const here = fetchers.filter((fetcher) => fetcher !== "busybox wget" || shell === "busybox ash");
  describe.each(here)("with %s", (fetcher: Fetcher) => {
    // As root and as an ordinary user in turn, so that each shell, fetcher and fault meets both.
    const pair = shellNames.indexOf(shell) + fetchers.indexOf(fetcher);
    const someone = pair % 2 === 1 ? ordinary : {};
    test.concurrent.each(Object.entries(requests))("meets faults at the request for %s", async (asked, it) => {
      const args = it.staging ? ["--staging"] : [];
      const link = `.hanzo/bin/playground${it.staging ? "-staging" : ""}`;
      const [before, after] = it.staging ? ["0.1.18-rc.1", "0.1.19-rc.1"] : ["0.1.17", "0.1.18"];
      const one = user({ shell, fetcher, user: someone });
      const first = await one.install(["--version", before]);
      expect(first.stderr).toContain(`${before} is installed`);
      const nth = pair + Object.keys(requests).indexOf(asked);
      const chosen = Object.entries(faults).filter((_, at) => (nth + at) % thin === 0);
      for (const [name, fault] of chosen) {
        const undo = world.fault(one.name, { path: it.request, ...fault });
        const fails = fault.times === undefined && !(it.survives as readonly string[]).includes(name);
        await attempt(one, link, before, fails ? null : after, fails ? messages[name] : undefined, args);
        undo();
        // Back to the version before, without the time of another run.
        writeFileSync(path.join(one.home, link), binaryOf(before));
        runs.set(shell, (runs.get(shell) ?? 0) + 1);
      }
    });
  });
});

describe("what one meets elsewhere", () => {
  const link = ".hanzo/bin/playground";

  test.each(fetchers)("%s: a wrong checksums.txt shows both values", async (fetcher) => {
    const one = user({ fetcher });
    await one.install(["--version", "0.1.17"]);
    const wrong = sha256("something else");
    world.fault(one.name, {
      path: /checksums\.txt/,
      answer: (it) => void it.end(`${wrong}  playground-linux-amd64\n`),
    });
    await attempt(one, link, "0.1.17", null, new RegExp(`${wrong}[\\s\\S]*${sha256(binaryOf("0.1.18"))}`));
  });

  test.each(["curl", "wget"] as const)("%s: a server that says nothing is given up", async (fetcher) => {
    const one = user({ fetcher, env: { PLAYGROUND_TIMEOUT: "1" } });
    world.fault(one.name, { path: /checksums\.txt/, answer: () => {} });
    const ran = await one.install();
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("could not fetch checksums.txt");
  });

  test("the API's own rate limit is told from a refusal", async () => {
    const one = user();
    world.fault(one.name, { path: /releases\.atom/, answer: (it) => void it.writeHead(404).end() });
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-limit": "60" };
    world.fault(one.name, { path: /^\/api\/v3/, answer: (it) => void it.writeHead(403, headers).end("{}") });
    const ran = await one.install(["--staging"]);
    expect(ran.stderr).toContain("allows no more requests for now (HTTP 403)");
    expect(ran.stderr).toContain("--version");
  });
});
