import type { ReleaseFile } from "../../core/manifest.ts";
import { ReleaseError } from "../../lib/errors.ts";

/** "Each file included in a release must be under 2 GiB" (docs.github.com, "About releases"). */
export const maxAssetSize = 2 * 1024 ** 3;
/** Assets of one release (docs.github.com, "About releases"). */
export const maxAssets = 1000;

/**
 * Names that GitHub keeps as they are. It renames files with "special characters, non-alphanumeric characters, and
 * leading or trailing periods" (docs.github.com/rest/releases/assets) without saying which; a renamed asset can't be
 * found again. Letters, digits, `.`, `-`, `_` and an escaped `+` are known to stay (github/rest-api-description#2968).
 */
const kept = /^[A-Za-z0-9_+-]([A-Za-z0-9._+-]*[A-Za-z0-9_+-])?$/;

/**
 * Refuses what GitHub wouldn't take, or not under its name.
 *
 * @throws ReleaseError REFUSED
 */
export function checkAssets(files: readonly ReleaseFile[]): void {
  const findings: ReleaseError[] = [];
  const seen = new Set<string>();
  for (const file of files) {
    if (!kept.test(file.name)) {
      findings.push(
        new ReleaseError("REFUSED", `GitHub would rename the release asset ${JSON.stringify(file.name)}`, {
          hint: `let ${file.artifact} make a file name of A-Z a-z 0-9 . _ - + that neither begins nor ends with a period`,
        }),
      );
    }
    if (seen.has(file.name)) {
      findings.push(
        new ReleaseError("REFUSED", `two release assets are called ${file.name}`, {
          hint: "give one of the artifacts another name",
        }),
      );
    }
    seen.add(file.name);
    if (file.size >= maxAssetSize) {
      findings.push(
        new ReleaseError("REFUSED", `${file.name} is too large for a GitHub release`, {
          facts: { bytes: file.size, "less than": maxAssetSize },
          hint: `make ${file.artifact} smaller, or split it`,
        }),
      );
    }
  }
  if (files.length > maxAssets) {
    findings.push(
      new ReleaseError("REFUSED", `a GitHub release takes at most ${maxAssets} assets; this one has ${files.length}`, {
        hint: "pack files together",
      }),
    );
  }
  if (findings.length === 1) throw findings[0];
  if (findings.length > 1) {
    throw new ReleaseError("REFUSED", "GitHub can't take these release assets", {
      findings,
      hint: "each finding says what to do",
    });
  }
}
