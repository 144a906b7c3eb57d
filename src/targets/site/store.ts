import type { Finding, Io } from "../../core/target.ts";
import type { SiteFile } from "../../generate/site/index.ts";

/** A file as a store holds it. */
export interface StoredFile {
  bytes: Buffer;
  /** Tells this state of the file from every other: what a write compares. */
  mark: string;
}

/** A file to put, only if it still is what was read: a mark, or null where it wasn't there. */
export interface Change {
  file: SiteFile;
  expect: string | null;
}

/** Where the files of a site are kept. Paths are from the site's root, without a slash in front. */
export interface SiteStore {
  /** For messages. */
  readonly place: string;
  /** Past caches. @throws ReleaseError when it can't know; null is "not there" */
  read(path: string, io: Io): Promise<StoredFile | null>;
  /**
   * Puts files in this order; the last one counts only after all others are there.
   *
   * @returns "lost" when one wasn't as expected: then it and those after it are untouched
   */
  write(changes: readonly Change[], about: string, io: Io): Promise<"done" | "lost">;
  /** Names of folders at the root, for the versions it holds. */
  folders(io: Io): Promise<string[]>;
  /** As a user gets it, without credentials. */
  fetch(path: string, io: Io): Promise<Buffer | null>;
  /** Credentials and rights; writes nothing. */
  preflight(io: Io): Promise<Finding[]>;
}
