import { printable } from "./text.ts";

/**
 * The one error of the product (docs/errors.md lists every code).
 *
 * Whoever throws knows what failed and writes the hint; callers add which release, which target, which item.
 */

export const errorCodes = [
  "USAGE", // a flag or an argument is wrong
  "CONFIG", // twotier.yaml is wrong, or names something that isn't there
  "REFUSED", // a rule of the two-tier model forbids it
  "CONFLICT", // a registry holds other bytes under the same name
  "PREFLIGHT", // something found before the first write; holds all findings
  "AUTH", // a credential is missing or refused
  "NETWORK", // no answer, or an answer that is no HTTP
  "REGISTRY", // a registry answered, but not as its protocol says, or with a failure
  "RATE_LIMITED", // a registry asks to wait longer than the run may
  "PENDING", // accepted, but not yet to be had
  "GIT", // git failed
  "TOOL_MISSING", // a program that is needed isn't installed
  "BUILD", // a build failed or made nothing
  "INTERRUPTED", // the user or the machine stopped the run
  "LOST", // another run took the number or sealed first
  "IO", // a file couldn't be read or written
  "INTERNAL", // a mistake of twotier itself
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Exit code of the process for each error code (two-tier.md, "Commands"). */
export function exitCodeOf(code: ErrorCode): 1 | 2 | 3 {
  if (code === "USAGE" || code === "CONFIG" || code === "REFUSED") return 2;
  if (code === "PENDING") return 3;
  return 1;
}

export interface ErrorDetails {
  /** Name-value lines under the message, in order: `expected`, `found`, `file`, `status` ... */
  facts?: Record<string, string | number | undefined>;
  /** What to do now: a sentence, best with a command. */
  hint?: string;
  /** True if the same request may succeed later without anybody changing anything. */
  retryable?: boolean;
  /** Seconds a registry asked to wait (`retry-after`). */
  retryAfter?: number;
  cause?: unknown;
  /** Several findings reported at once (preflight, config). */
  findings?: ReleaseError[];
}

export class ReleaseError extends Error {
  override readonly name = "ReleaseError";
  readonly code: ErrorCode;
  readonly facts: Record<string, string>;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly findings: readonly ReleaseError[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(redact(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.facts = {};
    for (const [key, value] of Object.entries(details.facts ?? {})) {
      if (value !== undefined) this.facts[key] = redact(String(value));
    }
    this.hint = details.hint === undefined ? undefined : redact(details.hint);
    this.retryable = details.retryable ?? false;
    this.retryAfter = details.retryAfter;
    this.findings = details.findings ?? [];
  }
}

/** What this machine refuses (errno(3)), and what to do about it: no mistake of twotier's. */
const refusals: Record<string, string> = {
  ENOSPC: "make room on the disk",
  EDQUOT: "make room: the quota of the disk is used up",
  EROFS: "make the file system writable",
  EACCES: "check who owns the file and its folder, and their modes",
  EPERM: "check who owns the file and its folder, and their modes",
  ENOTDIR: "move away the file that stands where a folder belongs",
  EMFILE: "let it open more files (`ulimit -n`)",
  ENFILE: "let the machine open more files",
  ENOMEM: "give it more memory",
  EIO: "check the disk",
};

/**
 * Any thrown value as a ReleaseError; what isn't one already becomes INTERRUPTED for an abort, IO where this machine
 * refused a file, else INTERNAL.
 */
export function asReleaseError(thrown: unknown): ReleaseError {
  if (thrown instanceof ReleaseError) return thrown;
  if (
    thrown instanceof Error &&
    (thrown.name === "AbortError" || (thrown as NodeJS.ErrnoException).code === "ABORT_ERR")
  ) {
    const reason = thrown.cause;
    return reason instanceof ReleaseError ? reason : new ReleaseError("INTERRUPTED", "stopped", { cause: thrown });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const { code = "", syscall } = (thrown ?? {}) as NodeJS.ErrnoException;
  const refusal = syscall === undefined ? undefined : refusals[code];
  if (refusal !== undefined) {
    return new ReleaseError("IO", message, { cause: thrown, hint: `${refusal}, then run the same command again` });
  }
  return new ReleaseError("INTERNAL", message, {
    cause: thrown,
    hint: "this is a mistake in twotier; please report it with the lines above",
  });
}

/** The same error with another hint, or more facts. */
export function withMore(error: ReleaseError, more: { hint?: string; facts?: ReleaseError["facts"] }): ReleaseError {
  const { code, message, retryable, retryAfter, cause } = error;
  const findings = [...error.findings];
  const facts = { ...more.facts, ...error.facts };
  return new ReleaseError(code, message, {
    facts,
    hint: more.hint ?? error.hint,
    retryable,
    retryAfter,
    cause,
    findings,
  });
}

/** An error in one line, with what the program or the server that failed said itself. */
export function inItsWords({ message, facts }: ReleaseError): string {
  const said = printable(facts.git ?? facts.answer ?? facts.output ?? facts.github ?? facts.npm ?? "", 300);
  return said === "" || message.includes(said) ? message : `${message}: ${said}`;
}

const secrets = new Set<string>();
/** The longest first: one form may hold another. */
let ordered: readonly string[] = [];

/**
 * Remembers a secret, in the forms it may turn up in (as it is, base64 wherever it begins, URL-encoded, as a string of
 * JSON or HTML, its lines), so that `redact` takes it out of everything that leaves the process.
 */
export function registerSecret(secret: string, user?: string): void {
  if (secret.length < 4) return;
  const encoded = encodeURIComponent(secret);
  const forms = [
    secret,
    encoded,
    encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    new URLSearchParams([["", secret]]).toString().slice(1),
    inJson(secret),
    inJson(inJson(secret)),
    inJson(inJson(inJson(secret))),
    ...inHtml(secret),
    ...inBase64(secret),
  ];
  if (user !== undefined) forms.push(Buffer.from(`${user}:${secret}`).toString("base64"));
  for (const line of secret.split(/\r?\n/)) if (line.length >= 8) forms.push(line);
  for (const form of forms) secrets.add(form);
  ordered = [...secrets].sort((a, b) => b.length - a.length);
}

/** As a string of JSON has it; an answer may quote one that quotes one. */
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

/** With the characters escaped that have a meaning in HTML, in the spellings that servers use. */
function inHtml(secret: string): string[] {
  const named: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  const html = secret.replace(/[&<>"']/g, (character) => named[character] as string);
  return [html, html.replaceAll("&#39;", "&#x27;"), html.replaceAll("&#39;", "'"), html.replaceAll("&quot;", "&#34;")];
}

/**
 * Whole, and what is always the same of it inside the base64 of a longer text, such as `user:secret` with any user: three
 * bytes make four characters, so there are three ways (RFC 4648, section 4), each in both alphabets.
 */
function inBase64(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const whole = bytes.toString("base64");
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const shared = (before + bytes.length) % 3 === 0 ? 0 : 1;
    return text.slice(before === 0 ? 0 : before + 1, text.length - shared);
  });
  const forms = [whole, ...inside.filter((text) => text.length >= 8)];
  return [...forms, ...forms.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** The text with every registered secret replaced by `[redacted]`. */
export function redact(text: string): string {
  let out = text;
  for (const secret of ordered) out = out.replaceAll(secret, "[redacted]");
  return out;
}

/** The beginning of a text from elsewhere, redacted before it is cut: half a secret would be found by nobody. */
export function excerpt(text: string, limit: number): string {
  return redact(text).slice(0, limit);
}
