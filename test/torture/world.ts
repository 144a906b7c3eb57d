import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { shellParts } from "../../scripts/shell-parts.ts";
import type { FaultFile, FaultyRegistry } from "../../src/registries/faults/index.ts";
import { type Registries, startRegistries } from "../../src/registries/index.ts";
import type { Around } from "../../src/registries/server.ts";
import { projectToken, startProject } from "../support/project.ts";
import { root } from "../tools.ts";

/** A state of the world to begin each run with, and the product to run. */
export interface Template {
  dir: string;
  /** The product as one file. */
  cli: string;
  remove(): void;
}

/** One copy of a template: registries of its own, and clones of the repository. */
export interface World {
  /** Everything of it is in there, what a run leaves in the folder for temporary files too. */
  dir: string;
  registries: Registries;
  /** Another machine's clone. */
  clone(): string;
  /** Runs the product in a clone; `preload` is the address of a module that is loaded first. */
  run(clone: string, args: readonly string[], options?: RunOptions): Run;
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
  /** Ends it and its children, as a machine that loses power. */
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
  await bundle(cli);
  const config = readFileSync(path.join(root, "test/fixtures/fast-project/twotier.yaml"), "utf8");
  const files = { "twotier.yaml": `${config}  site: true\ninstaller: { url: https://fast.example.invalid }\n` };
  const project = await startProject({ state: path.join(dir, "state"), files });
  await project.registries.servers.npm.seed({ name: "@example/fast", version: "0.1.0" });
  await project.push("feat: first");
  await project.release({ tier: "staging" });
  await project.push("fix: second");
  cpSync(await project.clone(), path.join(dir, "clone"), { recursive: true });
  await project.close();
  return { dir, cli, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The product as it is in the sources, as one file that starts quickly. */
async function bundle(outfile: string): Promise<void> {
  const lines = ['import { createRequire } from "node:module";', "const require = createRequire(import.meta.url);"];
  await build({
    stdin: {
      contents: 'import { main } from "./src/cli/main.ts";\nmain(process.argv.slice(2));',
      resolveDir: root,
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22.18",
    outfile,
    plugins: [shellParts],
    define: { TWOTIER_VERSION: '"0.0.0"' },
    banner: {
      js: lines
        .join("\n")
        .replace("{ createRequire }", "{ createRequire as twotierRequire }")
        .replace("= createRequire", "= twotierRequire"),
    },
    logLevel: "error",
  });
}

/** What Node's `fetch` says it is; the product says its own name. */
const observer = "node";

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
        request.headers["user-agent"] === observer ? handle(response) : disturb(request, response, handle);
    });
  const registries = await startRegistries({ token, state, around: unseen, faults });
  let clones = 0;
  const running = new Set<Run>();
  return {
    dir,
    registries,
    clone() {
      const to = path.join(dir, `clone-${++clones}`);
      cpSync(path.join(template.dir, "clone"), to, { recursive: true });
      const config = path.join(to, ".git/config");
      writeFileSync(config, readFileSync(config, "utf8").replace(/http:\/\/127\.0\.0\.1:\d+/, registries.git));
      return to;
    },
    run(clone, args, { preload, env } = {}) {
      const node = [...(preload === undefined ? [] : [`--import=${preload}`]), template.cli, ...args];
      const child = spawn(process.execPath, node, {
        cwd: clone,
        detached: true,
        env: { ...environment(registries, dir, token, path.join(template.dir, "compiled")), ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
      const run: Run = {
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
          child.on("close", (code) => {
            running.delete(run);
            resolve({ code: code ?? -1, output });
          });
        }),
      };
      running.add(run);
      return run;
    },
    async close() {
      for (const run of running) run.kill();
      await registries.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function environment(registries: Registries, dir: string, token: string, compiled: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    // The second process of a template doesn't compile the product again: a seventh of a release's time.
    NODE_COMPILE_CACHE: compiled,
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
