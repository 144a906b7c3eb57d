import type { ReleaseFile } from "../../core/manifest.ts";
import type { Files, Io, Item, Pointer, ReleaseContext, Seen, Target } from "../../core/target.ts";
import {
  type Channel,
  channelFiles,
  channelPath,
  emptyChannelFiles,
  type SiteFile,
  type SiteInput,
  sharedFiles,
  versionedFile,
} from "../../generate/site/index.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/hash.ts";
import { formatVersion, parseVersion } from "../../version/version.ts";
import { changesOf, readChannel } from "./channel.ts";
import type { Change, SiteStore, StoredFile } from "./store.ts";

export interface SiteTargetOptions {
  store: SiteStore;
  /** What the scripts and the page are made from. */
  input: SiteInput;
  /** Where users read it; left out for a store that nobody reads over HTTP. */
  address?: string;
}

/**
 * The site of the install scripts. An item is a version's own script, which never changes; a pointer is a channel's file. What is
 * shared (page, scripts without a version) comes along with production's pointer, and with staging's only where it is missing:
 * a candidate changes nothing for those who install the stable version.
 */
export function createSiteTarget({ store, input, address }: SiteTargetOptions): Target {
  /** What each channel's files were when they were last read here: a write replaces these and no others. */
  const known = new Map<string, Map<string, StoredFile | null>>();

  const fileOf = (id: string): SiteFile => {
    const version = parseVersion(/^v(.+)\/install\.sh$/.exec(id)?.[1] ?? "");
    if (version) return versionedFile(input, formatVersion(version));
    // Ids come from seals, which anybody with push rights can write; this one would be a path.
    throw new ReleaseError("REGISTRY", `not the script of a version: ${JSON.stringify(id)}`, {
      hint: "the seal was not written by twotier; read it with `git show TAG`",
    });
  };

  const readAll = async (channel: Channel, io: Io) => {
    const paths = channelFiles(input, channel, "0.0.0").map((file) => file.path);
    const stored = await Promise.all(paths.map((path) => store.read(path, io)));
    const files = new Map(paths.map((path, at) => [path, stored[at] ?? null]));
    known.set(channel, files);
    return files;
  };

  /** Writes a channel's files, if they still are what was read. */
  const put = async (
    channel: Channel,
    files: readonly SiteFile[],
    first: readonly Change[],
    about: string,
    io: Io,
  ): Promise<void> => {
    const before = known.get(channel) ?? (await readAll(channel, io));
    known.delete(channel);
    const moved = files.map((file) => ({ file, expect: before.get(file.path)?.mark ?? null }));
    if ((await store.write([...first, ...moved], about, io)) === "done") return;
    throw new ReleaseError("REGISTRY", `${store.place}: somebody else changed the site at the same time`, {
      retryable: true,
      hint: "run the same command again: it reads what is there and goes on",
    });
  };

  return {
    name: "site",
    ...(address === undefined ? {} : { address }),

    expect(_files: readonly ReleaseFile[], release: ReleaseContext) {
      const { path, text } = versionedFile(input, release.version);
      const item: Item = { target: "site", id: path, digest: digestOf(text), file: "", phase: "public" };
      const pointer: Pointer = {
        target: "site",
        name: channelPath(release.tier),
        itemId: item.id,
        version: release.version,
      };
      return { items: [item], pointers: [pointer] };
    },

    preflight: (io) => store.preflight(io),

    async versions(io: Io): Promise<string[]> {
      return (await store.folders(io)).flatMap((name) => {
        const version = parseVersion(name, 1);
        return version && name.startsWith("v") ? [formatVersion(version)] : [];
      });
    },

    observe: async (item, io) => seenOf(await store.read(fileOf(item.id).path, io)),

    /** Creates only. */
    async publish(item: Item, _files: Files, io: Io): Promise<undefined> {
      const file = fileOf(item.id);
      const made = digestOf(file.text);
      if (made !== item.digest) {
        throw new ReleaseError("CONFLICT", `this twotier makes another ${item.id} than the one that was sealed`, {
          facts: { expected: item.digest, made },
          hint: "finish the release with the twotier that began it: release.json names it under tools",
        });
      }
      if ((await store.write([{ file, expect: null }], item.id, io)) === "done") return;
      const seen = seenOf(await store.read(item.id, io));
      if (seen.state === "present" && seen.digest === item.digest) return;
      throw new ReleaseError("CONFLICT", `${store.place} already holds ${item.id} with other contents`, {
        facts: { expected: item.digest, found: seen.state === "present" ? seen.digest : undefined },
        hint: "a version's script never changes: find out who put it there, then release the next number",
      });
    },

    async verify(item: Item, io: Io): Promise<Seen> {
      const bytes = await store.fetch(fileOf(item.id).path, io);
      return bytes === null ? { state: "absent" } : { state: "present", digest: digestOf(bytes) };
    },

    undo: {
      /** The channels lead elsewhere (pointers); who asks for a version by its address gets what GitHub still has of it. */
      plan: async (items) =>
        items.map(({ id }) => ({
          target: "site",
          id,
          way: "retract",
          state: "kept",
          text: "nobody comes to it by a channel; who names the version gets what its GitHub release still holds",
        })),
      async run() {},
    },

    pointers: {
      async read(name: string, io: Io): Promise<string | null> {
        return readChannel(await readAll(channelOf(name), io));
      },

      /** Compares with what `read` saw, so that two runs can't both be right about who is higher. */
      async write(pointer: Pointer, io: Io): Promise<void> {
        const channel = channelOf(pointer.name);
        const shared = await changesOf(sharedFiles(input), channel === "production", store, io);
        await put(
          channel,
          channelFiles(input, channel, pointer.version),
          shared,
          `${channel} is ${pointer.version}`,
          io,
        );
      },

      /** The files stay, without a version: a file that is gone would be missed by caches, and by whoever looks. */
      removable: () => true,
      async remove(name: string, io: Io): Promise<void> {
        const channel = channelOf(name);
        await put(channel, emptyChannelFiles(input, channel), [], `${channel} has no version`, io);
      },
    },
  };
}

function channelOf(name: string): Channel {
  const found = (["production", "staging"] as const).find((channel) => channelPath(channel) === name);
  if (!found) throw new ReleaseError("INTERNAL", `${name} is no channel of the site`);
  return found;
}

function seenOf(file: StoredFile | null): Seen {
  return file === null ? { state: "absent" } : { state: "present", digest: digestOf(file.bytes) };
}
