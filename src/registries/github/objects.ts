import {
  apiError,
  type Context,
  invalid,
  jsonBody,
  notFound,
  page,
  reply,
  repositoryOf,
  requireKeys,
  requireWrite,
} from "./context.ts";
import { type Commit, commitOf, git, lookUp, readCommit, readFileAt, readTag, type TagObject } from "./git.ts";
import { repositoryUrl } from "./render.ts";
import type { Repository } from "./store.ts";
import { author, nodeId } from "./users.ts";

const unsigned = { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null };

/** `GET /git/commits/{sha}` (OpenAPI component `git-commit`) */
export async function getGitCommit(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const commit = await readCommit(repository.git, await objectOf(context, repository, "commit"));
  const base = `${repositoryUrl(context, repository)}/git`;
  const html = `${context.web}/${repository.fullName}/commit`;
  reply(context, 200, {
    sha: commit.sha,
    node_id: nodeId("Commit", commit.sha),
    url: `${base}/commits/${commit.sha}`,
    html_url: `${html}/${commit.sha}`,
    author: commit.author,
    committer: commit.committer,
    tree: { sha: commit.tree, url: `${base}/trees/${commit.tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({ sha, url: `${base}/commits/${sha}`, html_url: `${html}/${sha}` })),
    verification: unsigned,
  });
}

/** `GET /commits/{ref}`: a branch, a tag or a sha; with `Accept: application/vnd.github.sha` only its sha. */
export async function getCommit(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const ref = context.params.ref ?? "";
  const sha = await commitOf(repository.git, ref);
  if (!sha) throw apiError(422, `No commit found for SHA: ${ref}`);
  if (/application\/vnd\.github\.(v3\.)?sha/.test(String(context.request.headers.accept ?? ""))) {
    return reply(context, 200, sha, { "content-type": "application/vnd.github.v3.sha; charset=utf-8" });
  }
  reply(context, 200, renderCommit(context, repository, await readCommit(repository.git, sha)));
}

/** `GET /commits?sha=`: newest first. */
export async function listCommits(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const start = await commitOf(repository.git, context.url.searchParams.get("sha") ?? "HEAD");
  if (!start) throw apiError(409, "Git Repository is empty.");
  const shas = (await git(repository.git, ["rev-list", start])).toString("utf8").trim().split("\n");
  const { items, headers } = page(context, shas);
  const commits = await Promise.all(items.map((sha) => readCommit(repository.git, sha)));
  reply(
    context,
    200,
    commits.map((commit) => renderCommit(context, repository, commit)),
    headers,
  );
}

/** A commit as the API shows it (OpenAPI component `commit`). */
export function renderCommit(context: Context, repository: Repository, commit: Commit): Record<string, unknown> {
  const base = repositoryUrl(context, repository);
  const url = `${base}/commits/${commit.sha}`;
  const html = `${context.web}/${repository.fullName}/commit`;
  return {
    sha: commit.sha,
    node_id: nodeId("Commit", commit.sha),
    url,
    html_url: `${html}/${commit.sha}`,
    comments_url: `${url}/comments`,
    commit: {
      url: `${base}/git/commits/${commit.sha}`,
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      tree: { sha: commit.tree, url: `${base}/git/trees/${commit.tree}` },
      comment_count: 0,
      verification: unsigned,
    },
    author: null,
    committer: null,
    parents: commit.parents.map((sha) => ({ sha, url: `${base}/commits/${sha}`, html_url: `${html}/${sha}` })),
  };
}

/** `GET /git/tags/{sha}`: an annotated tag's object. */
export async function getGitTag(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const tag = await readTag(repository.git, await objectOf(context, repository, "tag"));
  reply(context, 200, renderTag(context, repository, tag));
}

/** `POST /git/tags` makes the object alone; a ref to it is made with `POST /git/refs`. */
export async function createGitTag(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const body = await jsonBody(context, {
    tag: "string",
    message: "string",
    object: "string",
    type: ["commit", "tree", "blob"],
  });
  requireKeys(body, "tag", "message", "object", "type");
  const tagger = (body.tagger ?? {}) as { name?: string; email?: string; date?: string };
  const sha = String(body.object);
  const [object] = /^[0-9a-f]{40}$/.test(sha) ? await lookUp(repository.git, [sha]) : [];
  if (object?.type !== body.type) throw invalid({ resource: "Tag", code: "invalid", field: "object" });
  const seconds = Math.floor((tagger.date ? Date.parse(tagger.date) : context.now().getTime()) / 1000);
  const who = `${oneLine(tagger.name ?? author)} <${oneLine(tagger.email ?? "noreply@github.com")}> ${seconds} +0000`;
  const head = `object ${sha}\ntype ${body.type}\ntag ${oneLine(String(body.tag))}\ntagger ${who}\n`;
  const made = await git(repository.git, ["mktag"], `${head}\n${body.message}\n`).catch(() => {
    throw invalid({ resource: "Tag", code: "invalid", field: "tag" });
  });
  const tag = await readTag(repository.git, made.toString("utf8").trim());
  const rendered = renderTag(context, repository, tag);
  reply(context, 201, rendered, { location: rendered.url as string });
}

function renderTag(context: Context, repository: Repository, tag: TagObject): Record<string, unknown> {
  const base = `${repositoryUrl(context, repository)}/git`;
  const { sha, type } = tag.object;
  return {
    node_id: nodeId("Tag", tag.sha),
    tag: tag.tag,
    sha: tag.sha,
    url: `${base}/tags/${tag.sha}`,
    message: tag.message,
    tagger: tag.tagger,
    object: { sha, type, url: `${base}/${type}s/${sha}` },
    verification: unsigned,
  };
}

/** `GET /contents/{path}?ref=`: a file of at most 1 MiB with its bytes in base64. Folders aren't listed. */
export async function getContents(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const path = context.params.path ?? "";
  const ref = context.url.searchParams.get("ref") ?? "HEAD";
  const commit = await commitOf(repository.git, ref);
  const bytes = commit && (await readFileAt(repository.git, commit, path));
  if (!bytes || bytes.length > 1 << 20) throw notFound();
  const [blob] = await lookUp(repository.git, [`${commit}:${path}`]);
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  const url = `${repositoryUrl(context, repository)}/contents/${encoded}?ref=${encodeURIComponent(ref)}`;
  const gitUrl = `${repositoryUrl(context, repository)}/git/blobs/${blob?.sha}`;
  const html = `${context.web}/${repository.fullName}/blob/${commit}/${encoded}`;
  reply(context, 200, {
    type: "file",
    encoding: "base64",
    size: bytes.length,
    name: path.split("/").pop(),
    path,
    content: bytes.toString("base64").replace(/.{60}/g, "$&\n"),
    sha: blob?.sha,
    url,
    git_url: gitUrl,
    html_url: html,
    download_url: `${context.web}/${repository.fullName}/raw/${commit}/${encoded}`,
    _links: { self: url, git: gitUrl, html },
  });
}

async function objectOf(context: Context, repository: Repository, type: "commit" | "tag"): Promise<string> {
  const sha = context.params.sha ?? "";
  const [object] = /^[0-9a-f]{40}$/.test(sha) ? await lookUp(repository.git, [sha]) : [];
  if (object?.type !== type) throw notFound();
  return object.sha;
}

function oneLine(text: string): string {
  return text.replace(/[\n\r\0<>]/g, " ").trim();
}
