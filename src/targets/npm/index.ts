import semver from "semver";
import type { ReleaseFile } from "../../core/manifest.ts";
import type { Files, Io, Item, Mark, Pointer, ReleaseContext, Seen, Target } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type Digest, hashing } from "../../lib/hash.ts";
import { bounded } from "../../lib/http-answer.ts";
import type { IdTokens } from "../../lib/id-token.ts";
import { claimPackages } from "./claim.ts";
import { digestOfVersion, NpmClient, type Packument, splitId, type TokenProvider } from "./client.ts";
import { exchangedTokens } from "./oidc.ts";
import { preflight } from "./preflight.ts";
import { attestationsOf } from "./provenance.ts";
import { publishVersion } from "./publish.ts";
import { npmUndo } from "./undo.ts";

export interface NpmTargetOptions {
  /** `https://registry.npmjs.org` */
  registry: string;
  /** A token for all packages. */
  token?: string;
  /** Where there is no token: what proves which CI job this is (trusted publishing). */
  idTokens?: IdTokens;
  /** Names of all packages that this repository publishes. */
  packages: readonly string[];
  /** dist-tags that users follow: `next` and `latest`. */
  tags: { staging: string; production: string };
  access: "public" | "restricted";
  /**
   * False where the credential can't move dist-tags: then a version is published last, with its final tag. Default true: it is
   * published under a tag nobody follows, and the tags are moved when everything is there. With `idTokens` the default is
   * false: npm lets a trusted publisher move tags only where its owner ticked that ("Allow npm dist-tag", npm/cli#8547), and
   * no question but a write shows whether he did.
   */
  movesTags?: boolean;
  release?: ReleaseContext;
}

/** The dist-tag of versions whose release isn't complete yet. */
export const quietTag = "twotier-staged";

/** npm packages in a registry that speaks npm's protocol. */
export function createNpmTarget(options: NpmTargetOptions): Target {
  const { tags, packages, access } = options;
  const keyless = options.token === undefined && options.idTokens !== undefined;
  const moves = options.movesTags ?? !keyless;
  const token: TokenProvider = keyless
    ? exchangedTokens(options.registry.replace(/\/+$/, ""), options.idTokens as IdTokens)
    : async () => options.token;
  const client = new NpmClient(options.registry, token, { keyless, public: access === "public" });
  /** Ids that the registry took, though it may not show them yet. */
  const accepted = new Set<string>();
  /** The dist-tags of packages as `pointers.read` saw them last. */
  const seen = new Map<string, Record<string, string> | null>();

  const observe = async (item: Item, io: Io): Promise<Seen> => {
    const { name, version } = splitId(item.id);
    const packument = await client.packument(name, io, { fresh: true, token: true });
    const found = packument?.versions?.[version];
    if (found) {
      const digest = digestOfVersion(found) ?? (await download(name, found.dist?.tarball, io));
      if (digest === undefined) return { state: "pending", note: "its tarball can't be had yet" };
      const marks: Mark[] = found.deprecated ? ["deprecated"] : [];
      return {
        state: "present",
        digest,
        note: found.deprecated ? "deprecated" : undefined,
        ...(marks.length > 0 ? { marks } : {}),
      };
    }
    // While npm scans a version, reads leave it out; its dist-tags are there (registry-facts.md, fact 1).
    if (accepted.has(item.id)) return { state: "pending", note: "accepted, not to be had yet" };
    const selected = Object.values((await client.distTags(name, io)) ?? {}).includes(version);
    if (selected) return { state: "pending", note: "accepted, not to be had yet" };
    if (isSpent(packument, version)) return { state: "retracted", note: "it was unpublished" };
    return { state: "absent" };
  };

  /** sha512 of a tarball as an installer gets it; undefined where it isn't there. */
  const download = async (name: string, url: string | undefined, io: Io): Promise<Digest | undefined> => {
    if (url === undefined) return undefined;
    const own = access === "restricted" && url.startsWith(`${client.base}/`);
    const response = own
      ? await client.send(name, url.slice(client.base.length), io, { token: true })
      : await io.http({ url, signal: io.signal });
    if (response.status === 404) {
      response.discard();
      return undefined;
    }
    if (response.status !== 200) throw await client.failure(response, `downloading ${url}`, io);
    const hash = hashing(["sha512"]);
    try {
      for await (const chunk of bounded(response.body, url)) hash.update(chunk);
    } catch (cause) {
      if (cause instanceof ReleaseError) throw cause;
      throw new ReleaseError("NETWORK", `${url} broke off`, { retryable: true, cause });
    }
    return hash.end().digests.sha512;
  };

  return {
    name: "npm",

    expect(files: readonly ReleaseFile[], release: ReleaseContext) {
      const items: Item[] = [];
      const pointers: Pointer[] = [];
      const selecting =
        release.tier === "staging" ? [tags.staging] : [tags.production, ...(moves ? [tags.staging] : [])];
      for (const file of files.filter(({ kind }) => kind === "npm")) {
        const id = `${file.package}@${release.version}`;
        const digest = file.sha512 ?? "sha512:";
        items.push({ target: "npm", id, digest, file: file.name, phase: moves ? "hidden" : "tag" });
        for (const tag of new Set(selecting)) {
          pointers.push({ target: "npm", name: `${file.package}@${tag}`, itemId: id, version: release.version });
        }
      }
      return { items, pointers };
    },

    preflight: (io) => preflight({ client, packages, token }, io),

    // A release that was sealed where tags can be moved, and goes on where they can't.
    phaseOf: (item) => (item.phase === "hidden" && !moves ? "tag" : item.phase),

    async versions(io) {
      // Without the token where that will do: planning isn't the place to find out that it has expired, preflight is.
      const all = await Promise.all(
        packages.map(async (name) => {
          if (access === "restricted") return client.packument(name, io, { fresh: true, token: true });
          return client.packument(name, io, { fresh: true, token: false }).catch((error) => {
            if (error instanceof ReleaseError && error.code === "AUTH") {
              return client.packument(name, io, { fresh: true, token: true });
            }
            throw error;
          });
        }),
      );
      // 0.0.0 is the placeholder that claims a name, no release of anything.
      return [...new Set(all.flatMap(versionsOf))].filter((version) => version !== "0.0.0");
    },

    observe,

    async publish(item: Item, files: Files, io: Io) {
      const { name, version } = splitId(item.id);
      const final = version.includes("-") ? tags.staging : tags.production;
      const last = item.phase === "tag" || !moves;
      // A pointer never goes to a lower version, and this one would go with the publish.
      const at = last ? (await client.distTags(name, io))?.[final] : undefined;
      const tag = last && !isHigher(at, version) ? final : quietTag;
      await publishVersion({ client, item, tag, access, gitHead: options.release?.commit, accepted }, files, io);
    },

    async verify(item, io) {
      const { name, version } = splitId(item.id);
      const read = async () =>
        (await client.packument(name, io, { fresh: false, token: access === "restricted" }))?.versions?.[version];
      let found = await read();
      if (!found) {
        const seen = await observe(item, io);
        if (seen.state !== "present" || seen.digest !== item.digest) return seen;
        for (let look = 0; look < 5 && !found; look++) {
          await io.sleep(500 * 2 ** look);
          found = await read();
        }
        if (!found) return { state: "pending", note: "npm has it, but its cache doesn't show it yet" };
      }
      const told = digestOfVersion(found);
      if (told !== undefined && told !== item.digest) return { state: "present", digest: told };
      const digest = await download(name, found.dist?.tarball, io);
      return digest === undefined
        ? { state: "pending", note: "its tarball can't be had yet" }
        : { state: "present", digest };
    },

    pointers: {
      async read(pointer, io) {
        const { name, version: tag } = splitId(pointer);
        const now = await client.distTags(name, io);
        seen.set(name, now);
        return now?.[tag] ?? null;
      },
      async write(pointer, io) {
        const { name, version: tag } = splitId(pointer.name);
        // First what nobody follows: were it last, a run that is stopped in between would leave it for ever, because the
        // next one finds the pointer right.
        const now = seen.get(name) ?? (await client.distTags(name, io));
        // Set by the publish, or by hand.
        if (!moves && now?.[tag] === pointer.version) return;
        const quiet = now?.[quietTag] === pointer.version;
        if (quiet && moves) await client.removeTag(name, quietTag, io);
        await client.setTag(name, tag, pointer.version, io);
        if (quiet && !moves) await client.removeTag(name, quietTag, io); // it may, after all
      },
      // A publish sets one tag: the one of its tier.
      movable: ({ name, version }) =>
        moves || splitId(name).version === (version.includes("-") ? tags.staging : tags.production),
      removable: (pointer) => splitId(pointer).version !== "latest",
      async remove(pointer, io) {
        const { name, version: tag } = splitId(pointer);
        await client.removeTag(name, tag, io);
      },
    },

    async publishedAt(io) {
      const version = options.release?.version ?? "";
      const all = await Promise.all(packages.map((name) => client.packument(name, io, { fresh: true, token: true })));
      const times = all.map((one) => (one?.versions?.[version] ? Date.parse(String(one.time?.[version])) : Number.NaN));
      const last = Math.max(...times);
      return Number.isNaN(last) || times.length === 0 ? null : new Date(last);
    },

    attestations: (item, io) => attestationsOf(client, item, io),
    undo: npmUndo(client),
    address: client.base,

    claim: (io) => claimPackages({ client, packages, access, tag: quietTag }, io),
  };
}

function isHigher(at: string | undefined, version: string): boolean {
  return at !== undefined && semver.valid(at) !== null && semver.gt(at, version);
}

/** All versions a packument knows, unpublished ones too: their numbers are spent. */
function versionsOf(packument: Packument | null): string[] {
  const { created: _c, modified: _m, unpublished, ...times } = packument?.time ?? {};
  return [...Object.keys(packument?.versions ?? {}), ...Object.keys(times), ...(unpublished?.versions ?? [])];
}

function isSpent(packument: Packument | null, version: string): boolean {
  return version !== "0.0.0" && versionsOf(packument).includes(version);
}
