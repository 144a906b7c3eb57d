import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Config, ResolvedArtifacts } from "../config/types.ts";
import { asReleaseError } from "../lib/errors.ts";
import { baseEnv, type ExecResult, exec } from "../lib/exec.ts";
import { pythonVersion } from "../version/pep440.ts";
import { parseVersion, type Version } from "../version/version.ts";
import { apart } from "./clone.ts";

/** One thing that a user does, and what came of it. */
export interface Reading {
  tier: "staging" | "production";
  target: "pypi" | "npm" | "docker" | "github" | "go" | "site" | "installer";
  /** The command as a user types it (against this machine's registries). */
  command: string;
  ok: boolean;
  /** Version it got, or what went wrong. */
  result: string;
  /** True where the tool for it isn't installed here. */
  missing?: boolean;
}

export interface Addresses {
  npm: string;
  pypi: string;
  /** HOST:PORT */
  docker: string;
  github: string;
  git: string;
  site: string;
}

export interface Expected {
  staging: string | null;
  production: string | null;
}

/**
 * Reads both tiers back with the ecosystem's own clients: pip, npm, skopeo, curl and sha256sum, git. Each in an empty
 * folder, with nothing of the machine's own configuration or credentials.
 *
 * @param temp empty folder for what they fetch
 * @param expected version that each tier must give
 */
export async function readBack(
  config: Config,
  resolved: ResolvedArtifacts,
  addresses: Addresses,
  expected: Expected,
  temp: string,
): Promise<Reading[]> {
  const readings: Promise<Reading>[] = [];
  for (const tier of ["production", "staging"] as const) {
    const version = expected[tier];
    if (version === null) continue;
    const reader = readerFor(tier, version, temp);
    const { targets } = config;
    if (targets.pypi) for (const project of resolved.packages.pypi) readings.push(pip(reader, project, addresses.pypi));
    if (targets.npm) {
      for (const name of resolved.packages.npm) readings.push(npm(reader, name, targets.npm.tags[tier], addresses.npm));
    }
    if (targets.docker) {
      const tags = [...targets.docker.pointers[tier], ...targets.docker.tags[tier]];
      const tag = (tags[0] ?? "{version}").replace("{version}", version);
      for (const repository of resolved.packages.docker)
        readings.push(image(reader, repository, tag, addresses.docker));
    }
    if (targets.github) readings.push(assets(reader, config, addresses.github));
    if (targets.site) readings.push(channel(reader, addresses.site));
    if (targets.go)
      for (const module of resolved.packages.go) readings.push(moduleTag(reader, config, module.dir, addresses.git));
  }
  return Promise.all(readings);
}

interface Reader {
  tier: "staging" | "production";
  version: string;
  folder(name: string): Promise<string>;
  env: Record<string, string>;
}

function readerFor(tier: "staging" | "production", version: string, temp: string): Reader {
  const env: Record<string, string> = { ...baseEnv(), ...apart };
  for (const key of Object.keys(env)) if (/^(PIP_|npm_|NPM_)/.test(key)) delete env[key];
  return {
    tier,
    version,
    env,
    async folder(name) {
      const folder = path.join(temp, tier, name.replace(/[^A-Za-z0-9._-]/g, "_"));
      await mkdir(folder, { recursive: true });
      return folder;
    },
  };
}

type Check = { command: string; target: Reading["target"]; tool: string };

export async function attempt(
  reader: Pick<Reader, "tier" | "version">,
  check: Check,
  work: () => Promise<string>,
): Promise<Reading> {
  const { tier, version } = reader;
  try {
    const got = await work();
    const ok = got === version;
    return { tier, target: check.target, command: check.command, ok, result: ok ? got : `${got}, expected ${version}` };
  } catch (thrown) {
    const error = asReleaseError(thrown);
    const missing = error.code === "TOOL_MISSING";
    const why = missing
      ? `${check.tool} isn't installed`
      : (error.facts.output ?? error.message).split("\n").slice(-3).join(" ");
    return { tier, target: check.target, command: check.command, ok: missing, result: why, missing };
  }
}

async function pip(reader: Reader, project: string, index: string): Promise<Reading> {
  const pre = reader.tier === "staging" ? ["--pre"] : [];
  const command = ["pip", "download", ...pre, project].join(" ");
  return attempt(reader, { command, target: "pypi", tool: "pip" }, async () => {
    const to = await reader.folder(project);
    const host = new URL(index).hostname;
    await exec(
      "python3",
      [
        ..."-m pip --isolated --disable-pip-version-check --no-cache-dir --quiet download --no-deps".split(" "),
        ...pre,
      ].concat("--index-url", `${index}/simple/`, "--trusted-host", host, "--dest", to, project),
      { env: reader.env },
    );
    const [file = ""] = await readdir(to);
    const python = pythonVersion(parseVersion(reader.version) as Version);
    return file.split("-")[1] === python ? reader.version : file;
  });
}

async function npm(reader: Reader, name: string, tag: string, registry: string): Promise<Reading> {
  const wanted = tag === "latest" ? name : `${name}@${tag}`;
  return attempt(reader, { command: `npm install ${wanted}`, target: "npm", tool: "npm" }, async () => {
    const folder = await reader.folder(name);
    await writeFile(path.join(folder, "package.json"), '{"private":true}\n');
    await writeFile(path.join(folder, ".npmrc"), `registry=${registry}/\ncache=${path.join(folder, ".cache")}\n`);
    await exec(
      "npm",
      [
        "install",
        "--userconfig",
        path.join(folder, ".npmrc"),
        ..."--ignore-scripts --no-audit --no-fund --loglevel=error".split(" "),
        wanted,
      ],
      {
        cwd: folder,
        env: { ...reader.env, npm_config_update_notifier: "false" },
      },
    );
    const manifest = await readFile(path.join(folder, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(manifest) as { version: string }).version;
  });
}

async function image(reader: Reader, repository: string, tag: string, host: string): Promise<Reading> {
  const command = `skopeo inspect docker://${repository}:${tag}`;
  return attempt(reader, { command, target: "docker", tool: "skopeo" }, async () => {
    const folder = await reader.folder(repository);
    const args = ["inspect", "--config", "--tls-verify=false", "--override-os=linux", "--override-arch=amd64"];
    const { stdout }: ExecResult = await exec("skopeo", [...args, `docker://${host}/${repository}:${tag}`], {
      cwd: folder,
      env: reader.env,
    });
    const { config } = JSON.parse(stdout) as { config?: { Labels?: Record<string, string> } };
    return config?.Labels?.["org.opencontainers.image.version"] ?? "no version label";
  });
}

/** Downloads what checksums.txt lists, and lets sha256sum compare. */
async function assets(reader: Reader, config: Config, server: string): Promise<Reading> {
  const tag = config.version.tag.replace("{version}", reader.version);
  const base =
    reader.tier === "production"
      ? `${server}/${config.repository}/releases/latest/download`
      : `${server}/${config.repository}/releases/download/${encodeURIComponent(tag)}`;
  const command = "curl -fLO .../checksums.txt && sha256sum -c checksums.txt";
  return attempt(reader, { command, target: "github", tool: "curl" }, async () => {
    const cwd = await reader.folder("assets");
    const fetch = (names: string[]) =>
      exec(
        "curl",
        [
          "--fail",
          "--silent",
          "--show-error",
          "--location",
          "--parallel",
          "--remote-name-all",
          ...names.map((name) => `${base}/${name}`),
        ],
        {
          cwd,
          env: reader.env,
        },
      );
    await fetch(["checksums.txt"]);
    const lines = (await readFile(path.join(cwd, "checksums.txt"), "utf8")).trim().split("\n");
    await fetch(lines.map((line) => line.slice(66)));
    await exec("sha256sum", ["--check", "--strict", "--quiet", "checksums.txt"], { cwd, env: reader.env });
    const manifest = JSON.parse(await readFile(path.join(cwd, "release.json"), "utf8")) as { version: string };
    return manifest.version;
  });
}

/** The channel's file, and the script that it names. */
async function channel(reader: Reader, site: string): Promise<Reading> {
  const file = `channels/${reader.tier}.txt`;
  return attempt(reader, { command: `curl -f .../${file}`, target: "site", tool: "curl" }, async () => {
    const cwd = await reader.folder("site");
    const fetch = async (name: string) =>
      (await exec("curl", ["--fail", "--silent", "--show-error", `${site}/${name}`], { cwd, env: reader.env })).stdout;
    const version = (await fetch(file)).trim();
    await exec("sh", ["-n"], { cwd, env: reader.env, input: await fetch(`v${version}/install.sh`) });
    return version;
  });
}

async function moduleTag(reader: Reader, config: Config, dir: string, git: string): Promise<Reading> {
  const tag = dir === "." ? `v${reader.version}` : `${dir}/v${reader.version}`;
  return attempt(reader, { command: `git clone --branch ${tag}`, target: "go", tool: "git" }, async () => {
    const folder = await reader.folder(`module-${dir}`);
    await exec(
      "git",
      [
        "-c",
        "advice.detachedHead=false",
        "clone",
        "--quiet",
        "--depth=1",
        "--branch",
        tag,
        `${git}/${config.repository}.git`,
        ".",
      ],
      {
        cwd: folder,
        env: { ...reader.env, GIT_TERMINAL_PROMPT: "0" },
      },
    );
    await readFile(path.join(folder, dir, "go.mod"), "utf8");
    return reader.version;
  });
}
