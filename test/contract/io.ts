import type { Event, Io } from "../../src/core/target.ts";
import { createHttp, type Http, type HttpRequest, type HttpResponse } from "../../src/lib/http.ts";

/** One request that a target made, and what came of it. */
export interface Exchange {
  method: string;
  url: string;
  /** Host and port the request went to. */
  host: string;
  headers: Record<string, string>;
  /** Status of the answer; undefined when none came. */
  status?: number;
}

export interface TestIo extends Io {
  /** Every request so far, in order. */
  readonly sent: Exchange[];
  readonly events: Event[];
  /** Milliseconds that `sleep` was asked for; it really waits at most 25 of them. */
  readonly slept: number[];
  close(): void;
}

export interface TestIoOptions {
  signal?: AbortSignal;
  now?: () => Date;
  /** Stands between the target and the wire: calls `send`, answers itself, or throws. */
  intercept?: (request: HttpRequest, send: Http) => Promise<HttpResponse>;
}

/** An `Io` over the real network of this machine, that keeps what passed through it. */
export function testIo(options: TestIoOptions = {}): TestIo {
  const client = createHttp();
  const sent: Exchange[] = [];
  const events: Event[] = [];
  const slept: number[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const http: Http = async (request) => {
    const headers = Object.fromEntries(Object.entries(request.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
    const exchange: Exchange = {
      method: request.method ?? "GET",
      url: request.url,
      host: new URL(request.url).host,
      headers,
    };
    sent.push(exchange);
    const withSignal = { signal, ...request };
    const response = await (options.intercept ? options.intercept(withSignal, client) : client(withSignal));
    exchange.status = response.status;
    return response;
  };
  return {
    http,
    signal,
    now: options.now ?? (() => new Date()),
    async sleep(ms) {
      signal.throwIfAborted();
      slept.push(ms);
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 25)));
      signal.throwIfAborted();
    },
    emit: (event) => void events.push(event),
    sent,
    events,
    slept,
    close: () => client.close(),
  };
}

/** An answer that no server gave. */
export function answer(
  status: number,
  body: string | object = "",
  headers: Record<string, string> = {},
  url = "",
): HttpResponse {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    status,
    statusText: "",
    headers: { "content-type": typeof body === "string" ? "text/plain" : "application/json", ...headers },
    url,
    body: (async function* () {
      yield Buffer.from(text);
    })() as unknown as HttpResponse["body"],
    bytes: async () => Buffer.from(text),
    text: async () => text,
    json: async <T>() => JSON.parse(text) as T,
    discard: () => {},
  };
}
