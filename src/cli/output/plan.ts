import type { Plan } from "../../core/plan.ts";
import { groupChanges } from "../../release/notes.ts";
import { type Style, safe, styleFor, table } from "./style.ts";

/** A plan as a person reads it before a release: version and why, changes, items, order, what is left out. */
export function renderPlan(plan: Plan, style: Style = styleFor(process.stdout)): string {
  const lines: string[] = [];
  const section = (title: string, rows: string[]) => {
    if (rows.length > 0) lines.push("", style.bold(title), ...rows.map((row) => `  ${row}`));
  };
  if (!plan.release) lines.push(`${style.bold("nothing to release")}: ${safe(plan.reason)}`);
  else {
    const spelt = plan.pythonVersion !== null && plan.pythonVersion !== plan.version;
    const python = spelt && goesTo("pypi", plan) ? ` (PyPI: ${plan.pythonVersion})` : "";
    const kind = plan.tier === "staging" ? "candidate" : "stable release";
    lines.push(
      `${style.green(style.bold(safe(plan.tag ?? "")))}${python}, ${kind}${plan.resume ? ", begun by an earlier run" : ""}`,
    );
    lines.push(safe(plan.reason));
    lines.push(
      "",
      ...table([
        ["  source", `${plan.source.slice(0, 12)} on ${safe(plan.branch)}`],
        ...(plan.candidate ? [["  finalises", safe(plan.candidate)]] : []),
        ["  before it", plan.previous ?? "nothing"],
        ["  stable", plan.lastStable ?? "none yet"],
      ]),
    );
  }
  for (const group of groupChanges(plan.changes)) {
    section(
      group.title,
      shortened(group.changes).map(
        ({ sha, scope, text }) => `${style.dim(sha.slice(0, 10))} ${scope ? `${safe(scope)}: ` : ""}${safe(text)}`,
      ),
    );
    if (group.changes.length > most) lines.push(style.dim(`  ... and ${group.changes.length - most} more`));
  }
  section(
    "not in this release",
    shortened(plan.notInRelease).map(({ sha, subject }) => `${style.dim(sha.slice(0, 10))} ${safe(subject)}`),
  );
  section(
    "conditions",
    plan.conditions.map(({ name, holds, text, remedy }) => {
      const mark = holds === null ? style.yellow("?") : holds ? style.green("✓") : style.red("✗");
      return `${mark} ${name.padEnd(10)} ${safe(text)}${remedy ? style.dim(` (${safe(remedy)})`) : ""}`;
    }),
  );
  section("items", table(plan.items.map(({ target, id }) => [style.cyan(target), unbuilt(safe(id))])));
  section(
    "order",
    plan.steps.map(
      ({ target, text }, at) => `${String(at + 1).padStart(2)}  ${style.cyan(target.padEnd(7))}${safe(text)}`,
    ),
  );
  section("tags left alone", ignoredTags(plan));
  for (const warning of plan.warnings) lines.push("", `${style.yellow("warning")}: ${safe(warning)}`);
  if (plan.release)
    lines.push("", style.dim("nothing was written; the command `twotier release` with the same flags does this"));
  return lines.join("\n");
}

const goesTo = (name: string, { items, steps }: Plan) => [...items, ...steps].some(({ target }) => target === name);

/** One line a reason: a repository that was released by name, or by another rule, has hundreds of them. */
function ignoredTags({ ignoredTags }: Plan): string[] {
  const byReason = Map.groupBy(ignoredTags, ({ reason }) => reason);
  return [...byReason].map(([reason, all]) => {
    const shown = all.slice(0, 3).map(({ tag }) => safe(tag));
    return `${shown.join(", ")}${all.length > 3 ? ` and ${all.length - 3} more` : ""}: ${safe(reason)}`;
  });
}

/** Digests are known after the build. */
const unbuilt = (id: string) => id.replace(/@sha256:$/, ", by digest");

const most = 30;

function shortened<T>(all: readonly T[]): readonly T[] {
  return all.slice(0, most);
}
