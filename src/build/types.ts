import type { Artifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import type { Io } from "../core/target.ts";

export interface BuildOptions {
  /** Folder with a checkout of the release commit; builders may leave files in it (`withWorktree` makes one). */
  tree: string;
  artifacts: readonly Artifact[];
  /** Names of the artifacts to build; the others' files may be in `out` already. Default: all. */
  only?: readonly string[];
  /** SemVer without prefix, e.g. `0.1.19-rc.1` */
  version: string;
  /** PEP 440's spelling of it: `0.1.19rc1` */
  pythonVersion: string;
  tag: string;
  /** Full sha of the release commit. */
  commit: string;
  /** Seconds since the epoch: date of the source commit. */
  epoch: number;
  /** owner/name, for the images' source label. */
  repository: string;
  /** Folder for the built files; made if it isn't there. Binaries already in it serve images whose go artifact isn't built here. */
  out: string;
  io: Pick<Io, "signal" | "emit">;
  /**
   * Only binaries for these platforms (`linux/amd64`), and images that need no others; of artifacts that have no platforms
   * only those that `only` names. Default: everything.
   */
  platforms?: readonly string[];
}

export interface BuildResult {
  /** In the order of the artifacts, each with its digests. */
  files: ReleaseFile[];
  /** What built them: `{go: "go1.26.8", npm: "11.19.1", ...}`. */
  tools: Record<string, string>;
  /** Sentences about what may surprise, none of which stopped the build. */
  findings: string[];
}

/** What one builder gets: the options, and a folder of its own that is removed afterwards. */
export interface BuildContext extends BuildOptions {
  /** Empty folder outside of the tree. */
  temp: string;
  /** Adds to BuildResult.tools. */
  tool(name: string, version: string): void;
  /** Adds to BuildResult.findings. */
  finding(sentence: string): void;
  /** Says that a binary is in `out`. */
  ready(artifact: string, platform: string): void;
  /** Resolves when a go artifact's binary for that platform is in `out`; at once where it isn't built here. */
  built(artifact: string, platform: string): Promise<void>;
  /** Runs `work` once for all builders that ask with the same key. */
  once(key: string, work: () => Promise<void>): Promise<void>;
}
