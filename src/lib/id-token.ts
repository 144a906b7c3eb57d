import { excerpt, ReleaseError, registerSecret } from "./errors.ts";
import type { Http } from "./http.ts";

/**
 * Signed statements of which CI job this is (OIDC ID tokens), which npm and PyPI exchange for a token of their own:
 * trusted publishing.
 */
export interface IdTokens {
  /** True where each call gives another one; false where the job was given one at its start. */
  readonly fresh: boolean;
  /**
   * A token for one audience. It is registered for redaction.
   *
   * @throws ReleaseError AUTH where the CI gives none, NETWORK, REGISTRY (retryable) where it fails
   */
  get(audience: string, io: { http: Http; signal: AbortSignal }): Promise<string>;
}

/**
 * GitHub's: a job with `id-token: write` may ask at `ACTIONS_ID_TOKEN_REQUEST_URL` as often as it likes
 * (docs.github.com, "OpenID Connect reference").
 */
export function githubIdTokens(url: string, token: string): IdTokens {
  return {
    fresh: true,
    async get(audience, { http, signal }) {
      const address = new URL(url);
      address.searchParams.set("audience", audience);
      const headers = { accept: "application/json", authorization: `Bearer ${token}` };
      const response = await http({ url: address.href, headers, redirect: "manual", signal });
      if (response.status !== 200) {
        const said = excerpt((await response.text(1 << 16).catch(() => "")).trim(), 200);
        const later = response.status >= 500 || response.status === 429;
        throw new ReleaseError(later ? "REGISTRY" : "AUTH", `GitHub gave this job no ID token: ${response.status}`, {
          facts: { audience, answer: said || undefined },
          retryable: later,
          hint: later ? "run the same command again" : "the job needs `permissions: { id-token: write }`",
        });
      }
      const value = (await response.json<{ value?: unknown } | null>(1 << 20))?.value;
      if (typeof value !== "string" || value === "") {
        throw new ReleaseError("REGISTRY", "GitHub's answer holds no ID token", { facts: { audience } });
      }
      registerSecret(value);
      return value;
    },
  };
}

/** GitLab's and CircleCI's: the job is given a token for each audience, in a variable of its own. */
export function givenIdToken(value: string): IdTokens {
  return { fresh: false, get: async () => value };
}

/**
 * What a trusted publisher is compared with, in words for a message; "" for a token that says none of it. Nothing is
 * verified here: that is for the registry.
 */
export function jobOf(idToken: string): string {
  try {
    const payload = JSON.parse(Buffer.from(idToken.split(".")[1] ?? "", "base64url").toString("utf8"));
    const text = (name: string) => (typeof payload[name] === "string" ? excerpt(payload[name], 200) : undefined);
    // `owner/name/.github/workflows/release.yml@refs/heads/main`, `gitlab.com/owner/name//.gitlab-ci.yml@refs/heads/main`
    const file = (text("workflow_ref") ?? text("ci_config_ref_uri"))?.replace(/@.*$/, "").split("/").at(-1);
    const parts = [
      ["repository", text("repository") ?? text("project_path")],
      ["workflow", file],
      ["environment", text("environment")],
    ];
    return parts.flatMap(([name, value]) => (value ? [`${name} ${value}`] : [])).join(", ");
  } catch {
    return "";
  }
}
