import { createHash } from "node:crypto";
import { binaryName, splitPlatform } from "../../config/platforms.ts";
import type { Channel } from "./files.ts";
import type { SiteInput } from "./input.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

/** A text as HTML shows it, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (one) => names[one] as string);
}

/** Marks pages of ours: a release replaces no other. */
export const generator = '<meta name="generator" content="twotier">';

/**
 * The index page: how to install both tiers, whatever the platform. One file that asks for nothing from elsewhere; the
 * picker is radio buttons and CSS, so that it works without JavaScript, which adds the choice of the visitor's own platform,
 * copy buttons, and the versions of the channel files. Deterministic.
 */
export function page(input: SiteInput): string {
  const { name, installer, url } = input;
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(`${style}${pickerStyle(input)}`)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const repository = `https://github.com/${installer.repository}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
${generator}
<meta name="color-scheme" content="light dark">
<meta name="description" content="Install ${escapeHtml(name)}: the stable version, or the candidate of the next one.">
<title>Install ${escapeHtml(name)}</title>
<link rel="icon" href="data:image/svg+xml,${icon(name)}">
<style>${style}${pickerStyle(input)}</style>
</head>
<body>
<a class="skip" href="#install">Skip to the install commands</a>
<header>
<p class="brand"><span class="mark" aria-hidden="true">${escapeHtml(initial(name))}</span>${escapeHtml(name)}</p>
<nav aria-label="Project"><a href="${repository}/releases">Releases</a><a href="${repository}">Source</a></nav>
</header>
<main>
<h1>Install ${escapeHtml(name)}</h1>
<p class="lead">One line in a terminal. Every download is checked against the release’s checksums before it is put in place.</p>
${picker(input)}
<div class="tiers" id="install">
${tier(input, "production")}
${tier(input, "staging")}
</div>
${packages(input)}
<section class="notes" aria-labelledby="more">
<h2 id="more">More</h2>
<dl>
<div><dt>A certain version</dt><dd><p>Every version has an address of its own, which installs that version for ever.</p>
${command(`curl -fsSL ${url}/v{version}/install.sh | sh`, { label: "Install a certain version" })}</dd></div>
<div><dt>Without curl</dt><dd>${command(`wget -qO- ${url}/install.sh | sh`, { label: "Install with wget" })}</dd></div>
<div><dt>The version before</dt><dd>${command(`curl -fsSL ${url}/install.sh | sh -s -- --rollback`, { label: "Go back to the version before", run: false })}</dd></div>
<div><dt>Uninstall</dt><dd><p>Removes what the script added, and nothing else.</p>
${command(`curl -fsSL ${url}/uninstall.sh | sh -s -- --yes`, { label: "Uninstall the stable version" })}
${command(`curl -fsSL ${url}/uninstall.sh | sh -s -- --staging --yes`, { label: "Uninstall the candidate" })}</dd></div>
<div><dt>Read it first</dt><dd><p><a href="${escapeHtml(url)}/install.sh">install.sh</a> is a plain shell script; so is <a href="${escapeHtml(url)}/uninstall.sh">uninstall.sh</a>.</p></dd></div>
</dl>
</section>
</main>
<footer><p>Channels for programs: <a href="${escapeHtml(url)}/channels/production.json">production.json</a>, <a href="${escapeHtml(url)}/channels/staging.json">staging.json</a></p></footer>
<p class="sr" role="status" id="said"></p>
<script>${script}</script>
</body>
</html>
`;
}

const tiers = {
  production: {
    title: "Stable",
    badge: "recommended",
    text: "The version that was tested as a candidate and then released for everybody.",
  },
  staging: {
    title: "Staging",
    badge: "candidate",
    text: "What the next version is going to be. It gets a name of its own and never replaces the stable one.",
  },
} as const;

function tier(input: SiteInput, channel: keyof typeof tiers): string {
  const { title, badge, text } = tiers[channel];
  const { installer, url } = input;
  const [script, name] =
    channel === "production"
      ? ["install.sh", installer.command]
      : ["staging/install.sh", `${installer.command}-staging`];
  return `<section class="tier ${channel}" aria-labelledby="${channel}-title">
<div class="head"><h2 id="${channel}-title">${title}</h2><span class="badge">${badge}</span><span class="version" data-channel="${channel}" hidden></span></div>
<p>${text}</p>
${command(`curl -fsSL ${url}/${script} | sh`, { label: `Install the ${title.toLowerCase()} version` })}
<p class="then">then run <code>${escapeHtml(name)}</code><span class="path"> from ${escapeHtml(installer.root)}/bin</span></p>
${channel === "production" ? downloads(input) : `<p class="download"><a href="https://github.com/${installer.repository}/releases">All candidates and their files</a></p>`}
</section>`;
}

/** The binary of the chosen platform, for those who fetch it themselves. */
function downloads({ installer, platforms }: SiteInput): string {
  const base = `https://github.com/${installer.repository}/releases/latest/download`;
  const links = platforms.map((platform) => {
    const file = binaryName(installer.command, platform);
    return `<span class="for ${idOf(platform)}"><a href="${base}/${encodeURIComponent(file)}">${escapeHtml(file)}</a></span>`;
  });
  return `<p class="download">or download ${links.join(" ")} <span class="sums">(<a href="${base}/checksums.txt">checksums</a>)</span></p>`;
}

const systems: Record<string, string> = { darwin: "macOS", linux: "Linux", windows: "Windows", freebsd: "FreeBSD" };
const machines: Record<string, string> = { amd64: "x86-64", arm64: "ARM64", "386": "x86", arm: "ARM" };

function platformName(platform: string): { system: string; machine: string } {
  const { os, arch, variant } = splitPlatform(platform);
  const apple = { amd64: "Intel", arm64: "Apple silicon" }[arch];
  const machine = (os === "darwin" && apple) || `${machines[arch] ?? arch}${variant ?? ""}`;
  return { system: systems[os] ?? os, machine };
}

function idOf(platform: string): string {
  return `p-${platform.replaceAll("/", "-")}`;
}

function picker({ platforms, installer }: SiteInput): string {
  const choices = platforms.map((platform, at) => {
    const { system, machine } = platformName(platform);
    const id = idOf(platform);
    return `<label for="${id}"><input type="radio" name="platform" id="${id}" value="${platform}"${at === 0 ? " checked" : ""}><span><strong>${escapeHtml(system)}</strong> <span class="machine">${escapeHtml(machine)}</span></span></label>`;
  });
  const notes = platforms.map(
    (platform) => `<p class="for ${idOf(platform)}">${noteOf(platform, installer.static)}</p>`,
  );
  return `<fieldset class="picker"><legend>Your platform</legend>
<div class="choices">${choices.join("\n")}</div>
<div class="hints">${notes.join("\n")}</div></fieldset>`;
}

function noteOf(platform: string, isStatic: boolean): string {
  const { os, arch } = splitPlatform(platform);
  if (os === "darwin") {
    return arch === "arm64"
      ? "The script takes the binary for Apple silicon, also in a shell that Rosetta translates."
      : "For Macs with an Intel processor.";
  }
  if (os === "windows") return "In PowerShell or cmd, download the file below; in WSL, take Linux and the commands.";
  if (os === "linux" && isStatic)
    return "One static binary: it runs on any distribution, Alpine and other musl systems included.";
  return "The script finds out by itself which binary this machine needs.";
}

/** One rule a platform: the chosen one's texts are shown. Browsers without :has() show them all. */
function pickerStyle({ platforms }: SiteInput): string {
  const ids = platforms.map(idOf);
  const shown = ids.map((id) => `body:has(#${id}:checked) .for.${id}`).join(",");
  return ids.length === 0 ? "" : `@supports selector(:has(*)){.for{display:none}${shown}{display:revert}}`;
}

function packages({ packages: all }: SiteInput): string {
  if (all.length === 0) return "";
  const cell = (text: string | null, label: string, channel: Channel) =>
    text === null ? "<td></td>" : `<td>${command(text, { label, run: false, channel })}</td>`;
  const rows = all.map(({ title, production, staging }) => {
    const cells = [cell(production, `${title}, stable`, "production"), cell(staging, `${title}, candidate`, "staging")];
    return `<tr><th scope="row">${escapeHtml(title)}</th>${cells.join("")}</tr>`;
  });
  return `<section class="packages" aria-labelledby="packages">
<h2 id="packages">Packages</h2>
<table>
<thead><tr><td></td><th scope="col">Stable</th><th scope="col">Staging</th></tr></thead>
<tbody>${rows.join("\n")}</tbody>
</table>
</section>`;
}

/**
 * A command with a button that copies it (JavaScript makes it visible). With `{version}` it reads so once the channel's version
 * is known. `run: false`: it isn't one that installs or removes the product by itself.
 */
function command(
  text: string,
  { label, run = true, channel = "production" }: { label: string; run?: boolean; channel?: Channel },
): string {
  const version = channel === "production" ? "X.Y.Z" : "X.Y.Z-rc.N";
  const fixed = !text.includes("{version}");
  const attributes = fixed ? (run ? " data-command" : "") : ` data-of="${channel}" data-pattern="${escapeHtml(text)}"`;
  const shown = escapeHtml(text.replace("{version}", version));
  return `<div class="command"><pre tabindex="0" aria-label="${escapeHtml(label)}"><code${attributes}>${shown}</code></pre><button type="button" hidden aria-label="Copy: ${escapeHtml(label)}">Copy</button></div>`;
}

function initial(name: string): string {
  return (name[0] ?? "?").toUpperCase();
}

function icon(name: string): string {
  const text = escapeHtml(initial(name));
  return encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#4f46e5"/><text x="16" y="23" font-family="system-ui,sans-serif" font-size="19" font-weight="700" fill="#fff" text-anchor="middle">${text}</text></svg>`,
  );
}
