/** An action of GitHub's own at one commit. */
export interface Pin {
  /** Full sha of the commit that the tag was on. */
  sha: string;
  version: string;
}

/**
 * The actions that generated workflows use, pinned by commit: a tag can be moved (tj-actions, March 2025). The shas are
 * those of the tags in each repository, read with `git rev-parse TAG^{commit}` in November 2026.
 */
export const pins = {
  "actions/checkout": { sha: "3d3c42e5aac5ba805825da76410c181273ba90b1", version: "v7.0.1" },
  "actions/setup-node": { sha: "820762786026740c76f36085b0efc47a31fe5020", version: "v7.0.0" },
  "actions/setup-go": { sha: "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e", version: "v7.0.0" },
  "actions/setup-python": { sha: "5fda3b95a4ea91299a34e894583c3862153e4b97", version: "v7.0.0" },
  "actions/upload-artifact": { sha: "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", version: "v7.0.0" },
  "actions/download-artifact": { sha: "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", version: "v8.0.1" },
} as const satisfies Record<string, Pin>;

export type PinnedAction = keyof typeof pins;

/** `actions/checkout@SHA # v7.0.1`, the value of `uses`. */
export function pinned(action: PinnedAction): string {
  const { sha, version } = pins[action];
  return `${action}@${sha} # ${version}`;
}
