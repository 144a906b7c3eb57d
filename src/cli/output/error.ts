import type { ReleaseError } from "../../lib/errors.ts";
import { type Style, safe } from "./style.ts";

/** An error in the form of docs/errors.md: what, where (facts), what now (hint). */
export function renderError(error: ReleaseError, style: Style, verbose: boolean): string {
  const lines = [`${style.red(style.bold(`error[${error.code}]`))}: ${safe(error.message)}`];
  const width = Math.max(0, ...Object.keys(error.facts).map((key) => key.length));
  for (const [key, value] of Object.entries(error.facts)) {
    const [first = "", ...more] = safe(value).split("\n");
    lines.push(`  ${style.dim(key.padEnd(width))}  ${first}`);
    for (const line of more) lines.push(`  ${" ".repeat(width)}  ${line}`);
  }
  if (error.hint !== undefined) lines.push(`${style.cyan("hint")}: ${safe(error.hint)}`);
  for (const finding of error.findings)
    lines.push(
      "",
      ...renderError(finding, style, verbose)
        .split("\n")
        .map((line) => `  ${line}`),
    );
  if (verbose || error.code === "INTERNAL") {
    const stack = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : undefined;
    if (stack) lines.push(style.dim(safe(stack)));
  }
  return lines.join("\n");
}

/** The same for `--json`. */
export function errorJson(error: ReleaseError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    facts: error.facts,
    hint: error.hint ?? null,
    retryable: error.retryable,
    ...(error.findings.length > 0 ? { findings: error.findings.map(errorJson) } : {}),
  };
}
