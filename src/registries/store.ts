import { readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * Named JSON documents of a registry, in memory and each in its own file, so that a registry started again
 * with the same folder holds the same. Writes are atomic (a rename) and happen one after the other.
 */
export interface Store<T> {
  get(key: string): T | undefined;
  keys(): string[];
  /** Resolves when it is on disk. */
  put(key: string, value: T): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Opens the documents kept in `folder`, which is made if need be. */
export async function openStore<T>(folder: string): Promise<Store<T>> {
  await mkdir(folder, { recursive: true });
  const held = new Map<string, T>();
  for (const file of await readdir(folder)) {
    if (!file.endsWith(".json")) continue; // a write that was cut off leaves `.tmp`
    held.set(decodeURIComponent(file.slice(0, -5)), JSON.parse(readFileSync(path.join(folder, file), "utf8")) as T);
  }
  const fileOf = (key: string) => path.join(folder, `${encodeURIComponent(key)}.json`);
  let last: Promise<void> = Promise.resolve();
  const inTurn = (run: () => Promise<void>): Promise<void> => {
    last = last.catch(() => {}).then(run);
    return last;
  };
  return {
    get: (key) => held.get(key),
    keys: () => [...held.keys()].sort(),
    put(key, value) {
      held.set(key, value);
      return inTurn(async () => {
        await writeFile(`${fileOf(key)}.tmp`, JSON.stringify(value));
        await rename(`${fileOf(key)}.tmp`, fileOf(key));
      });
    },
    delete(key) {
      held.delete(key);
      return inTurn(() => rm(fileOf(key), { force: true }));
    },
  };
}
