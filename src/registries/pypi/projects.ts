import path from "node:path";
import { openStore } from "../store.ts";
import { normalizedName } from "./rules.ts";

export interface Project {
  /** As first uploaded. */
  name: string;
  owner: string;
  serial: number;
  /** By normalised version. */
  releases: Record<string, Release>;
  /** File names that were deleted: spent for ever. */
  spent: string[];
}

export interface Release {
  /** ISO date of its first file. */
  created: string;
  metadata: Record<string, string | string[]>;
  files: StoredFile[];
  /** Reason, "" without one. */
  yanked: string | null;
}

export interface StoredFile {
  filename: string;
  /** bytes */
  size: number;
  sha256: string;
  md5?: string;
  filetype: "bdist_wheel" | "sdist";
  pyversion: string;
  requiresPython?: string;
  /** ISO date */
  uploaded: string;
  /** sha256 of its METADATA (PEP 658); wheels only */
  metadataSha256?: string;
  /** Its provenance object (PEP 740). */
  provenance?: unknown;
}

/** All projects of one index. */
export interface Index {
  get(name: string): Project | undefined;
  all(): Project[];
  serial(): number;
  /** Replaces a project by what `edit` makes of it (or of an empty one). */
  change(name: string, owner: string, edit: (project: Project) => Project): Promise<Project>;
  /** Where a file's bytes are. */
  pathOf(sha256: string, filename: string): string;
  /** Any file with these bytes. */
  fileWith(sha256: string): StoredFile | undefined;
}

export async function openIndex(state: string): Promise<Index> {
  const store = await openStore<Project>(path.join(state, "projects"));
  const all = () => store.keys().map((key) => store.get(key) as Project);
  const serial = () => all().reduce((highest, project) => Math.max(highest, project.serial), 0);
  return {
    get: (name) => store.get(normalizedName(name)),
    all,
    serial,
    async change(name, owner, edit) {
      const key = normalizedName(name);
      const project = edit(store.get(key) ?? { name, owner, serial: 0, releases: {}, spent: [] });
      const changed = { ...project, serial: serial() + 1 };
      await store.put(key, changed);
      return changed;
    },
    pathOf: (sha256, filename) =>
      path.join(state, "files", sha256.slice(0, 2), sha256.slice(2), encodeURIComponent(filename)),
    /** Any file with these bytes. */
    fileWith(sha256) {
      const files = all().flatMap((project) => Object.values(project.releases).flatMap((release) => release.files));
      return files.find((file) => file.sha256 === sha256);
    },
  };
}
