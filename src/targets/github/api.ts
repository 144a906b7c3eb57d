import type { Io } from "../../core/target.ts";
import { excerpt, ReleaseError } from "../../lib/errors.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http.ts";
import { linksOf } from "../../lib/link.ts";
import { retryAfterOf, secondsUntil } from "../../lib/retry-after.ts";

/**
 * GitHub's REST API (https://docs.github.com/rest, version 2022-11-28) as far as releases need it:
 * credentials, pagination, rate limits. What the answers mean is in releases.ts; who calls a target tries again
 * what failed retryably (core/retry.ts).
 */

export interface ApiOptions {
  /** `https://api.github.com`, without a slash at the end */
  api: string;
  /** owner/name */
  repository: string;
  token?: () => string | undefined | Promise<string | undefined>;
}

export interface ApiRequest extends Omit<HttpRequest, "url"> {
  /** A path under `/repos/OWNER/NAME`, or a whole address. */
  path: string;
  /** Sent as JSON. */
  json?: unknown;
  /** Statuses that are no failure. Default: every 2xx. */
  ok?: readonly number[];
}

const apiVersion = "2022-11-28";

export interface Api {
  readonly options: ApiOptions;
  /** Absolute address of a path under the repository. */
  url(path: string): string;
  /**
   * One request, sent once.
   *
   * @throws ReleaseError AUTH (401, 403), RATE_LIMITED (with `retryAfter`), NETWORK and REGISTRY (retryable for 5xx),
   *   with the fact `status`.
   */
  send(request: ApiRequest, io: Io): Promise<HttpResponse>;
  /** All pages of a list. */
  pages(path: string, io: Io): Promise<unknown[]>;
}

export function createApi(options: ApiOptions): Api {
  const root = `${options.api}/repos/${options.repository.split("/").map(encodeURIComponent).join("/")}`;
  const url = (path: string) => (/^https?:\/\//.test(path) ? path : `${root}${path}`);

  async function send(request: ApiRequest, io: Io): Promise<HttpResponse> {
    const { path, json, ok, ...rest } = request;
    const token = await options.token?.();
    const response = await io.http({
      ...rest,
      url: url(path),
      headers: {
        accept: "application/vnd.github+json",
        "x-github-api-version": apiVersion,
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...rest.headers,
      },
      body: json === undefined ? rest.body : JSON.stringify(json),
      signal: rest.signal ?? io.signal,
    });
    if (ok?.includes(response.status) ?? (response.status >= 200 && response.status < 300)) return response;
    throw await failure(response, `${rest.method ?? "GET"} ${url(path)}`, options, token !== undefined, io.now());
  }

  async function page(path: string, io: Io): Promise<{ items: unknown[]; last: number; next: boolean }> {
    const response = await send({ path }, io);
    const items = await response.json();
    if (!Array.isArray(items)) throw unexpected(path, "a list");
    const links = linksOf(response.headers.link);
    const last = /[?&]page=(\d+)/.exec(links.get("last") ?? "")?.[1];
    return { items, last: last === undefined ? 1 : Number(last), next: links.has("next") };
  }

  return {
    options,
    url,
    send,
    async pages(path, io) {
      const at = (number: number) => `${path}${path.includes("?") ? "&" : "?"}per_page=100&page=${number}`;
      const first = await page(at(1), io);
      // Only the numbers in `link` are used, so that its address can't lead the credential elsewhere.
      // GitHub lists at most 10,000 releases, 100 a page.
      const rest = await Promise.all(
        Array.from({ length: Math.min(first.last, 100) - 1 }, (_, index) => page(at(index + 2), io)),
      );
      const all = [first, ...rest].flatMap((one) => one.items);
      let { next } = rest.at(-1) ?? first;
      for (let number = rest.length + 2; next && number <= 100; number++) {
        const more = await page(at(number), io);
        all.push(...more.items);
        next = more.next;
      }
      return all;
    },
  };
}

/** An answer whose shape isn't what GitHub's description says. */
export function unexpected(where: string, wanted: string): ReleaseError {
  return new ReleaseError("REGISTRY", `GitHub answered ${where} with something that isn't ${wanted}`, {
    hint: "check that GITHUB_API_URL points at GitHub's API",
  });
}

interface ErrorBody {
  message?: unknown;
  errors?: unknown;
}

async function failure(
  response: HttpResponse,
  what: string,
  options: ApiOptions,
  withToken: boolean,
  now: Date,
): Promise<ReleaseError> {
  const { status, headers } = response;
  let body: ErrorBody = {};
  const text = await response.text(1 << 20).catch(() => "");
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) body = value;
  } catch {
    // a proxy's page: the status has to do
  }
  const message = typeof body.message === "string" ? body.message : excerpt(text, 200) || response.statusText;
  const facts = {
    status,
    github: message,
    errors: Array.isArray(body.errors) ? describeErrors(body.errors) : undefined,
    request: headers["x-github-request-id"],
  };
  const retryAfter = waitOf(status, headers, message, now);
  if (retryAfter !== undefined) {
    return new ReleaseError("RATE_LIMITED", `GitHub asks to wait ${retryAfter} seconds (${what})`, {
      facts,
      retryable: true,
      retryAfter,
      hint: "run the same command again after that time; it goes on where it stopped",
    });
  }
  if (status === 401 || status === 403) {
    return new ReleaseError("AUTH", `GitHub refused ${what}: ${message}`, {
      facts,
      hint: withToken
        ? `use a GITHUB_TOKEN that may write contents of ${options.repository} (in Actions: \`permissions: contents: write\`)`
        : "set GITHUB_TOKEN",
    });
  }
  if ([301, 302, 307, 308].includes(status)) {
    return new ReleaseError("REGISTRY", `${options.repository} has moved (${what})`, {
      facts: { ...facts, location: headers.location },
      hint: "set `repository` in twotier.yaml to the repository's new name",
    });
  }
  return new ReleaseError("REGISTRY", `GitHub answered ${status} to ${what}: ${message}`, {
    facts,
    retryable: status >= 500,
    hint:
      status === 404
        ? `check that ${options.repository} exists and that GITHUB_TOKEN may see it`
        : status >= 500
          ? "GitHub has a failure of its own; run the same command again"
          : "the lines above say what GitHub objects to",
  });
}

/**
 * Seconds to wait, where an answer is a rate limit (docs.github.com/rest, "Rate limits": obey `retry-after`;
 * `x-ratelimit-remaining: 0` with the time of `x-ratelimit-reset`; else at least a minute for secondary limits).
 */
function waitOf(status: number, headers: Record<string, string>, message: string, now: Date): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const after = retryAfterOf(headers, now);
  if (after !== undefined) return Math.max(1, after);
  if (headers["x-ratelimit-remaining"] === "0") {
    const reset = Number(headers["x-ratelimit-reset"]);
    if (Number.isFinite(reset)) return secondsUntil(reset * 1000, headers, now) + 1;
  }
  return status === 429 || /secondary rate limit|abuse detection/i.test(message) ? 60 : undefined;
}

function describeErrors(errors: unknown[]): string {
  return errors
    .slice(0, 10)
    .map((error) => (typeof error === "string" ? error : JSON.stringify(error)))
    .join("; ");
}

/** True where the error is GitHub's answer with this status. */
export function hasStatus(error: unknown, status: number): error is ReleaseError {
  return error instanceof ReleaseError && error.facts.status === String(status);
}
