import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf, hexOf } from "../../lib/hash.ts";
import { type PypiRegistry, startPypi } from "./index.ts";

fc.configureGlobal({ seed: 20261123 });

let registry: PypiRegistry;
let state: string;
beforeAll(async () => {
  state = await mkdtemp(path.join(tmpdir(), "twotier-hostile-pypi-"));
  registry = await startPypi({ state: path.join(state, "state"), token: "right" });
});
afterAll(async () => {
  await registry.close();
  await rm(state, { recursive: true, force: true });
});

const metadata = "Metadata-Version: 2.1\nName: fast\nVersion: 1.0.0\n";
const wheel = Buffer.from(zipSync({ "fast-1.0.0.dist-info/METADATA": Buffer.from(metadata) }));
const name = "fast-1.0.0-py3-none-any.whl";
const boundary = "b0undary";

/** A right upload, with other fields where they are given. */
function form(change: Record<string, string> = {}, filename = name, content: Buffer = wheel): Buffer {
  const fields = {
    ...{ ":action": "file_upload", protocol_version: "1", metadata_version: "2.1", name: "fast", version: "1.0.0" },
    ...{ filetype: "bdist_wheel", pyversion: "py3", sha256_digest: hexOf(digestOf(content)), ...change },
  };
  const parts = Object.entries(fields).map(
    ([key, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`,
  );
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="content"; filename="${filename}"\r\ncontent-type: application/octet-stream\r\n\r\n`;
  return Buffer.concat([Buffer.from(parts.join("") + head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

async function upload(body: Buffer, type = `multipart/form-data; boundary=${boundary}`): Promise<[number, string]> {
  const headers = { "content-type": type, authorization: `Basic ${Buffer.from("__token__:right").toString("base64")}` };
  const response = await fetch(`${registry.url}/legacy/`, {
    method: "POST",
    body: new Uint8Array(body),
    headers,
    signal: AbortSignal.timeout(20_000),
  });
  return [response.status, await response.text()];
}

/** Names of everything that the index has written, from its own folder. */
const written = () => readdirSync(state, { recursive: true }).map(String);

describe("an upload that somebody made by hand", () => {
  it.each([
    ["../../../etc/cron.d/x", {}],
    ["..", {}],
    ["a\\..\\fast-1.0.0-py3-none-any.whl", {}],
    ["fast-1.0.0-py3-none-any.whl\u0000.txt", {}],
    ["fast-1.0.0-py3-none-../any.whl", {}],
    [name, { name: "../../fast" }],
    [name, { name: "__proto__", version: "1.0.0" }],
    [name, { name: "fast\n" }],
    [name, { version: "../1.0.0" }],
    [name, { version: "1.0.0\r\nx: y" }],
    [name, { version: "9".repeat(100_000) }],
    [name, { sha256_digest: "SHA256:00" }],
    [name, { metadata_version: "2.1\u0000" }],
    [`${"x".repeat(5000)}-1.0.0-py3-none-any.whl`, { name: "x".repeat(5000) }],
  ] as [string, Record<string, string>][])("is refused, and writes nothing (%#)", async (filename, change) => {
    const [status, text] = await upload(form(change, filename));
    expect(status, text).toBe(400);
    expect(text).not.toMatch(/\n {4}at /);
    expect(written().filter((one) => !/^state(\/(inbox|projects|files))?$/.test(one))).toEqual([]);
  });

  it("with anything changed in it is taken or refused in words, and the index goes on", async () => {
    const whole = form();
    const odd = fc.constantFrom(
      "\r\n",
      "--b0undary",
      "--",
      '"',
      "filename=",
      "name*=utf-8''%00",
      ";",
      "\0",
      "\xff",
      "..",
      "content-disposition:",
      "x".repeat(3000),
    );
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(40), fc.oneof(odd, fc.string({ maxLength: 5 })));
    const type = fc.constantFrom(
      ...[
        `multipart/form-data; boundary=${boundary}`,
        `multipart/form-data; boundary="${boundary}"`,
        "multipart/form-data",
      ],
      ...[
        "multipart/form-data; boundary=",
        `multipart/mixed; boundary=${boundary}`,
        "text/plain",
        `multipart/form-data; boundary=${"b".repeat(5000)}`,
      ],
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 3 }),
        fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: type }),
        async (changes, header) => {
          let body = whole;
          for (const [at, length, by] of changes) {
            body = Buffer.concat([body.subarray(0, at), Buffer.from(by, "latin1"), body.subarray(at + length)]);
          }
          const [status, text] = await upload(body, header);
          expect([200, 400, 403], text).toContain(status);
          if (status !== 200) expect(text).toMatch(/^\d{3} \S/);
        },
      ),
      { numRuns: 120 },
    );
    expect(written().filter((one) => /inbox\/./.test(one))).toEqual([]);
    expect((await upload(form()))[0]).toBe(200);
    const page = await fetch(`${registry.url}/simple/fast/`);
    expect(await page.text()).toContain(name);
  });

  it("of more fields than any package has is refused", async () => {
    const field = `--${boundary}\r\ncontent-disposition: form-data; name="classifiers"\r\n\r\nx\r\n`;
    const [status, text] = await upload(Buffer.concat([Buffer.from(field.repeat(20_000)), form({ version: "1.0.1" })]));
    expect([status, text]).toEqual([400, expect.stringContaining("Too many fields")]);
  });
});
