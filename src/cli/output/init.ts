import type { Package, Proposal, Step, TagForm } from "../../init/types.ts";
import { formatVersion } from "../../version/version.ts";
import { type Style, safe, table } from "./style.ts";

/** A file that init writes, or finds there: `kept`, or `refused` where another text stands in it. */
export interface InitFile {
  path: string;
  /** `kept`: it was there already. `refused`: it is there, and somebody else wrote it. */
  state: "new" | "kept" | "refused";
  /** Where it was refused: what would change. */
  diff?: string;
  lines: number;
}

/** Entries of a list that are shown before it is cut. */
const shown = 12;
/** Lines of a diff that are shown. */
const shownDiff = 40;

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

/** twotier.yaml, as what it is: a new file. */
export function renderConfig(config: string, style: Style): string {
  const lines = config.trimEnd().split("\n");
  return lines.map((line) => `  ${style.green("+")} ${safe(line)}`.trimEnd()).join("\n");
}

/** What was, or would be, written. */
export function renderFiles(files: readonly InitFile[], wrote: boolean, style: Style): string {
  const lines: string[] = [];
  const words = wrote
    ? { new: "wrote", kept: "kept", refused: "kept" }
    : { new: "would write", kept: "kept", refused: "would keep" };
  for (const { path, state, diff, lines: length } of files) {
    const generator = path.startsWith("scripts/") ? "installer" : "workflow --force";
    const rest = {
      new: ` (${length} lines)`,
      kept: "",
      refused: ` (somebody else wrote it: \`twotier generate ${generator}\` replaces it)`,
    }[state];
    lines.push(`${words[state]} ${path}${style.dim(rest)}`);
    const changes = diff?.trimEnd().split("\n") ?? [];
    for (const line of changes.slice(0, shownDiff)) lines.push(`  ${style.dim(safe(line))}`);
    if (changes.length > shownDiff) lines.push(`  and ${changes.length - shownDiff} more lines`);
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
