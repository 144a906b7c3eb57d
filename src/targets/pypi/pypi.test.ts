import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { answer, type TestIoOptions, testIo } from "../../../test/contract/io.ts";
import type { Files, Item } from "../../core/target.ts";
import { asReleaseError, type ReleaseError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/hash.ts";
import { createPypiTarget } from "./index.ts";
import { parseMetadata, readFields } from "./metadata.ts";
import { normalizeName, toSemver, versionOfFile } from "./names.ts";
import { readProject } from "./simple.ts";

// What an index may answer, registry-facts.md, PyPI. Real servers: test/contract/pypi.test.ts.

const metadata = `Metadata-Version: 2.4
Name: hanzo-playground
Version: 0.1.19rc1
Summary: Größe
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Games/Entertainment
Project-URL: Home, https://example.org
Requires-Dist: requests>=2
License-File: LICENSE
Platform: any
Keywords: a,b
Home-page: UNKNOWN

# Title

Body: not a header
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-pypi-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function sdist(salt = ""): Promise<{ item: Item; files: Files; at: string }> {
  const name = "hanzo_playground-0.1.19rc1.tar.gz";
  const entries = { "PKG-INFO": metadata, "src/PKG-INFO": "no", salt };
  const tar = await packTar(
    Object.entries(entries).map(([member, body]) => ({
      header: { name: `hanzo_playground-0.1.19rc1/${member}`, size: Buffer.byteLength(body), mtime: new Date(0) },
      body,
    })),
  );
  const bytes = gzipSync(tar);
  const at = path.join(folder, name);
  await writeFile(at, bytes);
  const item: Item = { target: "pypi", id: name, digest: digestOf(bytes), file: name, phase: "public" };
  return { item, at, files: async () => ({ path: at, size: bytes.length, sha256: digestOf(bytes) }) };
}

function target(more: Partial<Parameters<typeof createPypiTarget>[0]> = {}) {
  const at = { upload: "http://pypi.test/legacy/", index: "http://pypi.test/simple/" };
  return createPypiTarget({ ...at, token: "pypi-t", projects: ["hanzo-playground"], ...more });
}

interface Sent {
  body: string;
}

/** An Io with an index that answers uploads with `upload`, and lists `listed`. */
function scripted(
  upload: [number, string?, Record<string, string>?],
  listed: { filename: string; sha256: string; yanked?: unknown; uploaded?: string }[] | null = [],
): ReturnType<typeof testIo> & Sent {
  const sent: Sent = { body: "" };
  const intercept: TestIoOptions["intercept"] = async (request) => {
    if (request.method === "POST") {
      const parts: Uint8Array[] = [];
      if (typeof request.body === "function") for await (const part of request.body()) parts.push(part as Uint8Array);
      const body = Buffer.concat(parts);
      if (body.length !== request.length) throw new Error(`says ${request.length} bytes, sends ${body.length}`);
      sent.body = body.toString("latin1");
      return answer(upload[0], upload[1] ?? "", upload[2], request.url);
    }
    if (listed === null) return answer(404, "", {}, request.url);
    const files = listed.map(({ filename, sha256, yanked, uploaded }) => ({
      "upload-time": uploaded,
      filename,
      url: `/f/${filename}`,
      hashes: { sha256 },
      yanked,
    }));
    return answer(200, { files }, {}, request.url);
  };
  return Object.defineProperty(testIo({ intercept }), "body", { get: () => sent.body }) as ReturnType<typeof scripted>;
}

async function thrown(run: Promise<unknown>): Promise<ReleaseError> {
  return run.then(
    () => expect.unreachable(),
    (error) => asReleaseError(error),
  );
}

describe("metadata", () => {
  test("fields get the form's names, and the body is the description", () => {
    const fields = parseMetadata(metadata);
    expect(fields.filter(([name]) => name === "classifiers")).toHaveLength(2);
    const one = Object.fromEntries(fields);
    expect(one).toMatchObject({
      metadata_version: "2.4",
      summary: "Größe",
      project_urls: "Home, https://example.org",
      requires_dist: "requests>=2",
      license_file: "LICENSE",
      platform: "any",
      keywords: "a,b",
      description: "# Title\n\nBody: not a header\n",
    });
    expect(one).not.toHaveProperty("home_page");
  });

  test("an old description in the headers loses its indentation", () => {
    const text =
      "Metadata-Version: 1.1\nName: a\nVersion: 1\nDescription: One\n        Two\n        \n          Three\n";
    expect(Object.fromEntries(parseMetadata(text)).description).toBe("One\nTwo\n\n  Three");
    const bar = "Name: a\nDescription: One\n       |Two\n       |  Three\n";
    expect(Object.fromEntries(parseMetadata(bar)).description).toBe("One\nTwo\n  Three");
  });

  test("an sdist's own PKG-INFO is read, not one deeper inside", async () => {
    const { at } = await sdist();
    expect(Object.fromEntries(await readFields(at, "x.tar.gz")).version).toBe("0.1.19rc1");
  });

  test("a file without metadata is refused with what is missing", async () => {
    const at = path.join(folder, "broken.whl");
    await writeFile(at, "no zip");
    expect(await thrown(readFields(at, "broken.whl"))).toMatchObject({ code: "BUILD", facts: { missing: "METADATA" } });
  });
});

describe("names and versions", () => {
  test("names are compared as PEP 503 says", () => {
    expect(normalizeName("Hanzo__Playground.SDK")).toBe("hanzo-playground-sdk");
  });

  test.each([
    ["0.1.19rc1", "0.1.19-rc.1"],
    ["0.1.19-rc.1", "0.1.19-rc.1"],
    ["1.0b2", "1.0.0-beta.2"],
    ["1.0.0a3", "1.0.0-alpha.3"],
    ["1.2.3.dev4", "1.2.3-dev.4"],
    ["2", "2.0.0"],
    ["v1.2.3", "1.2.3"],
    ["1.2.3.post1", undefined],
    ["1!1.2.3", undefined],
    ["1.2.3+local", undefined],
    ["1.2.3.4", undefined],
    ["1.0rc1.dev2", undefined],
    ["nonsense", undefined],
  ])("%s is %s in SemVer", (pep440, semver) => {
    expect(toSemver(pep440)).toBe(semver);
  });

  test.each([
    ["hanzo_playground-0.1.19-py3-none-any.whl", "0.1.19"],
    ["hanzo_playground-0.1.19-1-py3-none-any.whl", "0.1.19"],
    ["hanzo_playground-0.1.19.tar.gz", "0.1.19"],
    ["hanzo-playground-0.1.19.zip", "0.1.19"],
    ["hanzo_playground-0.1.19.tar.gz.asc", undefined],
  ])("the version in %s is %s", (file, version) => {
    expect(versionOfFile(file, "hanzo-playground")).toBe(version);
  });
});

describe("publish", () => {
  test("the form holds the metadata, the digest and the file's very bytes", async () => {
    const { item, files, at } = await sdist();
    const io = scripted([200]);
    await target().publish(item, files, io);
    const part = (name: string) => new RegExp(`name="${name}"\r\n\r\n([^\r]*)\r\n`).exec(io.body)?.[1];
    expect(part(":action")).toBe("file_upload");
    expect(part("filetype")).toBe("sdist");
    expect(part("pyversion")).toBe("source");
    expect(part("sha256_digest")).toBe(item.digest.slice(7));
    expect(io.body).toContain(`name="content"; filename="${item.id}"`);
    expect(io.body).toContain((await readFile(at)).toString("latin1"));
    expect(io.sent[0]?.headers.authorization).toBe(`Basic ${Buffer.from("__token__:pypi-t").toString("base64")}`);
  });

  test("what was taken and isn't listed yet is pending", async () => {
    const { item, files } = await sdist();
    const io = scripted([200]);
    const pypi = target();
    expect(await pypi.observe(item, io)).toEqual({ state: "absent" });
    await pypi.publish(item, files, io);
    expect(await pypi.observe(item, io)).toMatchObject({ state: "pending" });
    expect(await pypi.verify(item, io)).toMatchObject({ state: "pending" });
  });

  test("a file that the index's cache doesn't list yet is waited for, and pending in the end", async () => {
    const { item } = await sdist();
    let cached = 0;
    const io = (shownAfter: number) =>
      testIo({
        intercept: async (request) => {
          if (request.url.endsWith(".tar.gz")) return answer(200, await readFile((await sdist()).at, "latin1"));
          const fresh = request.url.includes("?now=");
          const files = [{ filename: item.id, url: `/f/${item.id}`, hashes: { sha256: item.digest.slice(7) } }];
          return answer(200, { files: fresh || cached++ >= shownAfter ? files : [] }, {}, request.url);
        },
      });
    expect(await target().verify(item, io(100))).toMatchObject({ state: "pending" });
    cached = 0;
    const later = io(3);
    expect((await target().verify(item, later)).state).toBe("present");
    expect(later.slept).toEqual([500, 1000, 2000]);
  });

  test.each([
    [400, "File already exists ('x', with blake2_256 hash '...')."],
    [409, "Package already exists!"],
  ])("%d for a name that is there: the same bytes are done, others a conflict", async (status, said) => {
    const { item, files } = await sdist();
    const same = [{ filename: item.id, sha256: item.digest.slice(7) }];
    await target().publish(item, files, scripted([status, said], same));
    const other = [{ filename: item.id, sha256: "0".repeat(64) }];
    const error = await thrown(target().publish(item, files, scripted([status, said], other)));
    expect(error).toMatchObject({
      code: "CONFLICT",
      facts: { expected: item.digest, found: `sha256:${"0".repeat(64)}` },
    });
  });

  test("a name that a deleted file had is spent", async () => {
    const { item, files } = await sdist();
    const said = "This filename was previously used by a file that has since been deleted. Use a different version.";
    const error = await thrown(target().publish(item, files, scripted([400, said])));
    expect(error.code).toBe("CONFLICT");
    expect(error.hint).toContain("next number");
  });

  test("refusals say what to do", async () => {
    const { item, files } = await sdist();
    const refused = (...upload: Parameters<typeof scripted>[0]) =>
      thrown(target().publish(item, files, scripted(upload)));
    expect(await refused(403, "Invalid or non-existent authentication information.")).toMatchObject({ code: "AUTH" });
    const limited = await refused(429, "Too many new projects created", { "retry-after": "60" });
    expect(limited).toMatchObject({ code: "RATE_LIMITED", retryAfter: 60, retryable: true });
    expect(await refused(502, "<html><title>x</title>Bad gateway</html>")).toMatchObject({
      code: "REGISTRY",
      retryable: true,
    });
    const moved = await refused(308, "", { location: "/legacy/" });
    expect(moved.hint).toContain("/legacy/");
    const late = await refused(400, "<h1>400</h1><p>This release is older than 14 days.</p>");
    expect(late).toMatchObject({ code: "REFUSED", retryable: false });
    expect(late.message).toContain("older than 14 days");
    expect(late.hint).toContain("release the next version");
  });
});

test("the sdist waits for the wheels of its own project", () => {
  const file = (name: string, kind: "wheel" | "sdist", of: string) =>
    ({ name, kind, package: of, size: 1, sha256: "sha256:", artifact: of }) as const;
  const { items } = target().expect(
    [file("a-1-py3-none-any.whl", "wheel", "a"), file("a-1.tar.gz", "sdist", "A"), file("b-1.tar.gz", "sdist", "b")],
    { name: "p", repository: "o/r", tier: "production", version: "1.0.0", tag: "v1.0.0", commit: "c" },
  );
  expect(items.map(({ id, after }) => [id, after])).toEqual([
    ["a-1-py3-none-any.whl", undefined],
    ["a-1.tar.gz", ["a-1-py3-none-any.whl"]],
    ["b-1.tar.gz", undefined],
  ]);
});

describe("a release whose first file is there for more than 14 days", () => {
  const at = { now: () => new Date("2026-11-23T00:00:00Z") };
  const closed = async (listed: Parameters<typeof scripted>[1], version = "0.1.19") => {
    const names = [`hanzo_playground-${version}-py3-none-any.whl`, `hanzo_playground-${version}.tar.gz`];
    const missing = names
      .filter((name) => !listed?.some((one) => one.filename === name))
      .map((id): Item => ({ target: "pypi", id, digest: "sha256:00", file: id, phase: "public" }));
    return target().closed?.(missing, { ...scripted([200], listed), ...at });
  };
  const wheel = { filename: "hanzo_playground-0.1.19-py3-none-any.whl", sha256: "0".repeat(64) };

  test("takes no other file, and says since when", async () => {
    const found = await closed([{ ...wheel, uploaded: "2026-11-08T23:59:59.9Z" }]);
    expect(found?.items.map((item) => item.id)).toEqual(["hanzo_playground-0.1.19.tar.gz"]);
    expect(found?.why).toContain("14 days after its first one, which came on 2026-11-08");
  });

  test.each([
    ["is younger", [{ ...wheel, uploaded: "2026-11-09T00:00:00Z" }]],
    [
      "is another",
      [{ ...wheel, filename: "hanzo_playground-0.1.18-py3-none-any.whl", uploaded: "2020-01-01T00:00:00Z" }],
    ],
    ["isn't dated", [wheel]],
    ["isn't there", []],
    ["isn't there, nor the project", null],
  ])("but one that %s is open", async (_, listed) => {
    expect(await closed(listed)).toBeNull();
  });

  test("is told by the page that its files were looked for on, which is read once for all of them", async () => {
    const io = scripted([200], [{ ...wheel, uploaded: "2020-01-01T00:00:00Z" }]);
    const pypi = target();
    const missing = ["hanzo_playground-0.1.19.tar.gz", "hanzo_playground-0.1.19-cp314-none-any.whl"].map(
      (id): Item => ({ target: "pypi", id, digest: "sha256:00", file: id, phase: "public" }),
    );
    await Promise.all(missing.map((item) => pypi.observe(item, io)));
    expect((await pypi.closed?.(missing, { ...io, ...at }))?.items).toEqual(missing);
    expect(io.sent).toHaveLength(1);
    await Promise.all(missing.map((item) => pypi.verify(item, io)));
    expect(io.sent).toHaveLength(3); // as installers read it; then past the caches, because it isn't there
  });
});

describe("reading an index", () => {
  const page = async (body: string | object, type: string) => {
    const intercept: TestIoOptions["intercept"] = async (request) =>
      answer(200, body, { "content-type": type }, request.url);
    return readProject("http://pypi.test/simple", "A_b", true, testIo({ intercept }));
  };

  test("HTML pages are read where an index has no JSON", async () => {
    const hash = "a".repeat(64);
    const html = `<!doctype html><body>
      <a href="../../f/a_b-1.0-py3-none-any.whl#sha256=${hash}" data-requires-python="&gt;=3.8">a_b-1.0-py3-none-any.whl</a><br/>
      <a data-yanked="bad" href='/f/a_b-0.9.tar.gz?x=1&amp;y=2#md5=00'>a_b-0.9.tar.gz</a></body>`;
    expect(await page(html, "text/html")).toEqual({
      files: [
        {
          name: "a_b-1.0-py3-none-any.whl",
          url: "http://pypi.test/f/a_b-1.0-py3-none-any.whl",
          sha256: `sha256:${hash}`,
          yanked: false,
        },
        { name: "a_b-0.9.tar.gz", url: "http://pypi.test/f/a_b-0.9.tar.gz?x=1&y=2", yanked: true },
      ],
    });
  });

  test("a yanked file is there, and said to be yanked", async () => {
    const { item } = await sdist();
    const io = scripted([200], [{ filename: item.id, sha256: item.digest.slice(7), yanked: "broken" }]);
    expect(await target().observe(item, io)).toEqual({
      state: "present",
      digest: item.digest,
      note: "yanked",
      marks: ["yanked"],
    });
  });

  test("it is asked past its cache, by the project's normalised name", async () => {
    const io = scripted([200], null);
    expect(await readProject("http://pypi.test/simple", "Hanzo.Playground", true, io)).toBeNull();
    expect(io.sent[0]?.url).toMatch(/^http:\/\/pypi\.test\/simple\/hanzo-playground\/\?now=\d+$/);
    expect(io.sent[0]?.headers["cache-control"]).toBe("no-cache");
  });
});

describe("the date of a release", () => {
  const release = { version: "0.1.19-rc.1" } as NonNullable<Parameters<typeof createPypiTarget>[0]["release"]>;
  const file = (filename: string, uploaded?: string) => ({ filename, sha256: "0".repeat(64), uploaded });
  const old = file("hanzo_playground-0.1.18.tar.gz", "2026-11-21T10:00:00Z");
  const wheel = file("hanzo_playground-0.1.19rc1-py3-none-any.whl", "2026-11-20T10:00:00.123456Z");
  test("is that of its last file", async () => {
    const sdist = file("hanzo_playground-0.1.19rc1.tar.gz", "2026-11-20T11:00:00Z");
    expect(await target({ release }).publishedAt?.(scripted([200], [old, sdist, wheel]))).toEqual(
      new Date("2026-11-20T11:00:00Z"),
    );
  });
  test("isn't known without files, or where the index doesn't say", async () => {
    expect(await target({ release }).publishedAt?.(scripted([200], [old]))).toBeNull();
    const silent = file("hanzo_playground-0.1.19rc1.tar.gz");
    expect(await target({ release }).publishedAt?.(scripted([200], [silent, wheel]))).toBeNull();
  });
});

describe("preflight", () => {
  let io: ReturnType<typeof scripted>;
  const errors = async (
    more: Parameters<typeof target>[0],
    upload: Parameters<typeof scripted>[0] = [400, "Invalid"],
  ) => {
    io = scripted(upload);
    return (await target(more).preflight(io)).filter(({ level }) => level === "error").map(({ message }) => message);
  };
  beforeEach(() => {
    io = scripted([400]);
  });
  afterEach(() => io.close());

  test("a missing token, a password in place of a token and a bad name are found", async () => {
    expect(await errors({ token: undefined })).toMatchObject([expect.stringContaining("no token")]);
    const real = { upload: "https://upload.pypi.org/legacy/", token: "hunter2" };
    expect(await errors(real)).toMatchObject([expect.stringContaining("isn't one of PyPI's")]);
    expect(await errors({ projects: ["-bad-"] })).toMatchObject([expect.stringContaining("-bad-")]);
  });

  test("a refused token is found without a file being sent", async () => {
    expect(await errors({}, [403, "Invalid authentication"])).toHaveLength(1);
    expect(io.body).not.toContain("filename=");
    expect(await errors({})).toEqual([]);
  });

  test("an upload address that redirects is found", async () => {
    expect(await errors({ upload: "http://pypi.test/legacy" }, [308, "", { location: "/legacy/" }])).toHaveLength(1);
  });

  test("a project that doesn't exist yet is a warning", async () => {
    const found = await target().preflight(scripted([400], null));
    expect(found).toMatchObject([{ level: "warning" }]);
  });
});
