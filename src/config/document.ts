import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type Scalar,
} from "yaml";
import { ReleaseError } from "../lib/errors.ts";

/** Keys and indexes from the root of a document: `["artifacts", 0, "dir"]`. */
export type KeyPath = readonly (string | number)[];

/** A place in a file; line and column count from 1. */
export interface Place {
  file: string;
  line?: number;
  column?: number;
}

/** Finds where the value at a path is written, or its key; where there is none, its nearest parent. */
export type Locate = (path: KeyPath, what?: "key" | "value") => Place;

/** Inside of a character class: control characters, and those that turn the direction of text (Unicode UAX #9). */
export const unprintable = String.raw`\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069`;

/** Bytes of a config at most; real ones have some 2 000. */
export const maxSize = 64 << 10;
/** Mistakes in the syntax that are reported: what follows the first ones is mostly their echo. */
const maxSyntax = 20;
/** Mistakes that are reported in all. */
const maxMistakes = 50;
/** Values that aliases may stand for in all. More is a bomb ("billion laughs"), not a config. */
const maxAliases = 100;

/**
 * Reads YAML 1.2: one document, a mapping, no key twice.
 *
 * @param text the file's contents
 * @param file its name, for messages
 * @throws ReleaseError CONFIG with every mistake in its syntax
 */
export function readDocument(text: string, file: string): { value: Record<string, unknown>; locate: Locate } {
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  if (Buffer.byteLength(text) > maxSize)
    throw mistake({ file }, `is larger than ${maxSize >> 10} KiB`, "it isn't a twotier.yaml");
  const control = new RegExp(`(?![\t\n\r])[${unprintable}]`).exec(text);
  if (control) {
    const before = text.slice(0, control.index).split("\n");
    const place = { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    throw mistake(place, "an invisible control character", "remove it");
  }

  const document = parse(text, lines, file);
  const mistakes = [...document.errors, ...document.warnings]
    .slice(0, maxSyntax)
    .map((error) => mistake(at(error.pos[0]), ...explain(error.code, error.message)));
  for (const key of doubled(document.contents)) {
    mistakes.push(
      mistake(at(key.range?.[0] ?? 0), `the key ${quote(String(key.value))} is there already`, "write each key once"),
    );
  }
  throwAll(mistakes, file);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: maxAliases });
  } catch (cause) {
    throw mistake({ file }, `its aliases can't be resolved: ${(cause as Error).message}`, "write the values out");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = value === null ? "is empty" : "isn't a mapping";
    throw mistake({ file }, found, "it needs at least `name:` and `repository:`; `twotier init` writes one");
  }
  return { value: value as Record<string, unknown>, locate: locator(document, at, file) };
}

function parse(text: string, lineCounter: LineCounter, file: string): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, strict: true, uniqueKeys: false });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // The parser recurses: 10 000 open brackets exhaust its stack.
    throw mistake({ file }, "nests too deeply", "it isn't a twotier.yaml");
  }
}

/** Keys that stand twice in one mapping. The parser's own check compares each key with each other: 6 000 took seconds. */
function* doubled(node: unknown): Generator<Scalar> {
  if (isMap(node)) {
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      if (isScalar(key)) {
        const name = String(key.value);
        if (seen.has(name)) yield key;
        seen.add(name);
      }
      yield* doubled(value);
    }
  } else if (isSeq(node)) for (const item of node.items) yield* doubled(item);
}

function explain(code: string, message: string): [string, string] {
  switch (code) {
    case "MULTIPLE_DOCS":
      return ["a second YAML document", "write one, without `---` between"];
    case "TAB_AS_INDENT":
      return ["a tab as indentation", "YAML indents with spaces"];
    case "TAG_RESOLVE_FAILED":
      return [`a YAML tag that isn't known (${message})`, "write plain text, numbers, lists and mappings"];
    default:
      return [`not valid YAML: ${message}`, "correct the syntax at this place"];
  }
}

function locator(document: Document<ParsedNode>, at: (offset: number) => Place, file: string): Locate {
  return (path, what = "value") => {
    let node: Node | null | undefined = document.contents;
    let found: Place = { file };
    if (node?.range) found = at(node.range[0]);
    for (const [index, key] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document);
      let next: Node | null | undefined;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
        const last = index === path.length - 1;
        const keyNode = pair?.key as Node | undefined;
        if (keyNode?.range) found = at(keyNode.range[0]);
        next = pair?.value as Node | null | undefined;
        if (last && what === "key") return found;
      } else if (isSeq(node)) next = node.items[Number(key)] as Node | undefined;
      if (!next) return found;
      node = next;
      if (node.range) found = at(node.range[0]);
    }
    return found;
  };
}

/** One mistake in a config. `what` follows the place; `key` is the path of the setting it is about. */
export function mistake(place: Place, what: string, hint: string, key?: KeyPath): ReleaseError {
  const where = [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
  return new ReleaseError("CONFIG", `${where}: ${what}`, {
    facts: { file: place.file, line: place.line, column: place.column, key: key?.length ? spell(key) : undefined },
    hint,
  });
}

/** A path as people write it: `artifacts[0].dir` */
export function spell(path: KeyPath): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      const plain = /^[\w-]+$/.test(key) ? key : quote(key);
      return index === 0 ? plain : `.${plain}`;
    })
    .join("");
}

/** A foreign text in a message: in quotes, cut, its control characters escaped. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text).replace(
    /[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Throws one error with all mistakes in the order of their lines, or the mistake itself if it is the only one. */
export function throwAll(mistakes: readonly ReleaseError[], file: string): void {
  const [first, ...rest] = mistakes;
  if (!first) return;
  if (rest.length === 0) throw first;
  const number = (error: ReleaseError, fact: string) => Number(error.facts[fact] ?? 0);
  const findings = [...mistakes].sort(
    (a, b) => number(a, "line") - number(b, "line") || number(a, "column") - number(b, "column"),
  );
  const shown = findings.length > maxMistakes ? `; these are the first ${maxMistakes}` : "";
  throw new ReleaseError("CONFIG", `${file} has ${mistakes.length} mistakes${shown}`, {
    findings: findings.slice(0, maxMistakes),
    hint: "correct them all, then run the same command again",
  });
}
