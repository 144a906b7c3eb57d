import { apiError, type Context, jsonBody, mayWrite, reply } from "./context.ts";
import { defaultBranch, isRefName, lookUp } from "./git.ts";
import { argumentsOf, type Field, parseQuery, QueryError } from "./graphql-query.ts";
import { latestRelease, sorted } from "./latest.ts";
import { downloadUrl, releasePage } from "./render.ts";
import type { Asset, Release, Repository } from "./store.ts";
import { author, nodeId } from "./users.ts";

/** A GraphQL object: what each field gives for its arguments. Fields that aren't here are answered with an error. */
interface Node {
  type: string;
  fields: Record<string, (args: Record<string, unknown>) => unknown>;
}

/**
 * The few things of GitHub's GraphQL that `gh release` and `gh repo view` read
 * (https://docs.github.com/graphql/reference/objects#release). All else is an error that names the field.
 */
export async function graphql(context: Context): Promise<void> {
  if (!context.auth) throw apiError(401, "This endpoint requires you to be authenticated.");
  const body = await jsonBody(context, { query: "string" });
  const variables = (body.variables ?? {}) as Record<string, unknown>;
  try {
    const data = await resolve(parseQuery(String(body.query ?? "")), queryNode(context), variables);
    reply(context, 200, { data });
  } catch (error) {
    if (error instanceof NotFound) {
      reply(context, 200, { data: null, errors: [{ type: "NOT_FOUND", message: error.message }] });
    } else if (error instanceof QueryError) reply(context, 200, { errors: [{ message: error.message }] });
    else throw error;
  }
}

class NotFound extends Error {}

async function resolve(fields: Field[], node: Node, variables: Record<string, unknown>): Promise<object> {
  const out: Record<string, unknown> = {};
  for (const field of fields) {
    if (field.name === "__typename") {
      out[field.alias] = node.type;
      continue;
    }
    const give = Object.hasOwn(node.fields, field.name) ? node.fields[field.name] : undefined;
    if (!give) throw new QueryError(`Field '${field.name}' doesn't exist on type '${node.type}'`);
    out[field.alias] = await complete(await give(argumentsOf(field.args, variables)), field, variables);
  }
  return out;
}

async function complete(value: unknown, field: Field, variables: Record<string, unknown>): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((one) => complete(one, field, variables)));
  const isNode = typeof value === "object" && value !== null;
  if (isNode && field.fields.length === 0) throw new QueryError(`Field '${field.name}' must have selections`);
  return isNode ? resolve(field.fields, value as Node, variables) : (value ?? null);
}

/** A node of plain values. */
function plain(type: string, values: Record<string, unknown>): Node {
  return { type, fields: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, () => value])) };
}

/** A connection (https://docs.github.com/graphql/guides/using-pagination-in-the-graphql-api); cursors are positions. */
function connection(type: string, nodes: Node[], args: Record<string, unknown>): Node {
  const start = args.after ? Number.parseInt(Buffer.from(String(args.after), "base64").toString(), 10) : 0;
  const end = start + Math.min(Number(args.first ?? 100), 100);
  return plain(type, {
    nodes: nodes.slice(start, end),
    totalCount: nodes.length,
    pageInfo: plain("PageInfo", {
      hasNextPage: end < nodes.length,
      endCursor: nodes.length === 0 ? null : Buffer.from(String(Math.min(end, nodes.length))).toString("base64"),
    }),
  });
}

function queryNode(context: Context): Node {
  return {
    type: "Query",
    fields: {
      viewer: () => plain("User", { login: author, id: nodeId("User", 1) }),
      repository: ({ owner, name }) => {
        const repository = context.store.get(String(owner), String(name));
        if (!repository) throw new NotFound(`Could not resolve to a Repository with the name '${owner}/${name}'.`);
        return repositoryNode(context, repository);
      },
    },
  };
}

function repositoryNode(context: Context, repository: Repository): Node {
  const { data } = repository;
  const visible = () => sorted(repository).filter((one) => !one.draft || mayWrite(context));
  const release = (one: Release | undefined) => one && releaseNode(context, repository, one);
  return {
    type: "Repository",
    fields: {
      id: () => nodeId("Repository", data.id),
      name: () => data.name,
      nameWithOwner: () => repository.fullName,
      description: () => null,
      url: () => `${context.web}/${repository.fullName}`,
      owner: () => plain("User", { id: nodeId("User", 1), login: data.owner }),
      defaultBranchRef: async () => plain("Ref", { name: await defaultBranch(repository.git) }),
      latestRelease: () => release(latestRelease(repository)),
      release: ({ tagName }) => {
        const all = visible().filter((one) => one.tag === tagName);
        return release(all.find((one) => !one.draft) ?? all[0]);
      },
      releases: (args) =>
        connection(
          "ReleaseConnection",
          visible().map((one) => releaseNode(context, repository, one)),
          args,
        ),
      ref: async ({ qualifiedName }) => {
        const name = String(qualifiedName);
        const [object] = isRefName(name) ? await lookUp(repository.git, [name]) : [];
        return object && plain("Ref", { id: nodeId("Ref", `${data.id}:${name}`), name: name.split("/").pop() });
      },
    },
  };
}

function releaseNode(context: Context, repository: Repository, release: Release): Node {
  return {
    type: "Release",
    fields: {
      ...plain("Release", {
        id: nodeId("Release", release.id),
        databaseId: release.id,
        name: release.name,
        tagName: release.tag,
        description: release.body,
        isDraft: release.draft,
        isPrerelease: release.prerelease,
        isLatest: latestRelease(repository) === release,
        immutable: release.immutable,
        isImmutable: release.immutable,
        createdAt: release.createdAt,
        publishedAt: release.publishedAt,
        updatedAt: release.updatedAt,
        url: releasePage(context, repository, release),
        author: plain("User", { login: author, id: nodeId("User", 1) }),
      }).fields,
      releaseAssets: (args) =>
        connection(
          "ReleaseAssetConnection",
          release.assets.map((asset) => assetNode(context, repository, release, asset)),
          args,
        ),
    },
  };
}

function assetNode(context: Context, repository: Repository, release: Release, asset: Asset): Node {
  return plain("ReleaseAsset", {
    id: nodeId("ReleaseAsset", asset.id),
    name: asset.name,
    size: asset.size,
    digest: asset.digest,
    contentType: asset.contentType,
    downloadCount: asset.downloads,
    createdAt: asset.createdAt,
    updatedAt: asset.updatedAt,
    downloadUrl: downloadUrl(context, repository, release, asset),
  });
}
