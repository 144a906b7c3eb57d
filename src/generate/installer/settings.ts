import type { Preset } from "./index.ts";
import type { InstallerInput } from "./input.ts";

/** The functions that differ from product to product, for install.sh: `settings` and `asset_for`. */
export function installSettings(input: InstallerInput, preset: Preset): string {
  const prefix = prefixOf(input.command);
  const [tagPrefix = "", tagSuffix = ""] = input.tag.split("{version}");
  const platforms = Object.keys(input.assets);
  const cases = Object.entries(input.assets).map(([platform, asset]) => `	${platform}) echo ${quote(asset)} ;;`);
  return `settings() {
${placeSettings(input, preset.staging ? "1" : "")}
	repository=${quote(input.repository)}
	prefix=${quote(prefix)}
	# {version} is between them; in addresses with %XX for what those can't hold
	tag_prefix=${quote(tagPrefix)} tag_suffix=${quote(tagSuffix)}
	tag_prefix_url=${quote(encodeURIComponent(tagPrefix))} tag_suffix_url=${quote(encodeURIComponent(tagSuffix))}
	platforms=${quote(platforms.join(", "))}
	# 1: the binaries need no C library
	static=${input.static ? "1" : "''"}
	minisign_key=${quote(input.minisign ?? "")}
	attestations=${input.attestations ? "1" : "''"}

	github=\${${prefix}_GITHUB_URL:-https://github.com}
	github=\${github%/}
	case $github in
	https://github.com) api=https://api.github.com ;;
	*) api=$github/api/v3 ;;
	esac
	channels=\${${prefix}_CHANNELS_URL:-${quote(input.channels ?? "")}}
	timeout=\${${prefix}_TIMEOUT:-30}
	modify_path=1
	if truthy "\${${prefix}_NO_MODIFY_PATH:-}"; then modify_path=''; fi
	# What this very script was made for goes before the environment.
	wanted=${quote(preset.version ?? "")} wanted_by='this script'
	if [ -z "$wanted" ]; then wanted=\${${prefix}_VERSION:-} wanted_by=${prefix}_VERSION; fi
	if [ -z "$wanted" ]; then wanted=\${VERSION:-} wanted_by=VERSION; fi
}

# asset_for OS-ARCH: name of the release's file for it; nothing where there is none.
asset_for() {
	case $1 in
${cases.join("\n")}
	esac
}`;
}

/** `settings` of uninstall.sh, which has to know where things are, and nothing of releases. */
export function uninstallSettings(input: InstallerInput): string {
  return `settings() {\n${placeSettings(input, "")}\n}`;
}

function placeSettings(input: InstallerInput, staging: string): string {
  const prefix = prefixOf(input.command);
  const root = input.root.startsWith("~/") ? `$HOME/${quote(input.root.slice(2))}` : quote(input.root);
  return `	command=${quote(input.command)}
	root=${root}
	script_url=${quote(input.scripts)}
	directory=\${${prefix}_INSTALL_DIR:-}
	staging=${quote(staging)}
	if truthy "\${${prefix}_STAGING:-\${STAGING:-}}"; then staging=1; fi`;
}

/** What the names of its variables begin with: `PLAYGROUND` */
function prefixOf(command: string): string {
  return command
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "_")
    .replace(/^(?=\d)/, "_");
}

/** A text as one word of the shell. */
function quote(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
