import type { Notification } from "../config/types.ts";
import type { Io } from "../core/target.ts";
import { asReleaseError, registerSecret } from "../lib/errors.ts";
import { bodyOf } from "./message.ts";
import type { Outcome } from "./types.ts";

/** Milliseconds that telling somebody may take. */
const patience = 5000;

/**
 * Tells everybody who wants to hear of this outcome, all at once. Never throws, and takes 5 seconds at most: a release
 * doesn't fail because nobody could be told.
 *
 * @param variable what an environment variable says: the addresses are secrets, and the config only names them
 * @returns a sentence for each that couldn't be told
 */
export async function notify(
  notifications: readonly Notification[],
  outcome: Outcome,
  io: Pick<Io, "http">,
  variable: (name: string) => string | undefined,
): Promise<string[]> {
  const wanted = notifications.filter((one) => one.on.includes(outcome.event));
  const said = await Promise.all(
    wanted.map(async (one) => {
      try {
        const problem = await tell(one, outcome, io, variable);
        return problem === null ? [] : [`${one.type} wasn't told: ${problem}`];
      } catch (thrown) {
        const { code, message } = asReleaseError(thrown);
        return [
          `${one.type} wasn't told: ${code === "INTERRUPTED" ? `no answer in ${patience / 1000} seconds` : message}`,
        ];
      }
    }),
  );
  return said.flat();
}

/** What is wrong with the address in an environment variable; null where it will do. */
export function addressProblem(name: string, value: string | undefined): string | null {
  const text = value?.trim();
  if (!text) return `${name} isn't set`;
  const url = URL.canParse(text) ? new URL(text) : null;
  const local = url?.protocol === "http:" && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  return url?.protocol === "https:" || local ? null : `${name} holds no https address`;
}

async function tell(
  one: Notification,
  outcome: Outcome,
  { http }: Pick<Io, "http">,
  variable: (name: string) => string | undefined,
): Promise<string | null> {
  const value = variable(one.env)?.trim() ?? "";
  hide(value);
  const problem = addressProblem(one.env, value);
  if (problem !== null) return problem;
  const response = await http({
    url: value,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: bodyOf(one, outcome),
    // Its own: the release's may be what ended it.
    signal: AbortSignal.timeout(patience),
  });
  response.discard();
  return response.status >= 200 && response.status < 300
    ? null
    : `the address in ${one.env} answered ${response.status}`;
}

/** Whoever knows a webhook's address may write there: it and its path are secrets. */
function hide(address: string): void {
  registerSecret(address);
  if (!URL.canParse(address)) return;
  const { pathname, search } = new URL(address);
  if (pathname.length > 8) registerSecret(pathname);
  if (search.length > 8) registerSecret(search);
}
