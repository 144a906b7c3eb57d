import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HttpError } from "../server.ts";
import { readDocument } from "./document.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-document-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (text: string, size = 7) => readDocument(inChunks(Buffer.from(text), size), folder);

test("takes attachments out of a document, however it is cut into chunks and written", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 64 }),
      fc.jsonValue(),
      fc.string(),
      fc.boolean(),
      async (bytes, size, anything, name, escaped) => {
        const data = Buffer.from(bytes).toString("base64");
        const document = {
          before: anything,
          _attachments: { [name]: { data, length: bytes.length } },
          after: anything,
        };
        const text = JSON.stringify(document, null, escaped ? 1 : 0);
        const sent = escaped ? text.replace(/"data": "[^"]*"/, (whole) => whole.replaceAll("/", "\\/")) : text;
        const { document: got, attachments } = await read(sent, size);
        expect(got).toEqual(
          JSON.parse(JSON.stringify({ ...document, _attachments: { [name]: { data: "", length: bytes.length } } })),
        );
        const attached = attachments.get(name);
        expect(attached?.size).toBe(bytes.length);
        expect(attached?.sha1).toBe(createHash("sha1").update(bytes).digest("hex"));
        expect(await readFile(attached?.path as string)).toEqual(Buffer.from(bytes));
      },
    ),
    { numRuns: 150 },
  );
});

test("leaves strings alone that only look like an attachment", async () => {
  const text =
    '{"data":"QUJD","a":{"_attachments":{"x":{"data":"QUJD"}}},"_attachments":{"x":{"other":"QUJD"}},"l":["_attachments",{"x":{"data":"QUJD"}}]}';
  const { document, attachments } = await read(text);
  expect(attachments.size).toBe(0);
  expect(document).toEqual(JSON.parse(text));
});

test("refuses what isn't a document", async () => {
  for (const text of ["", "[]", "null", '{"a":', '{"_attachments":{"x":{"data":"QUJD', "[".repeat(2000)]) {
    await expect(read(text), text).rejects.toMatchObject({ status: 400 });
  }
  await expect(read('{"a":')).rejects.toBeInstanceOf(HttpError);
});

test("digests a large attachment while it comes", async () => {
  const bytes = randomBytes(5 << 20);
  const text = Buffer.from(JSON.stringify({ _attachments: { x: { data: bytes.toString("base64") } } }));
  const { attachments } = await readDocument(inChunks(text, 65_536), folder);
  expect(attachments.get("x")).toMatchObject({
    size: bytes.length,
    sha512: createHash("sha512").update(bytes).digest("base64"),
  });
});
