import type http from "node:http";
import type https from "node:https";
import type { Readable } from "node:stream";
import { ReleaseError } from "./errors.ts";
import { type Connector, exchange } from "./http-exchange.ts";

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
      const response = await exchange({ ...connectorOf(url), patience }, url, method, headers, body, request);
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
