import http from "node:http";
import type { AddressInfo } from "node:net";

/** What a hostile server answers. */
export interface HostileAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: string | Buffer;
  /** Goes on sending the body until nobody listens. */
  endless?: boolean;
  /** Milliseconds between the bytes of a body that has no end. */
  trickle?: number;
}

/** A request that came. */
export interface HostileRequest {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  /** Method, address, headers and the first MiB of the body, to search. */
  text: string;
}

export interface HostileServer {
  url: string;
  host: string;
  /** What it answers; asked for each request. */
  answer: (request: http.IncomingMessage) => HostileAnswer;
  /** Requests that came, in order. */
  readonly seen: HostileRequest[];
  close(): Promise<void>;
}

/** A server of this machine that answers whatever it is told to, protocol or not. */
export async function startHostile(): Promise<HostileServer> {
  const seen: HostileRequest[] = [];
  const server = http.createServer((request, response) => {
    const { method = "", url = "", headers, rawHeaders } = request;
    const one = { method, url, headers, text: [method, url, ...rawHeaders].join("\n") };
    seen.push(one);
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => {
      if (one.text.length < 1 << 20) one.text += chunk.toString("latin1");
    });
    const answer = hostile.answer(request);
    // An answer to HEAD has no body; written all the same it would be a loop without an end here.
    send(response, method === "HEAD" ? { ...answer, body: "", endless: false, trickle: undefined } : answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const hostile: HostileServer = {
    url: `http://${host}`,
    host,
    answer: () => ({ status: 404, headers: {}, body: "" }),
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return hostile;
}

function send(response: http.ServerResponse, { status, headers, body, endless, trickle }: HostileAnswer): void {
  response.on("error", () => {});
  try {
    response.writeHead(status, headers);
  } catch {
    response.writeHead(status); // Node itself refuses to send such a header
  }
  if (trickle !== undefined) {
    response.write(body);
    const timer = setInterval(() => response.write(" "), trickle);
    response.on("close", () => clearInterval(timer));
  } else if (endless) {
    const more = () => {
      while (!response.destroyed && response.write(body));
    };
    response.on("drain", more);
    more();
  } else response.end(body);
}
