import { hexOf } from "../lib/hash.ts";
import type { Entry } from "./archive.ts";

/** Whether an entry is a wheel's list of its files (packaging.python.org, "Recording installed projects"). */
export function isRecord(name: string): boolean {
  return /^[^/]+\.dist-info\/RECORD$/.test(name);
}

/**
 * Checks a wheel's RECORD against the wheel's own entries: each is listed once, with its sha256 and size.
 *
 * @returns what is wrong, in words; null where nothing is
 */
export function checkRecord(text: string, entries: ReadonlyMap<string, Entry>): string | null {
  const listed = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    if (line === "") continue;
    const match = /^(?:"((?:[^"]|"")*)"|([^,"]*)),([^,]*),(\d*)$/.exec(line);
    const name = match?.[1]?.replaceAll('""', '"') ?? match?.[2] ?? "";
    const entry = entries.get(name);
    if (!match || !entry) return `RECORD lists ${name || "a line that can't be read"}, which isn't in the wheel`;
    if (listed.has(name)) return `RECORD lists ${name} twice`;
    listed.add(name);
    if (match[3] === "" && (isRecord(name) || /\.dist-info\/RECORD\.\w+$/.test(name))) continue;
    const hash = Buffer.from(hexOf(entry.digest), "hex").toString("base64url");
    if (match[3] !== `sha256=${hash}`) return `RECORD's digest of ${name} isn't its own`;
    if (match[4] !== "" && Number(match[4]) !== entry.size) return `RECORD's size of ${name} isn't its own`;
  }
  const left = [...entries.keys()].find((name) => !listed.has(name) && !name.endsWith("/"));
  return left === undefined ? null : `RECORD doesn't list ${left}`;
}
