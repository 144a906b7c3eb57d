import { createAttestation, listAttestations, listWorkflowRuns } from "./actions.ts";
import { deleteAsset, getAsset, getStored, listAssets, updateAsset, uploadAsset } from "./assets.ts";
import { apiError, type Context, reply } from "./context.ts";
import { downloadAsset, downloadLatest, latestPage, rawFile, releaseHtml, releasesAtom } from "./downloads.ts";
import { graphql } from "./graphql.ts";
import { generateNotes } from "./notes.ts";
import { createGitTag, getCommit, getContents, getGitCommit, getGitTag, listCommits } from "./objects.ts";
import { changeRef, createRef, deleteRef, getRef, matchingRefs } from "./refs.ts";
import {
  createRelease,
  deleteRelease,
  getLatestRelease,
  getRelease,
  getReleaseByTag,
  listReleases,
  updateRelease,
} from "./releases.ts";
import { getBranch, getProtection, getRepository, immutableReleases, listBranches, listTags } from "./repositories.ts";
import { publicUser } from "./users.ts";

type Route = (context: Context) => Promise<void> | void;

const repo = "repos/:owner/:repo";

/** The API, below `/` and `/api/v3`. `:name` is one segment, `*name` all that follow. */
const api: [method: string, pattern: string, route: Route][] = [
  ["GET", "rate_limit", rateLimit],
  ["GET", "meta", (context) => reply(context, 200, { verifiable_password_authentication: false })],
  ["GET", "user", getUser],
  ["POST", "graphql", graphql],
  ["GET", repo, getRepository],
  ["GET", `${repo}/tags`, listTags],
  ["GET", `${repo}/branches`, listBranches],
  ["GET", `${repo}/branches/:branch`, getBranch],
  ["GET", `${repo}/branches/:branch/protection`, getProtection],
  ["GET", `${repo}/immutable-releases`, immutableReleases],
  ["PUT", `${repo}/immutable-releases`, immutableReleases],
  ["DELETE", `${repo}/immutable-releases`, immutableReleases],
  ["GET", `${repo}/releases`, listReleases],
  ["POST", `${repo}/releases`, createRelease],
  ["POST", `${repo}/releases/generate-notes`, generateNotes],
  ["GET", `${repo}/releases/latest`, getLatestRelease],
  ["GET", `${repo}/releases/tags/*tag`, getReleaseByTag],
  ["GET", `${repo}/releases/assets/:id`, getAsset],
  ["PATCH", `${repo}/releases/assets/:id`, updateAsset],
  ["DELETE", `${repo}/releases/assets/:id`, deleteAsset],
  ["GET", `${repo}/releases/:id`, getRelease],
  ["PATCH", `${repo}/releases/:id`, updateRelease],
  ["DELETE", `${repo}/releases/:id`, deleteRelease],
  ["GET", `${repo}/releases/:id/assets`, listAssets],
  ["GET", `${repo}/git/matching-refs/*ref`, matchingRefs],
  ["POST", `${repo}/git/refs`, createRef],
  ["GET", `${repo}/git/ref/*ref`, getRef],
  ["PATCH", `${repo}/git/refs/*ref`, changeRef],
  ["DELETE", `${repo}/git/refs/*ref`, deleteRef],
  ["POST", `${repo}/git/tags`, createGitTag],
  ["GET", `${repo}/git/tags/:sha`, getGitTag],
  ["GET", `${repo}/git/commits/:sha`, getGitCommit],
  ["GET", `${repo}/commits`, listCommits],
  ["GET", `${repo}/commits/*ref`, getCommit],
  ["GET", `${repo}/contents/*path`, getContents],
  ["POST", `${repo}/attestations`, createAttestation],
  ["GET", `${repo}/attestations/:digest`, listAttestations],
  ["GET", `${repo}/actions/workflows/:file/runs`, listWorkflowRuns],
];

/** What isn't API: web addresses, uploads, GraphQL as GitHub Enterprise Server has it, stored bytes. */
const web: [method: string, pattern: string, route: Route][] = [
  ["POST", "api/graphql", graphql],
  ["POST", `api/uploads/${repo}/releases/:id/assets`, uploadAsset],
  ["GET", "_storage/:key", getStored],
  ["GET", ":owner/:repo/releases.atom", releasesAtom],
  ["GET", ":owner/:repo/releases/latest", latestPage],
  ["GET", ":owner/:repo/releases/latest/download/:name", downloadLatest],
  ["GET", ":owner/:repo/releases/download/*rest", downloadAsset],
  ["GET", ":owner/:repo/releases/tag/*tag", releaseHtml],
  ["GET", ":owner/:repo/raw/*rest", rawFile],
];

/**
 * Finds the route of a request and its parameters.
 *
 * @param segments percent-decoded segments of the path
 * @param isApi true below `/api/v3`, where only the API is; elsewhere web addresses come first
 */
export function findRoute(
  method: string,
  segments: readonly string[],
  isApi: boolean,
): { route: Route; params: Record<string, string> } | undefined {
  const asked = method === "HEAD" ? "GET" : method;
  for (const [routeMethod, pattern, route] of isApi ? api : [...web, ...api]) {
    if (routeMethod !== asked) continue;
    const params = match(pattern.split("/"), segments);
    if (params) return { route, params };
  }
  return undefined;
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith("*")) {
      const rest = segments.slice(index).join("/");
      if (rest === "") return undefined;
      params[part.slice(1)] = rest;
      return params;
    }
    const segment = segments[index];
    if (segment === undefined || segment === "") return undefined;
    if (part.startsWith(":")) params[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return pattern.length === segments.length ? params : undefined;
}

function rateLimit(context: Context): void {
  const number = (name: string) => Number(context.rate[`x-ratelimit-${name}`] ?? 0);
  const rate = { limit: number("limit"), remaining: number("remaining"), reset: number("reset"), used: number("used") };
  reply(context, 200, { resources: { core: rate, search: rate }, rate });
}

function getUser(context: Context): void {
  if (!context.auth) throw apiError(401, "Requires authentication");
  reply(context, 200, publicUser(context, context.auth));
}
