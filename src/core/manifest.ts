import { ReleaseError } from "../lib/errors.ts";
import type { Digest } from "../lib/hash.ts";
import type { Item, Pointer, TargetName } from "./target.ts";

/** A built file of the release, as it is called among the release's assets. */
export interface ReleaseFile {
  name: string;
  /** bytes */
  size: number;
  /** Of an image (an OCI layout folder, no asset): the digest of its index. */
  sha256: Digest;
  /** npm tarballs also have what npm reports: sha512 (integrity) and sha1 (shasum). */
  sha512?: Digest;
  sha1?: Digest;
  kind: "binary" | "wheel" | "sdist" | "npm" | "image" | "file";
  /** Its name in the registry: `@hanzo/playground`, `hanzo-playground`, `playground/control-plane`. */
  package?: string;
  /** `linux/amd64` where it is for one platform */
  platform?: string;
  /** What made it: name of the artifact in twotier.yaml. */
  artifact: string;
}

/** release.json: what the registries are to hold. Deterministic: the same inputs give the same bytes. */
export interface Manifest {
  schema: 1;
  name: string;
  /** owner/name */
  repository: string;
  tier: "staging" | "production";
  /** SemVer without prefix, PEP 440's spelling beside it */
  version: string;
  pythonVersion: string;
  tag: string;
  /** Full shas. */
  source: string;
  commit: string;
  /** Seconds since the epoch: the source commit's date, used for every timestamp inside artifacts. */
  epoch: number;
  /** The candidate that a production release finalises. */
  candidate: { tag: string; commit: string } | null;
  tools: Record<string, string>;
  files: ReleaseFile[];
  items: Item[];
  pointers: Pointer[];
  /** Left out on purpose, with the reason. */
  skipped: { target: TargetName; reason: string }[];
}

/** The bytes of release.json. */
export function encodeManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Reads release.json.
 *
 * @throws ReleaseError REGISTRY when it isn't one, REFUSED when it was written by a newer twotier.
 */
export function decodeManifest(text: string, where: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ReleaseError("REGISTRY", `${where} holds no readable manifest`, { cause });
  }
  const manifest = value as Partial<Manifest> & { schema?: unknown; needs?: unknown };
  if (typeof manifest !== "object" || manifest === null || typeof manifest.schema !== "number") {
    throw new ReleaseError("REGISTRY", `${where} holds no manifest`);
  }
  if (manifest.schema > 1) {
    throw new ReleaseError("REFUSED", `${where} was written by a newer twotier (manifest schema ${manifest.schema})`, {
      hint: "install the newest twotier: npm install --global twotier@latest",
    });
  }
  const strings = ["name", "repository", "tier", "version", "tag", "source", "commit"] as const;
  const lists = ["files", "items", "pointers", "skipped"] as const;
  for (const key of strings) if (typeof manifest[key] !== "string") throw broken(where, key);
  for (const key of lists) if (!Array.isArray(manifest[key])) throw broken(where, key);
  const texts = (entry: unknown, names: readonly string[]) =>
    typeof entry === "object" && entry !== null && names.every((key) => typeof entry[key as never] === "string");
  const { files = [], items = [], pointers = [], skipped = [] } = manifest;
  if (!files.every((one) => texts(one, ["name", "sha256", "kind", "artifact"]) && isPlain(one.name)))
    throw broken(where, "files");
  if (!items.every((one) => texts(one, ["target", "id", "digest", "file", "phase"]))) throw broken(where, "items");
  if (!pointers.every((one) => texts(one, ["target", "name", "itemId", "version"]))) throw broken(where, "pointers");
  if (!skipped.every((one) => texts(one, ["target", "reason"]))) throw broken(where, "skipped");
  return manifest as Manifest;
}

/** A name that stays in its folder: who may push may write a manifest, and files are fetched under these names. */
function isPlain(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\\p{Cc}]/u.test(name);
}

function broken(where: string, key: string): ReleaseError {
  return new ReleaseError("REGISTRY", `${where}: the manifest has no valid "${key}"`);
}
