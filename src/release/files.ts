import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "../core/manifest.ts";
import { retrying } from "../core/retry.ts";
import type { Files, Io, LocalFile, Staging } from "../core/target.ts";
import { ReleaseError } from "../lib/errors.ts";
import { digestFile } from "../lib/hash.ts";
import { derivedFiles } from "./manifest.ts";

/**
 * Finds the bytes of a release's files: built in `folder` by this run, made from the manifest, or fetched back from
 * the staging place, where what comes must have the digests of the manifest.
 */
export function releaseFiles(manifest: Manifest, folder: string, staging: Staging, io: Io): Files {
  const known = new Map<string, Promise<LocalFile>>();
  const derived = new Map(derivedFiles(manifest).map((one) => [one.file.name, one]));
  const find = async (name: string): Promise<LocalFile> => {
    const to = path.join(folder, name);
    const made = derived.get(name);
    const file = made?.file ?? manifest.files.find((one) => one.name === name);
    if (!file) throw new ReleaseError("INTERNAL", `the manifest of ${manifest.tag} names no file ${name}`);
    const there = await stat(to).catch(() => undefined);
    if (there) return { path: to, size: file.size, sha256: file.sha256 };
    await mkdir(folder, { recursive: true });
    if (made) await writeFile(to, made.text);
    else {
      await retrying(`fetching ${name} from staging`, io, () => staging.fetch(name, `${to}.part`, io));
      const { digests } = await digestFile(`${to}.part`, ["sha256"], io.signal);
      if (digests.sha256 !== file.sha256) {
        throw new ReleaseError("CONFLICT", `the staged ${name} of ${manifest.tag} isn't what was sealed`, {
          facts: { expected: file.sha256, found: digests.sha256 },
          hint: "somebody changed the staged files; release the next number",
        });
      }
      await rename(`${to}.part`, to);
    }
    return { path: to, size: file.size, sha256: file.sha256 };
  };
  return (name) => {
    let file = known.get(name);
    if (!file) {
      file = find(name);
      known.set(name, file);
      file.catch(() => known.delete(name));
    }
    return file;
  };
}
