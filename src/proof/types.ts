import type { TargetName } from "../core/target.ts";
import type { Digest } from "../lib/hash.ts";

/**
 * How one thing of the stable release stands to the same thing of its candidate:
 * - `same`: the same bytes
 * - `version`: they differ in the spelling of version and commit alone
 * - `stamped`: a file of the two trees whose difference the comparison of the trees explains (CHANGELOG.md)
 * - `derived`: digests and sizes of other entries, which are right (a wheel's RECORD, an image's diff_ids)
 * - `compiled`: machine code; same inputs, same tools, and this machine reproduced the candidate's
 * - `differs`: nothing explains it
 */
export type Verdict = "same" | "version" | "stamped" | "derived" | "compiled" | "differs";

/** One entry of an archive, one file of a tree, or "" for a file as a whole. */
export interface Difference {
  entry: string;
  verdict: Exclude<Verdict, "same">;
  /** What differs, in words. */
  note: string;
}

/** A file of the stable release beside the candidate's. */
export interface ComparedFile {
  name: string;
  /** Name of the candidate's; null: it has none. */
  candidate: string | null;
  verdict: Verdict;
  /** Entries that are the same on both sides; 1 for a file that is no archive. */
  same: number;
  differences: Difference[];
}

/** A file of the candidate, built again here, beside what was sealed and tested. */
export interface RebuiltFile {
  name: string;
  /** Null: this build didn't make it. */
  rebuilt: Digest | null;
  /** Null: the candidate has no such file. */
  tested: Digest | null;
  reproduced: boolean;
  /** What a builder that isn't reproducible made differently. */
  differences: Difference[];
}

/** An item of the candidate as its registry holds it now. */
export interface HeldItem {
  target: TargetName;
  id: string;
  expected: Digest;
  /** Null: the registry doesn't hold it, or doesn't say its digest. */
  found: Digest | null;
  /** `present`, or why it can't be compared. */
  state: string;
  same: boolean;
}

/** promotion.json: what makes a stable release the thing that was tested. Deterministic, without dates. */
export interface Promotion {
  schema: 1;
  name: string;
  /** owner/name */
  repository: string;
  /** SemVer without prefix. */
  version: string;
  tag: string;
  /** Full shas. */
  source: string;
  commit: string;
  candidate: { tag: string; version: string; commit: string };
  verdict: "proven" | "accepted";
  /** Reason given with `--accept-differences`; null where nothing had to be accepted. */
  accepted: string | null;
  /** What nothing explains, in sentences; empty where `verdict` is "proven". */
  unexplained: string[];
  /** Who released it, where a condition asks for an approver. */
  approver: string | null;
  tools: Record<string, string>;
  /** Null where the candidate was released by another tool: then the rest is empty. */
  candidateTools: Record<string, string> | null;
  registries: HeldItem[];
  rebuilt: RebuiltFile[];
  tree: Difference[];
  files: ComparedFile[];
}
