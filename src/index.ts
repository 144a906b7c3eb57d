/**
 * twotier as a library: the errors it throws and the shapes it reads and writes. `twotier --json` prints the same ones.
 * Whoever wants a release runs the command.
 */
export { decodeManifest, encodeManifest, type Manifest, type ReleaseFile } from "./core/manifest.ts";
export type { Item, Phase, Pointer, Seen, TargetName } from "./core/target.ts";
export { type ErrorCode, errorCodes, exitCodeOf, ReleaseError } from "./lib/errors.ts";
export type { Digest } from "./lib/hash.ts";
export { productVersion as version } from "./lib/product.ts";
