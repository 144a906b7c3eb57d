import { asReleaseError, inItsWords, ReleaseError, withMore } from "../lib/errors.ts";
import type { Io } from "./target.ts";

/** Tries of one request, and the longest wait a registry may ask for, in seconds. */
export const tries = 6;
export const longestWait = 300;

/** Seconds before try `attempt` (1-based) is repeated: 0.5, 1, 2, 4 ... up to 30, with jitter of a half. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return Math.min(30, 0.5 * 2 ** (attempt - 1)) * (0.75 + random() / 2);
}

/**
 * Repeats what can be repeated without harm (reads, and writes after reading back): only failures marked retryable,
 * with backoff, obeying `retry-after`.
 *
 * @throws ReleaseError the last failure, with what was tried, or RATE_LIMITED when a registry asks for more than `longestWait` seconds.
 */
export async function retrying<T>(what: string, io: Io, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (!error.retryable) throw error;
      if (attempt === tries) throw gaveUp(what, error);
      await pause(what, attempt, error, io);
    }
  }
}

/** The failure that didn't go away, with what was tried and how often. */
export function gaveUp(what: string, error: ReleaseError): ReleaseError {
  const { code, message, hint, retryable, retryAfter, findings } = error;
  const facts = { ...error.facts, while: what, tries };
  return new ReleaseError(code, message, {
    ...{ hint, retryable, retryAfter, facts },
    findings: [...findings],
    cause: error,
  });
}

/** Does something to a registry; a failure says in its facts which one it was. @throws ReleaseError */
export async function at<T>(target: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED" || error.facts.target !== undefined) throw error;
    throw withMore(error, { facts: { target } });
  }
}

/** Waits before the next try and says why. */
export async function pause(what: string, attempt: number, error: ReleaseError, io: Io): Promise<void> {
  const seconds = error.retryAfter ?? backoff(attempt);
  if (seconds > longestWait) {
    const until = new Date(io.now().getTime() + seconds * 1000);
    const said = inItsWords(error);
    throw new ReleaseError("RATE_LIMITED", `${what}: the registry asks to wait ${Math.ceil(seconds)} s`, {
      cause: error,
      retryAfter: seconds,
      // No date is later than the year 275760 (ECMA-262, "Time Values and Time Range").
      facts: { because: said, until: Number.isNaN(until.getTime()) ? undefined : until.toISOString() },
      hint: "run the same command again then; nothing is lost",
    });
  }
  io.emit({ type: "retry", what, attempt, because: inItsWords(error), seconds: Math.round(seconds * 10) / 10 });
  await io.sleep(seconds * 1000);
}
