import type { Io } from "../../core/target.ts";
import { excerpt, ReleaseError, registerSecret } from "../../lib/errors.ts";
import type { HttpResponse } from "../../lib/http.ts";
import { type IdTokens, jobOf } from "../../lib/id-token.ts";
import { retryAfterOf } from "../../lib/retry-after.ts";

/**
 * Gives the token to upload with.
 *
 * @param refused one that the index took no more: another one is wanted, where there is one
 */
export type UploadTokens = (io: Io, refused?: string) => Promise<string | undefined>;

interface Held {
  token: string;
  /** Milliseconds since 1970 from which on another one is gotten. */
  renewAt: number;
}

/** A minted token is good for 15 minutes; twine renews it 5 before the end (twine/auth.py). */
const life = 15 * 60_000;
const margin = 5 * 60_000;

/** A command makes its targets more than once, and an ID token mints once: what it minted is kept beside it. */
const kept = new WeakMap<IdTokens, Map<string, Promise<Held>>>();

/**
 * Tokens of PyPI's trusted publishing: one for all projects that trust this job, minted for the job's ID token, kept until
 * shortly before it expires, and minted anew when the index takes it no more.
 *
 * @param upload the upload address: twine and uv look for the OIDC endpoints on its host
 * @see https://docs.pypi.org/trusted-publishers/internals/, warehouse/oidc/views.py
 */
export function mintedTokens(upload: string, idTokens: IdTokens, projects: readonly string[]): UploadTokens {
  const held = kept.get(idTokens) ?? new Map<string, Promise<Held>>();
  kept.set(idTokens, held);
  const { origin } = new URL(upload);
  return async (io, refused) => {
    const known = held.get(origin);
    const now = await known?.catch(() => undefined);
    // An ID token that was given once mints once: what it minted is used to its end.
    const good = now && (!idTokens.fresh || io.now().getTime() < now.renewAt);
    if (good && now.token !== refused) return now.token;
    if (held.get(origin) === known) held.set(origin, mint(origin, idTokens, projects, io));
    return (await (held.get(origin) as Promise<Held>)).token;
  };
}

async function mint(origin: string, idTokens: IdTokens, projects: readonly string[], io: Io): Promise<Held> {
  const audience = await audienceOf(origin, io);
  for (let attempt = 1; ; attempt++) {
    const idToken = await idTokens.get(audience, io);
    const response = await io.http({
      url: `${origin}/_/oidc/mint-token`,
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json" },
      body: JSON.stringify({ token: idToken }),
      signal: io.signal,
    });
    const answer = await documentOf(response);
    const { token, expires } = answer;
    if (response.status < 300 && typeof token === "string" && token !== "") {
      registerSecret(token, "__token__");
      const now = io.now().getTime();
      const left = typeof expires === "number" ? expires * 1000 - now : life;
      // With clocks that differ an answer may seem to have ended already.
      return { token, renewAt: now + Math.max(0, (left > 0 && left < life ? left : life) - margin) };
    }
    const codes = codesOf(answer);
    // An answer that was lost has used the ID token up all the same: it mints once.
    if (codes.includes("invalid-reuse-token") && idTokens.fresh && attempt < 3) continue;
    throw refused(response, answer, codes, { origin, job: jobOf(idToken), projects, fresh: idTokens.fresh, io });
  }
}

async function audienceOf(origin: string, io: Io): Promise<string> {
  const response = await io.http({
    url: `${origin}/_/oidc/audience`,
    headers: { accept: "application/json" },
    signal: io.signal,
  });
  const { status } = response;
  const { audience } = await documentOf(response);
  if (status === 200 && typeof audience === "string") return audience;
  if (status === 429 || status >= 500) throw later(response, "the Python index tells no audience", io);
  throw new ReleaseError("AUTH", `the Python index at ${origin} has no trusted publishing`, {
    facts: { status },
    hint: "set PYPI_TOKEN to a token of this index",
  });
}

/** The JSON of an answer; {} for anything else. */
async function documentOf(response: HttpResponse): Promise<Record<string, unknown>> {
  const text = await response.text(1 << 20).catch(() => "");
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function codesOf({ errors }: Record<string, unknown>): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((one) => (typeof one?.code === "string" ? [excerpt(one.code, 40)] : []));
}

function later(response: HttpResponse, what: string, io: Io): ReleaseError {
  const limited = response.status === 429;
  return new ReleaseError(limited ? "RATE_LIMITED" : "REGISTRY", `${what}: ${response.status}`, {
    retryable: true,
    retryAfter: retryAfterOf(response.headers, io.now()),
    hint: "run the same command again later; it goes on where it stopped",
  });
}

interface Asked {
  origin: string;
  job: string;
  projects: readonly string[];
  fresh: boolean;
  io: Io;
}

/** What PyPI's codes mean (warehouse/oidc/views.py). */
function refused(
  response: HttpResponse,
  answer: Record<string, unknown>,
  codes: string[],
  { origin, job, projects, fresh, io }: Asked,
): ReleaseError {
  const { status } = response;
  if (codes.length === 0 && (status === 429 || status >= 500)) return later(response, "PyPI minted no token", io);
  const errors = Array.isArray(answer.errors) ? answer.errors : [];
  const said = errors.flatMap((one) => (typeof one?.description === "string" ? [excerpt(one.description, 300)] : []));
  const facts = {
    status,
    code: codes.join(", ") || undefined,
    index: said.join("; ") || undefined,
    job: job || undefined,
  };
  const error = (message: string, hint: string) =>
    new ReleaseError("AUTH", `the Python index minted no token: ${message}`, { facts, hint });
  const pages = projects.map((project) => publisherPage(origin, project)).join(" and ");
  const who = job === "" ? "this repository, its workflow file and its environment" : job;
  switch (codes[0]) {
    case "invalid-publisher":
      return error(
        "no project trusts this job",
        `add a trusted publisher at ${pages} (${who}); for a project that doesn't exist yet a pending one at ${siteOf(origin)}/manage/account/publishing/; or set PYPI_TOKEN`,
      );
    case "invalid-pending-publisher":
      return error(
        "a pending publisher of this job is for a project that exists meanwhile",
        `add this job to the trusted publishers of the project: ${pages}; or set PYPI_TOKEN`,
      );
    case "invalid-reuse-token":
      return error(
        "this job's ID token was used before, and mints once",
        fresh ? "run the same command again" : "run the job again: its new ID token mints another one",
      );
    case "invalid-token":
    case "invalid-payload":
      return error(
        "it doesn't take this job's ID token",
        "its issuer must be one that the index knows, and its audience the index's own (on GitLab: `id_tokens: { PYPI_ID_TOKEN: { aud: pypi } }`); or set PYPI_TOKEN",
      );
    case "not-enabled":
      return error("trusted publishing is switched off there", "try again later, or set PYPI_TOKEN");
    default:
      return error(`${status} ${codes.join(", ") || response.statusText}`, "set PYPI_TOKEN, or try again later");
  }
}

/**
 * Where a project's owner adds trusted publishers.
 *
 * @param upload the upload address, or its origin
 */
export function publisherPage(upload: string, project: string): string {
  return `${siteOf(upload)}/manage/project/${encodeURIComponent(project)}/settings/publishing/`;
}

/** Where its owners look: PyPI's uploads have a host of their own. */
export function siteOf(upload: string): string {
  return new URL(upload).hostname === "test.pypi.org" ? "https://test.pypi.org" : "https://pypi.org";
}
