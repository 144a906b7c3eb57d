import type { Io } from "../../core/target.ts";
import { excerpt, ReleaseError } from "../../lib/errors.ts";
import type { HttpResponse } from "../../lib/http.ts";
import { retryAfterOf } from "../../lib/retry-after.ts";

/** Bytes that a file of a site may have; a script has 30 KB. */
export const limit = 4 << 20;

/** An answer that may be another in a while, and says nothing of rights. */
export function isBusy({ status }: HttpResponse): boolean {
  return status === 429 || status >= 500;
}

/** The error of an answer that is none of those that were expected; reads its body. */
export async function failure(response: HttpResponse, what: string, io: Io, credential: string): Promise<ReleaseError> {
  const { status } = response;
  const text = await response.text(64 << 10).catch(() => "");
  // S3 says why in XML (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
  const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1];
  const message = /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? (text.startsWith("<") ? "" : text);
  const facts = { status, code, answer: excerpt(message.trim(), 300) || undefined };
  if (status === 401 || status === 403) {
    return new ReleaseError("AUTH", `${what}: the credential was refused (${status})`, {
      facts,
      hint: `check ${credential}, and that it may read, write and list there`,
    });
  }
  const busy = status === 429 || code === "SlowDown";
  return new ReleaseError(busy ? "RATE_LIMITED" : "REGISTRY", `${what}: ${status} ${response.statusText}`.trim(), {
    facts,
    retryable: busy || status >= 500,
    retryAfter: retryAfterOf(response.headers, io.now()),
    hint: "run the same command again; if it stays, look at the server's own log",
  });
}
