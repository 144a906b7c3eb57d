import type http from "node:http";
import { excerpt, ReleaseError } from "./errors.ts";
import type { HttpResponse } from "./http.ts";

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

/** An answer whose head has come, with ways to read the rest: never more of it, nor for longer, than is said. */
export function answerOf(incoming: http.IncomingMessage, url: URL, method: string, patience: number): HttpResponse {
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
          hint: /^\s*</.test(text)
            ? "a web page answered, such as a proxy's or a login's: check the address, and the way there"
            : undefined,
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
