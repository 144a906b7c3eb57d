import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Io } from "../../src/core/target.ts";
import { asReleaseError, type ReleaseError } from "../../src/lib/errors.ts";
import { createHttp, type HttpResponse } from "../../src/lib/http.ts";
import { type Project, projectToken, startProject } from "../support/project.ts";
import { addressed, json, locations, replaced } from "./answers.ts";

/** What is done to one answer of a run. */
interface Lie {
  /** Which answer, as a share of all: 0 to 1. */
  when: number;
  status: number | undefined;
  headers: Record<string, string>;
  /** Makes another body of it. */
  body: (text: string) => string;
}

const other: fc.Arbitrary<Lie["body"]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant((text: string) => text) },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(60), json).map(([place, by]) => (text: string) => {
      try {
        return JSON.stringify(replaced(JSON.parse(text), place, by)) ?? "";
      } catch {
        return text.slice(0, place * 7);
      }
    }),
  },
  { weight: 2, arbitrary: fc.nat(400).map((length) => (text: string) => text.slice(0, length)) },
  { weight: 1, arbitrary: fc.constantFrom("", "null", "[]", "{}", "<html>", "\0").map((text) => () => text) },
);
const header = fc.record(
  {
    location: fc.constantFrom(...locations),
    etag: fc.constantFrom("", '"x"', "W/"),
    "docker-content-digest": fc.constantFrom("SHA256:AB", `sha256:${"AB".repeat(32)}`, `sha256:${"0".repeat(64)}`, ""),
    "content-type": fc.constantFrom("text/html", "application/json", ""),
    "www-authenticate": fc.constantFrom('Bearer realm="http://there.invalid/t"', "Basic", 'Bearer realm="/token"'),
    link: fc.constantFrom('<http://there.invalid/x>; rel="next"', '<?page=9>; rel="last"'),
    "retry-after": fc.constantFrom("0", "99999999999999999999", "soon"),
    range: fc.constantFrom("0-99999999999", "bytes=5-1", "0-1"),
  },
  { requiredKeys: [] },
);
const lie: fc.Arbitrary<Lie> = fc.record({
  when: fc.double({ min: 0, max: 0.999, noNaN: true }),
  status: fc.option(
    fc.constantFrom(200, 201, 202, 204, 206, 301, 303, 307, 400, 401, 403, 404, 409, 412, 422, 429, 500),
    {
      nil: undefined,
      freq: 2,
    },
  ),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: header as fc.Arbitrary<Record<string, string>> },
  ),
  body: other,
});

let project: Project;
const client = createHttp();
beforeAll(async () => {
  project = await startProject();
  await project.registries.servers.npm.seed({ name: "@example/fast", version: "0.1.0" });
});
afterAll(async () => {
  client.close();
  await project.close();
});

/** An Io whose `at`th answer is another one; what it says of it, and whether anything left for other hosts. */
function lyingIo(at: number, { status, headers, body }: Lie) {
  const { npm, pypi, docker, github, site, git } = project.registries;
  const hosts = new Set([npm, pypi, github, site, git].map((url) => new URL(url).host).concat(docker));
  let clock = Date.now();
  const seen = { answers: 0, about: "", elsewhere: [] as string[] };
  const io: Io = {
    async http(request) {
      const { host } = new URL(request.url);
      if (!hosts.has(host)) {
        if (JSON.stringify(request.headers ?? {}).includes("uthorization")) seen.elsewhere.push(request.url);
        throw asReleaseError(new Error("nobody else is asked"));
      }
      const response = await client(request);
      if (seen.answers++ !== at) return response;
      seen.about = `${request.method ?? "GET"} ${request.url}`;
      const placed = (text: string) => addressed(text, host, "127.0.0.1:1");
      const text = placed(body(await response.text()));
      const said = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, placed(value)]));
      return answered(response, status ?? response.status, said, text);
    },
    signal: new AbortController().signal,
    now: () => new Date(clock),
    sleep: async (ms) => {
      clock += ms;
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5)));
    },
    emit: () => {},
  };
  return { io, seen };
}

function answered(before: HttpResponse, status: number, headers: Record<string, string>, text: string): HttpResponse {
  const bytes = Buffer.from(text);
  return {
    ...before,
    ...{ status, headers: { ...before.headers, ...headers } },
    body: Readable.from([bytes]),
    bytes: async () => bytes,
    text: async () => text,
    json: async <T>() => {
      try {
        return JSON.parse(text) as T;
      } catch {
        throw asReleaseError(Object.assign(new Error("no JSON"), { name: "AbortError" }));
      }
    },
    discard: () => {},
  };
}

describe("a release, one answer of which is a lie", () => {
  it("succeeds, or fails in words; and the same command makes one whole release of it", async () => {
    let usual = 60;
    const property = fc.asyncProperty(lie, async (one) => {
      await project.push("feat: more");
      const { io, seen } = lyingIo(Math.floor(one.when * usual), one);
      const error = await project.release({ tier: "staging" }, { io }).then(
        () => undefined,
        (thrown: ReleaseError) => thrown,
      );
      if (error === undefined) usual = seen.answers;
      const about = `after another answer to ${seen.about}`;
      if (error && (error.name !== "ReleaseError" || error.code === "INTERNAL"))
        throw new Error(about, { cause: error });
      expect(seen.elsewhere, about).toEqual([]);
      expect(JSON.stringify(error ?? {})).not.toContain(projectToken);
      const honest = lyingIo(-1, one);
      const again = await project.release({ tier: "staging" }, { io: honest.io }).catch((thrown) => {
        throw new Error(`${about}, the second run`, { cause: thrown });
      });
      expect(again.released || /nothing|released|contained/i.test(again.reason), `${about}: ${again.reason}`).toBe(
        true,
      );
      const whole = await project.release({ tier: "staging" }, { io: honest.io });
      expect(whole.released, about).toBe(false);
    });
    await fc.assert(property, { numRuns: 4, seed: 20261123, endOnFailure: true });
  });
});
