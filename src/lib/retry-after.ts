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
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now.getTime()) / 1000));
}
