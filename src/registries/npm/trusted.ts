import { randomBytes } from "node:crypto";
import type http from "node:http";
import { type Publisher, trusts, type Verify } from "../oidc/index.ts";
import { HttpError, send } from "../server.ts";

export interface TrustedPublishing {
  /** Checks ID tokens of the CI. */
  verify: Verify;
  /** Whom packages trust; left out: any job of that CI may publish any package, and move no dist-tags. */
  publishers?: readonly Publisher[];
  /** Seconds that an exchanged token is good for. Default 3600 (api-docs.npmjs.com, "OIDC"). */
  tokenSeconds?: number;
}

/** What a token is used for. An exchanged one publishes; dist-tags are an owner's extra permission; nothing else. */
export type Use = "publish" | "dist-tag" | "other";

export interface ExchangedTokens {
  /** Answers `POST /-/npm/v1/oidc/token/exchange/package/NAME`. */
  exchange(name: string, known: boolean, request: http.IncomingMessage, response: http.ServerResponse): void;
  /** Whether an exchanged token may be used so; undefined for a token that wasn't exchanged. */
  allows(token: string, name: string, use: Use): boolean | undefined;
}

/**
 * npm's trusted publishing: an ID token of the CI for a token that publishes one package for an hour.
 * Sources: api-docs.npmjs.com ("OIDC"), docs.npmjs.com/trusted-publishers, lib/utils/oidc.js of npm.
 */
export function exchangedTokens(
  host: string,
  now: () => Date,
  trusted: TrustedPublishing | undefined,
): ExchangedTokens {
  const held = new Map<string, { name: string; until: number; distTags: boolean }>();
  return {
    exchange(name, known, request, response) {
      request.resume();
      const idToken = (request.headers.authorization ?? "").replace(/^bearer /i, "");
      const refuse = (status: number, why: string) => {
        throw new HttpError(status, { message: `OIDC token exchange error - ${why}` });
      };
      if (!trusted) return refuse(404, "not supported");
      const checked = trusted.verify(idToken, `npm:${host}`);
      if ("wrong" in checked) return refuse(401, checked.wrong);
      // The same answer for a package that isn't there and for one that trusts somebody else.
      const publishers = trusted.publishers ?? [{ name }];
      const found = publishers.find((one) => one.name === name && trusts(one, checked.claims));
      if (!known || !found) return refuse(404, "package not found");
      const token = `npm_${randomBytes(18).toString("hex")}`;
      const created = now();
      const until = created.getTime() + (trusted.tokenSeconds ?? 3600) * 1000;
      held.set(token, { name, until, distTags: found.distTags ?? false });
      const expires = new Date(until).toISOString();
      send(response, 201, { token_type: "oidc", token, created: created.toISOString(), expires });
    },
    allows(token, name, use) {
      const one = held.get(token);
      if (!one) return undefined;
      if (one.name !== name || now().getTime() >= one.until) return false;
      return use === "publish" || (use === "dist-tag" && one.distTags);
    },
  };
}
