import type { Finding, Io, Topic } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type Api, hasStatus } from "./api.ts";

interface Repository {
  full_name?: unknown;
  private?: unknown;
  archived?: unknown;
  permissions?: { push?: unknown };
}

/** Requests that a release of a few dozen assets needs at most. */
const requestsNeeded = 100;

/** Credential, rights, repository, rate limit. Reads only. */
export async function checkAccess(api: Api, io: Io): Promise<Finding[]> {
  const { repository } = api.options;
  const findings: Finding[] = [];
  const add = (level: Finding["level"], message: string, hint: string, topic: Topic = "rights") =>
    void findings.push({ level, target: "github", topic, message, hint });
  const token = await api.options.token?.();
  if (!token) {
    add(
      "error",
      "GITHUB_TOKEN isn't set",
      "set GITHUB_TOKEN; in Actions: `env: GITHUB_TOKEN: ${{ github.token }}` with `permissions: contents: write`",
      "token",
    );
    return findings;
  }
  let body: Repository;
  let headers: Record<string, string>;
  try {
    const response = await api.send({ path: "" }, io);
    headers = response.headers;
    body = (await response.json<Repository | null>()) ?? {};
  } catch (error) {
    if (hasStatus(error, 404)) {
      add(
        "error",
        `GitHub has no repository ${repository} that this GITHUB_TOKEN may see`,
        "check `repository` in twotier.yaml, and that the token has access to it",
        "repository",
      );
    } else if (error instanceof ReleaseError && (error.code === "AUTH" || /moved/.test(error.message))) {
      add("error", error.message, error.hint ?? "", error.code === "AUTH" ? "token" : "repository");
    } else throw error;
    return findings;
  }
  if (typeof body.full_name === "string" && body.full_name.toLowerCase() !== repository.toLowerCase()) {
    add(
      "error",
      `${repository} has moved to ${body.full_name}`,
      "set `repository` in twotier.yaml to the new name",
      "repository",
    );
  }
  if (body.archived === true)
    add("error", `${repository} is archived: nothing can be written`, "unarchive it", "repository");
  const scopes = headers["x-oauth-scopes"]?.split(",").map((scope) => scope.trim());
  const wanted = body.private === true ? ["repo"] : ["repo", "public_repo"];
  if (scopes !== undefined && !wanted.some((scope) => scopes.includes(scope))) {
    // Only classic tokens state scopes; `permissions` below are the user's, not the token's.
    add(
      "error",
      `GITHUB_TOKEN lacks the scope ${wanted.join(" or ")}`,
      "make a token with that scope, or a fine-grained one with `Contents: read and write`",
    );
  }
  if (body.permissions?.push === false && !(await isInstallation(api, io))) {
    add(
      "error",
      `GITHUB_TOKEN may not write to ${repository}`,
      "use a token of somebody with write access; in Actions: `permissions: contents: write`",
    );
  }
  const remaining = Number(headers["x-ratelimit-remaining"] ?? Number.NaN);
  if (remaining < requestsNeeded) {
    const reset = new Date(Number(headers["x-ratelimit-reset"]) * 1000);
    const when = Number.isNaN(reset.getTime()) ? "within the hour" : `at ${reset.toISOString()}`;
    add(
      "warning",
      `GitHub allows ${remaining} more requests with this token`,
      `more are allowed ${when}; twotier waits`,
      "limit",
    );
  }
  await noteImmutable(api, io);
  return findings;
}

/**
 * True for the token of a GitHub App, such as Actions' own: `permissions.push` is false for those whatever they may
 * write (semantic-release/github#182), and only the first write tells.
 */
async function isInstallation(api: Api, io: Io): Promise<boolean> {
  const path = `${api.options.api}/installation/repositories?per_page=1`;
  const response = await api.send({ path, method: "HEAD", ok: [200, 401, 403, 404] }, io);
  response.discard();
  return response.status === 200;
}

/** Publishing an immutable release is final; reading that setting needs a right that many tokens lack. */
async function noteImmutable(api: Api, io: Io): Promise<void> {
  let enabled = false;
  try {
    const response = await api.send({ path: "/immutable-releases" }, io);
    enabled = (await response.json<{ enabled?: unknown } | null>())?.enabled === true;
  } catch (error) {
    if (!(error instanceof ReleaseError) || error.code === "NETWORK") throw error;
  }
  if (enabled) {
    io.emit({
      type: "note",
      message: `releases of ${api.options.repository} are immutable: once published, assets and tag stay for ever`,
    });
  }
}
