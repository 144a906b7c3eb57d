import { isWrong, type Row, type Verification } from "../../release/rows.ts";
import { type Style, safe, styleFor, table } from "./style.ts";

/** A verification for people: a line for each thing looked at, what is wrong spelled out. */
export function renderVerification(result: Verification, style: Style = styleFor(process.stdout)): string {
  const { rows, name, version, retracted, tier } = result;
  const kind = tier === "staging" ? "candidate" : "stable version";
  const lines = [`${style.bold(`${name} ${version}`)}, ${retracted ? `a ${kind} that was taken back` : kind}`, ""];
  lines.push(
    ...table(rows.map((row) => [`  ${mark(row, style)}`, style.cyan(row.target), shortId(row.id), safe(row.text)])),
  );
  for (const row of rows) {
    if (row.state !== "differs" || row.expected === undefined) continue;
    lines.push("", `${style.red("differs")}  ${row.target} ${safe(row.id)}`);
    lines.push(`  expected  ${safe(row.expected)}`, `  found     ${safe(row.found ?? "")}`);
  }
  for (const remedy of new Set(rows.flatMap((row) => row.remedy ?? []))) {
    const targets = [...new Set(rows.flatMap((row) => (row.remedy === remedy ? [row.target] : [])))].join(", ");
    lines.push("", `${style.yellow("skipped")}  ${targets}; add it later: ${safe(remedy)}`);
  }
  const bad = rows.filter(isWrong);
  const count = (state: Row["state"]) => bad.filter((row) => row.state === state).length;
  const parts = (["differs", "missing", "pending", "unknown"] as const).flatMap((state) =>
    count(state) > 0 ? [`${count(state)} ${state}`] : [],
  );
  lines.push("", bad.length === 0 ? summary(result, style) : style.red(`${parts.join(", ")} of ${rows.length}`));
  return lines.join("\n");
}

/** What may be said when nothing is wrong. */
function summary({ rows, kind }: Verification, style: Style): string {
  const [open, skipped] = (["unproven", "skipped"] as const).map(
    (state) => rows.filter((row) => row.state === state).length,
  ) as [number, number];
  const count = open + skipped === 0 ? `all ${rows.length}` : `${rows.length - open - skipped}`;
  const sure = kind === "foreign" ? "are there; without a manifest no bytes are compared" : "as they should be";
  const more = [...(open === 0 ? [] : [`${open} not known`]), ...(skipped === 0 ? [] : [`${skipped} skipped`])];
  return [style.green(`${count} ${sure}`), ...more].join(", ");
}

function shortId(id: string): string {
  return safe(id).replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");
}

function mark({ state }: Row, style: Style): string {
  if (state === "ok") return style.green("✓");
  if (state === "pending" || state === "skipped") return style.yellow("⋯");
  if (state === "unproven") return style.dim("–");
  return state === "unknown" ? style.yellow("?") : style.red("✗");
}
