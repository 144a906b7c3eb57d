import type { Io } from "../../core/target.ts";
import { ReleaseError, registerSecret } from "../../lib/errors.ts";
import { type IdTokens, jobOf } from "../../lib/id-token.ts";
import { retryAfterOf } from "../../lib/retry-after.ts";
import { accessPage, escapeName, messageOf, type TokenProvider } from "./client.ts";

interface Held {
  token: string;
  /** Milliseconds since 1970 from which on another one is gotten. */
  renewAt: number;
}

/** An exchanged token is good for an hour (api-docs.npmjs.com, "OIDC"); where the answer doesn't say, this counts. */
const shortest = 5 * 60_000;

/** A command makes its targets more than once: what was exchanged is kept beside what it was exchanged for. */
const kept = new WeakMap<IdTokens, Map<string, Promise<Held>>>();

/**
 * Tokens of npm's trusted publishing: one for each package, exchanged for the job's ID token, kept until shortly before it
 * expires, and gotten anew when the registry takes it no more.
 *
 * @param registry its address, without a slash at the end
 * @see https://api-docs.npmjs.com/#tag/OIDC, and lib/utils/oidc.js of npm, which says nothing of an exchange that fails
 */
export function exchangedTokens(registry: string, idTokens: IdTokens): TokenProvider {
  const held = kept.get(idTokens) ?? new Map<string, Promise<Held>>();
  kept.set(idTokens, held);
  return async (name, io, refused) => {
    const key = `${registry} ${name}`;
    const known = held.get(key);
    const now = await known?.catch(() => undefined);
    if (now && now.token !== refused && io.now().getTime() < now.renewAt) return now.token;
    // Whoever else came here meanwhile has begun already.
    if (held.get(key) === known) held.set(key, exchange(registry, idTokens, name, io));
    return (await (held.get(key) as Promise<Held>)).token;
  };
}

/** @throws ReleaseError AUTH where npm trusts this job with nothing, RATE_LIMITED, NETWORK, REGISTRY */
async function exchange(registry: string, idTokens: IdTokens, name: string, io: Io): Promise<Held> {
  const { hostname } = new URL(registry);
  const idToken = await idTokens.get(`npm:${hostname}`, io);
  const response = await io.http({
    url: `${registry}/-/npm/v1/oidc/token/exchange/package/${escapeName(name)}`,
    method: "POST",
    headers: { accept: "application/json", authorization: `Bearer ${idToken}`, "content-length": "0" },
    signal: io.signal,
  });
  const { status } = response;
  if (status >= 300) {
    const said = (await messageOf(response)) || response.statusText;
    const facts = { status, npm: said, job: jobOf(idToken) || undefined };
    const what = `npm gave no token for ${name}: ${said}`;
    if (status === 429) {
      const retryAfter = retryAfterOf(response.headers, io.now());
      throw new ReleaseError("RATE_LIMITED", what, { facts, retryable: true, retryAfter });
    }
    if (status >= 500) {
      throw new ReleaseError("REGISTRY", what, { facts, retryable: true, hint: "run the same command again" });
    }
    throw new ReleaseError("AUTH", what, { facts, hint: publisherHint(name, jobOf(idToken)) });
  }
  const answer = await response.json<Record<string, unknown> | null>(1 << 20);
  const { token, created, expires } = answer ?? {};
  if (typeof token !== "string" || token === "") {
    throw new ReleaseError("REGISTRY", `npm's answer holds no token for ${name}`, { facts: { status } });
  }
  registerSecret(token);
  // By the registry's own clock where it says both.
  const life = Date.parse(String(expires)) - (Date.parse(String(created)) || io.now().getTime());
  const good = life > 0 ? life : shortest;
  return { token, renewAt: io.now().getTime() + good - Math.min(shortest, good / 2) };
}

/** What to do where npm trusts this job with nothing. */
function publisherHint(name: string, job: string): string {
  const who = job === "" ? "this repository, its workflow file and its environment" : job;
  return `add a trusted publisher at ${accessPage(name)} (${who}) that may \`npm publish\`, or set NPM_TOKEN`;
}
