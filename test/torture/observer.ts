import { setTimeout as delay } from "node:timers/promises";
import type { Registries } from "../../src/registries/index.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";
import type { World } from "./world.ts";

/** A mutable name that users follow, and what it selects now: a version, or an image's digest. */
type Selected = Map<string, string>;

const pause = 60;

/**
 * Looks at the registries as users do, again and again: whatever npm's dist-tags, an image's `latest`, GitHub's releases or a channel
 * file select must be there as a whole at that moment (two-tier.md, "Pointers"). Bytes are fetched when a pointer has moved.
 */
export function observe(world: World): { end(): Promise<{ looks: number; seen: string[] }> } {
  let ended = false;
  const seen = new Set<string>();
  const watching = (async () => {
    let looks = 0;
    let last: Selected = new Map();
    for (; !ended || looks === 0; looks++) {
      const now = await selected(world.registries);
      const moved = [...now].filter(([pointer, to]) => last.get(pointer) !== to);
      // Items are never taken away: what is missing after the pointer was read was missing then.
      if (moved.length > 0) {
        const held = await snapshotOf(world);
        for (const [pointer, to] of moved) for (const one of missing(pointer, to, held)) seen.add(one);
      }
      last = now;
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
  const json = async <T>(url: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url, { headers });
    return answer.ok ? ((await answer.json()) as T) : undefined;
  };
  const image = async () => {
    const token = await json<{ token: string }>(`http://${docker}/token?scope=repository:example/fast:pull`);
    const headers = { authorization: `Bearer ${token?.token}`, accept: "application/vnd.oci.image.index.v1+json" };
    const answer = await fetch(`http://${docker}/v2/example/fast/manifests/latest`, { method: "HEAD", headers });
    return answer.headers.get("docker-content-digest");
  };
  const channel = (name: string) => json<{ version: string }>(`${site}/channels/${name}.json`);
  type Release = { tag_name: string };
  const releases = `${github}/repos/example/fast/releases`;
  const [packument, digest, all = [], latest, staging, production] = await Promise.all([
    json<{ "dist-tags": Record<string, string> }>(`${npm}/@example%2ffast`),
    image(),
    // Without a credential: drafts aren't listed.
    json<Release[]>(`${releases}?per_page=100`),
    json<Release>(`${releases}/latest`),
    channel("staging"),
    channel("production"),
  ]);
  const now: Selected = new Map();
  for (const [tag, version] of Object.entries(packument?.["dist-tags"] ?? {}))
    if (tag === "latest" || tag === "next") now.set(`npm @${tag}`, version);
  if (digest) now.set("docker latest", digest);
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
