import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { readLoose, readRefs } from "../../src/registries/github/repository-files.ts";
import type { Registries } from "../../src/registries/index.ts";
import { projectToken } from "../support/project.ts";
import { get, getJson } from "./get.ts";

/** What all registries hold, a line a fact, without ids, times and nonces: equal states have equal lines. */
export type Snapshot = Map<string, string>;

const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

async function digest(url: string, headers?: Record<string, string>): Promise<string> {
  const answer = await get(url, headers);
  return answer.ok ? sha256(answer.body) : `answers ${answer.status}`;
}

/** What a project is called in each registry. */
export interface Names {
  npm: string;
  pypi: string;
  docker: string;
  github: string;
}

/** What test/fixtures/fast-project is called. */
export const fastNames: Names = {
  npm: "@example/fast",
  pypi: "fast-project",
  docker: "example/fast",
  github: "example/fast",
};

/** Reads everything that the registries hold of a project, as users do where users can. */
export async function snapshotOf({ registries, names }: { registries: Registries; names: Names }): Promise<Snapshot> {
  const all = [npm, pypi, docker, github, site, refs];
  const parts = await Promise.all(all.map((read) => read(registries, names)));
  return new Map(parts.flat().sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Facts = [string, string][];

async function npm({ npm }: Registries, names: Names): Promise<Facts> {
  interface Packument {
    versions: Record<string, { dist: { tarball: string; integrity: string } }>;
    "dist-tags": Record<string, string>;
  }
  const packument = await getJson<Packument>(`${npm}/${names.npm.replace("/", "%2f")}`);
  if (!packument) return [];
  const versions = Object.entries(packument.versions).map(
    async ([version, { dist }]): Promise<[string, string]> => [
      `npm ${version}`,
      `${dist.integrity} ${await digest(dist.tarball)}`,
    ],
  );
  const tags = Object.entries(packument["dist-tags"]).map(([tag, at]): [string, string] => [`npm @${tag}`, at]);
  return [...(await Promise.all(versions)), ...tags];
}

async function pypi({ pypi }: Registries, names: Names): Promise<Facts> {
  const accept = { accept: "application/vnd.pypi.simple.v1+json" };
  const page = await getJson<{ files: { filename: string; url: string }[] }>(`${pypi}/simple/${names.pypi}/`, accept);
  return Promise.all(
    (page?.files ?? []).map(
      async (file): Promise<[string, string]> => [`pypi ${file.filename}`, await digest(file.url)],
    ),
  );
}

async function docker({ docker }: Registries, names: Names): Promise<Facts> {
  const base = `http://${docker}/v2/${names.docker}`;
  const scope = `repository:${names.docker}:pull`;
  const accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
  let token: Promise<{ token: string } | undefined> | undefined;
  /** Some registries' tokens end within a second. */
  const read = async (what: string, again = true): ReturnType<typeof get> => {
    token ??= getJson<{ token: string }>(`http://${docker}/token?scope=${scope}`);
    const answer = await get(`${base}/${what}`, { authorization: `Bearer ${(await token)?.token}`, accept });
    if (answer.status !== 401 || !again) return answer;
    token = undefined;
    return read(what, false);
  };
  interface Manifest {
    manifests?: { digest: string }[];
    config?: { digest: string };
    layers?: { digest: string }[];
  }
  /** The digests of a manifest and of all that it names, with what comes where its bytes are asked for. */
  const whole = async (kind: string, reference: string): Promise<string> => {
    const answer = await read(`${kind}/${reference}`);
    if (!answer.ok) return `${reference} answers ${answer.status}`;
    if (kind === "blobs") return sha256(answer.body);
    const { manifests = [], config, layers = [] } = JSON.parse(answer.body.toString()) as Manifest;
    const below = [
      ...manifests.map((one) => once("manifests", one.digest)),
      ...[...(config ? [config] : []), ...layers].map((one) => once("blobs", one.digest)),
    ];
    return [sha256(answer.body), ...(await Promise.all(below))].join(" ");
  };
  /** What several tags share. */
  const known = new Map<string, Promise<string>>();
  const once = (kind: string, digest: string): Promise<string> => {
    const found = known.get(digest) ?? whole(kind, digest);
    known.set(digest, found);
    return found;
  };
  const answer = await read("tags/list");
  const { tags = [] } = answer.ok ? (JSON.parse(answer.body.toString()) as { tags?: string[] }) : {};
  return Promise.all(
    tags.map(async (tag): Promise<[string, string]> => [`docker ${tag}`, await whole("manifests", tag)]),
  );
}

async function github(registries: Registries, names: Names): Promise<Facts> {
  interface Release {
    tag_name: string;
    name: string;
    draft: boolean;
    prerelease: boolean;
    body: string;
    assets: { name: string; state: string; url: string }[];
  }
  const base = `${registries.github}/repos/${names.github}/releases`;
  const headers = { authorization: `Bearer ${projectToken}` };
  const latest = await getJson<Release>(`${base}/latest`, headers);
  const all = (await getJson<Release[]>(`${base}?per_page=100`, headers)) ?? [];
  const facts: Facts = [["github latest", latest?.tag_name ?? "none"]];
  const drafts = new Map<string, number>();
  for (const one of all) {
    const before = drafts.get(one.tag_name) ?? 0;
    if (one.draft) drafts.set(one.tag_name, before + 1);
    const key = `github ${one.draft ? `draft ${before} of ` : ""}${one.tag_name}`;
    const body = one.body.replaceAll(registries.github, "GITHUB");
    facts.push([key, JSON.stringify([one.name, one.prerelease, body])]);
    for (const asset of one.assets) {
      const octets = { ...headers, accept: "application/octet-stream" };
      facts.push([`${key} ${asset.name}`, asset.state === "uploaded" ? await digest(asset.url, octets) : asset.state]);
    }
  }
  return facts;
}

async function site({ site, github }: Registries): Promise<Facts> {
  const files = async (folder: string): Promise<Facts> => {
    const list = await getJson<{ name: string; type: string }[]>(`${site}/${folder}`, { accept: "application/json" });
    const facts = (list ?? []).map(async ({ name, type }): Promise<Facts> => {
      if (type === "directory") return files(`${folder}${name}/`);
      const text = (await get(`${site}/${folder}${name}`)).body.toString();
      return [[`site ${folder}${name}`, sha256(text.replaceAll(github, "GITHUB"))]];
    });
    return (await Promise.all(facts)).flat();
  };
  return files("");
}

/** Refs with the commits' trees and parents; a merge's date and an id of a staging place aren't the same twice. */
async function refs({ servers }: Registries, names: Names): Promise<Facts> {
  const dir = servers.github.admin.gitDir(names.github);
  const facts = [...readRefs(dir)].map(async ([name, sha]): Promise<[string, string]> => {
    const { type, content } = readLoose(dir, sha) ?? (await askGit(dir, sha));
    const [head = "", ...paragraphs] = content.toString().split("\n\n");
    const said = paragraphs.join("\n\n").replace(/^(Twotier-Staging: \w+:).*$/m, "$1");
    const [tree, ...parents] = [...head.matchAll(/^(?:object|tree|parent) (.+)$/gm)].map(([, value]) => value);
    if (type === "tag") return [name, `tag of ${tree}: ${said}`];
    return [name, parents.length > 1 ? `merge ${tree} of ${parents.join(" ")}: ${said}` : sha];
  });
  return Promise.all(facts);
}

/** An object in a pack. A process for each would be a tenth of a look at everything. */
async function askGit(dir: string, sha: string): Promise<{ type: string; content: Buffer }> {
  const git = async (kind: string) =>
    (await promisify(execFile)("git", [`--git-dir=${dir}`, "cat-file", kind, sha], { encoding: "buffer" })).stdout;
  const type = (await git("-t")).toString().trim();
  return { type, content: await git("-p") };
}

/** What two states differ in, for people. */
export function differences(wanted: Snapshot, found: Snapshot): string[] {
  const keys = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  const short = (text: string | undefined) => (text === undefined ? "nothing" : text.slice(0, 300));
  return keys
    .filter((key) => wanted.get(key) !== found.get(key))
    .map((key) => `${key}: ${short(found.get(key))}, wanted ${short(wanted.get(key))}`);
}

/**
 * What a stopped release shows too early: before the seal nothing that users can see, and nothing that points at the
 * new version, nor its public release, before all that it consists of is there.
 *
 * @param before the state before the release, `now` where it stopped, `after` the finished one
 */
export function early(before: Snapshot, now: Snapshot, after: Snapshot, tag: string): string[] {
  const fresh = [...after.keys()].filter((key) => !before.has(key));
  const moves = [...after.keys()].filter((key) => before.has(key) && before.get(key) !== after.get(key));
  const isPointer = (key: string) => /^(npm @(?!twotier)|docker latest|github |site channels)/.test(key);
  const items = fresh.filter((key) => /^(npm \d|pypi |docker (?!latest)|site v\d|refs\/tags\/)/.test(key));
  const findings: string[] = [];
  for (const key of [...fresh, ...moves]) {
    const at = now.get(key);
    if (at === undefined || at === before.get(key)) continue;
    if (at !== after.get(key) && !key.startsWith("npm @")) findings.push(`${key} is something else: ${at}`);
    if (!key.startsWith("refs/heads/") && !now.has(`refs/tags/${tag}`))
      findings.push(`${key} is there before the seal`);
    if (!isPointer(key)) continue;
    const missing = items.filter((item) => now.get(item) !== after.get(item));
    if (missing.length > 0) findings.push(`${key} is there before ${missing.join(", ")}`);
  }
  return findings;
}
