import type http from "node:http";
import type https from "node:https";
import type { Readable } from "node:stream";
import { excerpt, ReleaseError } from "./errors.ts";

/**
 * A small client over node:http, because uploads stream from disk at more than twice the speed of fetch()
 * and need the peer's early answer. Keep-alive; redirects followed for reads only; credentials never leave their host.
 */

export interface HttpRequest {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  /**
   * Bytes, or a function that opens a fresh stream of them (called again for each try). A source may reuse a chunk's
   * memory when the next but one is asked for (`readChunks` of file.ts does).
   */
  body?: string | Uint8Array | (() => Readable | AsyncIterable<Uint8Array>);
  /** Length in bytes of a streamed body, where known; without it the body is chunked. */
  length?: number;
  /** `follow` (default for GET and HEAD): up to 5 redirects, without `authorization` and `cookie` to another host. */
  redirect?: "follow" | "manual";
  signal?: AbortSignal;
  /** Milliseconds without a byte either way until it counts as dead. Default 60,000. */
  idleTimeout?: number;
  /** Called with the bytes sent so far of a streamed body. */
  onSent?: (bytes: number) => void;
}

export interface HttpResponse {
  status: number;
  statusText: string;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** The address that answered, after redirects. */
  url: string;
  /** The body; read it with `text`, `json`, `bytes` or `pipeline`, or call `discard`. */
  body: Readable;
  /** @throws ReleaseError REGISTRY when longer than `limit` bytes (default 32 MiB), NETWORK when it takes too long. */
  bytes(limit?: number): Promise<Buffer>;
  text(limit?: number): Promise<string>;
  /** @throws ReleaseError REGISTRY when it isn't JSON. */
  json<T = unknown>(limit?: number): Promise<T>;
  discard(): void;
}

/** Bytes of the longest file that is downloaded: no registry takes a longer one (GitHub 2 GiB, PyPI 1 GB or what was agreed). */
const longest = 8 * 2 ** 30;
/** Milliseconds that the download of one file may take: 2 GiB at 200 KB/s. */
const slowest = 3 * 3_600_000;

/**
 * The chunks of a body, of which no registry can send more than it may, nor byte by byte for ever.
 *
 * @param what for the message
 * @param limit bytes
 * @param patience milliseconds from the first chunk on
 * @throws ReleaseError REGISTRY when it is longer, NETWORK (retryable) when it takes longer
 */
export async function* bounded(
  body: AsyncIterable<unknown>,
  what: string,
  limit = longest,
  patience = slowest,
): AsyncGenerator<Buffer> {
  const until = performance.now() + patience;
  let size = 0;
  for await (const chunk of body) {
    size += (chunk as Buffer).length;
    if (size > limit) throw new ReleaseError("REGISTRY", `${what} is longer than ${limit} bytes`);
    if (performance.now() > until) throw tooSlow(what, patience);
    yield chunk as Buffer;
  }
}

function tooSlow(what: string, patience: number): ReleaseError {
  return new ReleaseError(
    "NETWORK",
    `${what} comes too slowly: it isn't there after ${Math.round(patience / 1000)} s`,
    {
      retryable: true,
      hint: "check the connection, then run the same command again",
    },
  );
}

/** @throws ReleaseError NETWORK (retryable) when nobody answers, INTERRUPTED on abort. Any HTTP status is an answer. */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpClientOptions {
  /** Where proxies are read from: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` and their lower-case forms. */
  proxyEnv?: Record<string, string | undefined>;
  userAgent?: string;
  /** Connections to one host at once. Default 16. */
  maxSockets?: number;
  /**
   * Milliseconds from the last byte of a request until the head of its answer, and from there until the end of an answer
   * that is read into memory: a server that sends a byte now and then is never idle. Default 600,000.
   */
  patience?: number;
}

interface Connector {
  request: typeof http.request;
  agent: http.Agent;
}

/**
 * Node's module for a protocol. Not imported: that evaluates all exports of node:http, and `WebSocket` among them loads
 * undici, 40 ms (measured with Node 24), also where nothing is asked at all.
 */
const moduleOf = (secure: boolean): typeof http | typeof https =>
  secure ? process.getBuiltinModule("node:https") : process.getBuiltinModule("node:http");

/** A client with its own connections; `close` ends the idle ones. */
export function createHttp(options: HttpClientOptions = {}): Http & { close(): void } {
  const agentOptions = {
    keepAlive: true,
    maxSockets: options.maxSockets ?? 16,
    proxyEnv: options.proxyEnv as NodeJS.ProcessEnv,
  };
  const connectors = new Map<string, Connector>();
  const connectorOf = ({ protocol }: URL): Connector => {
    let connector = connectors.get(protocol);
    if (!connector) {
      const { Agent, request } = moduleOf(protocol === "https:");
      connector = { request, agent: new Agent(agentOptions) };
      connectors.set(protocol, connector);
    }
    return connector;
  };
  const userAgent = options.userAgent ?? "twotier";
  const patience = options.patience ?? 600_000;

  const send: Http = async (request) => {
    let url = parseUrl(request.url);
    let method = request.method ?? "GET";
    let headers: Record<string, string> = { "user-agent": userAgent, ...lowerCased(request.headers) };
    let body = request.body;
    const follow = (request.redirect ?? (method === "GET" || method === "HEAD" ? "follow" : "manual")) === "follow";
    for (let hop = 0; ; hop++) {
      const response = await once({ ...connectorOf(url), patience }, url, method, headers, body, request);
      const location = response.headers.location;
      if (!follow || location === undefined || ![301, 302, 303, 307, 308].includes(response.status)) return response;
      response.discard();
      if (hop === 5) {
        throw new ReleaseError("REGISTRY", `${request.url} redirects more than 5 times`, { facts: { last: url.href } });
      }
      const next = parseUrl(location, url);
      if (url.protocol === "https:" && next.protocol === "http:") {
        throw new ReleaseError("REGISTRY", `${url.href} redirects from https to http`, {
          facts: { location: next.href },
        });
      }
      // Who is asked says where to go, not as whom.
      next.username = "";
      next.password = "";
      if (next.host !== url.host) headers = withoutCredentials(headers);
      if (response.status === 303 && method !== "HEAD") {
        method = "GET";
        body = undefined;
      }
      url = next;
    }
  };
  return Object.assign(send, {
    close() {
      for (const { agent } of connectors.values()) agent.destroy();
    },
  });
}

function parseUrl(text: string, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch (cause) {
    throw new ReleaseError("REGISTRY", `not an address: ${text}`, { cause });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ReleaseError("REGISTRY", `not an http address: ${url.protocol}//${url.host}`);
  }
  return url;
}

function lowerCased(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  const { authorization: _a, cookie: _c, ...rest } = headers;
  return rest;
}

function once(
  { request: open, agent, patience }: Connector & { patience: number },
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: HttpRequest["body"],
  request: HttpRequest,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    signal?.throwIfAborted();
    const inMemory = typeof body === "string" ? Buffer.from(body) : body instanceof Uint8Array ? body : undefined;
    const length = inMemory?.length ?? request.length;
    const outgoing = { ...headers };
    if (length !== undefined) outgoing["content-length"] = String(length);
    else if (body === undefined && method !== "GET" && method !== "HEAD") outgoing["content-length"] = "0";

    let answered = false;
    let sending = false;
    const fail = (cause: unknown) => {
      const error = cause as NodeJS.ErrnoException;
      if (signal?.aborted) {
        reject(
          signal.reason instanceof ReleaseError ? signal.reason : new ReleaseError("INTERRUPTED", "stopped", { cause }),
        );
      } else if (cause instanceof ReleaseError) reject(cause);
      else {
        const what = error.code ?? error.message;
        reject(
          new ReleaseError("NETWORK", `${method} ${url.origin}${url.pathname}: ${what}`, {
            retryable: true,
            cause,
            hint: "check that the address is right and can be reached from here, then run the same command again",
          }),
        );
      }
    };
    const client = open(url, {
      method,
      headers: outgoing,
      agent,
      signal,
    });
    client.setTimeout(request.idleTimeout ?? 60_000, () => client.destroy(new Error("no byte for too long")));
    client.on("error", (error) => {
      if (!answered) fail(error);
    });
    let late: NodeJS.Timeout | undefined;
    client.once("finish", () => {
      late = setTimeout(() => client.destroy(new Error("no whole answer for too long")), patience).unref();
    });
    client.once("close", () => clearTimeout(late));
    client.on("response", (incoming) => {
      answered = true;
      clearTimeout(late);
      // Nobody wants the rest of the body any more. With the answer read, the connection has no other use.
      incoming.on("end", () => sending && client.destroy());
      resolve(wrap(incoming, url, method, patience));
    });
    if (typeof body === "function") {
      // A server may answer before it has read everything (413, 400): then its answer counts, not the broken pipe.
      sending = true;
      sendBody(client, body(), request.onSent)
        .catch((error) => {
          if (error instanceof ReleaseError) client.destroy(error);
          if (!answered) setTimeout(() => !answered && fail(error), 200).unref();
        })
        .finally(() => {
          sending = false;
        });
    } else client.end(inMemory);
  });
}

/**
 * Writes the chunks, each when the one before the last has left this process: a source may reuse its buffers in turn.
 *
 * @throws ReleaseError IO when the source fails; what the connection met otherwise.
 */
async function sendBody(
  client: http.ClientRequest,
  source: Readable | AsyncIterable<Uint8Array>,
  onSent?: (bytes: number) => void,
): Promise<void> {
  const chunks = (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const closed = new Promise<never>((_, reject) => {
    client.once("close", () => reject(new Error("the connection was closed")));
  });
  closed.catch(() => {});
  let leaving: Promise<void> | undefined;
  let sent = 0;
  try {
    for (;;) {
      const next = await chunks.next().catch((cause) => {
        if (cause instanceof ReleaseError) throw cause;
        throw new ReleaseError("IO", `what was to be sent couldn't be read: ${cause?.message}`, { cause });
      });
      await leaving;
      if (next.done) break;
      const { value } = next;
      leaving = Promise.race([
        new Promise<void>((resolve, reject) => client.write(value, (error) => (error ? reject(error) : resolve()))),
        closed,
      ]);
      leaving.catch(() => {});
      sent += value.length;
      onSent?.(sent);
    }
    client.end();
  } finally {
    await chunks.return?.();
  }
}

function wrap(incoming: http.IncomingMessage, url: URL, method: string, patience: number): HttpResponse {
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[key] = Array.isArray(value) ? value.join(", ") : value;
  }
  const where = `${method} ${url.origin}${url.pathname}`;
  const until = performance.now() + patience;
  const bytes = async (limit = 32 << 20): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of incoming) {
        size += (chunk as Buffer).length;
        if (size > limit) {
          throw new ReleaseError("REGISTRY", `${where} answered with more than ${limit} bytes`);
        }
        if (performance.now() > until) throw tooSlow(`the answer to ${where}`, patience);
        chunks.push(chunk as Buffer);
      }
    } catch (cause) {
      if (cause instanceof ReleaseError) throw cause;
      throw new ReleaseError("NETWORK", `${where}: the answer broke off`, { retryable: true, cause });
    }
    return Buffer.concat(chunks);
  };
  return {
    status: incoming.statusCode ?? 0,
    statusText: incoming.statusMessage ?? "",
    headers,
    url: url.href,
    body: incoming,
    bytes,
    text: async (limit) => (await bytes(limit)).toString("utf8"),
    json: async <T>(limit?: number) => {
      const text = (await bytes(limit)).toString("utf8");
      try {
        return JSON.parse(text) as T;
      } catch (cause) {
        throw new ReleaseError("REGISTRY", `${where} answered with something that isn't JSON`, {
          cause,
          facts: { status: incoming.statusCode, begins: excerpt(text, 120) },
        });
      }
    },
    discard() {
      let size = 0;
      incoming.on("error", () => {});
      // Read to its end, the connection can be used again; one that doesn't end isn't worth it.
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > 1 << 20 || performance.now() > until) incoming.destroy();
      });
    },
  };
}
