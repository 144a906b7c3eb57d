import { ReleaseError } from "../lib/errors.ts";
import type { Manifest } from "./manifest.ts";
import { at, retrying } from "./retry.ts";
import type { Io, Item, Pointer, Seen, Target } from "./target.ts";

/** What the registries hold of a manifest, read at one time. */
export interface World {
  /** By `keyOf(item)`. */
  items: Map<string, Seen>;
  /** Version that a pointer selects, by `pointerKey(pointer)`; null where it doesn't exist. */
  pointers: Map<string, string | null>;
}

export function keyOf(item: Pick<Item, "target" | "id">): string {
  return `${item.target} ${item.id}`;
}

export function pointerKey(pointer: Pick<Pointer, "target" | "name">): string {
  return `${pointer.target} ${pointer.name}`;
}

/** The target of that name. @throws ReleaseError CONFIG when the configuration no longer has it. */
export function targetOf(targets: readonly Target[], name: string): Target {
  const target = targets.find((one) => one.name === name);
  if (!target) {
    throw new ReleaseError("CONFIG", `the release has items for ${name}, but no such target is configured now`, {
      hint: `configure the target ${name} again, or go on without it: add --skip ${name}`,
    });
  }
  return target;
}

/**
 * Reads every item and pointer, all at once; writes nothing.
 *
 * @throws ReleaseError when a registry can't say (unknown is never "absent").
 */
export async function observe(
  release: Pick<Manifest, "items" | "pointers">,
  targets: readonly Target[],
  io: Io,
): Promise<World> {
  const world: World = { items: new Map(), pointers: new Map() };
  await Promise.all([
    ...release.items.map(async (item) => {
      const target = targetOf(targets, item.target);
      const read = () => retrying(`reading ${keyOf(item)}`, io, () => target.observe(item, io));
      world.items.set(keyOf(item), await at(item.target, read));
    }),
    ...release.pointers.map(async (pointer) => {
      const store = targetOf(targets, pointer.target).pointers;
      if (!store)
        throw new ReleaseError("INTERNAL", `${pointer.target} has no pointers, but the manifest names ${pointer.name}`);
      const read = () => retrying(`reading ${pointerKey(pointer)}`, io, () => store.read(pointer.name, io));
      world.pointers.set(pointerKey(pointer), await at(pointer.target, read));
    }),
  ]);
  return world;
}
