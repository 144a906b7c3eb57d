import type { Config, ResolvedArtifacts, Tree } from "../config/types.ts";
import type { Io, Target, Topic } from "../core/target.ts";
import type { Refs } from "../git/refs.ts";
import { inItsWords, type ReleaseError } from "../lib/errors.ts";
import type { Session } from "../release/session.ts";
import type { Standing } from "../release/standing.ts";

/** Kinds of findings; docs/doctor.md has a section for each. */
export const codes = [
  "config",
  "uncommitted",
  "refused",
  "tool-missing",
  "tool-old",
  "unreachable",
  "token",
  "rights",
  "name",
  "npm-unclaimed",
  "npm-latest",
  "pypi-new",
  "pypi-rights",
  "repository",
  "rate-limit",
  "site-place",
  "branch-rules",
  "tag-rules",
  "immutable-releases",
  "secret-missing",
  "secret-unnamed",
  "orphan-draft",
  "unfinished",
  "no-candidate",
  "checksums",
  "drift",
  "trigger-misses",
  "unstamped",
  "action-unpinned",
  "workflow",
  "path-filter",
  "workflow-files",
  "notify",
] as const;
export type Code = (typeof codes)[number];

/** What a finding of preflight is called here. */
export const codeOfTopic: Record<Topic, Code> = {
  token: "token",
  rights: "rights",
  name: "name",
  unclaimed: "npm-unclaimed",
  new: "pypi-new",
  repository: "repository",
  limit: "rate-limit",
  place: "site-place",
  unreachable: "unreachable",
  missing: "tool-missing",
  workflow: "workflow-files",
};

/** `error`: a release would fail or be refused. `warning`: it would work, and something is wrong. `note`: nothing needs doing. */
export type Level = "error" | "warning" | "note";

/** One thing that a check found. */
export interface Found {
  code: Code;
  level: Level;
  what: string;
  /** A sentence, best with a command. */
  remedy: string;
}

/** The same with the reason why it matters (why.ts). */
export interface Trouble extends Found {
  why: string;
}

/** An error as a finding. */
export function asFound(error: ReleaseError, code: Code): Found {
  return { code, level: "error", what: inItsWords(error), remedy: error.hint ?? "run the same command again" };
}

/** What was looked at. */
export interface Check {
  name: string;
  state: "ok" | "found" | "skipped";
  /** What is there, or why it wasn't looked at. */
  text: string;
}

/** `twotier doctor --json` */
export interface Diagnosis {
  schema: 1;
  name: string | null;
  checks: Check[];
  findings: Trouble[];
}

/** What the checks look at. */
export interface Subject {
  /** Folder with twotier.yaml. */
  dir: string;
  tree: Tree;
  config: Config;
  resolved: ResolvedArtifacts;
  session: Session;
  /** Of the remote. */
  refs: Refs;
  /** True: the remote wasn't asked, its refs are those that this clone last saw. */
  stale: boolean;
  standing: Standing;
  /** Name of the branch that is released from. */
  branch: string;
  targets: readonly Target[];
  /** True: no registry is asked. */
  offline: boolean;
  io: Io;
  /** What an environment variable says. */
  variable(name: string): string | undefined;
}

/** What a check found. */
export interface Result {
  found: Found[];
  /** What is there, for people. */
  text: string;
  /** True: there is nothing of the kind, or it wasn't asked for. */
  skipped?: boolean;
}
