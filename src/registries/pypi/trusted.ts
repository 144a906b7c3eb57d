import { randomBytes } from "node:crypto";
import type http from "node:http";
import { type Publisher, trusts, type Verify } from "../oidc/index.ts";
import { readBody, send } from "../server.ts";
import { normalizedName } from "./rules.ts";

export interface TrustedPublishing {
  /** Checks ID tokens of the CI. */
  verify: Verify;
  /** Whom projects trust; left out: any job of that CI may upload to any project. */
  publishers?: readonly Publisher[];
  /** Seconds that a minted token is good for. Default 900. */
  tokenSeconds?: number;
}

/** PyPI's audience (warehouse.oidc.audience). */
const audience = "pypi";

export interface MintedTokens {
  /** Answers what is below `/_/oidc/`; false for anything else. */
  route(request: http.IncomingMessage, response: http.ServerResponse, path: string): Promise<boolean>;
  /** Whether a minted token may upload to a project; undefined for a token that wasn't minted. */
  allows(token: string, project: string | null): boolean | undefined;
}

/**
 * PyPI's trusted publishing: an ID token of the CI, once, for an upload token that is good for 15 minutes.
 * Sources: warehouse/oidc/views.py, warehouse/oidc/services.py (jti), docs.pypi.org/trusted-publishers/internals.
 */
export function mintedTokens(now: () => Date, trusted: TrustedPublishing | undefined): MintedTokens {
  /** Projects that a token is for; null: all. */
  const held = new Map<string, { projects: readonly string[] | null; until: number }>();
  const used = new Set<string>();

  const mint = (body: string): { token: string; expires: number } | { code: string; description: string } => {
    let idToken: unknown;
    try {
      idToken = JSON.parse(body)?.token;
    } catch {}
    if (typeof idToken !== "string") return { code: "invalid-payload", description: "token: Field required" };
    const checked = (trusted as TrustedPublishing).verify(idToken, audience);
    if ("wrong" in checked) return { code: "invalid-token", description: "malformed or invalid token" };
    const { claims } = checked;
    const publishers = trusted?.publishers;
    const projects = publishers?.filter((one) => trusts(one, claims)).map((one) => normalizedName(one.name)) ?? null;
    if (projects?.length === 0) {
      const why = "Publisher with matching claims was not found";
      return { code: "invalid-publisher", description: `valid token, but no corresponding publisher (${why})` };
    }
    if (claims.jti !== undefined && used.has(claims.jti)) {
      return { code: "invalid-reuse-token", description: "invalid token: already used" };
    }
    if (claims.jti !== undefined) used.add(claims.jti);
    const token = `pypi-${randomBytes(32).toString("base64url")}`;
    const until = now().getTime() + (trusted?.tokenSeconds ?? 900) * 1000;
    held.set(token, { projects, until });
    return { token, expires: Math.floor(until / 1000) };
  };

  return {
    async route(request, response, path) {
      if (!trusted) return false;
      if (path === "/_/oidc/audience" && request.method === "GET") {
        send(response, 200, { audience });
        return true;
      }
      if (path !== "/_/oidc/mint-token" || request.method !== "POST") return false;
      const answer = mint((await readBody(request, 1 << 20)).toString("utf8"));
      if ("token" in answer) send(response, 200, { success: true, ...answer });
      else send(response, 422, { message: "Token request failed", errors: [answer] });
      return true;
    },
    allows(token, project) {
      const one = held.get(token);
      if (!one) return undefined;
      if (now().getTime() >= one.until) return false;
      return project === null || one.projects === null || one.projects.includes(normalizedName(project));
    },
  };
}
