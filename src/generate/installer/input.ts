import { fillInstaller } from "../../config/defaults.ts";
import { scriptsUrl } from "../../config/installer.ts";
import { binaryName } from "../../config/platforms.ts";
import type { Artifact, Config, InstallerConfig, ResolvedArtifacts } from "../../config/types.ts";
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
  const commands = artifacts.flatMap((artifact) => commandOf(artifact) ?? []);
  const wanted = installer.command ?? (commands.length === 1 ? commands[0]?.name : config.name);
  const command = commands.find(({ name }) => name === wanted);
  if (!command) {
    const names = commands.map(({ name }) => name);
    throw new ReleaseError("CONFIG", `no artifact is a command called ${wanted} that could be installed`, {
      facts: { commands: names.join(", ") || undefined },
      hint:
        names.length > 0
          ? `name one: \`installer: { command: ${names[0]} }\``
          : "a command is an artifact of type go, or one of type command whose files are NAME-OS-ARCH: docs/installers.md",
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
  return {
    command: command.name,
    repository,
    root: installer.root ?? `~/.${(repository.split("/")[0] as string).toLowerCase()}`,
    scripts: scriptsUrl(config),
    channels: installer.channels && installer.url !== null ? `${installer.url}/channels` : null,
    tag: config.version.tag,
    assets: command.assets,
    static: command.static,
    minisign: installer.minisign,
    attestations: installer.attestations,
  };
}

/** What an artifact makes that can be installed: by what `uname` says, `linux-armv7` -> `playground-linux-armv7`. */
function commandOf(artifact: Artifact): (Pick<InstallerInput, "assets" | "static"> & { name: string }) | null {
  if (artifact.type === "go") {
    // Windows has no POSIX shell of its own.
    const platforms = artifact.platforms.filter((platform) => !platform.startsWith("windows/"));
    const assets = platforms.map((platform) => [platform.replaceAll("/", "-"), binaryName(artifact.name, platform)]);
    const named = assets.map(([platform = "", asset]) => [platform.replace(/-(v\d+)$/, "$1"), asset]);
    return {
      name: artifact.name,
      assets: Object.fromEntries(named),
      static: (artifact.env.CGO_ENABLED ?? "0") === "0",
    };
  }
  if (artifact.type !== "command") return null;
  const found: Record<string, string> = {};
  for (const file of artifact.files) {
    const asset = file.slice(file.lastIndexOf("/") + 1);
    const platform = asset.startsWith(`${artifact.name}-`) ? asset.slice(artifact.name.length + 1) : "";
    if (/^(?:linux|darwin|freebsd|openbsd|netbsd)-[a-z0-9]+(?:-musl)?$/.test(platform)) found[platform] = asset;
  }
  // Whether they need a C library isn't known: on a system with musl only `NAME-linux-ARCH-musl` is taken.
  return Object.keys(found).length > 0 ? { name: artifact.name, assets: found, static: false } : null;
}
