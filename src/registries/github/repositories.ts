import {
  apiError,
  type Context,
  mayWrite,
  notFound,
  page,
  reply,
  repositoryOf,
  requireWrite,
  standardHeaders,
} from "./context.ts";
import { defaultBranch, lookUp, readCommit } from "./git.ts";
import { renderCommit } from "./objects.ts";
import { listRefs } from "./refs.ts";
import { repositoryUrl } from "./render.ts";
import { nodeId, simpleUser } from "./users.ts";

/** `GET /repos/{owner}/{repo}` (OpenAPI component `full-repository`) */
export async function getRepository(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const { data, fullName } = repository;
  const url = repositoryUrl(context, repository);
  const html = `${context.web}/${fullName}`;
  const write = mayWrite(context);
  const templates: Record<string, string> = {
    archive_url: "/{archive_format}{/ref}",
    assignees_url: "/assignees{/user}",
    blobs_url: "/git/blobs{/sha}",
    branches_url: "/branches{/branch}",
    collaborators_url: "/collaborators{/collaborator}",
    comments_url: "/comments{/number}",
    commits_url: "/commits{/sha}",
    compare_url: "/compare/{base}...{head}",
    contents_url: "/contents/{+path}",
    contributors_url: "/contributors",
    deployments_url: "/deployments",
    downloads_url: "/downloads",
    events_url: "/events",
    forks_url: "/forks",
    git_commits_url: "/git/commits{/sha}",
    git_refs_url: "/git/refs{/sha}",
    git_tags_url: "/git/tags{/sha}",
    hooks_url: "/hooks",
    issue_comment_url: "/issues/comments{/number}",
    issue_events_url: "/issues/events{/number}",
    issues_url: "/issues{/number}",
    keys_url: "/keys{/key_id}",
    labels_url: "/labels{/name}",
    languages_url: "/languages",
    merges_url: "/merges",
    milestones_url: "/milestones{/number}",
    notifications_url: "/notifications{?since,all,participating}",
    pulls_url: "/pulls{/number}",
    releases_url: "/releases{/id}",
    stargazers_url: "/stargazers",
    statuses_url: "/statuses/{sha}",
    subscribers_url: "/subscribers",
    subscription_url: "/subscription",
    tags_url: "/tags",
    teams_url: "/teams",
    trees_url: "/git/trees{/sha}",
  };
  reply(context, 200, {
    id: data.id,
    node_id: nodeId("Repository", data.id),
    name: data.name,
    full_name: fullName,
    private: data.private,
    owner: simpleUser(context, data.owner),
    html_url: html,
    description: null,
    fork: false,
    url,
    ...Object.fromEntries(Object.entries(templates).map(([key, path]) => [key, `${url}${path}`])),
    created_at: data.createdAt,
    updated_at: data.pushedAt,
    pushed_at: data.pushedAt,
    git_url: `${html}.git`,
    ssh_url: `${html}.git`,
    clone_url: `${html}.git`,
    svn_url: html,
    homepage: null,
    mirror_url: null,
    size: 0,
    stargazers_count: 0,
    watchers_count: 0,
    watchers: 0,
    subscribers_count: 0,
    network_count: 0,
    forks: 0,
    forks_count: 0,
    open_issues: 0,
    open_issues_count: 0,
    language: null,
    license: null,
    has_issues: true,
    has_projects: false,
    has_downloads: true,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    archived: false,
    disabled: false,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: data.private ? "private" : "public",
    default_branch: await defaultBranch(repository.git),
    ...(context.auth ? { permissions: { admin: write, maintain: write, push: write, triage: write, pull: true } } : {}),
  });
}

export async function listTags(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const url = repositoryUrl(context, repository);
  const refs = (await listRefs(repository, "refs/tags/")).reverse();
  const { items, headers } = page(context, refs);
  const tags = items.map(({ name: ref, peeled }) => {
    const name = ref.slice("refs/tags/".length);
    return {
      name,
      commit: { sha: peeled, url: `${url}/commits/${peeled}` },
      zipball_url: `${url}/zipball/${ref}`,
      tarball_url: `${url}/tarball/${ref}`,
      node_id: nodeId("Ref", `${repository.data.id}:${ref}`),
    };
  });
  reply(context, 200, tags, headers);
}

export async function listBranches(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const url = repositoryUrl(context, repository);
  const { items, headers } = page(context, await listRefs(repository, "refs/heads/"));
  const branches = items.map(({ name: ref, object }) => {
    const name = ref.slice("refs/heads/".length);
    return {
      name,
      commit: { sha: object.sha, url: `${url}/commits/${object.sha}` },
      protected: repository.data.protectedBranches.includes(name),
    };
  });
  reply(context, 200, branches, headers);
}

export async function getBranch(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const name = context.params.branch ?? "";
  const [found] = await lookUp(repository.git, [`refs/heads/${name}`]);
  if (!found) throw apiError(404, "Branch not found");
  const url = repositoryUrl(context, repository);
  const isProtected = repository.data.protectedBranches.includes(name);
  reply(context, 200, {
    name,
    commit: renderCommit(context, repository, await readCommit(repository.git, found.sha)),
    _links: { self: `${url}/branches/${name}`, html: `${context.web}/${repository.fullName}/tree/${name}` },
    protected: isProtected,
    protection: { enabled: isProtected },
    protection_url: `${url}/branches/${name}/protection`,
  });
}

/** 404 "Branch not protected" or the protection; who may not write isn't told (GitHub's 404). */
export async function getProtection(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const branch = context.params.branch ?? "";
  const [found] = await lookUp(repository.git, [`refs/heads/${branch}`]);
  if (!found || !mayWrite(context)) throw notFound();
  if (!repository.data.protectedBranches.includes(branch)) throw apiError(404, "Branch not protected");
  const url = `${repositoryUrl(context, repository)}/branches/${branch}/protection`;
  reply(context, 200, {
    url,
    enforce_admins: { url: `${url}/enforce_admins`, enabled: true },
    required_pull_request_reviews: {
      url: `${url}/required_pull_request_reviews`,
      dismiss_stale_reviews: false,
      require_code_owner_reviews: false,
      required_approving_review_count: 1,
      require_last_push_approval: false,
    },
    required_linear_history: { enabled: false },
    allow_force_pushes: { enabled: false },
    allow_deletions: { enabled: false },
  });
}

/** `GET|PUT|DELETE /repos/{owner}/{repo}/immutable-releases`: for releases published from now on. */
export async function immutableReleases(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const { method } = context.request;
  if (method === "GET" || method === "HEAD") {
    if (!repository.data.immutableReleases) throw notFound();
    return reply(context, 200, { enabled: true, enforced_by_owner: false });
  }
  repository.data.immutableReleases = method === "PUT";
  repository.save();
  context.response.writeHead(204, standardHeaders(context)).end();
}
