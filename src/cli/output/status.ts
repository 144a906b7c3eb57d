import type { ReleaseStatus, Status, StatusRow } from "../../release/status.ts";
import { type Style, safe, styleFor, table } from "./style.ts";

/** Both tiers, what waits, and what a release would be now. */
export function renderStatus(status: Status, style: Style = styleFor(process.stdout)): string {
  const lines = [style.bold(`${safe(status.name)} on ${safe(status.branch)}`)];
  for (const tier of ["production", "staging"] as const) {
    const release = status[tier];
    lines.push("", ...(release ? renderRelease(release, style) : [`${style.bold(tier)}  nothing yet`]));
  }
  for (const tag of status.unfinished) {
    lines.push("", `${style.yellow("unfinished")}  ${safe(tag)}: twotier release --resume ${safe(tag)}`);
  }
  const { waiting } = status;
  lines.push(
    "",
    style.bold(`${waiting.length} ${waiting.length === 1 ? "commit waits" : "commits wait"} for a candidate`),
  );
  for (const { sha, subject } of waiting.slice(0, 10)) lines.push(`  ${style.dim(sha.slice(0, 10))} ${safe(subject)}`);
  if (waiting.length > 10) lines.push(style.dim(`  ... and ${waiting.length - 10} more`));
  lines.push("", style.bold("now"));
  for (const tier of ["staging", "production"] as const) {
    const { version, candidate, reason } = status.next[tier];
    const what = version === null ? "nothing" : `${version}${candidate ? ` from ${safe(candidate)}` : ""}`;
    lines.push(`  twotier release --tier ${tier}  ${what} (${safe(reason)})`);
  }
  return lines.join("\n");
}

/** One release, a line for each registry. */
export function renderRelease(release: ReleaseStatus, style: Style = styleFor(process.stdout)): string[] {
  const { tier, version, when, source, retracted, complete, kind } = release;
  const notes = [
    ...(retracted ? [style.red("taken back")] : []),
    ...(!complete && !retracted ? [style.yellow("not finished")] : []),
    ...(kind === "foreign" ? ["without a manifest: another tool released it"] : []),
  ];
  const head = `${style.bold(`${tier}  ${version}`)}  ${when.slice(0, 16).replace("T", " ")} UTC, from ${source.slice(0, 12)}${notes.length > 0 ? `, ${notes.join(", ")}` : ""}`;
  const rows = release.rows.map((row) => [
    `  ${retracted && row.state === "missing" ? style.dim("–") : mark(row.state, style)}`,
    style.cyan(row.target),
    `${row.state} ${row.items.count}/${row.items.of}`,
    safe(`${row.text}${row.remedy === undefined ? "" : `; add it later: ${row.remedy}`}`).replace(
      /(sha256:[0-9a-f]{12})[0-9a-f]{52}/g,
      "$1",
    ),
  ]);
  const pointers = release.pointers.map(({ target, name, at }) => [
    `  ${at === version ? style.green("→") : style.dim("→")}`,
    style.cyan(target),
    `at ${at ?? "nothing"}`,
    safe(name),
  ]);
  return [head, ...table([...rows, ...pointers])];
}

/** 1: a registry couldn't be read; 3: something differs, is missing or pending; of retracted releases nothing is expected. */
export function exitCodeOfStatus(releases: readonly (ReleaseStatus | null)[]): 0 | 1 | 3 {
  const live = releases.filter((release) => release !== null && !release.retracted) as ReleaseStatus[];
  const states = live.flatMap((release) => release.rows.map((row) => row.state));
  if (states.includes("unknown")) return 1;
  const fine = states.every((state) => state === "present" || state === "skipped");
  return fine && live.every((release) => release.complete) ? 0 : 3;
}

function mark(state: StatusRow["state"], style: Style): string {
  if (state === "present") return style.green("✓");
  if (state === "pending" || state === "staged" || state === "skipped") return style.yellow("⋯");
  return state === "unknown" ? style.yellow("?") : style.red("✗");
}
