import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { writeHook } from "./backend.ts";
import {
  apiError,
  type Context,
  invalid,
  jsonBody,
  mayWrite,
  notFound,
  page,
  reply,
  repositoryOf,
  requireKeys,
  requireWrite,
} from "./context.ts";
import { commitOf, defaultBranch, git, iso, isRefName, readCommit } from "./git.ts";
import { latestRelease, mark, publishedByTag, sorted } from "./latest.ts";
import { releaseNotes } from "./notes.ts";
import { renderRelease } from "./render.ts";
import type { Release, Repository } from "./store.ts";

const shape = {
  tag_name: "string",
  target_commitish: "string",
  name: "text",
  body: "text",
  draft: "boolean",
  prerelease: "boolean",
  generate_release_notes: "boolean",
  make_latest: ["true", "false", "legacy"],
} as const;

/** Releases, newest commit first; drafts only for those who may write. */
export async function listReleases(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const visible = sorted(repository).filter((one) => !one.draft || mayWrite(context));
  const shown = visible.filter((one) => one.madeAt + context.listLag <= context.now().getTime());
  const { items, headers } = page(context, shown);
  reply(
    context,
    200,
    items.map((one) => renderRelease(context, repository, one)),
    headers,
  );
}

export async function getRelease(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  reply(context, 200, renderRelease(context, repository, releaseOf(context, repository)));
}

/** "This returns published releases with a tag name" (GitHub's docs): drafts are left out. */
export async function getReleaseByTag(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const release = publishedByTag(repository, context.params.tag ?? "");
  if (!release) throw notFound();
  reply(context, 200, renderRelease(context, repository, release));
}

export async function getLatestRelease(context: Context): Promise<void> {
  const repository = repositoryOf(context);
  const release = latestRelease(repository);
  if (!release) throw notFound();
  reply(context, 200, renderRelease(context, repository, release));
}

export async function createRelease(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const body = await jsonBody(context, shape);
  requireKeys(body, "tag_name");
  await repository.exclusive(async () => {
    const now = iso(context.now());
    const release: Release = {
      id: 0,
      tag: "",
      target: "",
      name: null,
      body: null,
      draft: true,
      prerelease: false,
      immutable: false,
      createdAt: now,
      madeAt: context.now().getTime(),
      updatedAt: now,
      publishedAt: null,
      untagged: `untagged-${randomBytes(10).toString("hex")}`,
      assets: [],
    };
    await change(context, repository, release, { draft: false, ...body });
    if (body.generate_release_notes === true) {
      const notes = releaseNotes(context, repository, release.tag, latestRelease(repository)?.tag);
      release.name ??= notes.name;
      release.body = [release.body, notes.body].filter(Boolean).join("\n\n");
    }
    release.id = context.store.nextId(repository);
    repository.data.releases.push(release);
    mark(repository, release, (body.make_latest as string | undefined) ?? "true");
    repository.save();
    const rendered = renderRelease(context, repository, release);
    reply(context, 201, rendered, { location: rendered.url as string });
  });
}

/** Unnamed keys stay as they are, but `make_latest` is "true" when it isn't named, here too. */
export async function updateRelease(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const body = await jsonBody(context, shape);
  await repository.exclusive(async () => {
    const release = releaseOf(context, repository);
    await change(context, repository, release, body);
    mark(repository, release, (body.make_latest as string | undefined) ?? "true");
    repository.save();
    reply(context, 200, renderRelease(context, repository, release));
  });
}

/** The tag stays. That of an immutable release can never be used again. */
export async function deleteRelease(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  await repository.exclusive(async () => {
    const release = releaseOf(context, repository);
    const { data } = repository;
    data.releases = data.releases.filter((one) => one !== release);
    if (data.latest === release.id) data.latest = null;
    repository.save();
    if (release.immutable) await writeHook(repository);
    for (const asset of release.assets) await rm(repository.assetFile(asset.id), { force: true });
    reply(context, 204);
  });
}

/**
 * Brings a release to what the body asks, or throws and leaves it as it was.
 *
 * @throws HttpError 422 with what GitHub finds wrong.
 */
async function change(
  context: Context,
  repository: Repository,
  release: Release,
  body: Record<string, unknown>,
): Promise<void> {
  const next: Release = { ...release };
  if (typeof body.tag_name === "string") next.tag = body.tag_name;
  if (typeof body.target_commitish === "string") next.target = body.target_commitish;
  if (body.name !== undefined) next.name = body.name as string | null;
  if (body.body !== undefined) next.body = body.body as string | null;
  if (typeof body.draft === "boolean") next.draft = body.draft;
  if (typeof body.prerelease === "boolean") next.prerelease = body.prerelease;
  if (release.immutable && (next.tag !== release.tag || next.draft)) {
    throw apiError(422, "Cannot change the tag of an immutable release, or make it a draft again.");
  }
  if (!isRefName(`refs/tags/${next.tag}`)) {
    throw invalid({ resource: "Release", code: "custom", field: "tag_name", message: "tag_name is not well-formed" });
  }
  if (body.make_latest === "true" && (next.draft || next.prerelease)) {
    throw invalid({ resource: "Release", code: "custom", message: "Latest release cannot be draft or prerelease." });
  }
  next.target ||= await defaultBranch(repository.git);
  const moved = next.tag !== release.tag || next.target !== release.target || next.draft !== release.draft;
  if (moved) await place(repository, release, next);
  const publishing = release.draft && !next.draft;
  if (publishing) {
    next.publishedAt = iso(context.now());
    next.immutable = repository.data.immutableReleases;
  }
  if (next.draft) next.publishedAt = null;
  next.updatedAt = iso(context.now());
  Object.assign(release, next);
  if (publishing && release.immutable) {
    repository.data.spentTags.push(release.tag);
    await writeHook(repository);
  }
}

/** Finds the commit of a release, and makes its tag where a published one has none yet. */
async function place(repository: Repository, release: Release, next: Release): Promise<void> {
  const { releases, spentTags } = repository.data;
  if (!next.draft) {
    if (releases.some((one) => one !== release && !one.draft && one.tag === next.tag)) {
      throw invalid({ resource: "Release", code: "already_exists", field: "tag_name" });
    }
    if (spentTags.includes(next.tag) && !release.immutable) {
      throw invalid({
        resource: "Release",
        code: "custom",
        field: "tag_name",
        message: "tag_name was used by an immutable release",
      });
    }
  }
  const tagged = await commitOf(repository.git, `refs/tags/${next.tag}`);
  const commit = tagged ?? (await commitOf(repository.git, next.target));
  if (!commit) {
    if (!(await commitOf(repository.git, "HEAD"))) throw apiError(422, "Repository is empty.");
    throw invalid({ resource: "Release", code: "invalid", field: "target_commitish" });
  }
  next.createdAt = (await readCommit(repository.git, commit)).committer.date;
  if (tagged || next.draft) return;
  // git refuses a tag `v1/x` beside a tag `v1`: one would be a file and the other its folder.
  await git(repository.git, ["update-ref", `refs/tags/${next.tag}`, commit, ""]).catch(() => {
    throw invalid({ resource: "Release", code: "custom", message: "Published releases must have a valid tag" });
  });
}

/** The release that the path names by id. @throws HttpError 404, for drafts also where the asker can't write. */
export function releaseOf(context: Context, repository: Repository): Release {
  const release = repository.data.releases.find((one) => String(one.id) === context.params.id);
  if (!release || (release.draft && !mayWrite(context))) throw notFound();
  return release;
}
