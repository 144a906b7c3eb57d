import type { Command } from "commander";
import type { CommonFlags } from "../context.ts";
import { openContext, print } from "../context.ts";

interface Flags extends CommonFlags {
  env?: boolean;
  keyless?: boolean;
  state?: string;
  token?: string;
  faults?: string;
}

export function registriesCommand(program: Command): void {
  program
    .command("registries")
    .description("serve npm, PyPI, OCI, GitHub and git registries on this machine, until stopped")
    .option("--env", "print `export` lines that point twotier, npm and pip at them")
    .option(
      "--keyless",
      "with --env: no tokens of npm and PyPI, but what a CI job gets ID tokens with (trusted publishing)",
    )
    .option("--state <dir>", "keep what they hold in a folder (default: forget it at the end)")
    .option("--token <token>", "the only token they take (default: any)")
    .option("--faults <file>", "what goes wrong, for tests: refuse, hang, cut, answer 503 ... (docs/faults.md)")
    .option("--json", "print one line of JSON with their addresses")
    .addHelpText(
      "after",
      `
Examples:
  twotier registries                       print the addresses, serve until Ctrl-C
  twotier registries --env > env.sh &      then: . ./env.sh && twotier release --tier staging
  twotier registries --state .registries   go on where it stopped the last time
  twotier registries --faults faults.yaml  make them fail where the file says so`,
    )
    .action(async (flags: Flags) => {
      const { startRegistries } = await import("../../registries/index.ts");
      const { readFaults } = await import("../../registries/faults/index.ts");
      const faults = flags.faults === undefined ? undefined : readFaults(flags.faults);
      const context = openContext({ ...flags, quiet: true });
      const registries = await startRegistries({ state: flags.state, token: flags.token, faults });
      const { npm, pypi, docker, github, site, git } = registries;
      try {
        const idToken = flags.keyless ? registries.idToken : undefined;
        const token = flags.token ?? "local";
        if (flags.json) print(JSON.stringify({ npm, pypi, docker, github, site, git }));
        else if (flags.env) print(exportLines({ npm, pypi, docker, github, site, token, idToken }));
        else print(addresses({ npm, pypi, docker, github, site, git }));
        await stopped(context.io.signal);
      } finally {
        await registries.close();
        context.close();
      }
    });
}

function addresses(of: Record<string, string>): string {
  const rows = Object.entries(of).map(([name, address]) => `${name.padEnd(8)}${address}`);
  return [...rows, "", "serving until Ctrl-C; `twotier registries --env` prints shell variables for them"].join("\n");
}

/** Shell lines for twotier, npm (also its login, by a file of its own kind: npm_config_*) and pip. */
function exportLines(of: {
  npm: string;
  pypi: string;
  docker: string;
  github: string;
  site: string;
  token: string;
  /** Stands for the tokens of npm and PyPI. */
  idToken?: { url: string; token: string };
}): string {
  const host = new URL(of.npm).host;
  const lines: [string, string][] = [
    ["TWOTIER_NPM_REGISTRY", of.npm],
    ["TWOTIER_PYPI_URL", of.pypi],
    ["TWOTIER_DOCKER_REGISTRY", of.docker],
    ["TWOTIER_SITE", of.site],
    ["GITHUB_API_URL", of.github],
    ["GITHUB_SERVER_URL", of.github],
    ["GITHUB_TOKEN", of.token],
    ...(of.idToken
      ? ([
          ["ACTIONS_ID_TOKEN_REQUEST_URL", of.idToken.url],
          ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", of.idToken.token],
        ] satisfies [string, string][])
      : ([
          ["NPM_TOKEN", of.token],
          ["PYPI_TOKEN", of.token],
        ] satisfies [string, string][])),
    ["DOCKERHUB_USERNAME", "local"],
    ["DOCKERHUB_TOKEN", of.token],
    ["TWOTIER_SITE_TOKEN", of.token],
    ["npm_config_registry", `${of.npm}/`],
    ["PIP_INDEX_URL", `${of.pypi}/simple/`],
    ["PIP_TRUSTED_HOST", new URL(of.pypi).hostname],
    ["TWINE_REPOSITORY_URL", `${of.pypi}/legacy/`],
    ["TWINE_USERNAME", "__token__"],
    ["TWINE_PASSWORD", of.token],
  ];
  const exports = lines.map(([name, value]) => `export ${name}=${quoted(value)}`);
  // A name with slashes is no shell variable, but npm reads it: `env` sets it for one command.
  return [...exports, `# npm publish also wants: npm config set //${host}/:_authToken ${quoted(of.token)}`].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
