import { appendFile } from "node:fs/promises";
import type { Plan } from "../../core/plan.ts";
import type { ReleaseError } from "../../lib/errors.ts";
import type { ReleaseResult } from "../../release/job.ts";
import type { Environment } from "../environment.ts";
import { leftBehind, rows } from "./result.ts";
import { safe } from "./style.ts";

/**
 * What a step of GitHub Actions leaves behind: its outputs, and its summary in Markdown on the run's page.
 *
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions#environment-files
 */

/** After a release: what was released, where, and what waits; or why there was nothing to do. */
export async function releaseSummary(environment: Environment, result: ReleaseResult): Promise<void> {
  const { manifest, reason } = result;
  await summary(environment, manifest ? releasedText(environment, result, manifest) : nothingText(reason));
  const { version = "", tag = "" } = manifest ?? {};
  await stepOutputs(environment, { released: String(result.released), version, tag });
}

/** After a plan: what would be released. Nothing has been. */
export async function planSummary(environment: Environment, plan: Plan): Promise<void> {
  const items = plan.items.map(({ target, id }) => [target, id]);
  const text = plan.release
    ? [`## ${cell(plan.tag ?? "")} would be released`, "", cell(plan.reason), "", ...table(["registry", "item"], items)]
    : nothingText(plan.reason);
  await summary(environment, [...text, ...plan.warnings.map((one) => `\n> warning: ${cell(one)}`)]);
  await stepOutputs(environment, { released: "false", version: plan.version ?? "", tag: plan.tag ?? "" });
}

/** Why nothing is prepared. What is, `publish` tells. */
export async function nothingSummary(environment: Environment, reason: string): Promise<void> {
  await summary(environment, nothingText(reason));
}

/** After a command that failed: why, and what to do now. Its outputs never say that something was released. */
export async function failureSummary(
  environment: Environment,
  command: string | undefined,
  error: ReleaseError,
): Promise<void> {
  const lines = [`## twotier ${cell(command ?? "")} failed`, ""];
  for (const { code, message, hint } of [error, ...error.findings])
    lines.push(`- **${code}** ${cell(message)}${hint === undefined ? "" : `<br>${cell(hint)}`}`);
  await summary(environment, lines);
  if (["release", "plan", "prepare", "publish"].includes(command ?? ""))
    await stepOutputs(environment, { released: "false", version: "", tag: "" });
}

/** Outputs of the step, each on one line; nothing elsewhere than on GitHub Actions. @throws what the file system says */
export async function stepOutputs(
  { variables, githubActions }: Environment,
  outputs: Record<string, string>,
): Promise<void> {
  if (!githubActions || !variables.GITHUB_OUTPUT) return;
  const lines = Object.entries(outputs).map(([name, value]) => `${name}=${value.replace(/[\r\n]+/g, " ")}\n`);
  await appendFile(variables.GITHUB_OUTPUT, lines.join(""));
}

/** A page without it is no failed release. */
async function summary({ variables, githubActions }: Environment, lines: readonly string[]): Promise<void> {
  if (!githubActions || !variables.GITHUB_STEP_SUMMARY) return;
  await appendFile(variables.GITHUB_STEP_SUMMARY, `${lines.join("\n")}\n`).catch(() => {});
}

const nothingText = (reason: string) => ["## Nothing to release", "", cell(reason)];

function releasedText(
  { variables }: Environment,
  result: ReleaseResult,
  manifest: NonNullable<ReleaseResult["manifest"]>,
): string[] {
  const { pending, bookkeeping, plan } = result;
  const { name, version, tag, skipped, repository } = manifest;
  const lines = [
    `## ${cell(name)} ${version}${pending.length > 0 ? ", not complete yet" : ""}`,
    "",
    ...table(["registry", "item", ""], rows(manifest, result)),
  ];
  if (manifest.items.some((item) => item.target === "github")) {
    const server = (variables.GITHUB_SERVER_URL || "https://github.com").replace(/\/+$/, "");
    lines.push("", `[The release](${server}/${repository}/releases/tag/${encodeURIComponent(tag)})`);
  }
  const waits = [
    ...pending.map(({ target, id }) => `${target} accepted ${id}, but doesn't hand it out yet: run it again later`),
    ...skipped.map(({ target, reason }) => `${target} was skipped: ${reason}`),
  ];
  if (plan.notInRelease.length > 0) waits.push(leftBehind(plan));
  if (waits.length > 0) lines.push("", "What waits:", "", ...waits.map((one) => `- ${cell(one)}`));
  if (bookkeeping) lines.push("", `Bookkeeping: ${cell(bookkeeping)}`);
  return lines;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map((row) => line(row.map(cell)))];
}

/** Text of others as one line of Markdown. */
function cell(text: string): string {
  return safe(text)
    .replace(/[\\`*_{}[\]<>|#]/g, "\\$&")
    .replaceAll("\n", " ");
}
