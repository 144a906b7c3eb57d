import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { retryAfterOf } from "./retry-after.ts";

const now = new Date("2026-11-23T00:00:00Z");

describe("retryAfterOf", () => {
  it.each([
    ["0", 0],
    [" 120 ", 120],
    ["Mon, 23 Nov 2026 00:01:00 GMT", 60],
    ["Sun, 22 Nov 2026 23:59:00 GMT", 0],
    ["", undefined],
    ["soon", undefined],
    ["9e99", undefined],
    ["-", undefined],
  ])("of %j", (value, seconds) => {
    expect(retryAfterOf({ "retry-after": value }, now)).toBe(seconds);
  });

  it("goes by the clock of who said it", () => {
    const headers = { "retry-after": "Mon, 23 Nov 2026 07:01:00 GMT", date: "Mon, 23 Nov 2026 07:00:00 GMT" };
    expect(retryAfterOf(headers, now)).toBe(60);
    expect(retryAfterOf({ ...headers, date: "some day" }, now)).toBe(7 * 3600 + 60);
  });

  it("is no number or one of seconds from now on, whatever a header says", () => {
    const value = fc.oneof(
      fc.string(),
      fc.nat().map(String),
      fc.date().map(String),
      fc.stringMatching(/^[0-9+e.-]{1,40}$/),
    );
    fc.assert(
      fc.property(value, (text) => {
        const seconds = retryAfterOf({ "retry-after": text }, now);
        expect(seconds === undefined || seconds >= 0).toBe(true);
      }),
    );
  });
});
