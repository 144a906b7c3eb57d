import type { Check, Diagnosis, Trouble } from "../../doctor/types.ts";
import { type Style, safe, styleFor, table } from "./style.ts";

/** True where something needs doing: notes are for information. */
export function needsDoing({ findings }: Diagnosis): boolean {
  return findings.some((one) => one.level !== "note");
}

/** What was looked at, then each finding: what, why it matters, what to do. */
export function renderDiagnosis(diagnosis: Diagnosis, style: Style = styleFor(process.stdout)): string {
  const { checks, findings, name } = diagnosis;
  const lines = [
    ...(name === null ? [] : [style.bold(safe(name)), ""]),
    ...table(checks.map((check) => [`  ${mark(check, style)}`, check.name, style.dim(short(safe(check.text)))])),
  ];
  const order: Trouble["level"][] = ["error", "warning", "note"];
  for (const level of order) {
    for (const one of findings.filter((finding) => finding.level === level)) lines.push("", ...render(one, style));
  }
  lines.push("", summary(findings, style));
  return lines.join("\n");
}

function render({ level, code, what, why, remedy }: Trouble, style: Style): string[] {
  const paint = level === "error" ? style.red : level === "warning" ? style.yellow : style.cyan;
  return [
    `${paint(style.bold(level))} ${style.dim(`[${code}]`)} ${safe(what)}`,
    `  ${style.dim("why")}     ${safe(why)}`,
    `  ${style.dim("remedy")}  ${safe(remedy)}`,
  ];
}

function summary(findings: readonly Trouble[], style: Style): string {
  const count = (level: Trouble["level"]) => findings.filter((one) => one.level === level).length;
  const parts = (["error", "warning", "note"] as const).flatMap((level) =>
    count(level) > 0 ? [`${count(level)} ${level}${count(level) === 1 ? "" : "s"}`] : [],
  );
  const text = parts.join(", ") || "nothing found";
  return findings.some((one) => one.level !== "note")
    ? style.red(text)
    : style.green(`nothing needs doing${parts.length > 0 ? ` (${text})` : ""}`);
}

function mark({ state }: Check, style: Style): string {
  if (state === "ok") return style.green("✓");
  return state === "skipped" ? style.dim("-") : style.red("✗");
}

function short(text: string): string {
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}
