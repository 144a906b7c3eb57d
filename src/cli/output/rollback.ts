import type { UndoFailure, UndoStep } from "../../core/undo.ts";
import type { Rollback } from "../../release/rollback.ts";
import { type Style, safe, styleFor, table } from "./style.ts";

/** A rollback for people: what is done, what is left to them, what stays. */
export function renderRollback(
  { about, steps, warnings }: Pick<Rollback, "about" | "steps" | "warnings">,
  plan: boolean,
  failures: readonly UndoFailure[] = [],
  style: Style = styleFor(process.stdout),
): string {
  const title = plan ? `taking ${about.version} back would be this` : titleOf(about.version, steps, failures);
  const lines = [style.bold(title), ""];
  lines.push(
    ...table(
      steps
        .filter((step) => step.state !== "manual")
        .map((step) => [`  ${mark(step, style)}`, style.cyan(step.target), safe(step.id), safe(step.text)]),
    ),
  );
  const manual = steps.filter((step) => step.state === "manual");
  if (manual.length > 0) {
    lines.push("", style.bold("left to you"));
    for (const step of manual)
      lines.push(`  ${style.yellow("!")} ${style.cyan(step.target)} ${safe(step.id)}: ${safe(step.text)}`);
    lines.push(`  then: twotier verify ${about.version}`);
  }
  for (const { step, error } of failures) {
    lines.push("", `${style.red("failed")}  ${step.target} ${safe(step.id)}: ${safe(error.message)}`);
    if (error.hint) lines.push(`  hint: ${safe(error.hint)}`);
  }
  for (const warning of warnings) lines.push("", `${style.yellow("warning")}: ${safe(warning)}`);
  if (plan) lines.push("", style.dim("nothing was written"));
  return lines.join("\n");
}

function titleOf(version: string, steps: readonly UndoStep[], failures: readonly UndoFailure[]): string {
  const left = steps.filter(({ state }) => state === "todo" || state === "unknown").length;
  if (failures.length > 0 || left > 0) return `${version} isn't taken back yet: run the same command again`;
  return `${version} is taken back; the next version is the next number`;
}

function mark({ state }: UndoStep, style: Style): string {
  if (state === "done") return style.green("✓");
  if (state === "unknown") return style.yellow("?");
  return state === "todo" ? "→" : style.dim("–");
}
