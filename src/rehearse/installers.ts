import { mkdir, readdir, readFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import path from "node:path";
import type { Config, ResolvedArtifacts } from "../config/types.ts";
import { installerInput, installScript, uninstallScript } from "../generate/installer/index.ts";
import { ReleaseError } from "../lib/errors.ts";
import { baseEnv, exec } from "../lib/exec.ts";
import { type Addresses, attempt, type Expected, type Reading } from "./readback.ts";

/**
 * Installs both tiers by the generated scripts into an empty home folder, runs what was installed, and uninstalls.
 * Nothing where the repository has no installer, or no binary for this machine.
 *
 * @param home folder that is made, and empty again afterwards
 */
export async function tryInstallers(
  config: Config,
  resolved: ResolvedArtifacts,
  addresses: Pick<Addresses, "github" | "site">,
  expected: Expected,
  home: string,
): Promise<Reading[]> {
  if (!config.installer) return [];
  // A root outside of the home folder is the real machine's.
  const channels = config.installer.channels ? `${addresses.site}/channels` : null;
  const input = { ...installerInput(config, resolved), root: "~/.rehearsal", channels };
  const machine = `${platform()}-${{ x64: "amd64", ia32: "386" }[arch() as string] ?? arch()}`;
  if (!input.assets[machine]) return [];
  await mkdir(home, { recursive: true });
  const { PATH = "" } = baseEnv();
  const variable = `${input.command.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_GITHUB_URL`;
  const env = { HOME: home, PATH, SHELL: "/bin/sh", [variable]: addresses.github };
  const run = (script: string, args: string[]) => exec("sh", ["-s", "--", ...args], { env, input: script, cwd: home });

  const readings: Reading[] = [];
  for (const tier of ["production", "staging"] as const) {
    const version = expected[tier];
    if (version === null) continue;
    const name = tier === "staging" ? `${input.command}-staging` : input.command;
    const options = tier === "staging" ? ["--staging"] : [];
    const command = `install.sh ${[...options, "&&", name, "--version", "&&", "uninstall.sh"].join(" ")}`;
    const check = { command, target: "installer" as const, tool: "sh" };
    const one = await attempt({ tier, version }, check, async () => {
      await run(installScript(input), options);
      const { stdout } = await exec(path.join(home, ".rehearsal/bin", name), ["--version"], {
        env,
        cwd: home,
        ok: [0, 1, 2],
        timeout: 10_000,
      });
      const says = /\d+\.\d+\.\d+(?:-[a-z]+\.\d+)?/.exec(stdout)?.[0];
      // A command that doesn't say its version: then what the installer noted.
      const receipt = await readFile(path.join(home, ".rehearsal", name, "receipt"), "utf8");
      return says ?? receipt.trim().split("  ").at(-1) ?? "";
    });
    readings.push(one);
  }
  if (readings.length > 0) {
    await run(uninstallScript(input), ["--all", "--yes"]);
    const left = await readdir(home);
    if (left.length > 0) {
      throw new ReleaseError("INTERNAL", `uninstall.sh left ${left.join(", ")} in the home folder`, {
        hint: "this is a mistake in twotier; please report it",
      });
    }
  }
  return readings;
}
