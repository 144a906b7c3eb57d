import path from "node:path";
import { ReleaseError, registerSecret } from "../lib/errors.ts";
import { githubIdTokens, givenIdToken, type IdTokens } from "../lib/id-token.ts";
import type { Credentials } from "../targets/create.ts";
import type { Environment } from "./environment.ts";

/**
 * Credentials and redirections from the environment (two-tier.md, "Environment"). Secrets are remembered for redaction.
 * White space around a value is no part of it: a pasted secret often ends with a line break.
 *
 * @throws ReleaseError AUTH for a value that no header can carry (RFC 9110, section 5.5)
 */
export function credentialsOf({ variables }: Environment): Credentials {
  const get = (name: string): string | undefined => {
    const value = variables[name]?.trim();
    if (!value) return undefined;
    if (/[^\x20-\x7e]/.test(value)) {
      registerSecret(value);
      throw new ReleaseError("AUTH", `${name} holds a line break, or another character that no credential has`, {
        hint: `set ${name} again, to one line`,
      });
    }
    return value;
  };
  const credentials: Credentials = {
    githubToken: get("GITHUB_TOKEN"),
    githubApiUrl: get("GITHUB_API_URL"),
    githubServerUrl: get("GITHUB_SERVER_URL"),
    npmToken: get("NPM_TOKEN"),
    npmRegistry: get("TWOTIER_NPM_REGISTRY"),
    pypiToken: get("PYPI_TOKEN"),
    pypiUrl: get("TWOTIER_PYPI_URL"),
    dockerUsername: get("DOCKERHUB_USERNAME"),
    dockerToken: get("DOCKERHUB_TOKEN"),
    dockerRegistry: get("TWOTIER_DOCKER_REGISTRY"),
    awsAccessKeyId: get("AWS_ACCESS_KEY_ID"),
    awsSecretAccessKey: get("AWS_SECRET_ACCESS_KEY"),
    awsSessionToken: get("AWS_SESSION_TOKEN"),
    awsRegion: get("AWS_REGION") ?? get("AWS_DEFAULT_REGION"),
    site: siteOf(get("TWOTIER_SITE")),
    siteToken: get("TWOTIER_SITE_TOKEN"),
  };
  const github = requestedOf(get("ACTIONS_ID_TOKEN_REQUEST_URL"), get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
  credentials.npmIdTokens = givenOf(get("NPM_ID_TOKEN")) ?? github;
  credentials.pypiIdTokens = givenOf(get("PYPI_ID_TOKEN")) ?? github;
  if (credentials.githubToken) registerSecret(credentials.githubToken, "x-access-token");
  if (credentials.npmToken) registerSecret(credentials.npmToken);
  if (credentials.pypiToken) registerSecret(credentials.pypiToken, "__token__");
  if (credentials.dockerToken) registerSecret(credentials.dockerToken, credentials.dockerUsername);
  if (credentials.awsSecretAccessKey) registerSecret(credentials.awsSecretAccessKey);
  if (credentials.awsSessionToken) registerSecret(credentials.awsSessionToken);
  if (credentials.siteToken) registerSecret(credentials.siteToken);
  return credentials;
}

/** Set by GitHub Actions in jobs that have `id-token: write` (docs.github.com, "OpenID Connect reference"). */
function requestedOf(url: string | undefined, token: string | undefined): IdTokens | undefined {
  if (url === undefined || token === undefined || !URL.canParse(url)) return undefined;
  registerSecret(token);
  return githubIdTokens(url, token);
}

/** Set by GitLab CI for jobs with `id_tokens` of these names (docs.npmjs.com/trusted-publishers, docs.pypi.org/trusted-publishers). */
function givenOf(token: string | undefined): IdTokens | undefined {
  if (token === undefined) return undefined;
  registerSecret(token);
  return givenIdToken(token);
}

/** A folder is from where the command was started. */
function siteOf(text: string | undefined): string | undefined {
  return text === undefined || /^https?:/.test(text) ? text : path.resolve(text);
}
