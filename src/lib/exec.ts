import { spawn } from "node:child_process";
import { ReleaseError, redact } from "./errors.ts";
import { dropGroup, endGroup, keepGroup } from "./process-group.ts";

export interface ExecOptions {
  cwd?: string;
  /** The child's whole environment; without it only what `baseEnv` keeps. Secrets are passed by name, never inherited. */
  env?: Record<string, string>;
  /** Written to stdin, which is then closed. */
  input?: string | Uint8Array;
  signal?: AbortSignal;
  /**
   * True: it gets a process group of its own, and on abort all of that is ended, what it started in the background too
   * (a builder that starts others). It has no terminal then.
   */
  group?: boolean;
  /** Milliseconds until the child is ended; none by default. */
  timeout?: number;
  /** Bytes of stdout kept; more is an error. Default 256 MiB. */
  maxBuffer?: number;
  /** How the bytes of stdout become a string. Default utf8; latin1 keeps each byte as one character. */
  encoding?: "utf8" | "latin1";
  /** Called with each line of stderr and stdout as it comes (for progress). */
  onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Exit codes that are no failure. Default [0]. */
  ok?: readonly number[];
}

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Variables a child process needs to work at all; everything else (tokens!) stays here. */
const kept =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TZ|TMPDIR|TEMP|TMP|SystemRoot|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA|USERPROFILE|XDG_.*|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|PIP_CERT|PIP_INDEX_URL|PIP_FIND_LINKS|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy|GO(PATH|ROOT|CACHE|MODCACHE|PROXY|SUMDB|FLAGS|TOOLCHAIN|NOSUMDB|PRIVATE|NOPROXY|BIN|ENV)|CARGO_HOME|RUSTUP_HOME|JAVA_HOME|PYENV_.*|VIRTUAL_ENV|GIT_(SSH|SSH_COMMAND|ASKPASS|CONFIG_NOSYSTEM|CONFIG_GLOBAL|EXEC_PATH)|SSH_AUTH_SOCK|npm_config_cache)$/;

/** The environment of this process without anything that could be a secret. */
export function baseEnv(from: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(from)) if (value !== undefined && kept.test(key)) env[key] = value;
  return env;
}

/**
 * Runs a program without a shell and collects what it prints (redacted in errors).
 *
 * @throws ReleaseError TOOL_MISSING when the program isn't there, INTERRUPTED on abort,
 *   BUILD (callers say more) when it ends with a code that isn't in `ok`.
 */
export function exec(file: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const group = options.group === true && process.platform !== "win32";
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? baseEnv(),
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      signal: group ? undefined : options.signal,
      detached: group,
      timeout: options.timeout,
      windowsHide: true,
    });
    const stopped = () => {
      // Its own children (git-remote-http) may live on and hold the pipes: nobody waits for them.
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
      child.unref();
      const { reason } = options.signal ?? {};
      reject(reason instanceof ReleaseError ? reason : new ReleaseError("INTERRUPTED", `${file} was stopped`));
    };
    let ending = false;
    const { pid } = child;
    if (group && pid !== undefined) {
      const end = () => {
        ending = true;
        endGroup(pid).then(stopped);
      };
      keepGroup(pid);
      options.signal?.addEventListener("abort", end, { once: true });
      child.once("close", () => {
        options.signal?.removeEventListener("abort", end);
        if (!ending) dropGroup(pid);
      });
    }
    const max = options.maxBuffer ?? 256 << 20;
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let size = 0;
    let overflow = false;
    const onLine = options.onLine;
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > max) {
        overflow = true;
        child.kill();
      } else out.push(chunk);
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      err.push(chunk);
      while (err.length > 64) err.shift();
    });
    if (onLine) {
      for (const name of ["stdout", "stderr"] as const) splitLines(child[name], (line) => onLine(redact(line), name));
    }
    if (options.input !== undefined) {
      child.stdin?.on("error", () => {}); // EPIPE: the exit code tells
      child.stdin?.end(options.input);
    }
    child.on("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") {
        reject(
          new ReleaseError("TOOL_MISSING", `${file} isn't installed, or isn't on the PATH`, {
            cause,
            facts: { tool: file },
          }),
        );
      } else if (cause.name === "AbortError") {
        stopped();
      } else reject(new ReleaseError("IO", `${file} couldn't be started: ${cause.message}`, { cause }));
    });
    child.on("close", (code, signalName) => {
      if (ending) return;
      const stdout = Buffer.concat(out).toString(options.encoding ?? "utf8");
      const stderr = Buffer.concat(err).toString("utf8");
      if (overflow) {
        reject(new ReleaseError("IO", `${file} printed more than ${max} bytes`));
      } else if (code !== null && (options.ok ?? [0]).includes(code)) resolve({ code, stdout, stderr });
      else {
        const how = code === null ? `was ended by ${signalName}` : `ended with exit code ${code}`;
        const last = (stderr.trim() || stdout.trim()).split("\n").slice(-15).join("\n");
        reject(
          new ReleaseError("BUILD", `${[file, ...args.slice(0, 4)].join(" ")} ${how}`, {
            facts: { in: options.cwd, output: last || undefined },
          }),
        );
      }
    });
  });
}

function splitLines(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = "";
  stream?.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString("utf8")).split(/\r?\n|\r/);
    rest = parts.pop() ?? "";
    for (const line of parts) if (line) take(line);
  });
  stream?.on("end", () => rest && take(rest));
}
