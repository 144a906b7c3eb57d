import http from "node:http";
import type { AddressInfo } from "node:net";

/** What a hostile server answers. */
export interface HostileAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: string | Buffer;
  /** Goes on sending the body until nobody listens. */
  endless?: boolean;
}

export interface HostileServer {
  url: string;
  host: string;
  /** What it answers; asked for each request. */
  answer: (request: http.IncomingMessage) => HostileAnswer;
  /** Headers of the requests that came, with `host`. */
  readonly seen: http.IncomingHttpHeaders[];
  close(): Promise<void>;
}

/** A server of this machine that answers whatever it is told to, protocol or not. */
export async function startHostile(): Promise<HostileServer> {
  const seen: http.IncomingHttpHeaders[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request.headers);
    request.resume();
    const { status, headers, body, endless } = hostile.answer(request);
    try {
      response.writeHead(status, headers);
    } catch {
      response.writeHead(status); // Node itself refuses to send such a header
    }
    if (!endless) return void response.end(body);
    const more = () => {
      while (!response.destroyed && response.write(body));
    };
    response.on("drain", more).on("error", () => {});
    more();
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
