import { writeFileSync } from "node:fs";

// Draws what a command printed, colours included, as a picture for the README.
// `make picture` uses it: progress and single items are left out, long lines are cut.

const [file = "docs/demo.svg", title = ""] = process.argv.slice(2);
const columns = 112;
const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const lines = Buffer.concat(chunks)
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .filter(
    (line) => !/^\S*…|^ {2}\S* ?[✓→]\S* (npm|pypi|docker|github|go|site) /.test(line.replace(/\u001b\[[0-9;]*m/g, "")),
  );

const colours: Record<string, string> = { 31: "#f47067", 32: "#57ab5a", 33: "#c69026", 36: "#39c5cf" };
const markup = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** One line with its colours (SGR: bold, dim, four colours) as spans. */
function spans(line: string): string {
  let room = columns;
  let style: { bold?: boolean; dim?: boolean; fill?: string } = {};
  let out = "";
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    const codes = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) {
      for (const code of codes.split(";")) {
        if (code === "1") style.bold = true;
        else if (code === "2") style.dim = true;
        else if (code === "22") style = { ...style, bold: false, dim: false };
        else if (code === "39") style.fill = undefined;
        else if (code === "0" || code === "") style = {};
        else style.fill = colours[code];
      }
    } else if (part !== "") {
      const fill = style.fill ?? (style.dim ? "#768390" : undefined);
      const text = part.slice(0, room);
      room -= text.length;
      out += `<tspan${fill ? ` fill="${fill}"` : ""}${style.bold ? ' font-weight="bold"' : ""}>${markup(text)}</tspan>`;
    }
  }
  return out;
}

const step = 18;
const top = 44;
const plain = lines.map((line) => line.replace(/\u001b\[[0-9;]*m/g, ""));
const width = Math.ceil(Math.min(columns, Math.max(...plain.map((line) => line.length))) * 8.43) + 40;
const height = top + lines.length * step + 16;
const rows = lines.map(
  (line, at) => `<text x="20" y="${top + at * step + 12}" xml:space="preserve">${spans(line)}</text>`,
);
writeFileSync(
  file,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, monospace" font-size="14" fill="#adbac7">
<title>What ${markup(title)} prints</title>
<rect width="${width}" height="${height}" rx="8" fill="#22272e"/>
<circle cx="20" cy="18" r="6" fill="#f47067"/><circle cx="40" cy="18" r="6" fill="#c69026"/><circle cx="60" cy="18" r="6" fill="#57ab5a"/>
<text x="80" y="23" fill="#768390">${markup(title)}</text>
${rows.join("\n")}
</svg>
`,
);
