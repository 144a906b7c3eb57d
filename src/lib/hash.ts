import { createHash, type Hash } from "node:crypto";
import { Transform } from "node:stream";
import { readChunks } from "./file.ts";

/** `ALGORITHM:lower-case hex`, e.g. `sha256:9f2c...`; for a git object `git:<40 hex>`. */
export type Digest = `${string}:${string}`;

/** Whether a text is a digest in that spelling: others, such as upper-case hex, are none. */
export function isHexDigest(text: string): text is Digest {
  return /^[a-z][a-z0-9]*:([0-9a-f]{2})+$/.test(text);
}

export type Algorithm = "sha256" | "sha512" | "sha1" | "md5";

/** Digest of a string or of bytes in memory. */
export function digestOf(data: string | Uint8Array, algorithm: Algorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(data).digest("hex")}`;
}

/** Size in bytes and all asked digests of a file, from one read of it. */
export async function digestFile(
  path: string,
  algorithms: readonly Algorithm[] = ["sha256"],
  signal?: AbortSignal,
): Promise<{ size: number; digests: Partial<Record<Algorithm, Digest>> }> {
  const counter = hashing(algorithms);
  for await (const chunk of readChunks(path)) {
    signal?.throwIfAborted();
    counter.update(chunk);
  }
  return counter.end();
}

/** Running digests over bytes that pass by. */
export function hashing(algorithms: readonly Algorithm[]): {
  update(chunk: Uint8Array): void;
  end(): { size: number; digests: Partial<Record<Algorithm, Digest>> };
} {
  const hashes = algorithms.map((algorithm): [Algorithm, Hash] => [algorithm, createHash(algorithm)]);
  let size = 0;
  return {
    update(chunk) {
      size += chunk.length;
      for (const [, hash] of hashes) hash.update(chunk);
    },
    end() {
      const digests: Partial<Record<Algorithm, Digest>> = {};
      for (const [algorithm, hash] of hashes) digests[algorithm] = `${algorithm}:${hash.digest("hex")}`;
      return { size, digests };
    },
  };
}

/** A pass-through stream that digests what flows through it. */
export function hashStream(
  algorithms: readonly Algorithm[],
): Transform & { result(): ReturnType<ReturnType<typeof hashing>["end"]> } {
  const counter = hashing(algorithms);
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      counter.update(chunk);
      done(null, chunk);
    },
  });
  return Object.assign(stream, { result: () => counter.end() });
}

/** The hex part of a digest. */
export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** An npm `integrity` string (`sha512-<base64>`, possibly several separated by spaces) as digests. */
export function fromIntegrity(integrity: string): Digest[] {
  return integrity
    .trim()
    .split(/\s+/)
    .flatMap((part): Digest[] => {
      const match = /^(sha\d+)-([A-Za-z0-9+/]+=*)(\?.*)?$/.exec(part);
      return match ? [`${match[1]}:${Buffer.from(match[2] as string, "base64").toString("hex")}`] : [];
    });
}

/** A digest as an npm `integrity` string (Subresource Integrity: `sha512-<base64>`). */
export function toIntegrity(digest: Digest): string {
  return `${digest.slice(0, digest.indexOf(":"))}-${Buffer.from(hexOf(digest), "hex").toString("base64")}`;
}
