import type { Range } from "./formats.ts";

/**
 * Where string values stand in a JSON text (without their quotes), found in one pass that keeps every other byte.
 * Only strings without escapes are found: a version has none. The text is taken for JSON; callers know it from npm.
 *
 * @param wanted gets the keys from the root; numbers stand for places in lists
 */
export function jsonStrings(text: string, wanted: (path: readonly string[]) => boolean): Range[] {
  const found: Range[] = [];
  const path: string[] = [];
  /** For each open bracket: the next index of a list, or null for an object. */
  const open: (number | null)[] = [];
  const token = /"([^"\\]*(?:\\.[^"\\]*)*)"|[{}[\],:]/g;
  let key: string | null = null;
  for (const match of text.matchAll(token)) {
    const here = open.at(-1);
    const [whole, string] = match;
    if (string !== undefined) {
      const isKey = here === null && key === null;
      if (isKey) key = string.includes("\\") ? (JSON.parse(whole) as string) : string;
      else if (wanted([...path, key ?? String(here)]) && !string.includes("\\")) {
        const start = match.index + 1;
        found.push({ start, end: start + string.length });
      }
    } else if (whole === "{" || whole === "[") {
      if (open.length > 0) path.push(key ?? String(here));
      open.push(whole === "{" ? null : 0);
      key = null;
    } else if (whole === "}" || whole === "]") {
      open.pop();
      path.pop();
      key = null;
    } else if (whole === ",") {
      key = null;
      if (typeof here === "number") open[open.length - 1] = here + 1;
    }
  }
  return found;
}
