import { HttpError } from "../server.ts";

const hour = 3_600_000;

/**
 * Counts requests of each credential in windows of an hour and gives the headers that say so
 * (GitHub's docs, "Rate limits for the REST API").
 *
 * @returns a function that throws HttpError 403 when a credential (or the anonymous crowd) has used its requests.
 */
export function createRateLimiter(
  limit: number,
  now: () => Date,
): (token: string | undefined) => Record<string, string> {
  const windows = new Map<string, { used: number; reset: number }>();
  return (token) => {
    const key = token ?? "";
    const max = token === undefined ? Math.max(1, Math.floor((limit * 60) / 5000)) : limit;
    const time = now().getTime();
    let window = windows.get(key);
    if (!window || window.reset <= time) {
      window = { used: 0, reset: time + hour };
      windows.set(key, window);
    }
    window.used = Math.min(window.used + 1, max + 1);
    const headers = {
      "x-ratelimit-limit": String(max),
      "x-ratelimit-remaining": String(Math.max(0, max - window.used)),
      "x-ratelimit-used": String(Math.min(window.used, max)),
      "x-ratelimit-reset": String(Math.ceil(window.reset / 1000)),
      "x-ratelimit-resource": "core",
    };
    if (window.used > max) {
      const message = `API rate limit exceeded for ${token === undefined ? "127.0.0.1" : "user ID 1"}.`;
      const body = { message, documentation_url: "https://docs.github.com/rest/overview/rate-limits", status: "403" };
      throw new HttpError(403, body, headers);
    }
    return headers;
  };
}
