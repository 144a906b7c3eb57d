/** CHANGELOG.md with a section for a stable version. Staging never grows the file (lessons.md: 2.4 MB). */
export interface ChangelogSection {
  version: string;
  /** `2026-11-22` */
  date: string;
  /** Markdown below the heading; "" makes no section. */
  body: string;
}

/** True where a changelog has a section for that version. */
export function hasSection(text: string, version: string): boolean {
  return headingsOf(text.split(/\r?\n/)).some((one) => one.name === version);
}

function headingsOf(lines: readonly string[]): { at: number; name: string }[] {
  return lines.flatMap((line, at) => {
    const match = /^##\s+\[?v?(\d+\.\d+\.\d+[^\]\s]*|unreleased)/i.exec(line);
    return match ? [{ at, name: (match[1] as string).toLowerCase() }] : [];
  });
}

/**
 * Puts a section above the newest one; text before it (a title, an "Unreleased" section) stays where it is, and a
 * section for that version that somebody wrote by hand is kept as it is.
 *
 * @param text "" where there is no file yet
 */
export function withSection(text: string, { version, date, body }: ChangelogSection): string {
  if (body.trim() === "") return text;
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.split(/\r?\n/);
  const headings = headingsOf(lines);
  if (headings.some((one) => one.name === version)) return text;
  const section = [`## [${version}] - ${date}`, "", ...body.trim().split("\n"), ""];
  const below = headings.find((one) => one.name !== "unreleased");
  if (below) return [...lines.slice(0, below.at), ...section, ...lines.slice(below.at)].join(newline);
  const title = text.trim() === "" ? ["# Changelog", ""] : lines;
  while (title.at(-1) === "") title.pop();
  return [...title, "", ...section].join(newline);
}
