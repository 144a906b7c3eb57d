import type http from "node:http";
import type { Readable } from "node:stream";
import { ReleaseError } from "./errors.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { answerOf } from "./http-answer.ts";

/** How to ask one host. */
export interface Connector {
  request: typeof http.request;
  agent: http.Agent;
}

/**
 * One request and the head of its answer.
 *
 * @throws ReleaseError as `Http`; IO when the source of the body fails
 */
export function exchange(
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
        // What Node.js minds about a certificate (nodejs.org/api/tls.html, "X509 certificate error codes") doesn't pass.
        const untrusted = /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(error.code ?? "");
        const what = untrusted ? `${error.code}: ${error.message}` : (error.code ?? error.message);
        reject(
          new ReleaseError("NETWORK", `${method} ${url.origin}${url.pathname}: ${what}`, {
            retryable: !untrusted,
            cause,
            hint: untrusted
              ? "its certificate isn't taken: check the address and this machine's clock; an authority of your own goes into NODE_EXTRA_CA_CERTS"
              : "check that the address is right and can be reached from here, then run the same command again",
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
      resolve(answerOf(incoming, url, method, patience));
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
