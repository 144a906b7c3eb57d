import type { LineComponent, Version } from "./version.ts";

/** A commit message read by Conventional Commits 1.0.0 (conventionalcommits.org); other messages have type null. */
export interface ConventionalCommit {
  /** Lower case: `feat`, `fix` ... */
  type: string | null;
  scope: string | null;
  /** The subject without type and scope; of other messages, the whole subject. */
  description: string;
  /** What breaks: the footer's text, or the description of a `!` commit. Null when nothing does. */
  breaking: string | null;
}

const header = /^([A-Za-z][A-Za-z0-9-]*)(?:\(([^()\r\n]+)\))?(!)?:[ \t]+(\S.*)$/;
/** Items 11 to 16 of the specification: upper case, `BREAKING-CHANGE` is the same, only at the start of a line. */
const footer = /^BREAKING[ -]CHANGE(?:: | #)(.+)$/;

/** Reads one message. */
export function parseCommit(message: string): ConventionalCommit {
  const lines = message.split(/\r?\n/);
  const subject = (lines[0] ?? "").trim();
  const match = header.exec(subject);
  if (!match) return { type: null, scope: null, description: subject, breaking: null };
  const [, type = "", scope, bang, description = ""] = match;
  let breaking: string | null = null;
  for (const line of lines.slice(1)) breaking ??= footer.exec(line)?.[1]?.trim() ?? null;
  if (bang) breaking ??= description;
  return { type: type.toLowerCase(), scope: scope?.trim() ?? null, description, breaking };
}

/**
 * The component that `--component auto` stands for (two-tier.md, "Versions", rule 8).
 *
 * @param messages whole commit messages since the highest stable version
 * @param stable that version: below 1.0 a breaking change is a minor
 */
export function componentOf(messages: readonly string[], stable: Version): LineComponent {
  let component: LineComponent = "patch";
  for (const message of messages) {
    const { type, breaking } = parseCommit(message);
    if (breaking !== null && stable.major > 0) return "major";
    if (breaking !== null || type === "feat") component = "minor";
  }
  return component;
}
