/** What may be told: a candidate, a stable release, a release that failed. */
export const notifyEvents = ["staging", "production", "failure"] as const;

/** Names that the template of a notification may hold in braces. */
export const placeholders = [
  "name",
  "repository",
  "tier",
  "version",
  "tag",
  "url",
  "notes",
  "pending",
  "error",
  "hint",
  "run",
] as const;
