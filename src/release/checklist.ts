import type { Config } from "../config/types.ts";
import type { Plan, PlanCondition } from "../core/plan.ts";
import { escapeMarkdown } from "../lib/text.ts";
import { isWrong, type Row } from "./rows.ts";

/** What is known about the boxes of the two checklists. */
export interface Evidence {
  plan: Plan;
  config: Config;
  /** What commands and marked examples said; left out for those that weren't run. */
  checked: readonly PlanCondition[];
  /** CHANGELOG.md of the source; null where it wasn't looked at. */
  changelog: PlanCondition | null;
  /** What `verify` of the candidate found; null: it wasn't asked. */
  verified: readonly Row[] | null;
  /** What installing the candidate gave; null: it wasn't tried. */
  installed: readonly Row[] | null;
}

interface Box {
  text: string;
  /** True: proven. */
  ticked: boolean;
  note: string;
}

/**
 * The release process's two checklists as Markdown. A box is ticked where something proves it; the others say what is
 * known, and are left to a person. Pure.
 *
 * @see the release process document, "Checklist"
 */
export function renderChecklist(evidence: Evidence): string {
  const { plan } = evidence;
  const subject = plan.tag === null ? "" : ` (${escapeMarkdown(plan.tag)})`;
  const staging = section(`Before Staging Release${plan.tier === "staging" ? subject : ""}`, stagingBoxes(evidence));
  if (plan.tier === "staging") return staging;
  return `${staging}\n${section(`Before Production Release${subject}`, productionBoxes(evidence))}`;
}

function section(title: string, boxes: readonly Box[]): string {
  const lines = boxes.map(
    ({ text, ticked, note }) => `- [${ticked ? "x" : " "}] ${text}${note === "" ? "" : `: ${note}`}`,
  );
  return `### ${title}\n\n${lines.join("\n")}\n`;
}

function stagingBoxes({ plan, config, checked, changelog }: Evidence): Box[] {
  const commands = [...new Set([...config.checks, ...config.tiers.production.conditions.checks])];
  const boxes = commands.map((command): Box => {
    const text = `\`${command.replaceAll("`", "'")}\` passes`;
    const found = checked.find((one) => one.name === "checks" && one.text.startsWith(`\`${command}\` `));
    if (!found) return { text, ticked: false, note: "not run; add --prove" };
    return { text, ticked: found.holds === true, note: found.holds ? "" : escapeMarkdown(found.text) };
  });
  if (commands.length === 0) {
    boxes.push({
      text: "All tests pass, linting passes",
      ticked: false,
      note: "`checks` in twotier.yaml names no commands",
    });
  }
  const count = plan.changes.filter((change) => change.triggers).length;
  const documented = changelog?.holds === true && changelog.text.includes("has a section");
  return [
    ...boxes,
    {
      text: "Changes are documented",
      ticked: documented,
      note: documented
        ? escapeMarkdown(changelog.text)
        : `${count} that trigger; the notes list them by their messages`,
    },
    { text: "No critical security issues", ticked: false, note: "for a person to judge" },
  ];
}

function productionBoxes({ plan, config, checked, changelog, verified, installed }: Evidence): Box[] {
  const installs = (...targets: Row["target"][]) => installed?.filter((row) => targets.includes(row.target)) ?? null;
  const boxes: Box[] = [
    plan.candidate === null
      ? { text: "Staging release has been tested", ticked: false, note: "there is no candidate" }
      : fromRows(`Staging release ${escapeMarkdown(plan.candidate)} is what was sealed, everywhere`, verified),
  ];
  if (config.targets.pypi || config.targets.npm) {
    boxes.push(fromRows("SDK installation verified (`pip install --pre`, npm @next)", installs("pypi", "npm")));
  }
  if (config.artifacts?.some((one) => one.type === "go") || config.installer) {
    boxes.push(fromRows("Binary installation verified (`install.sh --staging`)", installs("github")));
  }
  if (config.targets.docker) boxes.push(fromRows("Docker image tested", installs("docker")));
  boxes.push({
    text: "CHANGELOG.md is updated",
    ticked: changelog?.holds === true,
    note: changelog ? escapeMarkdown(changelog.text) : "not looked at",
  });
  const examples = checked.filter((one) => one.name === "examples");
  boxes.push({
    text: "README.md examples work",
    ticked: examples.length > 0 && examples.every((one) => one.holds === true),
    note: examples.map((one) => escapeMarkdown(one.text)).join("; ") || "not run; add --prove",
  });
  for (const { name, holds, text } of plan.conditions) {
    if (["verified", "minAge", "approver", "window"].includes(name)) {
      boxes.push({ text: name, ticked: holds === true, note: escapeMarkdown(text) });
    }
  }
  return boxes;
}

/** Ticked where every row is as it should be, and there is one. */
function fromRows(text: string, rows: readonly Row[] | null): Box {
  if (rows === null) return { text, ticked: false, note: "not tried; add --prove" };
  const wrong = rows.filter(isWrong);
  if (rows.length === 0) return { text, ticked: false, note: "nothing to try it with on this machine" };
  const note =
    wrong.length === 0 ? counted(rows) : wrong.map((row) => `${code(row.id)}: ${escapeMarkdown(row.text)}`).join("; ");
  return { text, ticked: wrong.length === 0, note };
}

function counted(rows: readonly Row[]): string {
  return rows.length > 4 ? `${rows.length} things read back` : rows.map((row) => code(row.id)).join(", ");
}

const code = (text: string) => `\`${text.replaceAll("`", "'")}\``;
