import type { TargetName } from "../core/target.ts";

/** One thing that was looked at, as it was found. */
export interface Row {
  target: TargetName | "git";
  what:
    | "tag"
    | "commit"
    | "version"
    | "source"
    | "trigger"
    | "lock"
    | "item"
    | "mark"
    | "checksums"
    | "provenance"
    | "pointer"
    | "retraction"
    | "install";
  id: string;
  /**
   * `pending`: not yet, but it may come by itself or by a person. `unproven`: nothing says so, and nothing has to.
   * `unknown`: it couldn't be read. `skipped`: it was left out on purpose, and `remedy` adds it.
   */
  state: "ok" | "differs" | "missing" | "pending" | "unproven" | "unknown" | "skipped";
  text: string;
  expected?: string;
  found?: string;
  remedy?: string;
  /** The box of the release process's "Verify" lists that it ticks. */
  box?: string;
}

/** `twotier verify --json` */
export interface Verification {
  schema: 1;
  name: string;
  version: string;
  tag: string;
  tier: "staging" | "production";
  /** `sealed`: compared with its manifest. `foreign`: another tool released it, there are no digests. `begun`: nothing of it is promised. */
  kind: "sealed" | "foreign" | "begun";
  retracted: boolean;
  rows: Row[];
}

/** Whether a row says that something isn't as it should be, or isn't known. */
export function isWrong({ state }: Row): boolean {
  return state !== "ok" && state !== "unproven" && state !== "skipped";
}

/** 0: all as it should be; 3: something differs or is pending; 1: something couldn't be read. */
export function exitCodeOfRows(rows: readonly Row[]): 0 | 1 | 3 {
  if (rows.some((row) => row.state === "unknown")) return 1;
  return rows.some(isWrong) ? 3 : 0;
}
