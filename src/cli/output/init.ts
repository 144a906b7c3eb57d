import type { Package, Proposal, Step, TagForm } from "../../init/types.ts";
import { formatVersion } from "../../version/version.ts";
import { type Style, safe, table } from "./style.ts";

/** A file that init writes, keeps or leaves to a person. */
export interface InitFile {
  path: string;
  /** `kept`: it was there already. `refused`: it is there, and somebody else wrote it. */
  state: "new" | "changed" | "current" | "kept" | "refused";
  /** Where it isn't new: what would change, or why it was refused. */
  diff?: string;
  lines: number;
}

/** Entries of a list that are shown before it is cut. */
const shown = 12;

/** What was found in a repository, for people. */
export function renderFound(proposal: Proposal, style: Style): string {
  const { packages, leftOut, notes, tags, config } = proposal;
  const lines = [
    `${style.bold("Repository")}  ${safe(config.repository)}${config.trigger?.branch ? `, branch ${safe(config.trigger.branch)}` : ""}`,
  ];
  lines.push(`${style.bold("Tags")}        ${safe(tagLine(tags.form, config.version?.tag ?? "v{version}"))}`, "");
  lines.push(style.bold("Released"));
  lines.push(...table(packages.slice(0, shown).map((one) => row(one))).map((line) => `  ${safe(line)}`));
  if (packages.length > shown) lines.push(`  and ${packages.length - shown} more: see twotier.yaml`);
  if (leftOut.length > 0) {
    lines.push("", style.bold("Left out"));
    for (const { path, why } of leftOut.slice(0, shown)) lines.push(`  ${safe(path)} ${style.dim(safe(why))}`);
    if (leftOut.length > shown) lines.push(`  and ${leftOut.length - shown} more: --json lists them`);
  }
  if (notes.length > 0) {
    lines.push("", style.bold("To know"));
    for (const note of notes) lines.push(`  ${style.yellow("!")} ${safe(note)}`);
  }
  return lines.join("\n");
}

function tagLine(form: TagForm | null, template: string): string {
  if (form === null) return `${template}; none is a version yet`;
  const newest = form.stable ? `, the newest is ${form.prefix}${formatVersion(form.stable)}` : "";
  return `${template} (${form.count} of them${newest})`;
}

function row({ artifact, target, registryName, manifest }: Package): string[] {
  const where = { npm: "npm", pypi: "PyPI", docker: "image", go: "Go module" };
  const what = target === null ? "GitHub release" : where[target];
  return [artifact.name, what, registryName ?? "binaries", `(${manifest})`];
}

/** What was or will be written, and twotier.yaml itself. */
export function renderFiles(files: readonly InitFile[], config: string | null, wrote: boolean, style: Style): string {
  const lines: string[] = [];
  if (config !== null)
    lines.push(
      ...config
        .trimEnd()
        .split("\n")
        .map((line) => `  ${style.green("+")} ${safe(line)}`),
      "",
    );
  const words = wrote
    ? { new: "wrote", changed: "changed", current: "current", kept: "kept", refused: "kept" }
    : { new: "would write", changed: "would change", current: "current", kept: "kept", refused: "would keep" };
  for (const file of files) {
    const rest =
      file.state === "new"
        ? style.dim(` (${file.lines} lines)`)
        : file.state === "refused"
          ? style.dim(" (somebody else wrote it)")
          : "";
    lines.push(`${words[file.state]} ${file.path}${rest}`);
    if (file.diff && file.state !== "current")
      lines.push(
        ...file.diff
          .trimEnd()
          .split("\n")
          .map((line) => `  ${style.dim(safe(line))}`),
      );
  }
  return lines.join("\n");
}

/** What a person must still do. */
export function renderSteps(steps: readonly Step[], style: Style): string {
  const lines = [style.bold("Left for you")];
  for (const [at, { what, urls, command }] of steps.entries()) {
    lines.push(`  ${at + 1}. ${safe(what)}`);
    for (const url of urls) lines.push(`     ${style.cyan(safe(url))}`);
    if (command) lines.push(`     ${safe(command)}`);
  }
  return lines.join("\n");
}
