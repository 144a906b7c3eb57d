import { appendFile } from "node:fs/promises";
import type { Manifest } from "../../core/manifest.ts";
import type { ReleaseResult } from "../../release/job.ts";
import type { Environment } from "../environment.ts";
import { bytes, type Style, safe, styleFor, table } from "./style.ts";

/** What a release left behind, for people. */
export function renderResult(result: ReleaseResult, style: Style = styleFor(process.stdout)): string {
  const { manifest, plan } = result;
  if (!manifest) return `nothing to do: ${safe(result.reason)}`;
  const lines = [
    style.bold(
      `${manifest.name} ${manifest.version} is ${result.pending.length > 0 ? "released, but not complete" : "released"}`,
    ),
    "",
    ...table(rows(manifest, result)).map((line) => `  ${line}`),
  ];
  for (const { target, id } of result.pending) {
    lines.push(
      "",
      `${style.yellow("pending")}  ${target} accepted ${safe(id)}, but doesn't hand it out yet; run the same command again later`,
    );
  }
  for (const { target, reason } of result.skipped) {
    lines.push(
      "",
      `${style.yellow("skipped")}  ${target} (${safe(reason)}); add it later: twotier release --resume ${safe(manifest.tag)}`,
    );
  }
  if (result.bookkeeping) lines.push("", `bookkeeping: ${safe(result.bookkeeping)}`);
  if (plan.notInRelease.length > 0) {
    lines.push(
      "",
      `${plan.notInRelease.length} commits on ${plan.branch} are not in it; the next push makes a candidate of them`,
    );
  }
  return lines.join("\n");
}

function rows(manifest: Manifest, result: ReleaseResult): string[][] {
  const out: string[][] = [];
  for (const item of manifest.items) {
    if (item.target === "github" || result.skipped.some((one) => one.target === item.target)) continue;
    if (item.target === "docker" && item.phase === "stage") continue;
    const to = result.moved.filter(
      (one) =>
        one.target === item.target &&
        manifest.pointers.some((pointer) => pointer.name === one.name && pointer.itemId === item.id),
    );
    const tags = to.map((one) => one.name.slice(Math.max(one.name.lastIndexOf("@"), one.name.lastIndexOf(":")) + 1));
    out.push([item.target, safe(item.id), tags.length > 0 ? `→ ${tags.join(", ")}` : ""]);
  }
  const assets = manifest.files.filter((file) => file.kind !== "image");
  if (manifest.items.some((item) => item.target === "github")) {
    const size = assets.reduce((sum, file) => sum + file.size, 0);
    const kind = manifest.tier === "staging" ? "pre-release" : "release";
    out.push(["github", `${kind} ${safe(manifest.tag)}, ${assets.length + 2} assets, ${bytes(size)}`, ""]);
  }
  return out;
}

/** On GitHub Actions: the same as a step summary in Markdown, and the step's outputs. */
export async function stepSummary({ variables, githubActions }: Environment, result: ReleaseResult): Promise<void> {
  if (!githubActions) return;
  const { manifest } = result;
  if (variables.GITHUB_STEP_SUMMARY) {
    const body = manifest
      ? [
          `## ${manifest.name} ${manifest.version}`,
          "",
          "| registry | item | |",
          "|---|---|---|",
          ...rows(manifest, result).map((row) => `| ${row.map(cell).join(" | ")} |`),
          "",
        ]
      : ["## Nothing to release", "", cell(result.reason), ""];
    await appendFile(variables.GITHUB_STEP_SUMMARY, body.join("\n"));
  }
  await stepOutputs(variables, {
    ...{ released: String(result.released), version: manifest?.version ?? "", tag: manifest?.tag ?? "" },
  });
}

/** Outputs of the step on GitHub Actions, each on one line. */
export async function stepOutputs(
  { GITHUB_OUTPUT }: Environment["variables"],
  outputs: Record<string, string>,
): Promise<void> {
  if (!GITHUB_OUTPUT) return;
  const lines = Object.entries(outputs).map(([name, value]) => `${name}=${value.replace(/[\r\n]+/g, " ")}\n`);
  await appendFile(GITHUB_OUTPUT, lines.join(""));
}

/** Text as a cell of a Markdown table. */
function cell(text: string): string {
  return safe(text)
    .replace(/[\\`*_{}[\]<>|#]/g, "\\$&")
    .replaceAll("\n", " ");
}
