import type { Io } from "../../core/target.ts";
import { ReleaseError, registerSecret } from "../../lib/errors.ts";
import { type Credentials, isToken } from "./auth.ts";
import type { OciClient } from "./client.ts";

const hubApi = "https://hub.docker.com";

/**
 * Deletes a tag. By tag, as the standard has it: by digest would take every tag of that image with it.
 * Docker Hub answers 405 to that and has an API of its own (registry-facts.md, OCI).
 *
 * @returns false where the registry doesn't do that
 */
export async function deleteTag(
  client: OciClient,
  repository: string,
  tag: string,
  credentials: Credentials | undefined,
  io: Io,
): Promise<boolean> {
  if (client.registry.hub) return deleteOnHub(repository, tag, credentials, io);
  const path = `/v2/${repository}/manifests/${tag}`;
  const response = await client.send(io, { path, repository, method: "DELETE" });
  if ([202, 200, 204, 404].includes(response.status)) {
    response.discard();
    return true;
  }
  // 400: Debian's docker-registry takes only digests there; 405: deleting is off
  if (response.status !== 400 && response.status !== 405) throw await client.failure(response, `deleting ${tag}`, io);
  response.discard();
  return false;
}

async function deleteOnHub(
  repository: string,
  tag: string,
  credentials: Credentials | undefined,
  io: Io,
): Promise<boolean> {
  if (!credentials) return false;
  const login = await io.http({
    url: `${hubApi}/v2/auth/token`,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ identifier: credentials.username, secret: credentials.token }),
    signal: io.signal,
  });
  if (login.status !== 200) {
    login.discard();
    throw new ReleaseError("AUTH", "Docker Hub refused DOCKERHUB_USERNAME and DOCKERHUB_TOKEN", {
      facts: { status: login.status },
      hint: "deleting a tag needs a token that may read, write and delete",
    });
  }
  const token = (await login.json<{ access_token?: unknown } | null>(1 << 20))?.access_token;
  if (typeof token !== "string" || !isToken(token)) {
    throw new ReleaseError("REGISTRY", "Docker Hub answered a login without a token");
  }
  registerSecret(token);
  const response = await io.http({
    url: `${hubApi}/v2/repositories/${repository}/tags/${encodeURIComponent(tag)}/`,
    method: "DELETE",
    headers: { authorization: `Bearer ${token}` },
    signal: io.signal,
  });
  response.discard();
  return response.status < 300 || response.status === 404;
}
