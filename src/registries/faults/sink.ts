import http from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** What a handler answered, kept instead of sent. */
export interface Answer {
  status: number;
  headers: http.OutgoingHttpHeaders;
  body: Buffer;
}

/**
 * Runs a handler with a response that leads nowhere: it does its work, and nobody hears of it.
 *
 * @returns what it answered; undefined where the connection broke first
 */
export async function answered(
  request: http.IncomingMessage,
  real: http.ServerResponse,
  handle: (response: http.ServerResponse) => Promise<void>,
): Promise<Answer | undefined> {
  const response = new http.ServerResponse(request);
  const chunks: Buffer[] = [];
  const write = response.write.bind(response) as (...args: unknown[]) => boolean;
  const end = response.end.bind(response) as (...args: unknown[]) => http.ServerResponse;
  const keep = (chunk: unknown, encoding: unknown) => {
    if (typeof chunk === "string") chunks.push(Buffer.from(chunk, (encoding as BufferEncoding | undefined) ?? "utf8"));
    else if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  };
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => http.ServerResponse;
  // What writeHead is given isn't among `getHeaders`, unless headers were set before (nodejs.org/api/http.html).
  response.writeHead = ((...args: unknown[]) => {
    const given = args.find((one) => typeof one === "object" && one !== null) ?? {};
    for (const [name, value] of Object.entries(given)) if (value !== undefined) response.setHeader(name, value);
    return writeHead(...args.filter((one) => one !== given));
  }) as typeof response.writeHead;
  response.write = ((...args: unknown[]) => {
    keep(args[0], typeof args[1] === "string" ? args[1] : undefined);
    return write(...args);
  }) as typeof response.write;
  response.end = ((...args: unknown[]) => {
    keep(args[0], typeof args[1] === "string" ? args[1] : undefined);
    // The real end would pass the chunk through `write` in some versions of Node: it is kept once.
    response.write = write as typeof response.write;
    return end(...args);
  }) as typeof response.end;
  response.assignSocket(nowhere() as unknown as Socket);
  const finished = new Promise<boolean>((resolve) => {
    response.once("finish", () => resolve(true));
    response.once("close", () => resolve(response.writableFinished));
    real.once("close", () => resolve(response.writableFinished));
  });
  await handle(response);
  if (!(await finished)) {
    response.destroy();
    return undefined;
  }
  return { status: response.statusCode, headers: response.getHeaders(), body: Buffer.concat(chunks) };
}

/** Sends a kept answer. */
export function resend(response: http.ServerResponse, { status, headers, body }: Answer): void {
  const head = response.req.method === "HEAD";
  const { "transfer-encoding": _, ...rest } = headers;
  const length = head ? {} : status === 204 || status === 304 ? {} : { "content-length": body.length };
  response.writeHead(status, { ...rest, ...length });
  response.end(head ? undefined : body);
}

function nowhere(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}
