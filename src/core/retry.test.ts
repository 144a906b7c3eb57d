import { describe, expect, it } from "vitest";
import { ReleaseError } from "../lib/errors.ts";
import { createHttp } from "../lib/http.ts";
import { backoff, retrying, tries } from "./retry.ts";
import type { Event, Io } from "./target.ts";

function setup() {
  const slept: number[] = [];
  const events: Event[] = [];
  const io: Io = {
    http: createHttp(),
    signal: new AbortController().signal,
    now: () => new Date(0),
    sleep: async (ms) => void slept.push(ms),
    emit: (event) => void events.push(event),
  };
  return { io, slept, events };
}
const failure = (more: { retryable?: boolean; retryAfter?: number }) => new ReleaseError("REGISTRY", "busy", more);

describe("retrying", () => {
  it("tries again what may succeed later, each time after a longer wait that says what it is for", async () => {
    const { io, slept, events } = setup();
    let calls = 0;
    const run = async () => {
      if (++calls < 4) throw failure({ retryable: true });
      return "done";
    };
    expect(await retrying("reading x", io, run)).toBe("done");
    expect(slept).toHaveLength(3);
    expect(slept).toEqual([...slept].sort((a, b) => a - b));
    expect(events.map((event) => event.type === "retry" && [event.what, event.attempt, event.because])).toEqual([
      ["reading x", 1, "busy"],
      ["reading x", 2, "busy"],
      ["reading x", 3, "busy"],
    ]);
  });

  it("gives up what nobody said is worth another try, and after the last one", async () => {
    const { io, slept } = setup();
    await expect(retrying("x", io, () => Promise.reject(failure({})))).rejects.toThrow("busy");
    expect(slept).toEqual([]);
    const last = { message: "busy", facts: { while: "x", tries: String(tries) }, retryable: true };
    await expect(retrying("x", io, () => Promise.reject(failure({ retryable: true })))).rejects.toMatchObject(last);
    expect(slept).toHaveLength(tries - 1);
  });

  it("waits as long as the registry asks, unless that is longer than a run may", async () => {
    const { io, slept } = setup();
    let calls = 0;
    await retrying("x", io, async () => {
      if (++calls === 1) throw failure({ retryable: true, retryAfter: 7 });
    });
    expect(slept).toEqual([7000]);
    const asks = retrying("x", io, () => Promise.reject(failure({ retryable: true, retryAfter: 3600 })));
    await expect(asks).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfter: 3600 });
    expect(slept).toHaveLength(1);
    // Longer than any date: still what the registry asks, and no mistake of ours.
    const tooLong = retrying("x", io, () => Promise.reject(failure({ retryable: true, retryAfter: 1e20 })));
    await expect(tooLong).rejects.toMatchObject({ code: "RATE_LIMITED", facts: {} });
  });
});

it("backoff doubles up to half a minute, a quarter more or less", () => {
  const low = () => 0;
  const high = () => 1;
  expect([1, 2, 3, 20].map((attempt) => backoff(attempt, low))).toEqual([0.375, 0.75, 1.5, 22.5]);
  expect([1, 2, 3, 20].map((attempt) => backoff(attempt, high))).toEqual([0.625, 1.25, 2.5, 37.5]);
});
