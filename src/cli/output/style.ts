import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { redact } from "../../lib/errors.ts";

type Format = Parameters<typeof styleText>[0];

/** Colours only where the stream is a terminal and NO_COLOR isn't set (node:util decides). */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** Styles for one stream. */
export function styleFor(stream: NodeJS.WritableStream): Style {
  const paint = (format: Format) => (text: string) =>
    styleText(format, text, { stream: stream as WriteStream, validateStream: true });
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    red: paint("red"),
    green: paint("green"),
    yellow: paint("yellow"),
    cyan: paint("cyan"),
  };
}

/**
 * Text from outside (tags, messages, answers) without secrets and control characters, so that it can't drive the terminal,
 * nor GitHub Actions: its runner obeys `::COMMAND` where a line begins, blanks or not, and `##[COMMAND]` anywhere
 * (github.com/actions/runner, ActionCommand.cs).
 */
export function safe(text: string): string {
  return redact(text)
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, "\ufffd")
    .replace(/^(\s*):(?=:)/gm, "$1: ")
    .replaceAll("##[", "## [");
}

/** 1536 -> "1.5 KiB" */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 83 -> "1 min 23 s" */
export function seconds(count: number): string {
  if (count < 10) return `${count.toFixed(1)} s`;
  if (count < 60) return `${Math.round(count)} s`;
  return `${Math.floor(count / 60)} min ${Math.round(count % 60)} s`;
}

/** Rows as aligned columns; the first row is the heading. Widths count what is seen, not escape sequences. */
export function table(rows: readonly (readonly string[])[], gap = 2): string[] {
  const width = (text: string) => stripped(text).length;
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell + " ".repeat((widths[i] as number) - width(cell) + gap)))
      .join("")
      .trimEnd(),
  );
}

function stripped(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
