import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tool } from "../tools.ts";

/** How a shell is started. */
export const shells = {
  bash: ["bash"],
  "bash --posix": ["bash", "--posix"],
  dash: ["dash"],
  "busybox ash": ["busybox", "ash"],
} as const;
export type ShellName = keyof typeof shells;
export const shellNames = Object.keys(shells) as ShellName[];

export const fetchers = ["curl", "wget", "busybox wget"] as const;
export type Fetcher = (typeof fetchers)[number];

/** One of how many combinations and points is taken: `make installers` takes every one. */
export const thin = process.env.TWOTIER_TEST_EVERY === "1" ? 1 : 3;

/** `nobody` of Debian: who runs half of the tests where they run as root. */
export const ordinary = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

const programs =
  "basename cat chmod cmp cp cut date df dirname env getconf grep head id ldd ln ls mkdir mktemp mv od pwd readlink rm rmdir sed sort stat tail tee touch tr uname wc".split(
    " ",
  );

/** Folders for the PATH, each made once below `folder`. */
export function makeBins(folder: string) {
  const made = new Set<string>();
  const at = (name: string) => path.join(folder, "bins", name.replaceAll(" ", "-"));
  const make = (name: string, fill: (put: (as: string, what: string) => void, to: string) => void) => {
    if (!made.has(name)) {
      mkdirSync(at(name), { recursive: true });
      fill((as, what) => symlinkSync(what, path.join(at(name), as)), at(name));
      made.add(name);
    }
    return at(name);
  };
  const which = (name: string) => {
    for (const dir of ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"]) {
      if (readable(dir).has(name)) return path.join(dir, name);
    }
    return undefined;
  };
  return {
    /** Everything but a fetcher and a checksum tool: the system's programs, or BusyBox's own for its shell. */
    programs: (shell: ShellName) =>
      make(shell === "busybox ash" ? "busybox" : "system", (put) => {
        const busybox = shell === "busybox ash" ? tool("busybox") : undefined;
        for (const name of programs) {
          const found = busybox && !["getconf", "ldd"].includes(name) ? busybox : which(name);
          if (found) put(name, found);
        }
      }),
    fetcher: (fetcher: Fetcher) =>
      make(`fetch ${fetcher}`, (put) => {
        if (fetcher === "busybox wget") put("wget", tool("busybox") as string);
        else put(fetcher, which(fetcher) as string);
      }),
    checksum: (name: "sha256sum" | "shasum" | "openssl") =>
      make(`sum ${name}`, (put) => {
        put(name, which(name) as string);
        if (name === "shasum") put("perl", which("perl") as string);
      }),
    /** Programs of a test's own, as shell scripts. */
    scripts: (name: string, scripts: Record<string, string>) =>
      make(`own ${name}`, (_, to) => {
        for (const [as, text] of Object.entries(scripts)) {
          writeFileSync(path.join(to, as), `#!/bin/sh\n${text}\n`);
          chmodSync(path.join(to, as), 0o755);
        }
      }),
    which,
  };
}

const listings = new Map<string, Set<string>>();
function readable(dir: string): Set<string> {
  let known = listings.get(dir);
  if (!known) {
    try {
      known = new Set(readdirSync(dir));
    } catch {
      known = new Set();
    }
    listings.set(dir, known);
  }
  return known;
}

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env: Record<string, string>;
  cwd?: string;
  /** The script, through stdin as from `curl ... | sh`. */
  script: string | Uint8Array;
  args?: readonly string[];
  user?: { uid?: number; gid?: number };
  /** Without a terminal, in a group of its own. */
  detached?: boolean;
}

/** Runs a script through a shell's stdin, with nothing of this process's environment. */
export function runShell(shell: ShellName, options: RunOptions): Promise<Ran> {
  const [program, ...flags] = shells[shell];
  const args = [...flags, ...(options.args ? ["-s", "--", ...options.args] : [])];
  return new Promise((resolve, reject) => {
    const child = spawn(tool(program) as string, args, {
      env: options.env,
      cwd: options.cwd ?? options.env.HOME ?? "/",
      detached: options.detached ?? true,
      ...options.user,
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(options.script);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A home folder that belongs to `user`. */
export function makeHome(folder: string, name: string, user: { uid?: number; gid?: number } = {}): string {
  const home = path.join(folder, "homes", name);
  mkdirSync(home, { recursive: true });
  if (user.uid !== undefined) chownSync(home, user.uid, user.gid as number);
  return home;
}
