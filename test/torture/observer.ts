import { setTimeout as delay } from "node:timers/promises";
import type { Registries } from "../../src/registries/index.ts";
import { get, getJson } from "./get.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";
import type { World } from "./world.ts";

/** Mutable names that users follow, and what each selects now: a version, or an image's digest. */
type Selected = Map<string, string>;

/** Milliseconds between two looks. */
const pause = 250;

/**
 * Looks at the registries as users do, again and again: whatever npm's dist-tags, an image's `latest`, GitHub's releases or a channel
 * file select must be there as a whole at that moment (two-tier.md, "Pointers"). Bytes are fetched when a pointer comes to
 * something that wasn't whole before: items are never taken away, so what was whole stays so, and what is missing after
 * the pointer was read was missing then.
 *
 * @param before what the world held to begin with, where that is known
 */
export function observe(world: World, before?: Snapshot): { end(): Promise<{ looks: number; seen: string[] }> } {
  let ended = false;
  const seen = new Set<string>();
  const whole = new Set<string>();
  const isWhole = ([pointer, to]: [string, string], held: Snapshot): boolean => {
    if (!whole.has(to) && missing(pointer, to, held).length === 0) whole.add(to);
    return whole.has(to);
  };
  const watching = (async () => {
    let looks = 0;
    for (; !ended || looks === 0; looks++) {
      const unknown = [...(await selected(world.registries))].filter((one) => !isWhole(one, before ?? new Map()));
      if (unknown.length > 0) {
        const held = await snapshotOf(world);
        for (const one of unknown) if (!isWhole(one, held)) for (const text of missing(...one, held)) seen.add(text);
      }
      if (!ended) await delay(pause);
    }
    return looks;
  })();
  return {
    async end() {
      ended = true;
      return { looks: await watching, seen: [...seen] };
    },
  };
}

async function selected({ npm, docker, github, site }: Registries): Promise<Selected> {
  const image = async () => {
    const token = await getJson<{ token: string }>(`http://${docker}/token?scope=repository:example/fast:pull`);
    const headers = { authorization: `Bearer ${token?.token}`, accept: "application/vnd.oci.image.index.v1+json" };
    const answer = await get(`http://${docker}/v2/example/fast/manifests/latest`, headers, "HEAD");
    return answer.headers["docker-content-digest"];
  };
  const channel = (name: string) => getJson<{ version: string }>(`${site}/channels/${name}.json`);
  type Release = { tag_name: string };
  const releases = `${github}/repos/example/fast/releases`;
  const [packument, digest, all = [], latest, staging, production] = await Promise.all([
    getJson<{ "dist-tags": Record<string, string> }>(`${npm}/@example%2ffast`),
    image(),
    // Without a credential: drafts aren't listed.
    getJson<Release[]>(`${releases}?per_page=100`),
    getJson<Release>(`${releases}/latest`),
    channel("staging"),
    channel("production"),
  ]);
  const now: Selected = new Map();
  for (const [tag, version] of Object.entries(packument?.["dist-tags"] ?? {}))
    if (tag === "latest" || tag === "next") now.set(`npm @${tag}`, version);
  if (typeof digest === "string") now.set("docker latest", digest);
  for (const { tag_name } of all) now.set(`github release ${tag_name}`, tag_name.slice(1));
  if (latest) now.set("github latest", latest.tag_name.slice(1));
  if (staging) now.set("channel staging", staging.version);
  if (production) now.set("channel production", production.version);
  return now;
}

/** What a pointer promises and the registries don't hold. */
function missing(pointer: string, to: string, held: Snapshot): string[] {
  let version = to;
  if (pointer === "docker latest") {
    const digest = to.replace("sha256:", "");
    const image = [...held].find(([key, text]) => /^docker v/.test(key) && text.startsWith(digest))?.[0];
    if (!image) return [`${pointer} is ${to}, which no version is`];
    version = image.replace("docker v", "");
  }
  // What was there before twotier came.
  if (version === "0.1.0") return [];
  const python = version.replace("-rc.", "rc");
  const wanted = [
    `refs/tags/v${version}`,
    `refs/tags/sdk/go/v${version}`,
    `npm ${version}`,
    `pypi fast_project-${python}-py3-none-any.whl`,
    `pypi fast_project-${python}.tar.gz`,
    `docker ${version.includes("-") ? "staging-" : "v"}${version}`,
    `site v${version}/install.sh`,
    `github v${version}`,
    ...["checksums.txt", "release.json", "fast-linux-amd64", `example-fast-${version}.tgz`].map(
      (name) => `github v${version} ${name}`,
    ),
  ];
  const findings = wanted.filter((key) => !held.has(key)).map((key) => `${pointer} is ${to} before ${key}`);
  for (const key of wanted) {
    const text = held.get(key) ?? "";
    if (/ answers \d+|^starter/.test(text)) findings.push(`${pointer} is ${to}, and ${key}: ${text}`);
  }
  // The same file in two places; npm's line begins with the integrity.
  const copies = [
    [`npm ${version}`, `example-fast-${version}.tgz`],
    [`pypi fast_project-${python}-py3-none-any.whl`, `fast_project-${python}-py3-none-any.whl`],
    [`pypi fast_project-${python}.tar.gz`, `fast_project-${python}.tar.gz`],
  ] as const;
  for (const [key, asset] of copies) {
    const [there, here] = [held.get(key)?.split(" ").at(-1), held.get(`github v${version} ${asset}`)];
    if (there !== here) findings.push(`${pointer} is ${to}, and ${key} isn't the asset ${asset}`);
  }
  return findings;
}
