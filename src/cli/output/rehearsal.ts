import type { Reading, Rehearsal } from "../../rehearse/rehearse.ts";
import { type Style, safe, seconds, styleFor, table } from "./style.ts";

const registryNames = {
  pypi: "PyPI",
  npm: "npm",
  docker: "Docker",
  github: "GitHub",
  go: "Go",
  site: "Site",
  installer: "install.sh",
} as const;

/** The end of a rehearsal: tier x registry, with what users got and how they asked. */
export function renderRehearsal(
  { readings, staging, production, acts }: Rehearsal,
  took: number,
  style: Style = styleFor(process.stdout),
): string {
  const head = ["", "staging", "production"].map((text) => style.bold(text));
  const targets = [...new Set(readings.map((reading) => reading.target))];
  const row = (target: Reading["target"]): string[][] => {
    const of = (tier: Reading["tier"]) =>
      readings.filter((reading) => reading.target === target && reading.tier === tier);
    const [left, right] = [of("staging"), of("production")];
    return Array.from({ length: Math.max(left.length, right.length) }, (_, at) => [
      at === 0 ? registryNames[target] : "",
      cell(left[at], style),
      cell(right[at], style),
    ]);
  };
  const commands = readings.map(({ command, ok, missing }) => [mark(ok, missing, style), safe(command)]);
  const failed = readings.filter((reading) => !reading.ok);
  return [
    ...table([head, ["version", staging ?? "none", production ?? "none"], ...targets.flatMap(row)]),
    "",
    style.bold("read back with"),
    ...table(commands).map((line) => `  ${line}`),
    "",
    failed.length > 0
      ? style.red(`${failed.length} of ${readings.length} readings differ`)
      : style.green(`${acts.length} acts, ${readings.length} readings, all as they should be, in ${seconds(took)}`),
  ].join("\n");
}

function cell(reading: Reading | undefined, style: Style): string {
  if (!reading) return "";
  return `${mark(reading.ok, reading.missing, style)} ${safe(reading.result)}`;
}

function mark(ok: boolean, missing: boolean | undefined, style: Style): string {
  if (missing) return style.yellow("?");
  return ok ? style.green("✓") : style.red("✗");
}
