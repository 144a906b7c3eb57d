import { decodeManifest, encodeManifest, type Manifest } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";

/** Where the staged files of a sealed release are kept: `github:123`, `docker:repo@sha256:...`, `local:FOLDER`. */
export interface Seal {
  manifest: Manifest;
  staging: { target: string; id: string };
}

const trailer = "Twotier-Staging: ";

/** Message of the annotated tag that seals a release: a title for people, the manifest, the staging place. */
export function encodeSeal({ manifest, staging }: Seal): string {
  return `${manifest.name} ${manifest.version}\n\n${encodeManifest(manifest)}\n${trailer}${staging.target}:${staging.id}\n`;
}

/**
 * Reads a tag's message.
 *
 * @returns null when another tool made the tag (it carries no manifest)
 * @throws ReleaseError REGISTRY, REFUSED as decodeManifest
 */
export function decodeSeal(message: string, tag: string): Seal | null {
  const start = message.search(/^\{$/m);
  const end = message.lastIndexOf(`\n${trailer}`);
  if (start < 0 || end < start) return null;
  const manifest = decodeManifest(message.slice(start, end), `tag ${tag}`);
  if (manifest.tag !== tag) {
    throw new ReleaseError("REGISTRY", `tag ${tag} carries the manifest of ${manifest.tag}`, {
      hint: "somebody copied a tag; delete the copy, or release the next number",
    });
  }
  const place = message.slice(end + 1 + trailer.length).trim();
  const colon = place.indexOf(":");
  return { manifest, staging: { target: place.slice(0, colon), id: place.slice(colon + 1) } };
}
