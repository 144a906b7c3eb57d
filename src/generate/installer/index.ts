import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import type { GeneratedFile } from "../files.ts";
import { type InstallerInput, installerInput } from "./input.ts";
import { parts } from "./parts.ts";
import { installSettings, uninstallSettings } from "./settings.ts";

export { type InstallerInput, installerInput };

/** What a script carries with it, so that its address is the choice: `/staging/install.sh`, `/v0.1.28/install.sh`. */
export interface Preset {
  /** SemVer without prefix; one with a label means staging by itself. */
  version?: string;
  staging?: boolean;
}

/** Both scripts, as they stand in a repository. @throws ReleaseError CONFIG as installerInput */
export function installerFiles(config: Config, resolved: Pick<ResolvedArtifacts, "artifacts">): GeneratedFile[] {
  const input = installerInput(config, resolved);
  return [
    { path: "scripts/install.sh", text: installScript(input), executable: true },
    { path: "scripts/uninstall.sh", text: uninstallScript(input), executable: true },
  ];
}

/** Text of install.sh. Deterministic. */
export function installScript(input: InstallerInput, preset: Preset = {}): string {
  return script("install", input, [installSettings(input, preset), parts.common, parts.fetch, parts.install]);
}

/** Text of uninstall.sh. Deterministic. */
export function uninstallScript(input: InstallerInput): string {
  return script("uninstall", input, [uninstallSettings(input), parts.common, parts.uninstall]);
}

function script(name: "install" | "uninstall", input: InstallerInput, functions: string[]): string {
  const head = [
    "#!/bin/sh",
    `# ${name}.sh of ${input.command}: https://github.com/${input.repository}`,
    "# Made by `twotier generate installer`; changes are lost. POSIX sh: bash 3.2, dash, BusyBox.",
    "# Nothing is done before the last line, so that half a download does nothing.",
  ].join("\n");
  const body = functions.map((part) => part.replace(/^# shellcheck .*\n\n?/, "").trimEnd());
  return `${[head, ...body, '{ main "$@"; exit 0; }'].join("\n\n")}\n`;
}
