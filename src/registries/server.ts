import { rm } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { temporaryFolder } from "../lib/temporary.ts";

/** What every registry of this folder takes. */
export interface RegistryOptions {
  /** Address to listen on. Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Folder that keeps what it holds; left out: a temporary one that `close` removes. */
  state?: string;
  /** The only token taken for writes; left out: any token is taken, none is refused. */
  token?: string;
  /** PEM key and certificate: then it speaks https. */
  tls?: { key: string; cert: string };
  /** Clock, for age rules. */
  now?: () => Date;
  /** Every request goes through it: it calls `handle` with the response that the registry is to answer to (faults, observers). */
  around?: Around;
  /** Sees each request first; true means it has answered. */
  intercept?: (request: http.IncomingMessage, response: http.ServerResponse) => Promise<boolean> | boolean;
}

export type Around = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  handle: (response: http.ServerResponse) => Promise<void>,
) => Promise<void>;

export interface Registry {
  /** `http://127.0.0.1:PORT` (`https:` with `tls`), without a slash at the end */
  url: string;
  /** `127.0.0.1:PORT` */
  host: string;
  close(): Promise<void>;
}

export type Handler = (request: http.IncomingMessage, response: http.ServerResponse, url: URL) => Promise<void> | void;

/** Thrown by handlers to answer with a status and a body. */
export class HttpError extends Error {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Record<string, string>;
  constructor(status: number, body: unknown, headers: Record<string, string> = {}) {
    super(`${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Starts an HTTP server; `makeHandler` gets its base address and the state folder. */
export async function serve(
  options: RegistryOptions,
  makeHandler: (base: string, state: string) => Promise<Handler> | Handler,
): Promise<Registry> {
  const state = options.state ?? (await temporaryFolder(tmpdir(), "twotier-registry"));
  const limits = { keepAliveTimeout: 30_000, requestTimeout: 0 };
  const server = options.tls ? https.createServer({ ...limits, ...options.tls }) : http.createServer(limits);
  const scheme = options.tls ? "https" : "http";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
  });
  const host = `${options.host ?? "127.0.0.1"}:${(server.address() as AddressInfo).port}`;
  const handler = await makeHandler(`${scheme}://${host}`, state);
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    if (options.now) response.setHeader("date", options.now().toUTCString());
    try {
      if (await options.intercept?.(request, response)) return;
      await handler(request, response, new URL(request.url ?? "/", `${scheme}://${request.headers.host ?? host}`));
    } catch (error) {
      if (response.headersSent) response.destroy();
      else if (error instanceof HttpError) send(response, error.status, error.body, error.headers);
      else send(response, 500, { error: String(error instanceof Error ? error.stack : error) });
    }
  };
  const { around } = options;
  server.on("request", (request, response) => {
    if (around) around(request, response, (to) => answer(request, to)).catch(() => response.destroy());
    else answer(request, response);
  });
  return {
    url: `${scheme}://${host}`,
    host,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (options.state === undefined) await rm(state, { recursive: true, force: true });
    },
  };
}

/** Answers with JSON (objects), text (strings), bytes (Buffers) or nothing (undefined). */
export function send(
  response: http.ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  const json = typeof body === "object" && body !== null && !Buffer.isBuffer(body);
  const bytes = json
    ? Buffer.from(JSON.stringify(body))
    : Buffer.isBuffer(body)
      ? body
      : Buffer.from((body as string | undefined) ?? "");
  const type = json ? "application/json; charset=utf-8" : "text/plain; charset=utf-8";
  response.writeHead(status, {
    ...(body === undefined ? {} : { "content-type": type }),
    ...(status === 204 || status === 304 ? {} : { "content-length": String(bytes.length) }),
    ...headers,
  });
  response.end(response.req.method === "HEAD" ? undefined : bytes);
}

/** Reads a whole request body, at most `limit` bytes (default 64 MiB). */
export async function readBody(request: http.IncomingMessage, limit = 64 << 20): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > limit) throw new HttpError(413, { error: "too large" });
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
