import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gitCredentials } from "../../src/git/credentials.ts";
import { gitIn } from "../../src/git/git.ts";
import type { FaultFile, FaultyRegistry } from "../../src/registries/faults/index.ts";
import { type Registries, startRegistries } from "../../src/registries/index.ts";
import type { Around } from "../../src/registries/server.ts";
import { person, projectToken, startProject } from "../support/project.ts";
import { root, toolPath } from "../tools.ts";
import { bundle } from "./bundle.ts";
import { lookerName } from "./get.ts";
import { fastNames, type Names } from "./snapshot.ts";
import { quickCode } from "./warm.ts";

/** A state of the world to begin each run with, and the product to run. */
export interface Template {
  dir: string;
  /** The product as one file. */
  cli: string;
  /** What the project is called in each registry. */
  names: Names;
  /** The releases that its state is to have next. */
  tags: { staging: string; production: string };
  /** Variables that each run has. */
  env: Record<string, string>;
  remove(): void;
}

/** One copy of a template: registries of its own, and clones of the repository. */
export interface World {
  /** Everything of it is in there, what a run leaves in the folder for temporary files too. */
  dir: string;
  registries: Registries;
  names: Names;
  /** Another machine's clone. */
  clone(): string;
  /** Runs the product in a clone; `preload` is the address of a module that is loaded first. */
  run(clone: string, args: readonly string[], options?: RunOptions): Run;
  /** Variables of each run. */
  env: Record<string, string>;
  close(): Promise<void>;
}

interface RunOptions {
  preload?: string;
  /** Variables that are others, or more. */
  env?: Record<string, string>;
}

export interface Run {
  /** Also the id of its process group. */
  pid: number;
  /** Ends it and its children, as a machine that loses power; a builder, in a group of its own, may live some moments more. */
  kill(): void;
  /** Exit code, -1 after `kill`; with all that it printed. */
  done: Promise<{ code: number; output: string }>;
}

/**
 * The fast project with a stable release, a complete candidate, and a push that isn't released yet: staging makes the
 * next candidate of it, production finalises the candidate that is there.
 */
export async function makeTemplate(): Promise<Template> {
  const dir = mkdtempSync(path.join(tmpdir(), "twotier-torture-"));
  const cli = path.join(dir, "cli.mjs");
  await bundle("test/torture/cli.ts", cli);
  const config = readFileSync(path.join(root, "test/fixtures/fast-project/twotier.yaml"), "utf8");
  const files = {
    "twotier.yaml": `${madeAtOnce(config)}  site: true\ninstaller: { url: https://fast.example.invalid }\n`,
  };
  const project = await startProject({ state: path.join(dir, "state"), files });
  await project.registries.servers.npm.seed({ name: "@example/fast", version: "0.1.0" });
  await project.push("feat: first");
  await project.release({ tier: "staging" });
  await project.push("fix: second");
  cpSync(await project.clone(), path.join(dir, "clone"), { recursive: true });
  await project.close();
  return {
    dir,
    cli,
    names: fastNames,
    tags: { staging: "v0.1.1-rc.2", production: "v0.1.1" },
    env: compiledOnce(dir),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The fast project, all of whose files one process makes instead of four: that was a tenth of a release's time. */
function madeAtOnce(config: string): string {
  return config
    .replace("make.py npm,", `make.py npm wheel sdist binary && cp "$OUT"/fast* .,`)
    .replaceAll(/run: python3 -IS make.py \w+, files: \["(.*)"\]/g, `run: cp $1 "$$OUT", files: ["$1"], after: [npm]`);
}

/** The second process doesn't compile the product again: a seventh of a release's time. */
const compiledOnce = (dir: string) => ({ NODE_COMPILE_CACHE: path.join(dir, "compiled") });

/**
 * examples/playground with its real builders: v0.1.18 by hand, v0.1.19-rc.1 complete, and a push that isn't released yet.
 */
export async function makePlayground(): Promise<Template> {
  const dir = mkdtempSync(path.join(tmpdir(), "twotier-playground-"));
  const clone = path.join(dir, "clone");
  const cli = path.join(dir, "cli.mjs");
  const goCache = execFileSync(toolPath("go"), ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  const template: Template = {
    dir,
    cli,
    names: {
      npm: "@hanzo/playground",
      pypi: "hanzo-playground",
      docker: "playground/control-plane",
      github: "hanzoai/playground",
    },
    tags: { staging: "v0.1.19-rc.2", production: "v0.1.19" },
    env: { ...compiledOnce(dir), GOCACHE: goCache },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  await bundle("test/torture/cli.ts", cli);
  for (const folder of ["home", "tmp"]) mkdirSync(path.join(dir, folder));
  cpSync(path.join(root, "examples/playground"), clone, { recursive: true });
  const registries = await startRegistries({ token: projectToken, state: path.join(dir, "state") });
  try {
    const git = gitIn(clone, { env: { ...person, ...gitCredentials(registries.git, projectToken) } });
    await git(["init", "--quiet", "--initial-branch=main"]);
    await git(["remote", "add", "origin", `${registries.git}/${template.names.github}.git`]);
    await git(["add", "--all"]);
    await git(["commit", "--quiet", "--message=chore: 0.1.18"]);
    await git(["tag", "v0.1.18"]);
    for (const change of ["first", "second"]) {
      writeFileSync(path.join(clone, "control-plane", `${change}.md`), `${change}\n`);
      await git(["add", "--all"]);
      await git(["commit", "--quiet", `--message=fix: ${change}`]);
      await git(["push", "--quiet", "origin", "main", "--tags"]);
      if (change === "second") break;
      const env = { ...environment(registries, dir, projectToken), ...template.env };
      const { code, output } = await start(template, clone, ["release", "--tier", "staging", "--claim"], env).done;
      if (code !== 0) throw new Error(`the playground's first candidate ended with ${code}:\n${output}`);
    }
    return template;
  } catch (error) {
    template.remove();
    throw error;
  } finally {
    await registries.close();
  }
}

/** Copies a template and starts its registries, whose requests (but for an observer's) go through `around`, which take `token` alone, and fail as `faults` says. */
export async function openWorld(
  template: Template,
  around?: (registry: FaultyRegistry) => Around,
  token = projectToken,
  faults?: FaultFile,
): Promise<World> {
  const dir = mkdtempSync(path.join(tmpdir(), "twotier-world-"));
  const state = path.join(dir, "state");
  cpSync(path.join(template.dir, "state"), state, { recursive: true });
  for (const folder of ["home", "tmp"]) mkdirSync(path.join(dir, folder));
  const unseen =
    around &&
    ((registry: FaultyRegistry): Around => {
      const disturb = around(registry);
      return (request, response, handle) =>
        request.headers["user-agent"] === lookerName ? handle(response) : disturb(request, response, handle);
    });
  const registries = await startRegistries({ token, state, around: unseen, faults });
  let clones = 0;
  const running = new Set<Run>();
  const variables = { ...environment(registries, dir, token), ...template.env };
  return {
    dir,
    env: variables,
    registries,
    names: template.names,
    clone() {
      const to = path.join(dir, `clone-${++clones}`);
      cpSync(path.join(template.dir, "clone"), to, { recursive: true });
      const config = path.join(to, ".git/config");
      writeFileSync(config, readFileSync(config, "utf8").replace(/http:\/\/127\.0\.0\.1:\d+/, registries.git));
      return to;
    },
    run(clone, args, { preload, env } = {}) {
      const run = start(template, clone, args, { ...variables, ...env }, preload);
      running.add(run);
      run.done.finally(() => running.delete(run)).catch(() => {});
      return run;
    },
    async close() {
      for (const run of running) run.kill();
      await registries.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts the product in a clone; `preload` is the address of a module that is loaded first. */
function start(
  { cli }: Template,
  clone: string,
  args: readonly string[],
  env: Record<string, string>,
  preload?: string,
): Run {
  const node = [...quickCode, ...(preload === undefined ? [] : [`--import=${preload}`]), cli, ...args];
  const child = spawn(process.execPath, node, { cwd: clone, detached: true, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  return {
    pid: child.pid as number,
    kill() {
      try {
        process.kill(-(child.pid as number), "SIGKILL");
      } catch {
        // it has ended already
      }
    },
    done: new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, output }));
    }),
  };
}

function environment(registries: Registries, dir: string, token: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: path.join(dir, "home"),
    TMPDIR: path.join(dir, "tmp"),
    GITHUB_TOKEN: token,
    GITHUB_API_URL: registries.github,
    GITHUB_SERVER_URL: registries.github,
    NPM_TOKEN: token,
    TWOTIER_NPM_REGISTRY: registries.npm,
    PYPI_TOKEN: token,
    TWOTIER_PYPI_URL: registries.pypi,
    DOCKERHUB_USERNAME: "project",
    DOCKERHUB_TOKEN: token,
    TWOTIER_DOCKER_REGISTRY: registries.docker,
    TWOTIER_SITE: registries.site,
    TWOTIER_SITE_TOKEN: token,
  };
}
