import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publish, sideBySide } from "../../src/core/apply.ts";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { Files, Target } from "../../src/core/target.ts";
import type { ReleaseError } from "../../src/lib/errors.ts";
import { createHttp, type Http } from "../../src/lib/http.ts";
import { addressed, answer, hex, locations } from "./answers.ts";
import { type HostileAnswer, type HostileServer, startHostile } from "./server.ts";
import {
  type Act,
  ended,
  hurriedIo,
  makeFiles,
  readings,
  release,
  targetsAt,
  withCredential,
  writings,
} from "./targets.ts";

let server: HostileServer;
let elsewhere: HostileServer;
let work: string;
let made: { files: ReleaseFile[]; find: Files };
const client = createHttp();
const io = hurriedIo(client);
beforeAll(async () => {
  server = await startHostile();
  elsewhere = await startHostile();
  work = mkdtempSync(path.join(tmpdir(), "twotier-hostile-"));
  made = await makeFiles(path.join(work, "files"));
});
afterAll(async () => {
  client.close();
  await Promise.all([server.close(), elsewhere.close()]);
  rmSync(work, { recursive: true, force: true });
});

/** Does each act with the same answers, in turn. @throws Error where one hangs, breaks, or gives a credential away */
async function play(acts: readonly Act[], answers: readonly HostileAnswer[]): Promise<void> {
  for (const [name, run] of acts) {
    let turn = 0;
    const next = () => placed(answers[turn++ % answers.length] as HostileAnswer);
    server.answer = next;
    elsewhere.answer = next;
    elsewhere.seen.splice(0);
    server.seen.splice(0);
    await ended(name, run);
    expect(withCredential(elsewhere.seen), `${name} sent a credential elsewhere`).toEqual([]);
    expect(io.unread(), `${name} leaves answers unread`).toEqual([]);
    if (server.seen.length > 3000) throw new Error(`${name}: ${server.seen.length} requests`);
  }
}

/** The answer with addresses of the servers that are there. */
function placed(said: HostileAnswer): HostileAnswer {
  const on = (text: string) => addressed(text, server.host, elsewhere.host);
  const headers = Object.entries(said.headers).map(([key, value]) => [key, Array.isArray(value) ? value : on(value)]);
  return {
    ...said,
    headers: Object.fromEntries(headers),
    body: typeof said.body === "string" ? on(said.body) : said.body,
  };
}

/**
 * All acts of all targets, some at once, against servers that always say the same.
 *
 * @param short true: one act of each kind
 */
async function playAll(
  http: Http,
  said: (request: IncomingMessage) => HostileAnswer,
  short = false,
): Promise<(ReleaseError | undefined)[]> {
  server.answer = (request) => placed(said(request));
  elsewhere.answer = () => ({ status: 200, headers: {}, body: "{}" });
  elsewhere.seen.splice(0);
  const io = hurriedIo(http);
  const acts = targetsAt(server).flatMap(([name, target]) => {
    const all = [
      ...readings(target, made.files, path.join(work, "fetched"), io),
      ...writings(target, made.files, made.find, io),
    ];
    const kinds = all.map(([what]) => what.split(" ")[0]);
    return named(
      name,
      all.filter((_, at) => !short || kinds.indexOf(kinds[at]) === at),
    );
  });
  const errors: (ReleaseError | undefined)[] = [];
  await sideBySide(acts, short ? 3 : 200, async ([name, run]) => void errors.push(await ended(name, run)));
  expect(withCredential(elsewhere.seen)).toEqual([]);
  expect(io.unread()).toEqual([]);
  return errors;
}

const answers = fc.array(
  answer(() => `${elsewhere.url}/token`),
  { minLength: 1, maxLength: 4 },
);
const named = (target: string, acts: readonly Act[]) => acts.map(([name, run]): Act => [`${target}: ${name}`, run]);

describe("whatever a registry answers", () => {
  it("each question ends with an answer or an error that says what is wrong, and no credential goes elsewhere", async () => {
    const files = made.files.map(
      (file) => ({ ...file, sha256: `sha256:${hex}`, sha512: `sha512:${hex}${hex}` }) as const,
    );
    const property = fc.asyncProperty(answers, async (said) => {
      for (const [name, target] of targetsAt(server)) {
        await play(named(name, readings(target, files, path.join(work, "fetched"), io)), said);
      }
    });
    await fc.assert(property, { numRuns: 20, seed: 20261122 });
    expect(readdirSync(work).filter((name) => name !== "fetched")).toEqual(["files"]);
  });

  it("each write ends likewise, and so does an item that is published, read back and tried again", async () => {
    const property = fc.asyncProperty(answers, async (said) => {
      for (const [name, target] of targetsAt(server)) {
        await play(named(name, writings(target, made.files, made.find, io)), said);
        const options = { targets: [target], files: made.find, io, waitSeconds: () => 0, compareVersions: () => 0 };
        const { items } = target.expect(made.files, release);
        const whole = items.slice(0, 2).map((item): Act => [`all of ${item.id}`, () => publish(item, options)]);
        await play(named(name, whole), said);
      }
    });
    await fc.assert(property, { numRuns: 20, seed: 20261123 });
    expect(readdirSync(work).filter((name) => name !== "fetched")).toEqual(["files"]);
  });
});

describe("a registry that always says the same", () => {
  const writes = (request: IncomingMessage) => request.method !== "GET" && request.method !== "HEAD";

  const challenge = { "www-authenticate": 'Bearer realm="http://here.invalid/token",service="x"' };

  it.each(locations)("and leads what is written to %j gets no credential sent there", async (location) => {
    for (const status of [202, 303, 307]) {
      const lead: HostileAnswer = { status, headers: { location }, body: "" };
      await playAll(client, (request) => {
        if (request.url?.startsWith("/token"))
          return { status: 200, headers: {}, body: '{"token":"a-token-of-theirs"}' };
        // A registry that wants a token of its own has the client remember one.
        if (!request.headers.authorization) return { status: 401, headers: challenge, body: "" };
        return writes(request) ? lead : { status: 404, headers: {}, body: "{}" };
      });
    }
  });

  it("and wants a token is asked for one, however many questions wait for it on all connections", async () => {
    const narrow = createHttp({ maxSockets: 2 });
    server.answer = (request) => {
      const answer = { status: 404, headers: {}, body: "{}" };
      if (request.url?.startsWith("/token")) return { ...answer, status: 200, body: '{"token":"a-token-of-theirs"}' };
      return request.headers.authorization
        ? answer
        : placed({ status: 401, headers: challenge, body: '{"errors":[]}' });
    };
    const [, docker] = targetsAt(server).find(([name]) => name === "docker") as [string, Target];
    const { items } = docker.expect(made.files, release);
    const io = hurriedIo(narrow);
    const questions = [...items, ...items, ...items].map((item) =>
      ended(item.id, () => docker.observe(item, io), 3000),
    );
    expect(await Promise.all(questions)).toEqual(questions.map(() => undefined));
    narrow.close();
  });

  it("and asks for the password elsewhere doesn't get it", async () => {
    for (const realm of [
      "http://there.invalid/token",
      "HTTP://THERE.invalid",
      "//there.invalid/x",
      "http://here.invalid@there.invalid/",
    ]) {
      const headers = { "www-authenticate": `Bearer realm="${realm}",service="here.invalid",scope="x"` };
      const errors = await playAll(client, () => ({ status: 401, headers, body: "" }));
      expect(errors.filter((error) => error?.code === "AUTH").length).toBeGreaterThan(20);
    }
  });

  it("and whose answers have no end, whatever they say, is left", async () => {
    const hurried = createHttp({ patience: 100, maxSockets: 200 });
    const chunk = Buffer.alloc(1 << 16, " ");
    for (const status of [200, 500]) {
      // A download may be long; it ends too (http.test.ts).
      const download = (request: IncomingMessage) =>
        /\/download\/|\/v1\.2\.3\/|\/assets\/|\/blobs\//.test(request.url ?? "");
      const short: HostileAnswer = { status: 500, headers: {}, body: "" };
      const endless = { status, headers: {}, body: chunk, endless: true };
      if (status === 200) await playAll(hurried, (request) => (download(request) ? short : endless), true);
      await playAll(hurried, (request) =>
        download(request) ? short : { status, headers: {}, body: "{", trickle: 10 },
      );
    }
    hurried.close();
  });

  it("and sends more headers than anybody reads is no answer", async () => {
    const headers = { "x-long": "x".repeat(1 << 17) };
    const errors = await playAll(client, () => ({ status: 200, headers, body: "{}" }));
    expect(errors.filter((error) => error?.code === "NETWORK").length).toBeGreaterThan(40);
  });
});
