import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Io } from "../../core/target.ts";
import { readProject } from "./simple.ts";

const hex = "ab".repeat(32);

/** A page, read as an index would send it. */
function read(text: string, type: string) {
  const http = async () => ({
    ...{ status: 200, statusText: "", headers: { "content-type": type }, url: "https://index.invalid/simple/a/" },
    ...{ body: Readable.from([]), bytes: async () => Buffer.from(text), text: async () => text },
    ...{ json: async () => JSON.parse(text), discard: () => {} },
  });
  return readProject("https://index.invalid/simple/", "a", false, {
    http,
    signal: undefined as never,
  } as unknown as Io);
}

describe("a project's page", () => {
  it("in HTML: address, digest and mark of each link, entities decoded", async () => {
    const page = await read(
      `<base href="https://files.invalid/"><a href="p/a-1.whl#sha256=${hex}">a-1.whl</a>
       <A data-yanked="" HREF='a&amp;b.whl#x=1&amp;sha256=${hex.toUpperCase()}'>a&#38;b.whl</A><a href="http://[">x</a>`,
      "text/html",
    );
    expect(page?.files).toEqual([
      { name: "a-1.whl", url: "https://files.invalid/p/a-1.whl", yanked: false, sha256: `sha256:${hex}` },
      { name: "a&b.whl", url: "https://files.invalid/a&b.whl", yanked: true, sha256: `sha256:${hex}` },
    ]);
  });

  it.each(["<a ", "<a href=", '<a href="', "<base ", "<a href='#", "&#", "&#99999999;"])(
    "of millions of %j is read in no time",
    async (part) => {
      const begun = performance.now();
      await read(part.repeat(2_000_000), "text/html");
      expect(performance.now() - begun).toBeLessThan(5000);
    },
  );

  it("holds no file that has no name or address", async () => {
    const json = "application/vnd.pypi.simple.v1+json";
    const entry = fc.oneof(
      fc.jsonValue(),
      fc.record({ filename: fc.jsonValue(), url: fc.oneof(fc.string(), fc.jsonValue()), hashes: fc.jsonValue() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 3 }), fc.jsonValue(), async (files, versions) => {
        const page = await read(JSON.stringify({ files, versions }), json);
        for (const file of page?.files ?? []) expect(() => new URL(file.url)).not.toThrow();
      }),
    );
  });
});
