import type { Tier } from "../core/plan.ts";

/** What happened, as those who are told see it. */
export interface Outcome {
  event: "staging" | "production" | "failure";
  name: string;
  /** owner/name */
  repository: string;
  tier: Tier;
  /** SemVer without prefix; null where a failed run hadn't got that far. */
  version: string | null;
  tag: string | null;
  /** The release's page; null where there is none. */
  url: string | null;
  /** Subjects of the changes, newest first. */
  notes: readonly string[];
  /** What registries accepted and don't hand out yet. */
  pending: readonly string[];
  error: { code: string; message: string; hint: string } | null;
  /** The CI run's address, or machine and process. */
  run: string;
}
