import { setTimeout as delay } from "node:timers/promises";
import type { Event, Io } from "../core/target.ts";
import { ReleaseError } from "../lib/errors.ts";
import { createHttp } from "../lib/http.ts";
import { productVersion } from "../lib/product.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { createReporter, type Reporter } from "./output/reporter.ts";

/** Flags that every command takes. */
export interface CommonFlags {
  json?: boolean;
  verbose?: boolean;
  quiet?: boolean;
  cwd?: string;
}

/** What a command works with; `close` it when done. */
export interface Context {
  environment: Environment;
  io: Io;
  reporter: Reporter;
  dir: string;
  /** Also gets every event (the journal). */
  listen(listener: (event: Event) => void): void;
  /** Somebody stopped the command (Ctrl-C, or CI's cancel). */
  readonly stopped: boolean;
  close(): void;
}

/** Ctrl-C, CI's cancel, and a terminal that was closed. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Sets up HTTP, the reporter and Ctrl-C for one command. */
export function openContext(flags: CommonFlags): Context {
  const environment = readEnvironment();
  const stop = new AbortController();
  const kind = flags.quiet
    ? "silent"
    : environment.githubActions
      ? "github"
      : environment.stderrIsTerminal && !environment.ci && environment.variables.TERM !== "dumb"
        ? "live"
        : "plain";
  const reporter = createReporter({ stream: process.stderr, kind, verbose: flags.verbose === true });
  const listeners: ((event: Event) => void)[] = [(event) => reporter.event(event)];
  const http = createHttp({ proxyEnv: environment.variables, userAgent: `twotier/${productVersion}` });
  let stopped = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(130);
    stopped = true;
    stop.abort(
      new ReleaseError("INTERRUPTED", `stopped by ${signal}`, {
        hint: "run the same command again, here or on another machine: it goes on from what the registries hold",
      }),
    );
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    environment,
    reporter,
    dir: flags.cwd ?? startedIn(),
    io: {
      http,
      signal: stop.signal,
      now: () => new Date(),
      sleep: async (ms) => {
        await delay(ms, undefined, { signal: stop.signal }).catch((error) => {
          throw stop.signal.aborted ? stop.signal.reason : error;
        });
      },
      emit: (event) => {
        for (const listener of listeners) listener(event);
      },
      limit: (what, seconds) => {
        const timer = setTimeout(() => stop.abort(tooLong(what, seconds)), seconds * 1000).unref();
        return () => clearTimeout(timer);
      },
    },
    listen: (listener) => listeners.push(listener),
    get stopped() {
      return stopped;
    },
    close() {
      reporter.end();
      http.close();
      for (const signal of signals) process.off(signal, onSignal);
      // A command that failed may have asked more than one registry: nobody waits for the others any more.
      listeners.length = 0;
      stop.abort(new ReleaseError("INTERRUPTED", "the command has ended"));
    },
  };
}

function startedIn(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new ReleaseError("USAGE", "the folder it was started in is gone", {
      cause,
      hint: "change to a clone of the repository, or name its folder with `-C DIR`",
    });
  }
}

function tooLong(what: string, seconds: number): ReleaseError {
  return new ReleaseError("INTERRUPTED", `${what} took longer than ${Number((seconds / 60).toFixed(2))} minutes`, {
    hint: "run the same command again, here or on another machine: it goes on from what the registries hold",
  });
}

/** The one document of `--json`, or text, on stdout. */
export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  // The same text for who reads JSON, and no command for GitHub's runner (output/style.ts, `safe`).
  print(JSON.stringify(value, null, 2).replaceAll("##[", "#\\u0023["));
}
