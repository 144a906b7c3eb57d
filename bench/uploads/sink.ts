import http from "node:http";

/**
 * A server of its own process that takes uploads and throws them away, as fast as Node can: the other end of the stream
 * figures, the same for everybody. It answers as GitHub and PyPI do as far as one upload needs it.
 * Prints its address, and ends when its stdin does.
 */
const taken = new Map<string, number>();

const server = http.createServer({ requestTimeout: 0 }, (request, response) => {
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
  });
  request.on("end", () => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    const { pathname } = url;
    const name = url.searchParams.get("name");
    if (request.method === "POST" && name !== null) {
      taken.set(name, size);
      answer(201, { id: 1, name, size, state: "uploaded", digest: null });
    } else if (request.method === "POST") answer(200, "");
    else if (pathname.endsWith("/releases/1")) {
      const upload_url = `${url.origin}${pathname}/assets{?name,label}`;
      answer(200, { id: 1, tag_name: "v1.0.0", draft: true, upload_url, assets: [] });
    } else answer(404, { message: "Not Found" });
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address) process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
process.stdin.resume().on("end", () => process.exit(0));
