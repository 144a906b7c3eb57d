import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { packTar } from "modern-tar";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { Files, Io, Retracted, Target, UndoAction } from "../../src/core/target.ts";
import type { SiteInput } from "../../src/generate/site/index.ts";
import { ReleaseError } from "../../src/lib/errors.ts";
import { digestOf } from "../../src/lib/hash.ts";
import type { Http, HttpResponse } from "../../src/lib/http.ts";
import { createGithubTarget } from "../../src/targets/github/index.ts";
import { createNpmTarget } from "../../src/targets/npm/index.ts";
import { createDockerTarget } from "../../src/targets/oci/index.ts";
import { createPypiTarget } from "../../src/targets/pypi/index.ts";
import { bucketStore } from "../../src/targets/site/bucket.ts";
import { createSiteTarget } from "../../src/targets/site/index.ts";
import { webStore } from "../../src/targets/site/web.ts";
import { writeLayout } from "../contract/image.ts";
import type { HostileRequest, HostileServer } from "./server.ts";

export const token = "a-token-that-stays-here";
/** What no other host may ever see: the token, and the forms that requests carry it in. */
const credentials = ["", "u:", "__token__:", "x-access-token:"]
  .flatMap((user) => [Buffer.from(user + token).toString("base64"), user + token])
  .concat("AWS4-HMAC-SHA256");

/** Requests that carry a credential: method, address and header of each. */
export function withCredential(requests: readonly HostileRequest[]): string[] {
  return requests
    .filter(
      ({ headers, text }) => headers.authorization ?? headers.cookie ?? credentials.some((one) => text.includes(one)),
    )
    .map(({ method, url, headers }) => `${method} ${url.slice(0, 100)} ${headers.authorization ?? ""}`);
}

export const release = {
  name: "fast",
  repository: "example/fast",
  tier: "production" as const,
  version: "1.2.3",
  tag: "v1.2.3",
  commit: "1".repeat(40),
  body: "",
};

export const site: SiteInput = {
  name: "fast",
  url: "https://fast.invalid",
  platforms: ["linux/amd64"],
  packages: [],
  installer: {
    ...{ command: "fast", repository: "example/fast", root: "~/.fast", scripts: "https://fast.invalid" },
    ...{ channels: "https://fast.invalid/channels", tag: "v{version}", assets: { "linux-amd64": "fast" } },
    ...{ static: true, minisign: null, attestations: false },
  },
};

/** The targets that ask over HTTP, all at one server: names of their stores, and the targets. */
export function targetsAt(server: HostileServer): [string, Target][] {
  const bucket = {
    ...{ bucket: "site", prefix: "", endpoint: server.url, region: "us-east-1", address: server.url },
    keys: { accessKeyId: "AKIAFAST", secretAccessKey: token },
  };
  return [
    [
      "npm",
      createNpmTarget({
        ...{ registry: server.url, token, packages: ["@example/fast"], access: "public", release },
        tags: { staging: "next", production: "latest" },
      }),
    ],
    [
      "pypi",
      createPypiTarget({
        ...{ upload: `${server.url}/legacy/`, index: `${server.url}/simple/`, token },
        ...{ projects: ["fast-project"], release },
      }),
    ],
    [
      "docker",
      createDockerTarget({
        ...{ registry: server.host, username: "u", token, repositories: ["example/fast"], release },
        tags: { staging: ["staging-{version}"], production: ["v{version}"] },
        pointers: { staging: [], production: ["latest"] },
      }),
    ],
    [
      "github",
      createGithubTarget({
        ...{ api: server.url, server: server.url, repository: "example/fast", token: () => token },
        ...{ tag: "v{version}", release },
      }),
    ],
    ["web", createSiteTarget({ store: webStore({ url: server.url, token }), input: site })],
    ["bucket", createSiteTarget({ store: bucketStore(bucket), input: site })],
  ];
}

/** Files of a release as they are on disk, one of each kind, a few bytes long. */
export async function makeFiles(folder: string): Promise<{ files: ReleaseFile[]; find: Files }> {
  const files: ReleaseFile[] = [];
  mkdirSync(folder, { recursive: true });
  const add = (name: string, kind: ReleaseFile["kind"], bytes: Uint8Array, packageName?: string) => {
    writeFileSync(path.join(folder, name), bytes);
    const digests = { sha256: digestOf(bytes), sha512: digestOf(bytes, "sha512") };
    files.push({ name, size: bytes.length, ...digests, kind, package: packageName, artifact: "a" });
  };
  const manifest = JSON.stringify({ name: "@example/fast", version: "1.2.3" });
  const tar = await packTar([{ header: { name: "package/package.json", size: manifest.length }, body: manifest }]);
  add("example-fast-1.2.3.tgz", "npm", gzipSync(tar), "@example/fast");
  const metadata = Buffer.from("Metadata-Version: 2.1\nName: fast-project\nVersion: 1.2.3\n");
  const wheel = zipSync({ "fast_project-1.2.3.dist-info/METADATA": metadata });
  add("fast_project-1.2.3-py3-none-any.whl", "wheel", wheel, "fast-project");
  add("fast", "binary", Buffer.from("fast\n"));
  const sha256 = await writeLayout({
    folder: path.join(folder, "image"),
    version: "1.2.3",
    platforms: ["linux/amd64"],
  });
  files.push({ name: "image", size: 1, sha256, kind: "image", package: "example/fast", artifact: "a" });
  const find: Files = async (name) => {
    const file = files.find((one) => one.name === name);
    if (!file) throw new Error(`no file ${name}`);
    return { path: path.join(folder, name), size: file.size, sha256: file.sha256 };
  };
  return { files, find };
}

export type Act = [name: string, run: () => Promise<unknown>];

/** Everything that only reads. */
export function readings(target: Target, files: readonly ReleaseFile[], to: string, io: Io): Act[] {
  const { items, pointers } = target.expect(files, release);
  const about = { tier: "production", version: "1.2.3", tag: "v1.2.3", instead: null, deleteTag: true } as const;
  return [
    ["versions", () => target.versions(io)],
    ["preflight", () => target.preflight(io)],
    ...items.map((item): Act => [`observe ${item.id}`, () => target.observe(item, io)]),
    ...items.map((item): Act => [`verify ${item.id}`, () => target.verify(item, io)]),
    ...pointers.map(({ name }): Act => [`read ${name}`, async () => target.pointers?.read(name, io)]),
    ["staging", async () => target.staging?.list(io)],
    ["undo", async () => target.undo?.plan(items, about, io)],
    ["published", async () => target.publishedAt?.(io)],
    [
      "fetch",
      async () => {
        target.staging?.use(target.name === "github" ? "1" : "0123456789ab");
        await target.staging?.fetch("../escaped", to, io);
      },
    ],
  ];
}

const ways: readonly UndoAction["way"][] = ["delete", "unpublish", "deprecate", "demote"];

/** Everything that writes. */
export function writings(target: Target, files: readonly ReleaseFile[], find: Files, io: Io): Act[] {
  const { items, pointers } = target.expect(files, release);
  const about: Retracted = { tier: "staging", version: "1.2.3", tag: "v1.2.3", instead: "1.2.2", deleteTag: false };
  const { staging, undo, promote, claim } = target;
  const undoId = { npm: "@example/fast@1.2.3", pypi: "fast-project==1.2.3", docker: "example/fast:v1.2.3" }[
    target.name as string
  ];
  return [
    ...items.map((item): Act => [`publish ${item.id}`, () => target.publish(item, find, io)]),
    ...(promote ? [["promote", () => promote.call(target, io)] satisfies Act] : []),
    ...pointers.map((one): Act => [`point ${one.name}`, async () => target.pointers?.write(one, io)]),
    ...pointers.map((one): Act => [`unpoint ${one.name}`, async () => target.pointers?.remove?.(one.name, io)]),
    ...(claim ? [["claim", () => claim.call(target, io)] satisfies Act] : []),
    ...(undo
      ? ways.map((way): Act => {
          const action: UndoAction = { target: target.name, id: undoId ?? "v1.2.3", way, state: "todo", text: "" };
          return [`undo by ${way}`, () => undo.run(action, about, io)];
        })
      : []),
    ...(staging
      ? ([
          ["make a staging place", () => staging.create(io)],
          ["put into it", async () => staging.put?.("fast", await find("fast"), io)],
          ["take it away", () => staging.discard(target.name === "github" ? "1" : "0123456789ab", io)],
        ] satisfies Act[])
      : []),
  ];
}

/**
 * Runs one act to its end.
 *
 * @returns the error that says what is wrong, undefined where there was none
 * @throws Error where it hangs, or ends with anything else
 */
export async function ended(name: string, run: () => Promise<unknown>, ms = 20_000): Promise<ReleaseError | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} hangs`)), ms);
  });
  try {
    await Promise.race([run(), late]);
    return undefined;
  } catch (error) {
    if (error instanceof ReleaseError && error.code !== "INTERNAL") return error;
    throw new Error(name, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** An Io whose waits take no time, and pass all the same; with the answers that nobody has read yet or thrown away. */
export function hurriedIo(client: Http): Io & { unread(): string[] } {
  let clock = Date.now();
  const answers: HttpResponse[] = [];
  return {
    http: async (request) => {
      const response = await client(request);
      answers.push(response);
      return response;
    },
    /** Each keeps a connection from being used again. */
    unread() {
      const left = answers.splice(0).filter(({ body }) => body.readableFlowing === null && !body.destroyed);
      return left.map(({ status, url }) => `${status} ${url}`);
    },
    signal: new AbortController().signal,
    now: () => new Date(clock),
    sleep: async (ms) => {
      clock += ms;
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
    emit: () => {},
    limit: () => () => {},
  };
}
