/**
 * Characters that move the cursor, hide text or turn its direction round: C0 and C1 controls, and Unicode's
 * bidirectional and invisible formats (unicode.org/reports/tr36, "Bidirectional Text Spoofing").
 */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text from somewhere else as one harmless line: runs of white space become a blank, other unprintable characters go. */
export function printable(text: string, limit = Number.POSITIVE_INFINITY): string {
  const line = text
    .replace(/[\t\n\v\f\r\u2028\u2029 ]+/g, " ")
    .replace(unprintable, "")
    .trim();
  if (line.length <= limit) return line;
  // Not between the halves of a surrogate pair.
  const end = /[\ud800-\udbff]/.test(line.charAt(limit - 2)) ? limit - 2 : limit - 1;
  return `${line.slice(0, end)}…`;
}

/**
 * A text from somewhere else as plain words of Markdown (GitHub's): no formatting, links, HTML, maths or mentions come
 * from it. References such as #12 stay.
 */
export function escapeMarkdown(text: string): string {
  return printable(text)
    .replace(/[\\`*_{}[\]<>|~$]/g, "\\$&")
    .replace(/&(?=[#\w])/g, "&amp;")
    .replace(/@(?=\w)/g, "@&#8203;")
    .replace(/^([#+\-=])/, "\\$1")
    .replace(/^(\d+)([.)])/, "$1\\$2");
}

/** The words that escapeMarkdown made harmless. */
export function plainOfMarkdown(text: string): string {
  return text.replace(/\\(.)|&amp;|@&#8203;/g, (all, character: string | undefined) => character ?? all[0] ?? "");
}
