import { existsSync, globSync } from "node:fs";
import path from "node:path";
import { installScript, type Preset, uninstallScript } from "../../src/generate/installer/index.ts";
import { type Fetcher, makeBins, makeHome, type Ran, runShell, type ShellName } from "./sandbox.ts";
import { exampleInput, type World } from "./world.ts";

/** One user with a home folder of their own, who runs the example's scripts. */
export interface User {
  home: string;
  /** Name of their GitHub server in the world. */
  name: string;
  install(args?: readonly string[], more?: More): Promise<Ran>;
  uninstall(args?: readonly string[], more?: More): Promise<Ran>;
  /** What a command below the home folder prints; null where there is none. */
  says(file: string): Promise<string | null>;
  /** Files that an interrupted run left. */
  leftovers(): string[];
}

interface More {
  env?: Record<string, string>;
  /** Instead of the example's script. */
  script?: string;
  preset?: Preset;
  shell?: ShellName;
  path?: readonly string[];
}

export interface UserOptions {
  shell?: ShellName;
  fetcher?: Fetcher | null;
  checksum?: "sha256sum" | "shasum" | "openssl" | null;
  user?: { uid?: number; gid?: number };
  /** Programs of their own, before all others. */
  own?: Record<string, string>;
  env?: Record<string, string>;
}

export async function makeUsers(world: World) {
  const input = await exampleInput();
  const bins = makeBins(world.folder);
  let count = 0;
  return (options: UserOptions = {}): User => {
    const name = `user${++count}`;
    const shell = options.shell ?? "dash";
    const home = makeHome(world.folder, name, options.user);
    const fetcher = options.fetcher === undefined ? "curl" : options.fetcher;
    const checksum = options.checksum === undefined ? "sha256sum" : options.checksum;
    const quick = { sleep: 'echo "$1" >>"$HOME/.slept"' };
    const folders = [
      bins.scripts(options.own ? name : "quick", { ...quick, ...options.own }),
      ...(fetcher ? [bins.fetcher(fetcher)] : []),
      ...(checksum ? [bins.checksum(checksum)] : []),
      bins.programs(shell),
    ];
    const run = (script: string, args: readonly string[] | undefined, more: More) =>
      runShell(more.shell ?? shell, {
        script,
        args,
        user: options.user,
        env: {
          HOME: home,
          PATH: [...(more.path ?? []), ...folders].join(":"),
          PLAYGROUND_GITHUB_URL: world.github(name),
          TMPDIR: home,
          ...options.env,
          ...more.env,
        },
      });
    return {
      home,
      name,
      install: (args, more = {}) => run(more.script ?? installScript(input, more.preset), args, more),
      uninstall: (args, more = {}) => run(more.script ?? uninstallScript(input), args, more),
      async says(file) {
        const at = path.join(home, file);
        if (!existsSync(at)) return null;
        const { stdout } = await run(`"$HOME/$WHAT" --version`, undefined, { env: { WHAT: file } });
        return stdout.trim();
      },
      leftovers: () =>
        globSync("**/{.staging.*,*.tmp}", { cwd: home }).concat(globSync(".*/**/.staging.*", { cwd: home })),
    };
  };
}
