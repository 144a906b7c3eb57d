import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linksOf } from "./link.ts";

describe("linksOf", () => {
  it.each([
    [undefined, {}],
    ["", {}],
    ['</v2/a/tags/list?n=2&last=b>; rel="next"', { next: "/v2/a/tags/list?n=2&last=b" }],
    ["<?page=2>; rel=next, <?page=9>; rel=last", { next: "?page=2", last: "?page=9" }],
    [`<https://x/?a=1,2>; title="a, b"; REL = "Next prev"`, { next: "https://x/?a=1,2", prev: "https://x/?a=1,2" }],
    ['<a>; rel="next", <b>; rel="next"', { next: "a" }],
    ["<>;rel=next", { next: "" }],
    ["<a>; rel", {}],
    ["<a", {}],
    ["a>; rel=next", {}],
  ])("of %j", (header, links) => {
    expect(Object.fromEntries(linksOf(header))).toEqual(links);
  });

  it("takes any header, in no more time than it is long", () => {
    const part = fc.constantFrom("<", ">", ";", ",", " ", '"', "rel", "=", "next", "?page=1", "a");
    fc.assert(fc.property(fc.array(part, { maxLength: 60 }), (parts) => void linksOf(parts.join(""))));
    // 16 KiB is what Node takes of headers; these make expressions with two stars go back and back again.
    for (const text of ["<", "<?page=1", "<a>;rel", "<a>; ", '<a>;rel="', "<a>;rel= "]) {
      const started = performance.now();
      linksOf(text.repeat(16_384 / text.length));
      linksOf(`<a>;${" ".repeat(16_000)}`);
      expect(performance.now() - started).toBeLessThan(250);
    }
  });
});
