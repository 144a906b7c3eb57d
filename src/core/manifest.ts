import { ReleaseError } from "../lib/errors.ts";
import { type Digest, isHexDigest } from "../lib/hash.ts";
import { type Item, type Pointer, phases, type TargetName, targetNames } from "./target.ts";

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
 * Reads release.json. Who may push may write one: ids and names in it become addresses, refs, arguments and file names.
 *
 * @throws ReleaseError REGISTRY when it isn't one, REFUSED when it was written by a newer twotier.
 */
export function decodeManifest(text: string, where: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ReleaseError("REGISTRY", `${where} holds no readable manifest`, { cause, hint: byHand });
  }
  const manifest = value as Partial<Manifest> & { schema?: unknown; needs?: unknown };
  if (typeof manifest !== "object" || manifest === null || typeof manifest.schema !== "number") {
    throw new ReleaseError("REGISTRY", `${where} holds no manifest`, { hint: byHand });
  }
  if (manifest.schema > 1) {
    throw new ReleaseError("REFUSED", `${where} was written by a newer twotier (manifest schema ${manifest.schema})`, {
      hint: "install the newest twotier: npm install --global twotier@latest",
    });
  }
  for (const [key, isRight] of Object.entries(parts)) {
    if (!isRight(manifest[key as keyof Manifest])) throw broken(where, key);
  }
  const { version = "", tag = "", tier } = manifest as Manifest;
  if (!tag.includes(version)) throw broken(where, "tag");
  if ((tier === "staging") !== version.includes("-")) throw broken(where, "tier");
  return manifest as Manifest;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string" && !/\p{Cc}/u.test(value);
/** One word: no blank, nothing that a line could end with. */
const isWord: Check = (value) => isText(value) && /^\S+$/u.test(value as string);
/** Neither an option of git nor more than one ref. */
const isTag: Check = (value) => isWord(value) && !/^[-+]|[:~^?*[\\]|\.\.|@\{/.test(value as string);
const isSha: Check = (value) => typeof value === "string" && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(value);
const isDigest: Check = (value) => typeof value === "string" && isHexDigest(value);
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isVersion: Check = (value) => typeof value === "string" && /^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(value);
/** A name that stays in its folder: files are fetched under these names. */
const isPlain: Check = (value) => isText(value) && !/^\.{0,2}$|[/\\]/.test(value as string);
const oneOf =
  (...all: readonly string[]): Check =>
  (value) =>
    all.includes(value as string);
const orMissing =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shaped =
  (shape: Record<string, Check>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(shape).every(([key, check]) => check((value as Record<string, unknown>)[key]));

const isTarget = oneOf(...targetNames);

/** What each part of a manifest must be. */
const parts: Record<Exclude<keyof Manifest, "schema">, Check> = {
  name: isText,
  repository: isText,
  tier: oneOf("staging", "production"),
  version: isVersion,
  pythonVersion: (value) => value === "" || isWord(value),
  tag: isTag,
  source: isSha,
  commit: isSha,
  epoch: isCount,
  candidate: (value) => value === null || shaped({ tag: isTag, commit: isSha })(value),
  tools: (value) => shaped({})(value) && Object.values(value as object).every((one) => typeof one === "string"),
  files: listOf(
    shaped({
      ...{ name: isPlain, size: isCount, sha256: isDigest, artifact: isPlain },
      ...{ sha512: orMissing(isDigest), sha1: orMissing(isDigest) },
      ...{ package: orMissing(isWord), platform: orMissing(isWord) },
      kind: oneOf("binary", "wheel", "sdist", "npm", "image", "file"),
    }),
  ),
  items: listOf(
    shaped({
      ...{ target: isTarget, id: isWord, digest: isDigest, phase: oneOf(...phases) },
      file: (value) => value === "" || isPlain(value),
      after: orMissing(listOf(isWord)),
    }),
  ),
  pointers: listOf(shaped({ target: isTarget, name: isWord, itemId: isWord, version: isVersion })),
  skipped: listOf(shaped({ target: isTarget, reason: (value) => typeof value === "string" })),
};

const byHand =
  "somebody wrote or changed it by hand: look at it with `git cat-file tag TAG`, and delete what isn't a release";

function broken(where: string, key: string): ReleaseError {
  return new ReleaseError("REGISTRY", `${where}: the manifest has no valid "${key}"`, { hint: byHand });
}
