import { createHash } from "node:crypto";
import { type Registry, readBody, send, serve } from "../../src/registries/server.ts";

interface Stored {
  bytes: Buffer;
  headers: Record<string, string>;
}

export interface S3Server extends Registry {
  objects: Map<string, Stored>;
}

/**
 * As much of S3 as a site needs: one bucket that anybody may read, writes on conditions, lists in pages. It looks at who signs,
 * not at the signature: versitygw does, and AWS's own example (sigv4.test.ts).
 *
 * @param options.ignoresConditions as older imitations of S3 do
 */
export async function startS3(
  options: { bucket?: string; accessKeyId?: string; ignoresConditions?: boolean; page?: number } = {},
): Promise<S3Server> {
  const { bucket = "site", accessKeyId = "AKIAGOOD", page = 2 } = options;
  const objects = new Map<string, Stored>();
  const fail = (code: string) =>
    `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${code}!</Message></Error>`;
  const xml = { "content-type": "application/xml" };
  const server = await serve({}, () => async (request, response, url) => {
    const [name, ...rest] = decodeURIComponent(url.pathname).slice(1).split("/");
    const key = rest.join("/");
    const signer = /Credential=([^/]+)\/\d{8}\/us-east-1\/s3\/aws4_request/.exec(
      request.headers.authorization ?? "",
    )?.[1];
    const open = request.method === "GET" && key !== "";
    if (signer === undefined ? !open : signer !== accessKeyId) {
      return send(response, 403, fail(signer === undefined ? "AccessDenied" : "InvalidAccessKeyId"), xml);
    }
    if (name !== bucket) return send(response, 404, fail("NoSuchBucket"), xml);
    if (request.method === "GET" && key === "") return send(response, 200, list(objects, url, page), xml);
    const found = objects.get(key);
    const etag = found && etagOf(found.bytes);
    if (request.method === "GET") {
      if (!found) return send(response, 404, fail("NoSuchKey"), xml);
      return send(response, 200, found.bytes, { ...found.headers, etag: etag as string });
    }
    if (request.method === "DELETE") {
      objects.delete(key);
      return send(response, 204);
    }
    const bytes = await readBody(request);
    const hash = createHash("sha256").update(bytes).digest("hex");
    if (request.headers["x-amz-content-sha256"] !== hash) {
      return send(response, 400, fail("XAmzContentSHA256Mismatch"), xml);
    }
    if (!options.ignoresConditions) {
      const { "if-match": match, "if-none-match": none } = request.headers;
      if (match !== undefined && !found) return send(response, 404, fail("NoSuchKey"), xml);
      if ((match !== undefined && match !== etag) || (none === "*" && found)) {
        return send(response, 412, fail("PreconditionFailed"), xml);
      }
    }
    const headers: Record<string, string> = {};
    for (const header of ["content-type", "cache-control"]) {
      const value = request.headers[header];
      if (typeof value === "string") headers[header] = value;
    }
    objects.set(key, { bytes, headers });
    send(response, 200, undefined, { etag: etagOf(bytes) });
  });
  return { ...server, objects };
}

const etagOf = (bytes: Buffer) => `"${createHash("md5").update(bytes).digest("hex")}"`;

function list(objects: Map<string, Stored>, url: URL, page: number): string {
  const prefix = url.searchParams.get("prefix") ?? "";
  const names = [...objects.keys()].filter((key) => key.startsWith(prefix) && key.includes("/", prefix.length));
  const folders = [...new Set(names.map((key) => key.slice(0, key.indexOf("/", prefix.length) + 1)))].sort();
  // AWS's tokens may hold any character.
  const after = (url.searchParams.get("continuation-token") ?? "").replace(/^a\+\/=&/, "");
  const rest = folders.filter((one) => one > after);
  const shown = rest.slice(0, page);
  const next = rest.length > page ? `<NextContinuationToken>a+/=&amp;${shown.at(-1)}</NextContinuationToken>` : "";
  const prefixes = shown.map((one) => `<CommonPrefixes><Prefix>${encodeURIComponent(one)}</Prefix></CommonPrefixes>`);
  return `<?xml version="1.0"?>\n<ListBucketResult>${next}${prefixes.join("")}</ListBucketResult>`;
}
