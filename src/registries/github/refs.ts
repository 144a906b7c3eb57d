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
  standardHeaders,
} from "./context.ts";
import { type GitObject, git, isRefName, lookUp } from "./git.ts";
import { repositoryUrl } from "./render.ts";
import type { Repository } from "./store.ts";
import { nodeId } from "./users.ts";

/** `GET /git/ref/{ref}`: exactly this one. */
export async function getRef(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const name = `refs/${context.params.ref ?? ""}`;
  const object = await refObject(repository, name);
  if (!object) throw notFound();
  reply(context, 200, renderRef(context, repository, name, object));
}

/** `GET /git/matching-refs/{ref}`: all that begin so; none is no error. */
export async function matchingRefs(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const { items, headers } = page(context, await listRefs(repository, `refs/${context.params.ref ?? ""}`));
  reply(
    context,
    200,
    items.map(({ name, object }) => renderRef(context, repository, name, object)),
    headers,
  );
}

/** Creates only: of two that ask for the same name one gets 201, the other 422 "Reference already exists". */
export async function createRef(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const body = await jsonBody(context, { ref: "string", sha: "string" });
  requireKeys(body, "ref", "sha");
  const name = body.ref as string;
  if (!name.startsWith("refs/") || name.split("/").length < 3) {
    throw apiError(422, "Reference name must start with 'refs/' and contain at least three components.");
  }
  if (!isRefName(name)) throw apiError(422, `${name} is not a valid ref name.`);
  await repository.exclusive(async () => {
    const object = await existing(repository, body.sha as string);
    if (await refObject(repository, name)) throw apiError(422, "Reference already exists");
    requireUnspent(repository, name);
    await updateRef(repository, name, object.sha, "");
    const rendered = renderRef(context, repository, name, object);
    reply(context, 201, rendered, { location: rendered.url as string });
  });
}

export async function changeRef(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const name = `refs/${context.params.ref ?? ""}`;
  const body = await jsonBody(context, { sha: "string", force: "boolean" });
  requireKeys(body, "sha");
  await repository.exclusive(async () => {
    const old = await refObject(repository, name);
    if (!old) throw apiError(422, "Reference does not exist");
    const object = await existing(repository, body.sha as string);
    requireUnspent(repository, name);
    requireUnprotected(repository, name);
    if (body.force !== true && !(await contains(repository, object.sha, old.sha))) {
      throw apiError(422, "Update is not a fast forward");
    }
    await updateRef(repository, name, object.sha, old.sha);
    reply(context, 200, renderRef(context, repository, name, object));
  });
}

export async function deleteRef(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const name = `refs/${context.params.ref ?? ""}`;
  await repository.exclusive(async () => {
    const old = await refObject(repository, name);
    if (!old) throw apiError(422, "Reference does not exist");
    const tag = name.replace(/^refs\/tags\//, "");
    if (repository.data.releases.some((one) => one.immutable && one.tag === tag)) requireUnspent(repository, name);
    requireUnprotected(repository, name);
    await git(repository.git, ["update-ref", "-d", name, old.sha]);
    context.response.writeHead(204, standardHeaders(context)).end();
  });
}

/** All refs whose name begins so, in order. */
export async function listRefs(
  repository: Repository,
  prefix: string,
): Promise<{ name: string; object: GitObject; peeled: string }[]> {
  const format = "--format=%(objectname) %(objecttype) %(*objectname) %(refname)";
  return (await git(repository.git, ["for-each-ref", format]))
    .toString("utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , , name]) => name?.startsWith(prefix))
    .map(([sha = "", type, peeled, name = ""]) => ({
      name,
      object: { sha, type: type as GitObject["type"] },
      peeled: peeled || sha,
    }));
}

/** A ref as the API shows it (OpenAPI component `git-ref`). */
function renderRef(context: Context, repository: Repository, name: string, object: GitObject): Record<string, unknown> {
  const base = `${repositoryUrl(context, repository)}/git`;
  return {
    ref: name,
    node_id: nodeId("Ref", `${repository.data.id}:${name}`),
    url: `${base}/${name}`,
    object: { sha: object.sha, type: object.type, url: `${base}/${object.type}s/${object.sha}` },
  };
}

async function refObject(repository: Repository, name: string): Promise<GitObject | undefined> {
  return isRefName(name) ? (await lookUp(repository.git, [name]))[0] : undefined;
}

async function existing(repository: Repository, sha: string): Promise<GitObject> {
  if (!/^[0-9a-f]{40}$/.test(sha))
    throw apiError(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].");
  const [object] = await lookUp(repository.git, [sha]);
  if (!object) throw apiError(422, "Object does not exist");
  return object;
}

async function updateRef(repository: Repository, name: string, sha: string, old: string): Promise<void> {
  try {
    await git(repository.git, ["update-ref", name, sha, old]);
  } catch {
    throw apiError(422, "Reference update failed");
  }
}

async function contains(repository: Repository, commit: string, ancestor: string): Promise<boolean> {
  return git(repository.git, ["merge-base", "--is-ancestor", ancestor, commit]).then(
    () => true,
    () => false,
  );
}

function requireUnspent(repository: Repository, name: string): void {
  if (repository.data.spentTags.some((tag) => name === `refs/tags/${tag}`)) {
    throw invalid({
      resource: "Ref",
      code: "custom",
      message: "Repository rule violations found\n\nCannot create, update or delete the tag of an immutable release.",
    });
  }
}

function requireUnprotected(repository: Repository, name: string): void {
  if (repository.data.protectedBranches.some((branch) => name === `refs/heads/${branch}`)) {
    throw apiError(422, "Protected branch update failed");
  }
}
