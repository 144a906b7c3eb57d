import type { Change, Tier } from "../core/plan.ts";
import { escapeMarkdown, printable } from "../lib/text.ts";
import { parseCommit } from "../version/conventional.ts";
import { type Skip, withSkips } from "./left-out.ts";

/** Changes of one kind, in the order they were given. */
export interface ChangeGroup {
  kind: "breaking" | "features" | "fixes" | "performance" | "documentation" | "other";
  title: string;
  changes: GroupedChange[];
}

export interface GroupedChange {
  sha: string;
  /** Conventional Commits' scope; null where there is none. Not escaped, like `text`. */
  scope: string | null;
  text: string;
}

const titles: Record<ChangeGroup["kind"], string> = {
  breaking: "Breaking changes",
  features: "Features",
  fixes: "Fixes",
  performance: "Performance",
  documentation: "Documentation",
  other: "Other changes",
};

const kinds = new Map<string, ChangeGroup["kind"]>([
  ["feat", "features"],
  ["feature", "features"],
  ["fix", "fixes"],
  ["perf", "performance"],
  ["docs", "documentation"],
]);

/** Changes by kind, breaking ones first; a change is in one group alone. Groups without changes are left out. */
export function groupChanges(changes: readonly Change[]): ChangeGroup[] {
  const groups = new Map<ChangeGroup["kind"], GroupedChange[]>();
  for (const { sha, subject, breaking } of changes) {
    const { type, scope, description, breaking: marked } = parseCommit(subject);
    const breaks = breaking ?? marked;
    const kind = breaks !== null ? "breaking" : (kinds.get(type ?? "") ?? "other");
    const text = breaks !== null && breaks !== description ? `${description}: ${breaks}` : description;
    groups.set(kind, [...(groups.get(kind) ?? []), { sha, scope, text }]);
  }
  return (Object.keys(titles) as ChangeGroup["kind"][]).flatMap((kind) => {
    const found = groups.get(kind);
    return found ? [{ kind, title: titles[kind], changes: found }] : [];
  });
}

/** Longest text of one change, in characters. */
const longest = 300;

/**
 * Changes as Markdown lists under headings. Deterministic; whatever the messages hold is shown as plain words.
 *
 * @param level of the headings: 2 in release notes, 3 in CHANGELOG.md
 * @param repository address that commits and issues are linked to; null: no links
 * @param limit at most so many characters, then it says how many changes are left out (GitHub's limit of a body is 125,000)
 */
export function renderChanges(
  changes: readonly Change[],
  level: 2 | 3,
  repository: string | null = null,
  limit = 60_000,
): string {
  const lines: string[] = [];
  let size = 0;
  let left = changes.length;
  for (const group of groupChanges(changes)) {
    if (size > limit) break;
    lines.push(...(lines.length > 0 ? [""] : []), `${"#".repeat(level)} ${group.title}`, "");
    for (const { sha, scope, text } of group.changes) {
      if (size > limit) break;
      const words = linked(escapeMarkdown(printable(text, longest)), repository) || "(no message)";
      const short = sha.slice(0, 10);
      const commit = repository === null ? short : `[${short}](${repository}/commit/${sha})`;
      const line = `- ${scope === null ? "" : `**${escapeMarkdown(scope)}:** `}${words} (${commit})`;
      lines.push(line);
      size += line.length + 1;
      left--;
    }
  }
  if (left > 0) lines.push("", `... and ${left} more ${left === 1 ? "change" : "changes"}.`);
  const people = contributors(changes);
  if (people.length > 0) lines.push("", `${"#".repeat(level)} Contributors`, "", people.map(escapeMarkdown).join(", "));
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** `#12` as a link, also where GitHub makes none by itself (files). Not the `#` of a character reference. */
function linked(words: string, repository: string | null): string {
  return repository === null ? words : words.replace(/(?<![\w&;/])#(\d{1,9})\b/g, `[#$1](${repository}/issues/$1)`);
}

/** Most names that are told. */
const people = 100;

/** Who made the changes, each once, by name; programs aren't people. */
function contributors(changes: readonly Change[]): string[] {
  const names = new Set(changes.flatMap((change) => change.authors ?? []).map((name) => printable(name, 80)));
  const found = [...names].filter((name) => name !== "" && !name.endsWith("[bot]")).sort();
  return found.length > people ? [...found.slice(0, people), `and ${found.length - people} more`] : found;
}

export interface NotesInput {
  tier: Tier;
  /** SemVer without prefix. */
  version: string;
  /** Stable version that a candidate works towards. */
  line: string;
  /** The version before; null for the first. */
  previous: string | null;
  /** The candidate that production finalises. */
  candidate: string | null;
  changes: readonly Change[];
  /** Commands that install this very version, each known to work. */
  install: readonly { title: string; command: string }[];
  /** True: the release has its proof among the assets. */
  proven?: boolean;
  /** Address of the repository, for links. */
  repository?: string;
  /** Address that shows the difference to `previous`. */
  compare?: string;
  /** Registries left out on purpose, with the reason. */
  skipped?: readonly Skip[];
}

/** Release notes in Markdown: a warning for candidates, how to install, what changed. Deterministic. */
export function releaseNotes(notes: NotesInput): string {
  const parts: string[] = [];
  if (notes.tier === "staging") {
    parts.push(
      `> [!WARNING]\n> This is a candidate for ${notes.line}, for testing. Installers don't choose it by themselves; the stable version is another one.`,
    );
  } else if (notes.candidate !== null) {
    const proof = notes.proven ? " `promotion.md` compares the two, entry by entry." : "";
    parts.push(`This is ${escapeMarkdown(notes.candidate)}, released as stable.${proof}`);
  }
  if (notes.install.length > 0) {
    const commands = notes.install.map(({ title, command }) => `# ${title}\n${command}`).join("\n\n");
    parts.push(`## Install\n\n${fenced(commands, "sh")}`);
  }
  const changes = renderChanges(notes.changes, 2, notes.repository ?? null).trimEnd();
  parts.push(changes || (notes.previous ? `No changes since ${notes.previous}.` : "The first release."));
  if (notes.compare) parts.push(`**All changes**: ${notes.compare}`);
  return withSkips(`${parts.join("\n\n")}\n`, notes.skipped ?? []);
}

/** A code block whose fence is longer than any in its text (CommonMark, "Fenced code blocks"). */
function fenced(text: string, language: string): string {
  const ticks = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = "`".repeat(ticks + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
