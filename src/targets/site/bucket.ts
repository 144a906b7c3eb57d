import { createHash } from "node:crypto";
import type { Finding, Io } from "../../core/target.ts";
import { asReleaseError, ReleaseError } from "../../lib/errors.ts";
import type { HttpResponse } from "../../lib/http.ts";
import { failure, isBusy, limit } from "./answers.ts";
import { type AwsKeys, encodePart, encodeQuery, sign } from "./sigv4.ts";
import type { SiteStore } from "./store.ts";

export interface BucketOptions {
  bucket: string;
  /** "" or with a slash at its end. */
  prefix: string;
  /** `https://s3.eu-central-1.amazonaws.com`; the bucket is the first part of the path, which all of them take. */
  endpoint: string;
  region: string;
  keys: AwsKeys | undefined;
  /** The site's address: users read from there, and seldom from the bucket itself. */
  address: string;
}

const variables = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/**
 * S3 (docs.aws.amazon.com/AmazonS3/latest/API) and what speaks its protocol: R2, MinIO, Garage, versitygw. Writes are
 * conditional (`if-match`, `if-none-match`: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html); a server
 * that doesn't compare is refused in preflight.
 */
export function bucketStore(options: BucketOptions): SiteStore {
  const { bucket, prefix, endpoint, region, keys, address } = options;
  const { host, pathname } = new URL(endpoint);
  const base = pathname.replace(/\/+$/, "");
  const pathOf = (key: string) => `${base}/${[bucket, ...key.split("/")].map(encodePart).join("/")}`;

  const send = async (
    io: Io,
    method: string,
    key: string,
    more: { headers?: Record<string, string>; body?: string; query?: Record<string, string> } = {},
  ): Promise<HttpResponse> => {
    if (!keys) {
      throw new ReleaseError("AUTH", `there are no keys for the bucket ${bucket}`, { hint: `set ${variables}` });
    }
    const path = key === "" ? `${base}/${encodePart(bucket)}` : pathOf(key);
    const bodyHash = createHash("sha256")
      .update(more.body ?? "")
      .digest("hex");
    const request = { method, path, query: more.query, headers: { host, ...more.headers }, bodyHash };
    const { host: _, ...headers } = sign(request, keys, { region, service: "s3", now: io.now() });
    const query = encodeQuery(more.query);
    const url = `${new URL(endpoint).origin}${path}${query === "" ? "" : `?${query}`}`;
    return io.http({ url, method, headers, body: more.body, redirect: "manual", signal: io.signal });
  };

  const put = (io: Io, key: string, body: string, headers: Record<string, string>) =>
    send(io, "PUT", key, { body, headers });

  return {
    place: `s3://${bucket}/${prefix}`,

    async read(file, io) {
      const response = await send(io, "GET", prefix + file);
      if (response.status === 404) {
        // A bucket that isn't there is no missing file.
        const text = await response.text(64 << 10);
        if (!text.includes("NoSuchBucket")) return null;
        throw new ReleaseError("REGISTRY", `there is no bucket ${bucket} at ${endpoint}`, {
          hint: "make it, or correct targets.site.bucket, endpoint and region",
        });
      }
      if (response.status !== 200) throw await failure(response, `reading ${file}`, io, variables);
      const mark = response.headers.etag;
      if (!mark) {
        response.discard();
        throw new ReleaseError("REGISTRY", `${endpoint} gave ${file} without an ETag`);
      }
      return { bytes: await response.bytes(limit), mark };
    },

    async write(changes, _about, io) {
      for (const { file, expect } of changes) {
        const condition: Record<string, string> = expect === null ? { "if-none-match": "*" } : { "if-match": expect };
        const response = await put(io, prefix + file.path, file.text, {
          "content-type": file.type,
          "cache-control": file.cache,
          ...condition,
        });
        // 404: it was deleted meanwhile. 409: somebody writes at this moment.
        if ([404, 409, 412].includes(response.status)) {
          const text = await response.text(64 << 10);
          if (text.includes("NoSuchBucket")) {
            throw new ReleaseError("REGISTRY", `there is no bucket ${bucket} at ${endpoint}`);
          }
          return "lost";
        }
        if (response.status !== 200) throw await failure(response, `writing ${file.path}`, io, variables);
        response.discard();
      }
      return "done";
    },

    async folders(io) {
      const found: string[] = [];
      let token: string | undefined;
      const asked = new Set<string | undefined>();
      do {
        // A thousand folders a page. A list that leads back to where it was has no end.
        if (asked.has(token) || asked.size === 1000)
          throw new ReleaseError("REGISTRY", `the list of ${bucket} doesn't end`);
        asked.add(token);
        const query = {
          "list-type": "2",
          delimiter: "/",
          "encoding-type": "url",
          prefix: `${prefix}v`,
          ...(token === undefined ? {} : { "continuation-token": token }),
        };
        const response = await send(io, "GET", "", { query });
        if (response.status !== 200) throw await failure(response, `listing ${bucket}`, io, variables);
        const text = await response.text(limit);
        for (const [, name = ""] of text.matchAll(/<CommonPrefixes>\s*<Prefix>([^<]*)<\/Prefix>/g)) {
          found.push(decoded(name).slice(prefix.length).replace(/\/$/, ""));
        }
        const next = /<NextContinuationToken>([^<]*)<\/NextContinuationToken>/.exec(text)?.[1];
        token = next === undefined ? undefined : unescapeXml(next);
      } while (token !== undefined);
      return found;
    },

    async fetch(file, io) {
      const response = await io.http({ url: `${address}/${file}`, signal: io.signal });
      // A bucket that nobody may list answers 403 for what isn't there.
      if (response.status === 404 || response.status === 403) {
        response.discard();
        return null;
      }
      if (response.status !== 200) throw await failure(response, `GET ${address}/${file}`, io, variables);
      return response.bytes(limit);
    },

    async preflight(io) {
      const refused = (message: string, hint: string): Finding[] => [
        { level: "error", target: "site", topic: "place", message, hint },
      ];
      if (!keys) return refused(`there are no keys for the bucket ${bucket}`, `set ${variables}`);
      try {
        // Asks for the right to write without writing: no object has this ETag.
        const key = `${prefix}channels/twotier-preflight`;
        const probe = await put(io, key, "", { "if-match": '"00000000000000000000000000000000"' });
        if (probe.status === 200) {
          probe.discard();
          (await send(io, "DELETE", key)).discard();
          return refused(
            `${endpoint} ignores if-match: two releases could overwrite each other's channel file`,
            "use a store that compares: S3, R2, MinIO, Garage, versitygw; or targets.site.branch",
          );
        }
        if (isBusy(probe)) throw await failure(probe, `PUT ${endpoint}`, io, variables);
        const text = await probe.text(64 << 10);
        if (text.includes("NoSuchBucket")) {
          return refused(
            `there is no bucket ${bucket} at ${endpoint}`,
            "make it, or correct targets.site.bucket, endpoint and region",
          );
        }
        if (![404, 409, 412].includes(probe.status)) {
          const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "";
          return refused(
            `${endpoint} doesn't take writes to ${bucket}: ${probe.status} ${code}`.trim(),
            `check ${variables}, and that they may write, read and list ${bucket}/${prefix}`,
          );
        }
        await this.folders(io);
        // Any answer will do: what isn't there yet is 404, or 403 where nobody may list.
        const unreachable = await io.http({ url: `${address}/`, signal: io.signal }).then(
          (response) => response.discard(),
          (thrown) => asReleaseError(thrown),
        );
        if (!unreachable) return [];
        if (unreachable.code === "INTERRUPTED") throw unreachable;
        return refused(
          `users can't reach ${address}: ${unreachable.message}`,
          "point its name and certificate at the bucket, or correct installer.url",
        );
      } catch (thrown) {
        const error = asReleaseError(thrown);
        if (error.code !== "AUTH") throw error;
        return refused(error.message, error.hint ?? `check ${variables}`);
      }
    },
  };
}

/** As `encoding-type=url` has it; what isn't encoded so stays. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unescapeXml(text: string): string {
  const names: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => names[name] as string);
}
