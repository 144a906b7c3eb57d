import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { baseEnv } from "../../src/lib/exec.ts";

/** A port that was free a moment ago, for servers that can't choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export interface Running {
  /** `http://127.0.0.1:PORT` */
  url: string;
  host: string;
  close(): Promise<void>;
}

export interface ServerOptions {
  file: string;
  /** Command-line arguments for a port. */
  args: (port: number) => string[];
  cwd: string;
  env?: Record<string, string>;
  /** Path whose answer (any below 500) means that it is up. */
  ready?: string;
}

/** Starts somebody else's server on a free port and waits until it answers; `close` ends that process only. */
export async function startServer({ file, args, cwd, env, ready = "/" }: ServerOptions): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(file, args(port), {
    cwd,
    env: { ...baseEnv(), HOME: cwd, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
  }
  let failed: Error | undefined;
  child.on("error", (error) => {
    failed = error;
  });
  const deadline = Date.now() + 60_000;
  for (;;) {
    const status = await fetch(url + ready).then(
      (response) => response.body?.cancel().then(() => response.status) ?? response.status,
      () => 599,
    );
    if (status < 500) break;
    if (failed || child.exitCode !== null || Date.now() > deadline) {
      await end(child);
      throw new Error(`${file} didn't start: ${failed?.message ?? ""}\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, host: `127.0.0.1:${port}`, close: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const gone = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(timer);
}
