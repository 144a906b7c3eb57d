import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { needs } from "../../test/tools.ts";
import { ReleaseError } from "./errors.ts";
import { readChunks } from "./file.ts";
import { digestFile, digestOf } from "./hash.ts";
import { createHttp } from "./http.ts";
import { bounded } from "./http-answer.ts";

let handler: http.RequestListener;
let server: http.Server;
let other: http.Server;
let url: string;
let elsewhere: string;
let dir: string;
const seen: http.IncomingMessage[] = [];
const client = createHttp();

async function listen(): Promise<[http.Server, string]> {
  const one = http.createServer((request, response) => {
    seen.push(request);
    handler(request, response);
  });
  one.listen(0, "127.0.0.1");
  await once(one, "listening");
  return [one, `http://127.0.0.1:${(one.address() as AddressInfo).port}`];
}

beforeAll(async () => {
  [server, url] = await listen();
  [other, elsewhere] = await listen();
  dir = await mkdtemp(path.join(tmpdir(), "twotier-http-"));
});
afterAll(async () => {
  client.close();
  for (const one of [server, other]) {
    one.closeAllConnections();
    one.close();
  }
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  seen.length = 0;
});
const closers: AbortController[] = [];
afterEach(() => {
  for (const one of closers.splice(0)) one.abort();
});

async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function failure(promise: Promise<unknown>): Promise<ReleaseError> {
  return await promise.then(
    () => expect.unreachable(),
    (error) => error as ReleaseError,
  );
}

describe("a streamed body", () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));

  test("arrives unchanged from buffers that are filled again and again", async () => {
    const file = path.join(dir, "content");
    await writeFile(file, content);
    let got: Buffer | undefined;
    handler = async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 20)); // so that chunks wait in the socket
      got = await bodyOf(request);
      response.end();
    };
    const progress: number[] = [];
    await client({
      url,
      method: "POST",
      body: () => readChunks(file, {}, 1000),
      length: content.length,
      onSent: (bytes) => void progress.push(bytes),
    });
    expect(got?.equals(content)).toBe(true);
    expect(seen[0]?.headers["content-length"]).toBe(String(content.length));
    expect(progress.at(-1)).toBe(content.length);
    expect(await digestFile(file)).toEqual({ size: content.length, digests: { sha256: digestOf(content) } });
    const part: Buffer[] = [];
    for await (const chunk of readChunks(file, { start: 10, end: 2510 }, 1000)) part.push(Buffer.from(chunk));
    expect(Buffer.concat(part).equals(content.subarray(10, 2510))).toBe(true);
  });

  test("is chunked where its length isn't known, and may be any stream", async () => {
    let got = "";
    handler = async (request, response) => {
      got = (await bodyOf(request)).toString();
      response.end();
    };
    await client({ url, method: "PUT", body: () => Readable.from([Buffer.from("a"), Buffer.from("b")]) });
    expect(got).toBe("ab");
    expect(seen[0]?.headers["transfer-encoding"]).toBe("chunked");
  });

  test("stops where the server has answered before it read everything, and its answer counts", async () => {
    handler = (_request, response) => {
      response.writeHead(413);
      response.end("too large");
    };
    let stopped = false;
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(65536);
      } finally {
        stopped = true;
      }
    }
    const response = await client({ url, method: "POST", body: endless });
    expect(response.status).toBe(413);
    expect(await response.text()).toBe("too large");
    await expect.poll(() => stopped).toBe(true);
  });

  test("that can't be read is the file's failure, not the network's", async () => {
    handler = (request) => void request.resume();
    const error = await failure(
      client({ url, method: "POST", body: () => readChunks(path.join(dir, "missing")), length: 5 }),
    );
    expect(error.code).toBe("IO");
    expect(error.message).toContain("ENOENT");
  });

  test("is a retryable network failure where the server hangs up", async () => {
    handler = (request) => void request.socket.destroy();
    const error = await failure(client({ url, method: "POST", body: () => Readable.from([Buffer.alloc(1 << 20)]) }));
    expect(error).toMatchObject({ code: "NETWORK", retryable: true });
  });

  test("ends with the run that is stopped", async () => {
    handler = (request) => void request.resume();
    const stop = new AbortController();
    closers.push(stop);
    const error = failure(
      client({
        url,
        method: "POST",
        signal: stop.signal,
        body: async function* () {
          for (let sent = 0; ; sent++) {
            yield Buffer.alloc(1000);
            if (sent === 3) await expect.poll(() => seen.length).toBe(1);
            if (sent === 3) stop.abort(new ReleaseError("INTERRUPTED", "stopped by a test"));
          }
        },
      }),
    );
    expect(await error).toMatchObject({ code: "INTERRUPTED", message: "stopped by a test" });
  });
});

describe("redirects", () => {
  test("of reads are followed, without the credential to another host", async () => {
    handler = (request, response) => {
      if (request.url === "/here") response.writeHead(302, { location: "/there" }).end();
      else if (request.url === "/there") response.writeHead(302, { location: `${elsewhere}/away` }).end();
      else response.end("found");
    };
    const response = await client({ url: `${url}/here`, headers: { authorization: "Bearer secret" } });
    expect(await response.text()).toBe("found");
    expect(response.url).toBe(`${elsewhere}/away`);
    expect(seen.map((request) => request.headers.authorization)).toEqual(["Bearer secret", "Bearer secret", undefined]);
  });

  test("of writes are answers", async () => {
    handler = (_request, response) => void response.writeHead(307, { location: "/there" }).end();
    const response = await client({ url, method: "POST", body: "x" });
    expect(response.status).toBe(307);
  });

  test("in a circle end", async () => {
    handler = (_request, response) => void response.writeHead(302, { location: "/" }).end();
    expect(await failure(client({ url }))).toMatchObject({ code: "REGISTRY" });
  });
});

describe("an answer", () => {
  test("that isn't JSON, or is too long, is the registry's failure", async () => {
    handler = (_request, response) => void response.end("<html>");
    const page = await client({ url });
    expect(await failure(page.json())).toMatchObject({ code: "REGISTRY", facts: { begins: "<html>" } });
    const long = await client({ url });
    expect(await failure(long.bytes(3))).toMatchObject({ code: "REGISTRY" });
  });

  test("that nobody gives is the network's", async () => {
    const error = await failure(client({ url: "http://127.0.0.1:1/" }));
    expect(error).toMatchObject({ code: "NETWORK", retryable: true });
    expect(error.message).toContain("ECONNREFUSED");
  });
});

describe("a hostile server", () => {
  test("leads to no address: an error of the registry, not of ours", async () => {
    for (const location of ["http://[", "http://a b/", "ftp://elsewhere/"]) {
      handler = (_request, response) => response.writeHead(302, { location }).end();
      expect((await failure(client({ url }))).code).toBe("REGISTRY");
    }
  });

  test("sends an answer without an end: it is cut off, whether anybody reads it or not", async () => {
    let closes = 0;
    handler = (_request, response) => {
      const chunk = Buffer.alloc(1 << 16);
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more).on("close", () => closes++);
      more();
    };
    expect((await failure((await client({ url })).bytes(1 << 20))).code).toBe("REGISTRY");
    (await client({ url })).discard();
    await expect.poll(() => closes).toBe(2);
  });

  test("sends a byte now and then, in the head of an answer or in its body: there is an end to that, too", async () => {
    let closes = 0;
    const hurried = createHttp({ patience: 300 });
    const trickle = (write: (text: string) => void, socket: Socket) => {
      const timer = setInterval(() => write("x"), 20);
      socket
        .on("error", () => {})
        .on("close", () => {
          clearInterval(timer);
          closes++;
        });
    };
    handler = ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nX-Long: ");
      trickle((text) => socket.write(text), socket);
    };
    expect(await failure(hurried({ url }))).toMatchObject({ code: "NETWORK", retryable: true });
    handler = (request, response) => trickle((text) => response.write(text), request.socket);
    const late = await failure((await hurried({ url })).bytes());
    expect(late).toMatchObject({ code: "NETWORK", retryable: true });
    expect(late.message).toContain("comes too slowly");
    (await hurried({ url })).discard();
    const { body } = await hurried({ url });
    const all = async () => {
      for await (const _ of bounded(body, "the file", 1000, 100));
    };
    expect((await failure(all())).message).toContain("the file comes too slowly");
    await expect.poll(() => closes).toBe(4);
    hurried.close();
  });

  test("sends more headers than anybody reads", async () => {
    handler = (_request, response) => response.writeHead(200, { "x-long": "x".repeat(1 << 17) }).end();
    expect((await failure(client({ url }))).message).toContain("HPE_HEADER_OVERFLOW");
  });

  test("leads in a circle, elsewhere and back, or to a file: no credential comes back, and nothing is read", async () => {
    handler = (request, response) => {
      const to = request.headers.host === new URL(url).host ? `${elsewhere}/x` : `${url}/x`;
      response.writeHead(302, { location: to }).end();
    };
    expect((await failure(client({ url, headers: { authorization: "Bearer x", cookie: "a=b" } }))).code).toBe(
      "REGISTRY",
    );
    expect(seen.map((request) => request.headers.authorization ?? request.headers.cookie)).toEqual([
      "Bearer x",
      ...Array(5).fill(undefined),
    ]);
    for (const location of ["file:///etc/passwd", "data:,x", "unix:/run/docker.sock", "\\\\host\\x:y"]) {
      handler = (_request, response) => response.writeHead(302, { location }).end();
      expect(["REGISTRY", "NETWORK"]).toContain((await failure(client({ url }))).code);
    }
  });
});

test("a web page where JSON belongs is called one, for it is a proxy's or a login's", async () => {
  handler = (_request, response) => void response.end("<html>please log in</html>");
  await expect((await client({ url })).json()).rejects.toMatchObject({
    code: "REGISTRY",
    hint: expect.stringContaining("a web page answered"),
  });
});

test.skipIf(needs(["openssl"]))(
  "a certificate that isn't taken is no passing failure, and the error says so",
  async () => {
    const [key, cert] = [path.join(dir, "key.pem"), path.join(dir, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-days", "1", "-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject], { stdio: "ignore" });
    const tls = https.createServer({ key: await readFile(key), cert: await readFile(cert) }).listen(0, "127.0.0.1");
    await once(tls, "listening");
    try {
      const { port } = tls.address() as AddressInfo;
      await expect(client({ url: `https://127.0.0.1:${port}/` })).rejects.toMatchObject({
        code: "NETWORK",
        message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate/),
        retryable: false,
        hint: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
      });
    } finally {
      tls.close();
    }
  },
);
