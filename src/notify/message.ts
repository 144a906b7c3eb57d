import type { Notification } from "../config/types.ts";
import { redact } from "../lib/errors.ts";
import { printable } from "../lib/text.ts";
import type { Outcome } from "./types.ts";

const templates = {
  released: "{name} {version} is out ({tier}) {url}\n{notes}\nnot to be had yet: {pending}",
  failure: "{name}: the {tier} release {tag} failed: {error}\n{hint}\n{run}",
};

/** Changes that are listed. */
const mostNotes = 20;

/** How one service wants text from elsewhere, and how much of it. */
interface Dialect {
  /** Characters of a text at most. */
  limit: number;
  escape(text: string): string;
  body(text: string, outcome: Outcome): unknown;
}

const dialects: Record<Notification["type"], Dialect> = {
  slack: {
    // The text of a section block has 3,000 characters (docs.slack.dev/reference/block-kit/blocks/section-block).
    limit: 3000,
    // docs.slack.dev/messaging/formatting-message-text, "Escaping text": with it nothing is a link or a mention.
    escape: (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
    body: (text) => ({ text, blocks: [{ type: "section", text: { type: "mrkdwn", text } }] }),
  },
  discord: {
    // docs.discord.com/developers/resources/webhook#execute-webhook: `content`, up to 2,000 characters
    limit: 2000,
    escape: (text) => text.replace(/[\\*_~`|>[\]()<#-]/g, "\\$&"),
    // allowed_mentions without parse: @everyone in a commit's subject calls nobody.
    body: (text) => ({ content: text, allowed_mentions: { parse: [] } }),
  },
  webhook: {
    limit: 100_000,
    escape: (text) => text,
    body: (text, outcome) => ({ schema: 1, ...outcome, text }),
  },
};

/**
 * The JSON that a service is sent. Secrets are taken out; what comes from commits and registries can't format, link or
 * mention anything.
 */
export function bodyOf(notification: Pick<Notification, "type" | "template">, outcome: Outcome): string {
  const dialect = dialects[notification.type];
  const template = notification.template ?? templates[outcome.event === "failure" ? "failure" : "released"];
  const text = shortened(filled(template, outcome, dialect.escape), dialect.limit);
  return redact(JSON.stringify(dialect.body(text, outcome)));
}

/** A template with its names filled in. A line with names of which none has a value is left out. */
function filled(template: string, outcome: Outcome, escaped: (text: string) => string): string {
  const values = valuesOf(outcome, escaped);
  return template
    .split("\n")
    .flatMap((line) => {
      const names = [...line.matchAll(/\{(\w+)\}/g)].map(([, name]) => values[name as string] ?? "");
      const said = /\{(?:name|tier|repository)\}/.test(line) || names.length === 0 || names.some((text) => text !== "");
      return said
        ? [
            line
              .replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "")
              .replace(/ {2,}/g, " ")
              .trimEnd(),
          ]
        : [];
    })
    .join("\n");
}

function valuesOf(outcome: Outcome, escaped: (text: string) => string): Record<string, string> {
  const line = (text: string | null | undefined) => escaped(printable(redact(text ?? ""), 300));
  const { notes, error, pending } = outcome;
  const more = notes.length > mostNotes ? [`and ${notes.length - mostNotes} more`] : [];
  return {
    name: line(outcome.name),
    repository: line(outcome.repository),
    tier: outcome.tier,
    version: outcome.version ?? "",
    tag: line(outcome.tag),
    // Addresses of our own making: escaped they would lead nowhere.
    url: printable(redact(outcome.url ?? "")),
    run: printable(redact(outcome.run)),
    notes: [...notes.slice(0, mostNotes).map((note) => `• ${line(note)}`), ...more].join("\n"),
    pending: line(pending.join(", ")),
    error: error === null ? "" : line(`${error.message} [${error.code}]`),
    hint: line(error?.hint),
  };
}

/** Cut at the end of a line where there is one; never inside of a character or of an escape. */
function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - 1);
  const end = cut.lastIndexOf("\n");
  if (end > limit / 2) return `${cut.slice(0, end)}\n…`.slice(0, limit);
  return `${cut.replace(/(?:&[a-z]*|\\|[\ud800-\udbff])$/, "")}…`;
}
