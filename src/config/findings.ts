import type { ReleaseError } from "../lib/errors.ts";
import { type KeyPath, type Locate, mistake, quote, spell } from "./document.ts";
import { artifactTypes, keysAt, placesOf, valueAt } from "./keys.ts";
import { suggest, suggestPlatform } from "./suggest.ts";

/** What zod reports, as far as it is used here (zod.dev/error-customization). */
export interface Issue {
  code?: string;
  path: PropertyKey[];
  message: string;
  keys?: string[];
  values?: unknown[];
  expected?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
  errors?: Issue[][];
  issues?: Issue[];
  discriminator?: string;
}

/** Unknown keys of one mapping that are explained: who has more of them wrote no twotier.yaml. */
const maxKeys = 50;

/** zod's issues as mistakes with place and remedy. `value` is the document they are about. */
export function explainIssues(issues: readonly Issue[], value: unknown, locate: Locate): ReleaseError[] {
  return issues.flatMap((issue) => explainIssue(issue, [], value, locate));
}

function explainIssue(issue: Issue, above: KeyPath, root: unknown, locate: Locate): ReleaseError[] {
  const path = [...above, ...(issue.path as (string | number)[])];
  const value = valueAt(root, path);
  const name = spell(path);
  const at = (what: string, hint: string, key = path, part: "key" | "value" = "value") =>
    mistake(locate(key, part), what, hint, key);

  switch (issue.code) {
    case "unrecognized_keys":
      return (issue.keys ?? []).slice(0, maxKeys).map((key) => {
        const where = path.length ? ` in ${name}` : "";
        return at(`unknown key ${quote(key)}${where}`, hintForKey(key, path, root), [...path, key], "key");
      });
    case "invalid_type": {
      const missing = missingKey(root, path);
      if (missing) return [at(`${name} is missing`, hintForMissing(name), path.slice(0, -1), "key")];
      return [
        at(
          `${name} must be ${kind(issue.expected)}, but is ${describe(value)}`,
          hintForType(issue.expected, value, name),
        ),
      ];
    }
    case "invalid_value": {
      const known = (issue.values ?? []).map(String);
      const guess = typeof value === "string" ? suggest(value, known) : undefined;
      return [at(`${name} is ${describe(value)}`, `${didYouMean(guess)}it can be ${list(known)}`)];
    }
    case "invalid_union":
      return explainUnion(issue, path, root, locate);
    case "invalid_key":
      return [at(`${name}: ${issue.issues?.[0]?.message ?? "not a valid key"}`, "correct the key", path, "key")];
    case "too_small":
      return [
        at(
          `${name} ${Array.isArray(value) || value === "" ? "is empty" : `is below ${issue.minimum}`}`,
          "give at least one, or leave the key out",
        ),
      ];
    case "too_big":
      return [at(`${name} is above ${issue.maximum}`, `give at most ${issue.maximum}`)];
    default: {
      const guess = typeof value === "string" && name.includes("platforms") ? suggestPlatform(value) : undefined;
      return [at(`${name} is ${describe(value)}`, guess ? `did you mean ${guess}?` : `it ${issue.message}`)];
    }
  }
}

/** Of a union's branches, the one that fits the value's kind best says what is wrong. */
function explainUnion(issue: Issue, path: KeyPath, root: unknown, locate: Locate): ReleaseError[] {
  const value = valueAt(root, path);
  const name = spell(path);
  if (issue.discriminator) {
    const key = path.at(-1) === issue.discriminator ? path : [...path, issue.discriminator];
    const given = valueAt(root, key);
    const types = artifactTypes();
    if (given === undefined)
      return [
        mistake(locate(path), `${spell(key.slice(0, -1))} has no type`, `add \`type:\`, one of ${list(types)}`, key),
      ];
    const guess = typeof given === "string" ? suggest(given, types) : undefined;
    return [
      mistake(locate(key), `${spell(key)} is ${describe(given)}`, `${didYouMean(guess)}it can be ${list(types)}`, key),
    ];
  }
  const branches = (issue.errors ?? []).filter(
    (branch) => !branch.some((one) => one.path.length === 0 && one.code === "invalid_type"),
  );
  const [best] = branches.sort((a, b) => a.length - b.length);
  if (best) return best.flatMap((one) => explainIssue(one, path, root, locate));
  const kinds = (issue.errors ?? []).flat().map((one) => kind(one.expected));
  return [
    mistake(
      locate(path),
      `${name} must be ${[...new Set(kinds)].join(" or ")}, but is ${describe(value)}`,
      hintForType(undefined, value, name),
      path,
    ),
  ];
}

function hintForKey(key: string, path: KeyPath, root: unknown): string {
  const here = keysAt(path, root);
  const guess = suggest(key, here);
  if (guess) return `did you mean ${quote(guess)}?`;
  const elsewhere = placesOf(key);
  if (elsewhere.length) return `it belongs in ${list(elsewhere)}`;
  return here.length ? `the keys here are ${here.join(", ")}` : "remove it";
}

function hintForMissing(name: string): string {
  if (name === "name") return "add `name:` with the product's name";
  if (name === "repository") return "add `repository:` with the GitHub repository as owner/name";
  return `add \`${name.split(".").at(-1)}:\``;
}

function hintForType(expected: string | undefined, value: unknown, name: string): string {
  if (value === null) return `give ${name} a value, or remove the line`;
  if (expected === "string" && typeof value !== "object") return "put the value in quotes";
  if (expected === "array") return `write a list: \`- ${typeof value === "string" ? value.slice(0, 60) : "..."}\``;
  return "docs/configuration.md shows every key with an example";
}

function missingKey(root: unknown, path: KeyPath): boolean {
  const key = path.at(-1);
  const parent = valueAt(root, path.slice(0, -1));
  return key !== undefined && typeof parent === "object" && parent !== null && !Object.hasOwn(parent, key);
}

function kind(expected: string | undefined): string {
  const kinds: Record<string, string> = {
    string: "text",
    array: "a list",
    object: "a mapping",
    record: "a mapping",
    boolean: "true or false",
    number: "a number",
    int: "a whole number",
    null: "null",
  };
  return kinds[expected ?? ""] ?? String(expected);
}

function describe(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string") return quote(value);
  return String(value);
}

function didYouMean(guess: string | undefined): string {
  return guess === undefined ? "" : `did you mean ${quote(guess)}? `;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
