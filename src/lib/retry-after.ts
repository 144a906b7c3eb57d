/**
 * Seconds that an answer's `retry-after` asks to wait: a number of seconds, or a date (RFC 9110, section 10.2.3).
 *
 * @returns undefined where the header is missing or can't be read
 */
export function retryAfterOf(headers: Record<string, string>, now: Date): number | undefined {
  const value = headers["retry-after"]?.trim();
  if (value === undefined || value === "") return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : secondsUntil(at, headers, now);
}

/**
 * Seconds until a time that a server named, by its own clock, which its `date` says (RFC 9110, section 6.6.1): this
 * machine's may be an hour off. At least 0.
 *
 * @param at milliseconds since the epoch
 */
export function secondsUntil(at: number, headers: Record<string, string>, now: Date): number {
  const there = Date.parse(headers.date ?? "");
  return Math.max(0, Math.ceil((at - (Number.isNaN(there) ? now.getTime() : there)) / 1000));
}
