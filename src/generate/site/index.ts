import { installScript, uninstallScript } from "../installer/index.ts";
import { type Channel, type SiteFile, siteFile } from "./files.ts";
import { hostingFiles } from "./hosting.ts";
import type { SiteInput } from "./input.ts";
import { page } from "./page.ts";

export type { Channel, SiteFile } from "./files.ts";
export { type SiteInput, siteInput } from "./input.ts";
export { generator } from "./page.ts";

/** Path of a version's own script. */
export function versionedPath(version: string): string {
  return `v${version}/install.sh`;
}

/** Path of a channel's file for programs; the one for shells ends in `.txt`. */
export function channelPath(channel: Channel): string {
  return `channels/${channel}.json`;
}

/** What changes with twotier.yaml alone: page and scripts. Deterministic. */
export function sharedFiles(input: SiteInput): SiteFile[] {
  return [
    siteFile("install.sh", installScript(input.installer), "minutes"),
    siteFile("uninstall.sh", uninstallScript(input.installer), "minutes"),
    siteFile("staging/install.sh", installScript(input.installer, { staging: true }), "minutes"),
    siteFile("index.html", page(input), "minutes"),
  ];
}

/** The script that installs one version, whatever is newer. Deterministic. */
export function versionedFile(input: SiteInput, version: string): SiteFile {
  return siteFile(versionedPath(version), installScript(input.installer, { version }), "for ever");
}

/**
 * The files that say which version a channel is at: JSON for programs, one line of text for shells. Deterministic.
 *
 * @param version SemVer without prefix
 */
export function channelFiles(input: SiteInput, channel: Channel, version: string): [text: SiteFile, json: SiteFile] {
  const { repository, tag } = input.installer;
  const name = tag.replace("{version}", version);
  const document = {
    schema: 1,
    name: input.name,
    channel,
    version,
    tag: name,
    install: `${input.url}/${versionedPath(version)}`,
    release: `https://github.com/${repository}/releases/tag/${encodeURIComponent(name)}`,
  };
  return [
    siteFile(`channels/${channel}.txt`, `${version}\n`, "never"),
    siteFile(channelPath(channel), `${JSON.stringify(document, null, 2)}\n`, "never"),
  ];
}

/** Which version each channel is at, and which have a script of their own. */
/** A channel without a version: its last one was taken back. Installers go on as if the channel weren't there. */
export function emptyChannelFiles({ name }: SiteInput, channel: Channel): [text: SiteFile, json: SiteFile] {
  const document = { schema: 1, name, channel, version: "" };
  return [
    siteFile(`channels/${channel}.txt`, "\n", "never"),
    siteFile(channelPath(channel), `${JSON.stringify(document, null, 2)}\n`, "never"),
  ];
}

export interface Released {
  production: string | null;
  staging: string | null;
  versions: readonly string[];
}

/**
 * The whole static folder: what `twotier generate site` writes. Deterministic.
 *
 * @param released left out: without versioned scripts and channel files, which releases bring (the target `site`)
 */
export function siteFiles(input: SiteInput, released?: Released): SiteFile[] {
  const files = [...sharedFiles(input), ...hostingFiles(input)];
  for (const version of released?.versions ?? []) files.push(versionedFile(input, version));
  for (const channel of ["production", "staging"] as const) {
    const version = released?.[channel];
    if (version) files.push(...channelFiles(input, channel, version));
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
