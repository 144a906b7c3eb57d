import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { inflateSync } from "node:zlib";
import type { GitObject } from "./git.ts";

// What a bare repository's own files say (gitrepository-layout(5)). A process for each question is a third of what a
// release costs here.

/** All refs with the objects that they name, in git's order; those that name other refs are left out. */
export function readRefs(dir: string): Map<string, string> {
  const found = new Map<string, string>();
  // Git takes a packed ref away before the file of the same name: read the other way round none that is there is missed.
  for (const name of filesBelow(dir, "refs")) {
    const sha = read(path.join(dir, name))?.toString("latin1").trim() ?? "";
    if (/^[0-9a-f]{40}$/.test(sha) && !name.endsWith(".lock")) found.set(name, sha);
  }
  for (const [name, sha] of packedRefs(dir)) if (!found.has(name)) found.set(name, sha);
  return new Map([...found].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/** The object that one ref names. */
export function readRef(dir: string, name: string): string | undefined {
  const sha = read(path.join(dir, name))?.toString("latin1").trim();
  return sha !== undefined && /^[0-9a-f]{40}$/.test(sha) ? sha : new Map(packedRefs(dir)).get(name);
}

function packedRefs(dir: string): [name: string, sha: string][] {
  const text = read(path.join(dir, "packed-refs"))?.toString("utf8") ?? "";
  return [...text.matchAll(/^([0-9a-f]{40}) (refs\/.+)$/gm)].map(([, sha = "", name = ""]) => [name, sha]);
}

/** The ref that HEAD names; undefined where it is detached. */
export function readHead(dir: string): string | undefined {
  return /^ref: (refs\/.+)\n$/.exec(read(path.join(dir, "HEAD"))?.toString("utf8") ?? "")?.[1];
}

/** An object that has a file of its own, as those of small pushes; undefined for one in a pack, and for none. */
export function readLoose(dir: string, sha: string): { type: GitObject["type"]; content: Buffer } | undefined {
  const packed = read(path.join(dir, "objects", sha.slice(0, 2), sha.slice(2)));
  if (packed === undefined) return undefined;
  const bytes = inflateSync(packed);
  const end = bytes.indexOf(0);
  const [type] = bytes.toString("latin1", 0, end).split(" ");
  return { type: type as GitObject["type"], content: bytes.subarray(end + 1) };
}

/**
 * What an object is, and behind a tag what that names in the end.
 *
 * @returns "elsewhere" where not all of it has files of its own: git knows
 */
export function peel(dir: string, sha: string): { own: GitObject; last: GitObject } | "elsewhere" {
  const found = readLoose(dir, sha);
  if (!found) return "elsewhere";
  const own = { sha, type: found.type };
  if (own.type !== "tag") return { own, last: own };
  const below = peel(dir, /^object ([0-9a-f]{40})$/m.exec(found.content.toString("latin1"))?.[1] ?? "");
  return below === "elsewhere" ? below : { own, last: below.last };
}

function filesBelow(dir: string, folder: string): string[] {
  try {
    return readdirSync(path.join(dir, folder), { withFileTypes: true }).flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(dir, name) : [name];
    });
  } catch {
    // Git takes folders away that have become empty.
    return [];
  }
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
