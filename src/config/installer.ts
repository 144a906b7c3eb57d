import type { Config } from "./types.ts";

/** Where install.sh and uninstall.sh are to be had: the configured address, else the branch's own files. */
export function scriptsUrl(config: Pick<Config, "installer" | "repository" | "trigger">): string {
  const branch = config.trigger.branch ?? "HEAD";
  return config.installer?.url ?? `https://raw.githubusercontent.com/${config.repository}/${branch}/scripts`;
}

/**
 * The command that installs by script, in a form that works: a variable in front of `curl` would reach curl alone.
 *
 * @param version SemVer without prefix; left out: the newest of the tier
 */
export function installCommand(url: string, tier: "staging" | "production", version?: string): string {
  const options = [...(tier === "staging" ? ["--staging"] : []), ...(version ? ["--version", version] : [])];
  return `curl -fsSL ${url}/install.sh | sh${options.length > 0 ? ` -s -- ${options.join(" ")}` : ""}`;
}
