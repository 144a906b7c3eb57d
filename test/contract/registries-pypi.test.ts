import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import nodeHttp from "node:http";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf, hexOf } from "../../src/lib/hash.ts";
import { createHttp, type HttpRequest, type HttpResponse } from "../../src/lib/http.ts";
import { type PypiRegistry, startPypi } from "../../src/registries/pypi/index.ts";
import { needs, type ToolName, toolPath } from "../tools.ts";
import { pythonFiles } from "./python.ts";
import { run, temporary } from "./run.ts";

const reason = needs(["python3", "twine", "debian-twine", "uv", "pip"]);
const day = 24 * 3_600_000;

describe.skipIf(reason)(`Python's own clients on our package index${reason ? ` [skipped: ${reason}]` : ""}`, () => {
  let registry: PypiRegistry;
  let home: Awaited<ReturnType<typeof temporary>>;
  const sockets = createHttp();
  /** Small answers, read at once so that their connections are free again. */
  const http = async (request: HttpRequest): Promise<HttpResponse> => {
    const response = await sockets(request);
    const bytes = await response.bytes();
    const text = bytes.toString("utf8");
    return { ...response, bytes: async () => bytes, text: async () => text, json: async () => JSON.parse(text) };
  };
  const name = "hanzo-playground";

  const build = (version: string, text?: string, project = name) =>
    pythonFiles(toolPath("python3"), {
      folder: path.join(home.folder, `${project}-${version}-${text ?? ""}`),
      name: project,
      version,
      text,
    });
  const client = (tool: ToolName, args: string[], env: Record<string, string> = {}) =>
    run(toolPath(tool), args, {
      cwd: home.folder,
      env: { HOME: home.folder, PIP_DISABLE_PIP_VERSION_CHECK: "1", COLUMNS: "400", ...env },
    });
  const twine = (tool: "twine" | "debian-twine", files: string[], token = "right", url = `${registry.url}/legacy/`) =>
    client(tool, ["upload", "--non-interactive", "--disable-progress-bar", "--verbose", ...files], {
      TWINE_USERNAME: "__token__",
      TWINE_PASSWORD: token,
      TWINE_REPOSITORY_URL: url,
    });
  const page = async () => {
    const headers = { accept: "application/vnd.pypi.simple.v1+json" };
    return (await http({ url: `${registry.url}/simple/${name}/`, headers })).json<{
      versions: string[];
      files: { filename: string; hashes: { sha256: string }; yanked: boolean | string; url: string }[];
    }>();
  };
  /** An upload that leaves out what `change` sets to undefined. */
  const upload = async (
    file: string,
    change: Record<string, string | undefined>,
    url = `${registry.url}/legacy/`,
  ): Promise<HttpResponse> => {
    const sdist = file.endsWith(".tar.gz");
    const fields: Record<string, string | undefined> = {
      ":action": "file_upload",
      protocol_version: "1",
      metadata_version: "2.1",
      name,
      version: "1.0.0",
      filetype: sdist ? "sdist" : "bdist_wheel",
      pyversion: sdist ? "source" : "py3",
      sha256_digest: hexOf(digestOf(await readFile(file))),
      ...change,
    };
    const form = new FormData();
    const { filename = path.basename(file), ...rest } = fields;
    for (const [key, value] of Object.entries(rest)) if (value !== undefined) form.append(key, value);
    form.append("content", new Blob([new Uint8Array(await readFile(file))]), filename);
    const packed = new Request("http://x", { method: "POST", body: form });
    return http({
      url,
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from("__token__:right").toString("base64")}`,
        "content-type": packed.headers.get("content-type") as string,
      },
      body: new Uint8Array(await packed.arrayBuffer()),
    });
  };
  beforeAll(async () => {
    home = await temporary();
    registry = await startPypi({ token: "right" });
  });
  afterAll(async () => {
    sockets.close();
    await registry?.close();
    await home?.remove();
  });

  test("twine 7 uploads, and uploads the same again without a failure", async () => {
    const { wheel, sdist } = await build("0.1.18");
    for (let time = 0; time < 2; time++) {
      const ran = await twine("twine", [wheel, sdist]);
      expect(ran.code, ran.output).toBe(0);
    }
    expect((await page()).versions).toEqual(["0.1.18"]);
    expect((await page()).files).toHaveLength(2);
  });

  test("Debian's twine 4 uploads a candidate", async () => {
    const { wheel, sdist } = await build("0.1.19rc1");
    const ran = await twine("debian-twine", [wheel, sdist]);
    expect(ran.code, ran.output).toBe(0);
    expect((await page()).versions).toEqual(["0.1.18", "0.1.19rc1"]);
  });

  test("uv publishes, and finds by the check URL what is there", async () => {
    const { wheel, sdist } = await build("0.1.19rc2");
    const publish = ["publish", "--publish-url", `${registry.url}/legacy/`, "--token", "right"];
    const check = ["--check-url", `${registry.url}/simple/`];
    const env = { UV_CACHE_DIR: path.join(home.folder, "uv") };
    const first = await client("uv", [...publish, wheel, sdist], env);
    expect(first.code, first.output).toBe(0);
    const second = await client("uv", [...publish, ...check, wheel, sdist], env);
    expect(second.output).toContain("already exists, skipping");
    const other = await build("0.1.19rc2", "other");
    const third = await client("uv", [...publish, ...check, other.wheel], env);
    expect(third.code).not.toBe(0);
    expect(third.output).toMatch(/do not match/);
  });

  test("pip downloads the stable by default, the candidate with --pre, and checks the hashes", async () => {
    const pip = (...args: string[]) =>
      client("pip", ["download", "--no-cache-dir", "--no-deps", "-i", `${registry.url}/simple/`, "-d", "got", ...args]);
    expect((await pip(name)).output).toContain("hanzo_playground-0.1.18-py3-none-any.whl");
    expect((await pip("--pre", name)).output).toContain("hanzo_playground-0.1.19rc2-py3-none-any.whl");
    const source = await pip("--no-binary", ":all:", "--no-build-isolation", `${name}==0.1.18`);
    expect(source.output).toContain("hanzo_playground-0.1.18.tar.gz");
  });

  test("pip and uv install what was uploaded", async () => {
    const target = path.join(home.folder, "site");
    const index = ["--index-url", `${registry.url}/simple/`];
    const pip = await client("pip", ["install", "--no-cache-dir", "--pre", "--target", target, ...index, name]);
    expect(pip.code, pip.output).toBe(0);
    expect(await readFile(path.join(target, "hanzo_playground/__init__.py"), "utf8")).toContain("0.1.19rc2");
    const uv = await client("uv", ["pip", "install", "--target", `${target}2`, ...index, "Hanzo.Playground"], {
      UV_CACHE_DIR: path.join(home.folder, "uv2"),
    });
    expect(uv.code, uv.output).toBe(0);
    expect(await readFile(path.join(`${target}2`, "hanzo_playground/__init__.py"), "utf8")).toContain("0.1.18");
  });

  test("refuses other bytes under a name that is there, in the status line and in the body", async () => {
    const { sdist } = await build("0.1.18", "changed");
    const ran = await twine("twine", [sdist]);
    expect(ran.code).not.toBe(0);
    expect(ran.output).toContain("File already exists");
    const response = await upload(sdist, { version: "0.1.18" });
    expect([response.status, response.statusText]).toEqual([400, expect.stringMatching(/^File already exists \(/)]);
    expect(await response.text()).toContain("File already exists");
    const skipped = await client(
      "twine",
      ["upload", "--skip-existing", "--non-interactive", "--disable-progress-bar", sdist],
      { TWINE_USERNAME: "__token__", TWINE_PASSWORD: "right", TWINE_REPOSITORY_URL: `${registry.url}/legacy/` },
    );
    expect(skipped.output).toContain("UnsupportedConfiguration"); // twine knows only pypi.org, TestPyPI and some others
  });

  test("a deleted file's name is spent for ever", async () => {
    const { wheel } = await build("0.1.20.dev1");
    expect((await twine("twine", [wheel])).code).toBe(0);
    await registry.admin.delete(name, "0.1.20.dev1", path.basename(wheel));
    expect((await page()).versions).not.toContain("0.1.20.dev1");
    const ran = await twine("twine", [wheel]);
    expect(ran.output).toContain("previously used by a file that has since been deleted");
  });

  test("a release takes no new file after 14 days, but answers 200 for one it has", async () => {
    const { wheel, sdist } = await build("0.1.21");
    expect((await twine("twine", [wheel])).code).toBe(0);
    await registry.admin.age(name, "0.1.21", 15 * day);
    expect((await twine("twine", [sdist])).output).toContain("older than 14 days");
    expect((await twine("twine", [wheel])).code).toBe(0);
  });

  test("a yanked release is left out by pip, and installed by those who pin it", async () => {
    await registry.admin.yank(name, "0.1.21", "broken");
    expect((await page()).files.filter((file) => file.yanked === "broken")).toHaveLength(1);
    const pip = ["download", "--no-cache-dir", "--no-deps", "-i", `${registry.url}/simple/`, "-d", "yanked"];
    expect((await client("pip", [...pip, name])).output).toContain("0.1.18");
    expect((await client("pip", [...pip, `${name}==0.1.21`])).output).toContain("Reason for being yanked: broken");
    await registry.admin.unyank(name, "0.1.21");
    expect((await page()).files.some((file) => file.yanked)).toBe(false);
  });

  test("answers 403 to a wrong token, to none, and to a project of others", async () => {
    const { wheel } = await build("0.1.22");
    expect((await twine("twine", [wheel], "wrong")).output).toContain("Invalid or non-existent authentication");
    const bare = await http({ url: `${registry.url}/legacy/`, method: "POST" });
    expect(bare.status).toBe(403);
    await registry.admin.giveTo("others-project", "somebody");
    const others = await build("1.0.0", undefined, "others-project");
    expect((await twine("twine", [others.wheel])).output).toContain("isn't allowed to upload to project");
  });

  test("sends who forgets the last slash of /legacy/ there, without taking the upload", async () => {
    const response = await http({ url: `${registry.url}/legacy`, method: "POST" });
    expect([response.status, response.headers.location]).toEqual([308, "/legacy/"]);
  });

  test("refuses what isn't a release of that project", async () => {
    const { wheel, sdist } = await build("1.0.0");
    const refused = async (file: string, change: Record<string, string | undefined>) => {
      const response = await upload(file, change);
      expect(response.status, JSON.stringify(change)).toBe(400);
      return response.statusText;
    };
    expect(await refused(wheel, { sha256_digest: "0".repeat(64) })).toContain("does not match a digest");
    expect(await refused(wheel, { sha256_digest: undefined })).toContain("at least one message digest");
    expect(await refused(wheel, { version: "1.0.0-next.0" })).toContain("PEP 440");
    expect(await refused(wheel, { version: "1.0.0+local" })).toContain("local versions");
    expect(await refused(wheel, { version: "1.0.1" })).toContain("Version in filename should be");
    expect(await refused(wheel, { name: "another" })).toContain("Start filename");
    expect(await refused(wheel, { metadata_version: "9.9" })).toContain("Metadata-Version");
    expect(await refused(wheel, { filename: "../x.whl" })).toMatch(/in the name/);
    expect(await refused(sdist, { pyversion: "py3" })).toContain("source");
    const fake = await refused(sdist, {
      filetype: "bdist_wheel",
      pyversion: "py3",
      filename: "hanzo_playground-1.0.0-py3-none-any.whl",
    });
    expect(fake).toContain("METADATA");
    expect((await upload(wheel, {})).status).toBe(200);
    expect((await upload(sdist, {})).status).toBe(200);
    const second = await build("1.0.0", "second");
    expect(await refused(second.sdist, { filename: "Hanzo.Playground-1.0.0.tar.gz" })).toContain("Only one sdist");
  });

  test("refuses a file over the limit, and forgets one whose upload was cut", async () => {
    const state = path.join(home.folder, "small");
    const small = await startPypi({ state, fileLimit: 100_000 });
    const large = path.join(home.folder, "large-1.0.0.tar.gz");
    await writeFile(large, randomBytes(3_000_000));
    const url = `${small.url}/legacy/`;
    const refused = await upload(large, { name: "large" }, url);
    expect([refused.status, refused.statusText]).toEqual([400, "File too large. Limit is 0 MB."]);

    const cut = async () => {
      const boundary = "cut";
      const headers = {
        "content-type": `multipart/form-data; boundary=${boundary}`,
        authorization: `Basic ${btoa("__token__:x")}`,
      };
      const head = `--${boundary}\r\ncontent-disposition: form-data; name="content"; filename="x.tar.gz"\r\n\r\n`;
      const request = nodeHttp.request(url, { method: "POST", headers });
      request.on("error", () => {});
      await new Promise<void>((resolve) => request.write(head + "x".repeat(50_000), () => resolve()));
      await until(async () => (await readdir(path.join(state, "inbox")).catch(() => [])).length > 0);
      request.destroy();
    };
    await cut();
    await until(async () => (await readdir(path.join(state, "inbox"))).length === 0);
    await small.close();
  });

  test("answers Simple API and JSON API in the forms that are asked for", async () => {
    const accept = async (value: string) =>
      (await http({ url: `${registry.url}/simple/${name}/`, headers: { accept: value } })).headers;
    expect((await accept("*/*"))["content-type"]).toContain("text/html");
    const json = "application/vnd.pypi.simple.v1+json";
    const headers = await accept(`text/html;q=0.1, ${json}`);
    expect(headers["content-type"]).toBe(json);
    expect(headers["cache-control"]).toBe("max-age=600, public");
    expect(Number(headers["x-pypi-last-serial"])).toBeGreaterThan(0);
    expect((await http({ url: `${registry.url}/simple/x/`, headers: { accept: "image/png" } })).status).toBe(406);
    const info = await (await http({ url: `${registry.url}/pypi/Hanzo_Playground/json` })).json<{
      info: object;
      releases: object;
    }>();
    expect(info.info).toMatchObject({ name, version: "1.0.0" });
    expect(Object.keys(info.releases)).toContain("0.1.19rc1");
    const one = await (await http({ url: `${registry.url}/pypi/${name}/0.1.19-rc.1/json` })).json<{ urls: object[] }>();
    expect(one.urls).toHaveLength(2);
    expect((await http({ url: `${registry.url}/pypi/${name}/9.9/json` })).status).toBe(404);
    expect((await http({ url: `${registry.url}/simple/nothing/` })).status).toBe(404);
  });

  test("keeps what it holds in its state folder", async () => {
    const state = path.join(home.folder, "state");
    const first = await startPypi({ state });
    const { wheel } = await build("3.0.0");
    expect((await twine("twine", [wheel], "any", `${first.url}/legacy/`)).code).toBe(0);
    await first.close();
    const second = await startPypi({ state });
    const got = await http({
      url: `${second.url}/simple/${name}/`,
      headers: { accept: "application/vnd.pypi.simple.v1+json" },
    });
    const { files } = await got.json<{ files: { url: string }[] }>();
    const bytes = await (await http({ url: files[0]?.url as string })).bytes();
    expect(bytes.equals(await readFile(wheel))).toBe(true);
    await second.close();
  });
});

/** Looks every 20 ms, for five seconds at most. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 250; look++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it never came to that");
}
