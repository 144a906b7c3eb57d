import { escapeMarkdown } from "../lib/text.ts";
import type { Promotion, Verdict } from "./types.ts";

/** Most entries that the table lists of one file; promotion.json has them all. */
const most = 12;

/** promotion.md: the same as promotion.json for people. Deterministic. */
export function renderPromotion(promotion: Promotion): string {
  const { candidate, registries, rebuilt, tree, files } = promotion;
  const held = registries.filter((one) => one.same).length;
  const reproduced = rebuilt.filter((one) => one.reproduced).length;
  const lines = [
    `# ${escapeMarkdown(promotion.name)} ${promotion.version} is ${escapeMarkdown(candidate.tag)}`,
    "",
    promotion.verdict === "proven"
      ? `Built from the same source, on the tools that made ${escapeMarkdown(candidate.tag)} again byte for byte; what differs is the version.`
      : `**Accepted without full proof:** ${escapeMarkdown(promotion.accepted ?? "")}`,
    "",
    ...promotion.unexplained.flatMap((sentence) => [`- ${escapeMarkdown(sentence)}`]),
    ...(promotion.unexplained.length > 0 ? [""] : []),
    "| | |",
    "|---|---|",
    `| source | \`${promotion.source}\` |`,
    ...(promotion.candidateTools === null
      ? []
      : [
          `| registries hold what was sealed | ${held} of ${registries.length} items |`,
          `| candidate built again, same digests | ${reproduced} of ${rebuilt.length} files |`,
          `| trees differ in | ${tree.map((one) => code(one.entry)).join(", ") || "nothing"} |`,
        ]),
    `| tools | ${Object.entries(promotion.tools)
      .map(([name, version]) => words(`${name} ${version}`))
      .join(", ")} |`,
    ...(promotion.approver === null ? [] : [`| approved by | ${words(promotion.approver)} |`]),
    "",
  ];
  if (files.length > 0) {
    lines.push("| file | entries that are the same | what differs |", "|---|---|---|");
    for (const file of files) {
      const differences = file.differences.slice(0, most).map(({ entry, verdict, note }) => {
        const what = verdict === "differs" ? `**${words(note)}**` : words(note);
        return entry === "" ? what : `${code(entry)}: ${what}`;
      });
      if (file.differences.length > most) differences.push(`${file.differences.length - most} more in promotion.json`);
      lines.push(`| ${code(file.name)} | ${file.same} | ${differences.join("<br>") || "nothing: the same bytes"} |`);
    }
    lines.push("");
  }
  const unlike = rebuilt.filter((one) => !one.reproduced);
  if (unlike.length > 0) {
    lines.push("| built again, with other bytes | why |", "|---|---|");
    for (const { name, differences } of unlike) {
      const why = differences
        .slice(0, most)
        .map(({ entry, note }) => `${entry === "" ? "" : `${code(entry)}: `}${words(note)}`);
      lines.push(`| ${code(name)} | ${why.join("<br>")} |`);
    }
    lines.push("");
  }
  return lines.join("\n");
}

/** Text as plain words of a table's cell. */
const words = (text: string) => escapeMarkdown(text);

/** A name as code in a table's cell (github.github.com/gfm: a pipe is escaped there too). */
const code = (text: string) => `\`${text.replaceAll("`", "'").replaceAll("|", "\\|")}\``;

/** One line for a log: `12 files: 3 same bytes, 9 the version's spelling`. */
export function summaryOf(promotion: Promotion): string {
  const counts = new Map<Verdict, number>();
  for (const { verdict } of promotion.files) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const short: Record<Verdict, string> = {
    same: "the same",
    version: "but for the version",
    stamped: "but for stamped files",
    derived: "but for the version and digests",
    compiled: "compiled anew",
    differs: "not explained",
  };
  const parts = [...counts].map(([verdict, count]) => `${count} ${short[verdict]}`);
  const again = promotion.rebuilt.filter((one) => one.reproduced).length;
  return `${promotion.candidate.tag} reproduced (${again} of ${promotion.rebuilt.length} files); ${promotion.files.length} files: ${parts.join(", ")}`;
}
