import path from "node:path";
import type { ReleaseFile } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { type Digest, digestOf } from "../lib/hash.ts";
import { printable } from "../lib/text.ts";
import { type Contents, type Entry, limit, openContents } from "./archive.ts";
import { isCompiled } from "./compiled.ts";
import { layersOf, openImage } from "./image.ts";
import { checkRecord, isRecord } from "./record.ts";
import { compareSpelled, type Spelling, translate } from "./spelling.ts";
import type { ComparedFile, Difference, Verdict } from "./types.ts";

export interface CompareOptions {
  /** What may be spelled otherwise; empty: nothing. */
  spellings: readonly Spelling[];
  /** Contents of files that the comparison of the trees explains: digest in the candidate -> in the stable release. */
  stamped: ReadonlyMap<Digest, Digest>;
  /** True where the candidate's file was reproduced here, so that a compiler's output needs no more. */
  reproduced: (name: string) => boolean;
  signal?: AbortSignal;
}

/** One side of a comparison. */
export interface Side {
  folder: string;
  files: readonly ReleaseFile[];
}

/** Compares every file of two builds, entry by entry. */
export async function compareBuilds(candidate: Side, stable: Side, options: CompareOptions): Promise<ComparedFile[]> {
  const left = new Map(candidate.files.map((file) => [file.name, file]));
  const compared: ComparedFile[] = [];
  for (const file of stable.files) {
    const from = [...left.values()].find(
      (one) =>
        one.kind === file.kind && (one.name === file.name || translate(one.name, options.spellings) === file.name),
    );
    if (from) left.delete(from.name);
    compared.push(
      from
        ? await compareFiles(candidate.folder, from, stable.folder, file, options)
        : whole(file.name, null, "the candidate has no such file"),
    );
  }
  for (const file of left.values()) compared.push(whole(file.name, file.name, "only the candidate has it"));
  return compared;
}

function whole(name: string, candidate: string | null, note: string): ComparedFile {
  return { name, candidate, verdict: "differs", same: 0, differences: [{ entry: "", verdict: "differs", note }] };
}

/** Compares one file of the candidate with the stable release's. */
export async function compareFiles(
  candidateFolder: string,
  from: ReleaseFile,
  stableFolder: string,
  to: ReleaseFile,
  options: CompareOptions,
): Promise<ComparedFile> {
  const base = { name: to.name, candidate: from.name };
  if (from.sha256 === to.sha256) return { ...base, verdict: "same", same: 1, differences: [] };
  const [a, b] = [path.join(candidateFolder, from.name), path.join(stableFolder, to.name)];
  const contents = async () =>
    to.kind === "image"
      ? compareImages(a, b, from.name, options)
      : compareContents(
          await openContents(a, options.signal),
          await openContents(b, options.signal),
          from.name,
          options,
        );
  const { same, differences } = await contents().catch((cause: unknown) => {
    options.signal?.throwIfAborted();
    if (cause instanceof ReleaseError) throw cause;
    throw new ReleaseError("BUILD", `${from.name} and ${to.name} can't be compared: ${(cause as Error).message}`, {
      cause,
      hint: "one of them is damaged, or no archive that others could read: see what the build makes",
    });
  });
  if (differences.length === 0) {
    // Nothing inside differs: compression, order, or what an archive says beside its entries.
    const note = "the same entries, packed otherwise";
    return { ...base, verdict: "differs", same, differences: [{ entry: "", verdict: "differs", note }] };
  }
  return { ...base, verdict: worst(differences), same, differences };
}

async function compareImages(a: string, b: string, name: string, options: CompareOptions) {
  const theirs = await layersOf(b);
  const shared = new Set([...(await layersOf(a))].filter((digest) => theirs.has(digest)));
  const [left, right] = [await openImage(a, shared, options.signal), await openImage(b, shared, options.signal)];
  const compared = await compareContents(left, right, name, options);
  for (const layer of new Set([...left.wrong, ...right.wrong])) {
    compared.differences.push({ entry: layer, verdict: "differs", note: "its diff_id isn't its digest" });
  }
  return compared;
}

const order: readonly Verdict[] = ["version", "derived", "stamped", "compiled", "differs"];

/** The verdict of a whole: that of its part that is explained least. */
function worst(differences: readonly Difference[]): Verdict {
  return order[Math.max(...differences.map((one) => order.indexOf(one.verdict)))] as Verdict;
}

async function compareContents(
  candidate: Contents,
  stable: Contents,
  file: string,
  options: CompareOptions,
): Promise<{ same: number; differences: Difference[] }> {
  const differences: Difference[] = [];
  const report = (entry: string, verdict: Difference["verdict"], note: string) =>
    void differences.push({ entry: printable(entry), verdict, note });
  const pairs: [Entry, Entry][] = [];
  const left = new Set(candidate.entries.keys());
  const translated = new Map([...left].map((name) => [translate(name, options.spellings), name]));
  let same = 0;
  for (const entry of stable.entries.values()) {
    const name = left.has(entry.name) ? entry.name : translated.get(entry.name);
    if (name === undefined || !left.delete(name)) {
      report(entry.name, "differs", "the candidate has no such entry");
      continue;
    }
    const from = candidate.entries.get(name) as Entry;
    const facts = factsThatDiffer(from, entry, options.spellings);
    if (facts !== null) report(entry.name, "differs", facts);
    else if (from.digest === entry.digest) same++;
    if (from.digest !== entry.digest) pairs.push([from, entry]);
  }
  for (const name of left) report(name, "differs", "only the candidate has it");

  let before = new Map<string, Buffer>();
  let after = new Map<string, Buffer>();
  const batches = inBatches(pairs);
  for (const [at, [from, to]] of pairs.entries()) {
    const batch = batches.get(at);
    if (batch) {
      [before, after] = [new Map(), new Map()];
      before = await candidate.read(new Set(batch.map(([one]) => one.name)));
      after = await stable.read(new Set(batch.map(([, one]) => one.name)));
    }
    const [a, b] = [before.get(from.name) as Buffer, after.get(to.name) as Buffer];
    const spelled = compareSpelled(a, b, options.spellings);
    if ("places" in spelled) report(to.name, "version", counted(spelled.places));
    else if (options.stamped.get(from.digest) === to.digest) {
      report(to.name, "stamped", "its section of the release, as in the tree");
    } else if (isRecord(to.name)) {
      const wrong =
        checkRecord(a.toString("utf8"), candidate.entries) ?? checkRecord(b.toString("utf8"), stable.entries);
      report(to.name, wrong === null ? "derived" : "differs", wrong ?? "digests and sizes of the entries above");
    } else if (isCompiled(to.name, to.head) && isCompiled(from.name, from.head) && options.reproduced(file)) {
      report(to.name, "compiled", `${differingBytes(a, b)} bytes; same inputs, same tools, candidate reproduced`);
    } else report(to.name, "differs", where(a, b, spelled.at));
  }
  return { same, differences };
}

/** Pairs that are in memory at the same time, by the place of the first of them: together no longer than one may be. */
function inBatches(pairs: readonly [Entry, Entry][]): Map<number, [Entry, Entry][]> {
  const batches = new Map<number, [Entry, Entry][]>();
  let current: [Entry, Entry][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const [at, pair] of pairs.entries()) {
    const more = Math.max(pair[0].size, pair[1].size);
    if (size + more > limit) {
      current = [];
      size = 0;
      batches.set(at, current);
    }
    current.push(pair);
    size += more;
  }
  return batches;
}

/** What differs beside the contents, in words; null where nothing does. */
function factsThatDiffer(from: Entry, to: Entry, list: readonly Spelling[]): string | null {
  const keys = [...new Set([...Object.keys(from.facts), ...Object.keys(to.facts)])];
  const different = keys.filter((key) => {
    const [a, b] = [from.facts[key], to.facts[key]];
    return a !== b && !(key === "link" && a !== undefined && translate(a, list) === b);
  });
  if (different.length === 0) return null;
  return different.map((key) => `${key} ${from.facts[key] ?? "none"}, then ${to.facts[key] ?? "none"}`).join("; ");
}

function counted(places: number): string {
  return places === 1 ? "the version, once" : `the version, ${places} times`;
}

function differingBytes(a: Buffer, b: Buffer): string {
  let count = Math.abs(a.length - b.length);
  for (let at = Math.min(a.length, b.length) - 1; at >= 0; at--) if (a[at] !== b[at]) count++;
  return count.toLocaleString("en");
}

/** Where two contents part: the line of a text, the byte of anything else. */
function where(a: Buffer, b: Buffer, at: number): string {
  if (a.includes(0) || b.includes(0)) return `from byte ${at} on; ${a.length} and ${b.length} bytes long`;
  const line = a.subarray(0, at).toString("latin1").split("\n").length;
  const text = (side: Buffer) => printable(side.toString("utf8").split("\n")[line - 1] ?? "", 80);
  return `line ${line}: "${text(a)}", then "${text(b)}"`;
}

/** Digests of two texts, for `CompareOptions.stamped`. */
export function stampedPair(before: string, after: string): [Digest, Digest] {
  return [digestOf(before), digestOf(after)];
}
