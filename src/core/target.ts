import type { Statement } from "../lib/attestation.ts";
import type { Digest } from "../lib/hash.ts";
import type { Http } from "../lib/http.ts";
import type { ReleaseFile } from "./manifest.ts";

/** Names a target may have (two-tier.md, "Words"). */
export const targetNames = ["npm", "pypi", "docker", "github", "go", "site"] as const;
export type TargetName = (typeof targetNames)[number];

/**
 * When an item is written (two-tier.md, "One release, step by step"):
 * - `stage`: hidden and reversible, before the seal (draft assets, image content by digest)
 * - `hidden`: after the seal, spent for ever, but no user follows it (npm under a quiet dist-tag)
 * - `public`: visible at once (PyPI)
 * - `tag`: names that are kept for ever (Go module tags, image version tags, npm with its final tag)
 */
export const phases = ["stage", "hidden", "public", "tag"] as const;
export type Phase = (typeof phases)[number];

/** An immutable thing that a registry is to hold. */
export interface Item {
  target: TargetName;
  /** Unique within its target, in the registry's own spelling: `@hanzo/playground@0.1.19`, a file name, `repo:tag`, a git tag. */
  id: string;
  /** In the algorithm that the registry itself reports. */
  digest: Digest;
  /** Name of the release file that holds its bytes; "" where the target needs none (an image tag, a git tag). */
  file: string;
  phase: Phase;
  /** Ids of items of the same target that come first (wheels before the sdist). */
  after?: string[];
}

/** A mutable name that selects an item. `target` + `name` is unique. */
export interface Pointer {
  target: TargetName;
  /** `@hanzo/playground@next`, `playground/control-plane:latest`, `latest` */
  name: string;
  /** The item it is to select. */
  itemId: string;
  /** The version it then stands for, to compare with the one it stands for now. */
  version: string;
}

/** What a registry holds. Unknown is never "absent": observe throws instead. */
export type Seen =
  | { state: "absent" }
  | { state: "pending" | "staged" | "present" | "retracted"; digest?: Digest; note?: string; marks?: Mark[] };

/** What a registry says it holds in its answer to a write. */
export type Told = { state: "staged" | "present"; digest: Digest };

/** What a registry says of a version besides its bytes; read by `observe`, where the registry has such marks. */
export type Mark = "pre-release" | "yanked" | "deprecated";

/** What a finding is about; doctor says why each matters (src/doctor/why.ts). */
export type Topic =
  | "token"
  | "rights"
  | "name"
  | "unclaimed"
  | "new"
  | "repository"
  | "limit"
  | "place"
  | "unreachable"
  | "missing"
  | "workflow";

/** One finding of preflight; all are reported at once. `error` stops the release, `warning` doesn't. */
export interface Finding {
  level: "error" | "warning";
  target: TargetName | "git" | "tools" | "config";
  topic: Topic;
  message: string;
  hint: string;
  /** What `release` can do about it itself, when asked (`--claim`). */
  remedy?: "claim";
}

export type Event =
  | { type: "step"; step: string; state: "start" | "done" | "skipped"; detail?: string }
  | {
      type: "item";
      target: TargetName;
      id: string;
      state: "publish" | "present" | "staged" | "pending" | "promote" | "verify";
      bytes?: number;
      ms?: number;
    }
  | { type: "pointer"; target: TargetName; name: string; from: string | null; to: string }
  | { type: "progress"; target: string; id: string; sent: number; total: number }
  | { type: "wait"; for: string; seconds: number }
  | { type: "retry"; what: string; attempt: number; because: string; seconds: number }
  | { type: "note" | "warning"; message: string }
  | { type: "output"; from: string; line: string };

/** The one seam for tests and faults. */
export interface Io {
  http: Http;
  signal: AbortSignal;
  now(): Date;
  /** Resolves after `ms` milliseconds, or rejects when `signal` is aborted. */
  sleep(ms: number): Promise<void>;
  emit(event: Event): void;
  /**
   * Begins a time limit: unless what it returns is called within so many seconds, `signal` is aborted. Left out: no limit.
   */
  limit?(what: string, seconds: number): () => void;
}

/** A release file on this machine, ready to be streamed. */
export interface LocalFile {
  path: string;
  /** bytes */
  size: number;
  sha256: Digest;
}

/** Finds the bytes of a release file: built here, or fetched back from the staging place. */
export type Files = (name: string) => Promise<LocalFile>;

/** What is known of a release that is taken back. */
export interface Retracted {
  tier: "staging" | "production";
  /** SemVer without prefix */
  version: string;
  tag: string;
  /** The version that users get instead, where there is one. */
  instead: string | null;
  /** True: its git tags go too. */
  deleteTag: boolean;
}

/**
 * One thing about a release that is taken back, as read from its registry.
 * - `done`: nothing is left to do
 * - `todo`: `Undo.run` does it
 * - `manual`: only a person can do it
 * - `kept`: it stays, because it can't be undone or because others count on it
 * - `unknown`: its registry couldn't be read; nothing is done about it now
 */
export interface UndoAction {
  target: TargetName;
  /** In the registry's own spelling: `@hanzo/playground@0.1.19-rc.1`, `repo:tag`, a git tag. */
  id: string;
  way: "delete" | "unpublish" | "deprecate" | "demote" | "yank" | "retract";
  state: "done" | "todo" | "manual" | "kept" | "unknown";
  /** What was read back, what will be done, what a person has to do and where, or why it stays. */
  text: string;
}

/** Taking back a release in one registry (rollback). */
export interface Undo {
  /** Reads only. After `run` it is the read-back. */
  plan(items: readonly Item[], about: Retracted, io: Io): Promise<UndoAction[]>;
  /** Does one action whose state is `todo`. Done twice it does no harm. */
  run(action: UndoAction, about: Retracted, io: Io): Promise<void>;
}

/** What a release means to a target, beyond its items: given once, when the target is made for that release. */
export interface ReleaseContext {
  name: string;
  /** owner/name */
  repository: string;
  tier: "staging" | "production";
  /** SemVer without `v` */
  version: string;
  tag: string;
  /** Full sha of the release commit. */
  commit: string;
}

/**
 * A hidden place that keeps the release's files between staging and publication, so that another machine can go on:
 * a GitHub draft, an OCI artifact, or a folder (then only this machine can).
 */
export interface Staging {
  /** True where items of this target's `stage` phase are the staged files themselves (draft assets). */
  readonly holdsAssets: boolean;
  /** Makes a new place and uses it. Returns its id, which the seal records. */
  create(io: Io): Promise<string>;
  /** Uses a place that a seal names. */
  use(id: string): void;
  /** Ids of all places for this release's tag that aren't public. */
  list(io: Io): Promise<string[]>;
  /** Deletes a place; one that is gone already is fine. */
  discard(id: string, io: Io): Promise<void>;
  /** Left out where `holdsAssets`: there the engine publishes the items of phase `stage`. */
  put?(name: string, file: LocalFile, io: Io): Promise<void>;
  /** Writes the file's bytes to `to`. The caller compares digests. @throws ReleaseError REGISTRY when it isn't there. */
  fetch(name: string, to: string, io: Io): Promise<void>;
}

/** What a repository's settings are looked at for. */
export interface Surroundings {
  /** The branch that is released from. */
  branch: string;
  /** A production release pushes its bookkeeping to it. */
  pushes: boolean;
  /** A tag that the next release may have. */
  tag: string;
  /** Tags of releases, begun ones included. */
  taken: ReadonlySet<string>;
  /** Tag of the newest release whose files users get; null where there is none. */
  newest: string | null;
  /** Secrets that workflows name. */
  secrets: readonly string[];
}

/** What is found beyond preflight. A `note` is for information: nothing needs doing. */
export interface Remark {
  level: "error" | "warning" | "note";
  /** Names the kind of finding: docs/doctor.md explains each. */
  code: RemarkCode;
  message: string;
  hint: string;
}

export type RemarkCode =
  | "branch-rules"
  | "tag-rules"
  | "immutable-releases"
  | "orphan-draft"
  | "checksums"
  | "secret-missing"
  | "pypi-rights";

/** One registry. Made with its options, which hold a ReleaseContext once the release is known. */
export interface Target {
  readonly name: TargetName;
  /** Which items and pointers these files make here. Pure: `plan` calls it with files that aren't built yet (digest `sha256:`). */
  expect(files: readonly ReleaseFile[], release: ReleaseContext): { items: Item[]; pointers: Pointer[] };
  /** Credentials, rights, names. Writes nothing. Returns all findings; throws only when it can't ask. */
  preflight(io: Io): Promise<Finding[]>;
  /** Settings and leftovers that no single release stops at, for doctor. Reads only. */
  inspect?(about: Surroundings, io: Io): Promise<Remark[]>;
  /** Whether the CI run at this address goes on; null where that isn't known. */
  running?(run: string, io: Io): Promise<boolean | null>;
  /** Versions this registry holds of our packages, in SemVer spelling, deleted ones that are still spent included where it says so. One read. */
  versions(io: Io): Promise<string[]>;
  /** Read-only. @throws ReleaseError NETWORK, AUTH, REGISTRY when it can't know. */
  observe(item: Item, io: Io): Promise<Seen>;
  /**
   * The phase in which this credential can publish an item, where that isn't the sealed one: a release may go on under
   * another credential than it began with.
   */
  phaseOf?(item: Item): Phase;
  /**
   * Only when absent. Returns when the registry has answered; the caller reads back.
   * @returns what the registry's answer says, where it tells the digest: then a wave of writes is read back once, at its end
   */
  publish(item: Item, files: Files, io: Io): Promise<Told | undefined>;
  /**
   * Items that are missing, but that the registry takes no more, though it has others of the release. Reads only.
   *
   * @param missing what would be published
   * @returns those items, and why
   */
  closed?(missing: readonly Item[], io: Io): Promise<{ items: Item[]; why: string } | null>;
  /** staged -> public */
  promote?(io: Io): Promise<void>;
  /** As an installer would get it, without credentials; pending while it can't be had yet. */
  verify(item: Item, io: Io): Promise<Seen>;
  /** Signed statements that the registry holds about an item, provenance among them; none is []. Signatures aren't checked. */
  attestations?(item: Item, io: Io): Promise<Statement[]>;
  readonly undo?: Undo;
  /** Where users get it from: the address of the registry or index, HOST:PORT of an image registry, the server of a repository. */
  readonly address?: string;
  /** The CI run that released a commit, and what started it (`push`); null where none is to be seen. */
  runOf?(commit: string, io: Io): Promise<{ event: string; url: string } | null>;
  /** When the release became public, where the registry says so; null while it isn't. */
  publishedAt?(io: Io): Promise<Date | null>;
  /** Takes the names of packages that don't exist yet, by a placeholder that counts as no release (npm). Returns them. */
  claim?(io: Io): Promise<string[]>;
  /** Left out where there are none (PyPI). */
  readonly pointers?: PointerStore;
  readonly staging?: Staging;
  readonly page?: Page;
}

/** What people read about a release that is public. */
export interface Page {
  /** Its text; null where there is none yet. */
  read(io: Io): Promise<string | null>;
  /** Changes the text and nothing else. */
  write(text: string, io: Io): Promise<void>;
}

export interface PointerStore {
  /** The version (SemVer) that a pointer selects now; null where it doesn't exist. Read past caches. */
  read(name: string, io: Io): Promise<string | null>;
  write(pointer: Pointer, io: Io): Promise<void>;
  /** False where this credential can't move it to what it is to select, nor any publish does. Left out: all can be moved. */
  movable?(pointer: Pointer): boolean;
  /** Whether the registry lets go of a pointer altogether; left out: of none (npm's `latest` can only be moved). */
  removable?(name: string): boolean;
  /** Takes a pointer away; one that isn't there is fine. */
  remove?(name: string, io: Io): Promise<void>;
}
