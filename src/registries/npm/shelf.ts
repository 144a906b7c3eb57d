import { rm } from "node:fs/promises";
import path from "node:path";
import { openStore } from "../store.ts";
import type { Package } from "./packages.ts";

/** The packages of one npm registry. */
export interface Shelf {
  readonly user: string;
  now(): Date;
  get(name: string): Package | undefined;
  names(): string[];
  /** Replaces a package by what `edit` makes of it (or of an empty one), with a new revision. */
  change(name: string, edit: (pkg: Package) => Package): Promise<Package>;
  /** True while a version is accepted, but can't be had yet. */
  hidden(name: string, version: string): boolean;
  /** Where the bytes of a tarball are, by their sha1 in hex. */
  tarball(name: string, sha1: string): string;
  /** A new folder for what is being received; `done` removes it. */
  inbox(): { folder: string; done(): Promise<void> };
}

export async function openShelf(
  state: string,
  options: { user: string; now: () => Date; hidden: (name: string, version: string, published: Date) => boolean },
): Promise<Shelf> {
  const store = await openStore<Package>(path.join(state, "packages"));
  const inboxes = path.join(state, "inbox");
  await rm(inboxes, { recursive: true, force: true }); // left by a process that was killed
  let received = 0;
  return {
    user: options.user,
    now: options.now,
    get: (name) => store.get(name),
    names: () => store.keys(),
    async change(name, edit) {
      const now = options.now().toISOString();
      const { user } = options;
      const empty = {
        name,
        rev: 0,
        owner: user,
        versions: {},
        spent: [],
        tags: {},
        shown: {},
        time: { created: now },
        readme: "",
      };
      const known: Package = store.get(name) ?? empty;
      const edited = edit(known);
      const changed = { ...edited, rev: known.rev + 1, time: { ...edited.time, modified: now } };
      await store.put(name, changed);
      return changed;
    },
    hidden: (name, version) => options.hidden(name, version, new Date(store.get(name)?.time[version] ?? 0)),
    tarball: (name, sha1) => path.join(state, "tarballs", encodeURIComponent(name), `${sha1}.tgz`),
    inbox() {
      const folder = path.join(inboxes, String(received++));
      return { folder, done: () => rm(folder, { recursive: true, force: true }) };
    },
  };
}
