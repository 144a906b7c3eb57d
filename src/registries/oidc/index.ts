import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign, timingSafeEqual, verify } from "node:crypto";
import { HttpError, type Registry, type RegistryOptions, send, serve } from "../server.ts";

/** What a CI says of a job in its ID token (docs.github.com, "OpenID Connect reference"). */
export type Claims = Record<string, unknown> & { aud?: string; jti?: string; exp?: number };

export interface IssuerOptions extends RegistryOptions {
  /** What is said of the job, besides `iss`, `aud`, `jti` and the times. Default: a workflow `release.yml` of `local/local`. */
  claims?: Record<string, unknown>;
}

/** Stands for the CI: gives a job signed statements of which job it is. */
export interface Issuer extends Registry {
  /** `ACTIONS_ID_TOKEN_REQUEST_URL` of the job; the audience is appended to it. */
  requestUrl: string;
  /** `ACTIONS_ID_TOKEN_REQUEST_TOKEN` of the job. */
  requestToken: string;
  /** An ID token, as the CI of a job makes it. */
  issue(audience: string, claims?: Record<string, unknown>): string;
  verify: Verify;
}

/** The claims of an ID token that is good for this audience now; else what is wrong with it. */
export type Verify = (idToken: string, audience: string) => { claims: Claims } | { wrong: string };

/** Seconds that GitHub's ID tokens are good for. */
const lifetime = 300;

/**
 * GitHub's issuer of ID tokens: what a job with `id-token: write` asks at ACTIONS_ID_TOKEN_REQUEST_URL.
 * Sources: docs.github.com, "OpenID Connect reference"; actions/toolkit, packages/core/src/oidc-utils.ts; RFC 7519.
 */
export async function startIssuer(options: IssuerOptions = {}): Promise<Issuer> {
  const now = options.now ?? (() => new Date());
  const requestToken = options.token ?? randomBytes(24).toString("hex");
  const said = options.claims ?? jobClaims("local/local", "staging");
  let url = "";
  // A key costs time, and most never ask for a token.
  let made: ReturnType<typeof newKeys> | undefined;
  const keys = () => {
    made ??= newKeys();
    return made;
  };

  const issue = (audience: string, claims: Record<string, unknown> = {}): string => {
    const seconds = Math.floor(now().getTime() / 1000);
    const times = { iat: seconds, nbf: seconds, exp: seconds + lifetime };
    const payload = { iss: url, aud: audience, jti: randomUUID(), ...times, ...said, ...claims };
    const { id, privateKey } = keys();
    const text = `${encoded({ typ: "JWT", alg: "ES256", kid: id })}.${encoded(payload)}`;
    const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return `${text}.${signature.toString("base64url")}`;
  };

  const registry = await serve(options, (base) => {
    url = base;
    return (request, response, at) => {
      if (request.method !== "GET" || at.pathname !== "/id-token") throw new HttpError(404, { message: "Not Found" });
      const given = (request.headers.authorization ?? "").replace(/^bearer /i, "");
      if (!same(given, requestToken)) throw new HttpError(401, { message: "Unauthorized" });
      const value = issue(at.searchParams.get("audience") ?? "https://github.com/local");
      send(response, 200, { count: value.length, value });
    };
  });
  return {
    ...registry,
    requestUrl: `${registry.url}/id-token?api-version=2.0`,
    requestToken,
    issue,
    verify(idToken, audience) {
      const [head = "", body = "", signature = ""] = idToken.split(".");
      const { publicKey } = keys();
      const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
      const signed = verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"));
      if (!signed) return { wrong: "malformed or invalid token" };
      const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Claims;
      if (claims.aud !== audience) return { wrong: `its audience is ${claims.aud}, not ${audience}` };
      if ((claims.exp ?? 0) * 1000 <= now().getTime()) return { wrong: "it has expired" };
      return { claims };
    },
  };
}

/** What GitHub says of a job of `release.yml` on the main branch. */
export function jobClaims(repository: string, environment: string, workflow = "release.yml"): Record<string, unknown> {
  const ref = "refs/heads/main";
  return {
    sub: `repo:${repository}:environment:${environment}`,
    ...{ repository, repository_owner: repository.split("/")[0], environment, ref, ref_type: "branch" },
    ...{ workflow_ref: `${repository}/.github/workflows/${workflow}@${ref}`, repository_visibility: "private" },
  };
}

/** Whom a package or project trusts; what is left out isn't looked at. */
export interface Publisher {
  /** Of the package or project. */
  name: string;
  /** owner/name */
  repository?: string;
  /** The file's name: `release.yml` */
  workflow?: string;
  environment?: string;
  /** npm: "Allow npm dist-tag" is ticked. */
  distTags?: boolean;
}

/** Whether a publisher is for the job that these claims are about. */
export function trusts({ repository, workflow, environment }: Publisher, claims: Claims): boolean {
  const file = String(claims.workflow_ref ?? "")
    .replace(/@.*$/, "")
    .split("/")
    .at(-1);
  const fits = (wanted: string | undefined, found: unknown) => wanted === undefined || wanted === found;
  return fits(repository, claims.repository) && fits(workflow, file) && fits(environment, claims.environment);
}

function newKeys() {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = createHash("sha256")
    .update(pair.publicKey.export({ format: "der", type: "spki" }))
    .digest("hex");
  return { ...pair, id: id.slice(0, 16) };
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function same(left: string, right: string): boolean {
  const [a, b] = [left, right].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}
