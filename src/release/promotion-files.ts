import type { ReleaseFile } from "../core/manifest.ts";

/** Names of the proof's files among the release's assets. */
export const promotionFiles = ["promotion.json", "promotion.md"] as const;

/** The proof's files as a plan expects them, before anything is built. */
export function expectedPromotion(): ReleaseFile[] {
  return promotionFiles.map((name) => ({ name, size: 0, sha256: "sha256:", kind: "file", artifact: "twotier" }));
}
