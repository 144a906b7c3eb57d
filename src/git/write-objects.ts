import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import type { GitObject } from "./objects.ts";
import type { Git } from "./push.ts";

/** An object that is made here: its name is known before git has it. */
export interface NewObject {
  /** Full sha. */
  sha: string;
  type: GitObject["type"];
  body: Buffer;
}

/**
 * An object with the name that git gives it: the hash of its type, its size and its contents (gitformat-loose(5)).
 *
 * @param like any sha of the repository: its length says which hash names objects there
 */
export function newObject(type: NewObject["type"], contents: string | Uint8Array, like: string): NewObject {
  const body = Buffer.from(contents as Uint8Array);
  const sha = createHash(hashOf(like)).update(`${type} ${body.length}\0`).update(body).digest("hex");
  return { sha, type, body };
}

const hashOf = (sha: string) => (sha.length === 64 ? "sha256" : "sha1");

/**
 * Writes objects by one call of git, however many: they go there as a pack, which git-unpack-objects(1) takes apart. It
 * names them by their contents itself, and writes them in this order, so that none is there without those it names.
 *
 * @param objects each after those it names
 * @throws ReleaseError GIT
 */
export async function writeObjects(git: Git, objects: readonly NewObject[]): Promise<void> {
  if (objects.length > 0) await git(["unpack-objects", "-q"], { input: packOf(objects) });
}

/** The number of each type in a pack (gitformat-pack(5), "Object types"). */
const kinds = { commit: 1, tree: 2, blob: 3, tag: 4 };

/** A pack of whole objects (gitformat-pack(5)): version 2, the number of objects, each of them, the hash of all that. */
function packOf(objects: readonly NewObject[]): Buffer {
  const head = Buffer.alloc(12);
  head.write("PACK");
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(objects.length, 8);
  const parts = objects.flatMap(({ type, body }) => [entryHead(kinds[type], body.length), deflateSync(body)]);
  const pack = Buffer.concat([head, ...parts]);
  const trailer = createHash(hashOf(objects[0]?.sha ?? ""))
    .update(pack)
    .digest();
  return Buffer.concat([pack, trailer]);
}

/** Type and size of an entry: four bits of the size beside the type, then seven a byte, the lowest first. */
function entryHead(kind: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (kind << 4) | (size & 15);
  for (let rest = Math.floor(size / 16); ; rest = Math.floor(rest / 128)) {
    if (rest === 0) return Buffer.from([...bytes, byte]);
    bytes.push(byte | 128);
    byte = rest & 127;
  }
}
