import { fillInstaller } from "../../config/defaults.ts";
import { binaryName } from "../../config/platforms.ts";
import type { Config, GoArtifact, InstallerConfig, ResolvedArtifacts } from "../../config/types.ts";
import { ReleaseError } from "../../lib/errors.ts";

/** What the scripts have to know of a product. */
export interface InstallerInput {
  /** What users type; also the first part of the assets' names. */
  command: string;
  /** owner/name */
  repository: string;
  /** `~/.hanzo`, or absolute. */
  root: string;
  /** Where the scripts are served: `https://hanzo.bot`. */
  scripts: string;
  /** Folder of the channel files (`staging.txt`); null where no site has them. */
  channels: string | null;
  /** With `{version}`. */
  tag: string;
  /** `linux-amd64` -> name of the asset. */
  assets: Record<string, string>;
  /** The binaries need no C library. */
  static: boolean;
  /** minisign's public key, where checksums.txt is signed. */
  minisign: string | null;
  /** The assets have attestations that `gh` can check. */
  attestations: boolean;
}

/**
 * What twotier.yaml and the artifacts say about the scripts. Pure.
 *
 * @throws ReleaseError CONFIG where there is no command to install, or several and none is named
 */
export function installerInput(config: Config, { artifacts }: Pick<ResolvedArtifacts, "artifacts">): InstallerInput {
  const { repository, targets } = config;
  const installer = config.installer ?? (fillInstaller(true) as InstallerConfig);
  const commands = artifacts.filter((artifact) => artifact.type === "go");
  const wanted = installer.command ?? (commands.length === 1 ? commands[0]?.name : config.name);
  const command = commands.find(({ name }) => name === wanted);
  if (!command) {
    const names = commands.map(({ name }) => name);
    throw new ReleaseError("CONFIG", `there is no artifact ${wanted} of type go to install`, {
      facts: { commands: names.join(", ") || undefined },
      hint:
        names.length > 0
          ? `name one: \`installer: { command: ${names[0]} }\``
          : "an installer needs an artifact of type go: docs/installers.md",
    });
  }
  if (!targets.github?.assets) {
    throw new ReleaseError(
      "CONFIG",
      "the scripts install from GitHub releases, and this repository makes none with assets",
      {
        hint: "add `github: true` to targets",
      },
    );
  }
  const branch = config.trigger.branch ?? "HEAD";
  return {
    command: command.name,
    repository,
    root: installer.root ?? `~/.${(repository.split("/")[0] as string).toLowerCase()}`,
    scripts: installer.url ?? `https://raw.githubusercontent.com/${repository}/${branch}/scripts`,
    channels: installer.channels && installer.url !== null ? `${installer.url}/channels` : null,
    tag: config.version.tag,
    assets: assetsOf(command),
    static: (command.env.CGO_ENABLED ?? "0") === "0",
    minisign: installer.minisign,
    attestations: installer.attestations,
  };
}

/** By what `uname` says: `linux-armv7` -> `playground-linux-armv7`. Windows has no POSIX shell of its own. */
function assetsOf(command: GoArtifact): Record<string, string> {
  const named = command.platforms
    .filter((platform) => !platform.startsWith("windows/"))
    .map((platform) => [platform.replace("/", "-").replace("/", ""), binaryName(command.name, platform)] as const);
  return Object.fromEntries(named);
}
