import { send } from "../server.ts";
import { type Context, notFound, publicRepositoryOf } from "./context.ts";
import { storageUrl } from "./files.ts";
import { commitOf, readFileAt } from "./git.ts";
import { latestRelease, publishedByTag, sorted } from "./latest.ts";
import { downloadUrl, releasePage } from "./render.ts";

/** `/OWNER/REPO/releases/download/TAG/NAME`: what is published, for everybody. A tag may hold slashes, encoded or not. */
export async function downloadAsset(context: Context): Promise<void> {
  const repository = publicRepositoryOf(context);
  const parts = (context.params.rest ?? "").split("/");
  const name = parts.pop();
  const release = publishedByTag(repository, parts.join("/"));
  const asset = release?.assets.find((one) => one.name === name && one.state === "uploaded");
  if (!asset) throw notFound();
  redirect(context, storageUrl(context, asset));
}

/** `/OWNER/REPO/releases/latest/download/NAME` leads to the address with the tag, as GitHub's does. */
export async function downloadLatest(context: Context): Promise<void> {
  const repository = publicRepositoryOf(context);
  const release = latestRelease(repository);
  if (!release) throw notFound();
  const base = `${context.web}/${repository.fullName}/releases/download/${encodeURIComponent(release.tag)}`;
  redirect(context, `${base}/${encodeURIComponent(context.params.name ?? "")}`);
}

/** `/OWNER/REPO/releases/latest` leads to that release's page; without one, to the list. */
export async function latestPage(context: Context): Promise<void> {
  const repository = publicRepositoryOf(context);
  const release = latestRelease(repository);
  const list = `${context.web}/${repository.fullName}/releases`;
  redirect(context, release ? releasePage(context, repository, release) : list);
}

/** A release's page: just enough for a person who follows a link. */
export async function releaseHtml(context: Context): Promise<void> {
  const repository = publicRepositoryOf(context);
  const release = publishedByTag(repository, context.params.tag ?? "");
  if (!release) throw notFound();
  const assets = release.assets.map(
    (one) => `<li><a href="${downloadUrl(context, repository, release, one)}">${escaped(one.name)}</a></li>`,
  );
  const title = escaped(release.name || release.tag);
  send(
    context.response,
    200,
    `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><pre>${escaped(release.body ?? "")}</pre><ul>${assets.join("")}</ul>\n`,
    { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'" },
  );
}

/** `/OWNER/REPO/releases.atom`: the ten newest, prereleases included (RFC 4287). */
export async function releasesAtom(context: Context): Promise<void> {
  const repository = publicRepositoryOf(context);
  const list = `${context.web}/${repository.fullName}/releases`;
  const published = sorted(repository).filter((one) => !one.draft);
  const entries = published.slice(0, 10).map((release) => {
    const id = `tag:github.com,2008:Repository/${repository.data.id}/${release.tag}`;
    return [
      "  <entry>",
      `    <id>${escaped(id)}</id>`,
      `    <updated>${release.updatedAt}</updated>`,
      `    <link rel="alternate" type="text/html" href="${escaped(releasePage(context, repository, release))}"/>`,
      `    <title>${escaped(release.name || release.tag)}</title>`,
      `    <content type="html">${escaped(escaped(release.body ?? ""))}</content>`,
      "  </entry>",
    ].join("\n");
  });
  const feed = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-US">',
    `  <id>tag:github.com,2008:${escaped(list)}</id>`,
    `  <link type="text/html" rel="alternate" href="${escaped(list)}"/>`,
    `  <link type="application/atom+xml" rel="self" href="${escaped(list)}.atom"/>`,
    `  <title>Release notes from ${escaped(repository.data.name)}</title>`,
    `  <updated>${published[0]?.updatedAt ?? repository.data.createdAt}</updated>`,
    ...entries,
    "</feed>",
    "",
  ].join("\n");
  send(context.response, 200, feed, { "content-type": "application/atom+xml; charset=utf-8" });
}

/** `/OWNER/REPO/raw/REF/PATH`: a file's bytes. A ref may hold slashes: the shortest one that exists and has the file. */
export async function rawFile(context: Context): Promise<void> {
  const repository = publicRepositoryOf(context);
  const parts = (context.params.rest ?? "").split("/");
  for (let length = 1; length < parts.length; length++) {
    const commit = await commitOf(repository.git, parts.slice(0, length).join("/"));
    const bytes = commit && (await readFileAt(repository.git, commit, parts.slice(length).join("/")));
    if (bytes) {
      return send(context.response, 200, bytes, {
        "content-type": bytes.includes(0) ? "application/octet-stream" : "text/plain; charset=utf-8",
        "x-content-type-options": "nosniff",
        "cache-control": "max-age=300",
        etag: `W/"${commit}"`,
      });
    }
  }
  throw notFound();
}

function redirect(context: Context, location: string): void {
  send(context.response, 302, undefined, { location, "cache-control": "no-cache" });
}

/** Text for XML and HTML. Characters that XML 1.0 forbids are left out. */
function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "").replace(/[&<>"']/g, (one) => entities[one] as string);
}
