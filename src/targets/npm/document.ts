import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { ReleaseError } from "../../lib/errors.ts";
import { type Digest, hexOf, toIntegrity } from "../../lib/hash.ts";
import { readTarGz } from "../../lib/tar-gz.ts";

export interface PublishOptions {
  name: string;
  version: string;
  /** The tarball. */
  path: string;
  /** bytes */
  size: number;
  /** Expected sha512 of the tarball; the upload breaks off where the bytes have another one. */
  sha512: Digest;
  /** dist-tag that the registry is to set. */
  tag: string;
  access: "public" | "restricted";
  /** The registry's address, without a slash at the end. */
  registry: string;
  /** Full sha of the commit it was built from. */
  gitHead?: string;
}

/** A request body of known length that is made while it is sent. */
export interface StreamedBody {
  /** bytes */
  length: number;
  open(): AsyncIterable<Uint8Array>;
}

/** Bytes read at once, into the same memory. */
const blockSize = 3 << 18;
/** Bytes encoded at once: divisible by 3, so that each piece is base64 of its own, and small enough for V8's young heap. */
const pieceSize = 3 << 14;

/**
 * The document of `PUT /NAME` (registry-facts.md, npm; libnpmpublish's buildMetadata), with the tarball as base64 streamed
 * from disk. The version comes after the attachment, so that sha1 and sha512 are taken from the bytes as they pass by.
 *
 * @throws ReleaseError BUILD when the tarball has no readable package.json, or one with another name or version
 */
export async function publishDocument(options: PublishOptions): Promise<StreamedBody> {
  const { name, version, path, size, sha512, tag, access, registry } = options;
  const manifest = await readManifest(options);
  const tarball = `${name}-${version}.tgz`;
  const head = {
    _id: name,
    name,
    description: manifest.description,
    "dist-tags": { [tag]: version },
    access: name.startsWith("@") ? access : undefined,
  };
  const start = `${JSON.stringify(head).slice(0, -1)},"_attachments":{${JSON.stringify(tarball)}:{"content_type":"application/octet-stream","length":${size},"data":"`;
  const end = (shasum: string) => {
    const dist = { integrity: toIntegrity(sha512), shasum, tarball: `${registry}/${name}/-/${tarball}` };
    return `"}},"versions":${JSON.stringify({ [version]: { ...manifest, dist } })}}`;
  };
  const length = Buffer.byteLength(start) + 4 * Math.ceil(size / 3) + Buffer.byteLength(end("0".repeat(40)));
  async function* body() {
    const sha1 = createHash("sha1");
    const strong = createHash("sha512");
    yield Buffer.from(start);
    const block = Buffer.allocUnsafeSlow(blockSize);
    const file = await open(path);
    try {
      for (let filled = await fill(file, block); filled > 0; filled = await fill(file, block)) {
        const bytes = block.subarray(0, filled);
        sha1.update(bytes);
        strong.update(bytes);
        for (let at = 0; at < filled; at += pieceSize) {
          yield Buffer.from(bytes.toString("base64", at, at + pieceSize), "latin1");
        }
      }
    } finally {
      await file.close();
    }
    const found = strong.digest("hex");
    if (found !== hexOf(sha512)) throw changed(options, found);
    yield Buffer.from(end(sha1.digest("hex")));
  }
  return { length, open: body };
}

/** Fills the buffer from where the file is; less only at its end. */
async function fill(file: FileHandle, buffer: Buffer): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

function changed({ name, version, path, sha512 }: PublishOptions, found: string): ReleaseError {
  return new ReleaseError("IO", `${path} isn't the file that was built for ${name}@${version}`, {
    facts: { expected: sha512, found: `sha512:${found}` },
    hint: "something changed it after the build; run the same command again: it builds or fetches it anew",
  });
}

async function readManifest(options: PublishOptions): Promise<Record<string, unknown>> {
  const { name, version, path, gitHead } = options;
  const isReadme = (member: string) => /^[^/]+\/readme(\.(md|markdown))?$/i.test(member);
  const isPackage = (member: string) => /^[^/]+\/package\.json$/.test(member);
  const broken = (why: string, cause?: unknown) =>
    new ReleaseError("BUILD", `${path} is no npm package ${name}@${version}: ${why}`, {
      cause,
      hint: "make it with `npm pack`, after its version was stamped",
    });
  let members: Map<string, Buffer>;
  try {
    members = await readTarGz(
      path,
      (member) => isPackage(member) || isReadme(member),
      (found) => [...found.keys()].some(isPackage) && [...found.keys()].some(isReadme),
    );
  } catch (cause) {
    throw broken(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const text = [...members].find(([member]) => isPackage(member))?.[1].toString("utf8");
  if (text === undefined) throw broken("it holds no package.json");
  let manifest: Record<string, unknown>;
  try {
    manifest = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw broken("its package.json isn't JSON", cause);
  }
  if (manifest.name !== name || manifest.version !== version) {
    throw broken(`its package.json says ${String(manifest.name)}@${String(manifest.version)}`);
  }
  if (manifest.private === true) throw broken("its package.json says it is private");
  const readme = [...members].find(([member]) => isReadme(member));
  return {
    ...manifest,
    ...normalised(manifest, name),
    _id: `${name}@${version}`,
    ...(gitHead === undefined ? {} : { gitHead }),
    ...(readme && {
      readme: readme[1].toString("utf8"),
      readmeFilename: readme[0].slice(readme[0].indexOf("/") + 1),
    }),
  };
}

/** The short forms that npm's client spells out before it publishes, since clients read them from the registry: `bin`, `repository`. */
function normalised(manifest: Record<string, unknown>, name: string): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  if (typeof manifest.bin === "string") out.bin = { [name.replace(/^@[^/]+\//, "")]: manifest.bin };
  if (typeof manifest.repository === "string") {
    const short = /^(?:github:)?([\w.-]+\/[\w.-]+)$/.exec(manifest.repository);
    out.repository = { type: "git", url: short ? `git+https://github.com/${short[1]}.git` : manifest.repository };
  }
  return out;
}
