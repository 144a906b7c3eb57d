import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest, ReleaseFile } from "../core/manifest.ts";
import { retrying } from "../core/retry.ts";
import type { Files, Io, LocalFile, Staging } from "../core/target.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { digestFile } from "../lib/hash.ts";
import type { Built } from "./job.ts";
import { derivedFiles } from "./manifest.ts";

/** Where bytes come from that aren't in the folder. */
export interface FileSources {
  staging: Staging;
  /** Builds the release commit again; only the very same digests are taken from it. */
  rebuild(): Promise<Built>;
}

/**
 * Finds the bytes of a release's files: built in `folder` by this run, made from the manifest, fetched back from the
 * staging place, or built again where that is gone. Whatever comes must have the digests of the manifest.
 *
 * @throws ReleaseError CONFLICT for other bytes, REGISTRY when they can't be had
 * @see two-tier.md, step 5: "bytes come from staging, or from a rebuild with the very same digests"
 */
export function releaseFiles(manifest: Manifest, folder: string, { staging, rebuild }: FileSources, io: Io): Files {
  const known = new Map<string, Promise<LocalFile>>();
  const derived = new Map(derivedFiles(manifest).map((one) => [one.file.name, one]));
  let building: Promise<Built> | undefined;

  const fetched = async (file: ReleaseFile, to: string): Promise<boolean> => {
    if (file.kind === "image") return false;
    try {
      await retrying(`fetching ${file.name} from staging`, io, () => staging.fetch(file.name, `${to}.part`, io));
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code !== "REGISTRY" || error.retryable) throw error;
      io.emit({ type: "note", message: `${error.message}; it is built again` });
      return false;
    }
    const { digests } = await digestFile(`${to}.part`, ["sha256"], io.signal);
    if (digests.sha256 !== file.sha256) {
      throw new ReleaseError("CONFLICT", `the staged ${file.name} of ${manifest.tag} isn't what was sealed`, {
        facts: { expected: file.sha256, found: digests.sha256 },
        hint: "somebody changed the staged files; release the next number",
      });
    }
    await rename(`${to}.part`, to);
    return true;
  };
  const rebuilt = async (file: ReleaseFile, to: string): Promise<void> => {
    building ??= rebuild();
    const built = await building;
    const again = built.files.find((one) => one.name === file.name);
    if (again?.sha256 !== file.sha256) {
      throw new ReleaseError(
        "CONFLICT",
        `${file.name} of ${manifest.tag} can't be had: its staged bytes are gone, and building it again makes others`,
        {
          facts: { expected: file.sha256, found: again?.sha256 ?? "no such file" },
          hint: "use the tools that release.json names, or release the next number",
        },
      );
    }
    await rename(path.join(built.folder, file.name), to);
  };
  const find = async (name: string): Promise<LocalFile> => {
    const to = path.join(folder, name);
    const made = derived.get(name);
    const file = made?.file ?? manifest.files.find((one) => one.name === name);
    if (!file) throw new ReleaseError("INTERNAL", `the manifest of ${manifest.tag} names no file ${name}`);
    const local = { path: to, size: file.size, sha256: file.sha256 };
    if (await stat(to).catch(() => undefined)) return local;
    await mkdir(folder, { recursive: true });
    if (made) await writeFile(to, made.text);
    else if (!(await fetched(file, to))) await rebuilt(file, to);
    return local;
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
