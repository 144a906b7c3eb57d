import type { ReleaseFile } from "../../core/manifest.ts";
import { retrying } from "../../core/retry.ts";
import type { Io, Item, Pointer, ReleaseContext, Seen, Target } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { createApi } from "./api.ts";
import { inspect } from "./inspect.ts";
import { checkAssets } from "./limits.ts";
import { createPage } from "./page.ts";
import { createPlace } from "./place.ts";
import { createLatest } from "./pointer.ts";
import { checkAccess } from "./preflight.ts";
import { promoteDraft } from "./promote.ts";
import { attestationsOf } from "./provenance.ts";
import { digestOfBody, downloadAsset, listReleases } from "./releases.ts";
import { runOf } from "./runs.ts";
import { createStaging } from "./staging.ts";
import { tagVersions } from "./tags.ts";
import { githubUndo } from "./undo.ts";
import { uploadAsset } from "./upload.ts";
import { readOrNull } from "./visible.ts";

export interface GithubOptions {
  /** Of the REST API: `https://api.github.com`; on a GitHub Enterprise Server `https://HOST/api/v3` */
  api: string;
  /** Where users download: `https://github.com` */
  server: string;
  /** owner/name */
  repository: string;
  /** Asked for each request; undefined where there is none: then only public things can be read. */
  token?: () => string | undefined | Promise<string | undefined>;
  /** `version.tag` of twotier.yaml. Default `v{version}`. */
  tag?: string;
  /** False: the release page holds release.json, checksums.txt and the promotion's proof alone. Default true. */
  assets?: boolean;
  /** Left out while no release is known (`versions`, `preflight` and pointers work without). */
  release?: ReleaseContext & {
    /** Title of the release page. Default: NAME VERSION. */
    title?: string;
    /** Markdown of the release page: how to install, and the notes. */
    body?: string;
  };
}

/** Files that the engine adds to every release (two-tier.md, "What each tier leaves behind"). */
const always = ["release.json", "checksums.txt", "promotion.json", "promotion.md"];

/** GitHub Releases: each file of the release as an asset of a draft, which `promote` publishes. */
export function createGithubTarget(options: GithubOptions): Target {
  const { repository, release } = options;
  const api = createApi({ api: bare(options.api), repository, ...(options.token ? { token: options.token } : {}) });
  const server = bare(options.server);
  const tags = tagVersions(options.tag ?? "v{version}");
  const context = () => {
    if (release) return release;
    throw new ReleaseError("INTERNAL", "the github target was asked about a release without being told which");
  };
  const place = createPlace(api, () => context().tag);
  const presentation = () => ({
    title: release?.title ?? `${context().name} ${context().version}`,
    body: shortened(release?.body ?? "", context().version),
  });

  async function observe(item: Item, io: Io): Promise<Seen> {
    const snapshot = await place.look(io);
    const asset = snapshot?.assets.find((one) => one.name === item.id);
    // An upload that broke off (`starter`) is nothing that anybody can have; publish takes it away.
    if (!snapshot || asset?.state !== "uploaded") return { state: "absent" };
    return {
      state: snapshot.release.draft ? "staged" : "present",
      digest: await place.digestOf(asset, io),
      ...(snapshot.release.prerelease ? { marks: ["pre-release"] } : {}),
    };
  }

  return {
    name: "github",

    expect(files: readonly ReleaseFile[], about: ReleaseContext): { items: Item[]; pointers: Pointer[] } {
      const assets = files.filter(
        (file) => file.kind !== "image" && (options.assets !== false || always.includes(file.name)),
      );
      checkAssets(assets);
      const items = assets.map(
        (file): Item => ({ target: "github", id: file.name, digest: file.sha256, file: file.name, phase: "stage" }),
      );
      const first = items[0];
      const pointers: Pointer[] =
        about.tier === "production" && first
          ? [{ target: "github", name: "latest", itemId: first.id, version: about.version }]
          : [];
      return { items, pointers };
    },

    preflight: (io) => retrying("github: checking the repository", io, () => checkAccess(api, io)),
    async running(run, io) {
      const [, name, id] = /^https?:\/\/[^/]+\/([^/]+\/[^/]+)\/actions\/runs\/(\d+)/.exec(run) ?? [];
      if (id === undefined || name?.toLowerCase() !== repository.toLowerCase()) return null;
      const found = await readOrNull<{ status?: unknown }>(api, `/actions/runs/${id}`, io);
      return typeof found?.status === "string" ? found.status !== "completed" : null;
    },
    inspect: (about, io) => retrying("github: looking at the settings", io, () => inspect(api, about, io)),

    async versions(io) {
      const versions = new Set<string>();
      for (const one of await retrying("github: listing releases", io, () => listReleases(api, io))) {
        const version = one.draft ? null : tags.versionOf(one.tag);
        if (version !== null) versions.add(version);
      }
      return [...versions];
    },

    observe,

    async publish(item, files, io) {
      return await uploadAsset(api, place, item, await files(item.file), io);
    },

    promote: (io) => promoteDraft(api, place, context(), presentation(), io),

    async verify(item, io) {
      const path = ["releases", "download", context().tag, item.id].map(encodeURIComponent).join("/");
      const url = `${server}/${repository}/${path}`;
      const response = await io.http({ url, headers: { "cache-control": "no-cache" }, signal: io.signal });
      if (response.status === 200) {
        const { digest } = await digestOfBody(response, item.id);
        return { state: "present", digest };
      }
      response.discard();
      if (response.status !== 404) {
        throw new ReleaseError("REGISTRY", `GitHub answered ${response.status} to the download of ${item.id}`, {
          facts: { url, status: response.status },
          retryable: response.status >= 500 || response.status === 429,
          hint: "run the same command again",
        });
      }
      const seen = await observe(item, io);
      if (seen.state !== "present") return seen;
      return (await isPrivate(io)) ? await verifyPrivately(item, io) : { ...seen, state: "pending" };
    },

    async publishedAt(io) {
      const found = await retrying("github: reading the release's date", io, () => place.look(io));
      return found?.release.publishedAt ?? null;
    },

    attestations: (item, io) => attestationsOf(api, item, io),
    runOf: (commit, io) => runOf(api, commit, io),
    undo: githubUndo(api, place),
    address: server,

    pointers: createLatest(api, tags),
    page: createPage(api, place),
    staging: createStaging(api, place, context, presentation),
  };

  async function isPrivate(io: Io): Promise<boolean> {
    const response = await api.send({ path: "" }, io);
    return (await response.json<{ private?: unknown } | null>())?.private === true;
  }

  /** Users of a private repository download with a credential too. */
  async function verifyPrivately(item: Item, io: Io): Promise<Seen> {
    const asset = (await place.look(io))?.assets.find((one) => one.name === item.id);
    if (asset === undefined) return { state: "absent" };
    const digest = await downloadAsset(api, asset, io);
    return { state: "present", digest, note: "private repository: downloaded with the token" };
  }
}

/** "body is too long (maximum is 125000 characters)" (ncipollo/release-action#493), with room for a draft's mark. */
const maxBody = 124_000;

function shortened(body: string, version: string): string {
  if (body.length <= maxBody) return body;
  const line = body.lastIndexOf("\n", maxBody - 200);
  return `${body.slice(0, line > 0 ? line : maxBody - 200)}\n\nThe rest is too long for this page: \`twotier notes ${version}\` prints all of it.\n`;
}

function bare(address: string): string {
  return address.replace(/\/+$/, "");
}
