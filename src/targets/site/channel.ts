import type { Io } from "../../core/target.ts";
import { generator, type SiteFile } from "../../generate/site/index.ts";
import { compareVersions, parseVersion, type Version } from "../../version/version.ts";
import type { Change, SiteStore, StoredFile } from "./store.ts";

/**
 * The version that a channel's files say: both, or the lower one, so that a channel that was left half-way is finished.
 * A file that says none counts as missing; it is replaced.
 */
export function readChannel(files: ReadonlyMap<string, StoredFile | null>): string | null {
  const said = [...files].map(([path, file]) => (file === null ? null : versionIn(path, file.bytes.toString("utf8"))));
  const versions = said.map((text) => (text === null ? null : parseVersion(text)));
  if (versions.some((version) => version === null)) return null;
  const [first = null, ...rest] = said;
  return rest.reduce((low, text) => (compare(text, low) < 0 ? text : low), first);
}

function compare(a: string | null, b: string | null): number {
  return compareVersions(parseVersion(a ?? "") as Version, parseVersion(b ?? "") as Version);
}

function versionIn(path: string, text: string): string | null {
  if (path.endsWith(".txt")) return text.trim();
  try {
    const document = JSON.parse(text) as { version?: unknown } | null;
    return typeof document?.version === "string" ? document.version : null;
  } catch {
    return null;
  }
}

/**
 * The shared files that aren't there as they should be.
 *
 * @param replace false: only those that are missing altogether
 */
export async function changesOf(
  files: readonly SiteFile[],
  replace: boolean,
  store: SiteStore,
  io: Io,
): Promise<Change[]> {
  const changes = await Promise.all(
    files.map(async (file): Promise<Change[]> => {
      const there = await store.read(file.path, io);
      if (there === null) return [{ file, expect: null }];
      const text = there.bytes.toString("utf8");
      if (!replace || text === file.text) return [];
      // A page that somebody wrote themselves is theirs.
      if (file.path === "index.html" && !text.includes(generator)) return [];
      return [{ file, expect: there.mark }];
    }),
  );
  return changes.flat();
}
