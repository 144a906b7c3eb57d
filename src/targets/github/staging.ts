import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { retrying } from "../../core/retry.ts";
import type { Io, ReleaseContext, Staging } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { HttpResponse } from "../../lib/http.ts";
import { type Api, hasStatus } from "./api.ts";
import type { Place } from "./place.ts";
import { asRelease, downloadAsset, listReleases, releaseById, releaseId } from "./releases.ts";

/** What a release says about itself on GitHub. */
export interface Presentation {
  title: string;
  /** Markdown */
  body: string;
}

/** Drafts as the hidden place: their assets are the release's files. */
export function createStaging(
  api: Api,
  place: Place,
  context: () => ReleaseContext,
  presentation: () => Presentation,
): Staging {
  // Listings lag behind: what this process made or was told of is known anyway.
  const known = new Set<string>();

  function use(id: string): string {
    place.draft = releaseId(id);
    place.seen = undefined;
    known.add(id);
    return id;
  }

  async function create(io: Io): Promise<string> {
    const release = context();
    const { title, body } = presentation();
    // By this a run knows its own draft where the answer got lost; promote replaces the body.
    const mark = `<!-- twotier draft ${randomBytes(8).toString("hex")} -->`;
    const json = {
      tag_name: release.tag,
      target_commitish: release.commit,
      name: title,
      body: `${body}\n${mark}\n`,
      draft: true,
      prerelease: release.tier === "staging",
      make_latest: "false", // defaults to true (docs.github.com/rest/releases/releases)
    };
    let sent = false;
    const post = async (withCommit: boolean): Promise<HttpResponse> => {
      try {
        const { target_commitish: _, ...rest } = json;
        return await api.send({ path: "/releases", method: "POST", json: withCommit ? json : rest }, io);
      } catch (error) {
        // Before the seal no branch and no tag holds the commit. Where GitHub minds, promote names it, after the seal.
        const refused = hasStatus(error, 422) && /target_commitish/.test(error.facts.errors ?? "");
        if (refused && withCommit) return await post(false);
        throw error;
      }
    };
    return await retrying(`github: making a draft of ${release.tag}`, io, async () => {
      const mine = sent ? (await listReleases(api, io)).find((one) => one.draft && one.body.includes(mark)) : undefined;
      if (mine) return use(String(mine.id));
      sent = true;
      const response = await post(true);
      const draft = asRelease(await response.json(), "the new draft");
      if (!draft.draft || draft.tag !== release.tag) {
        throw new ReleaseError("REGISTRY", `GitHub made something else than a draft of ${release.tag}`, {
          facts: { tag: draft.tag, draft: String(draft.draft) },
          hint: "check that GITHUB_API_URL points at GitHub's API",
        });
      }
      return use(String(draft.id));
    });
  }

  async function list(io: Io): Promise<string[]> {
    const { tag } = context();
    const all = await listReleases(api, io);
    const listed = all.filter((one) => one.draft && one.tag === tag).map((one) => `${one.id}`);
    // One that is listed as published is a draft no more.
    const unlisted = [...known].filter((id) => !all.some((one) => `${one.id}` === id));
    const found = await Promise.all(unlisted.map(async (id) => (await releaseById(api, id, io))?.release));
    return [...listed, ...unlisted.filter((_, index) => found[index]?.draft && found[index].tag === tag)];
  }

  async function discard(id: string, io: Io): Promise<void> {
    const release = (await releaseById(api, id, io))?.release;
    if (release !== undefined) {
      if (!release.draft || release.tag !== context().tag) {
        throw new ReleaseError(
          "REFUSED",
          `release ${id} of ${api.options.repository} is no draft of ${context().tag}`,
          {
            facts: { tag: release.tag, draft: String(release.draft) },
            hint: "published releases are only taken back by `twotier rollback`",
          },
        );
      }
      const path = `/releases/${releaseId(id)}`;
      (await api.send({ path, method: "DELETE", ok: [204, 404] }, io)).discard();
    }
    known.delete(id);
    if (place.draft === id) place.draft = undefined;
    place.seen = undefined;
  }

  return {
    holdsAssets: true,
    create,
    use: (id) => void use(id),
    list: (io) => retrying("github: listing drafts", io, () => list(io)),
    discard: (id, io) => retrying(`github: deleting draft ${id}`, io, () => discard(id, io)),
    async fetch(name, to, io) {
      const snapshot = await place.look(io);
      const asset = snapshot?.assets.find((one) => one.name === name && one.state === "uploaded");
      if (asset === undefined) {
        throw new ReleaseError("REGISTRY", `the GitHub release of ${context().tag} doesn't hold ${name}`, {
          hint: "build it again: only a rebuild with the very same digests can take its place",
        });
      }
      const file = createWriteStream(to);
      const closed = finished(file);
      closed.catch(() => {});
      try {
        await downloadAsset(api, asset, io, async (chunk) => {
          if (!file.write(chunk)) await Promise.race([once(file, "drain", { signal: io.signal }), closed]);
        });
        file.end();
        await closed;
      } catch (error) {
        file.destroy();
        if (error instanceof ReleaseError || io.signal.aborted) throw error;
        throw new ReleaseError("IO", `${to} couldn't be written: ${(error as Error).message}`, { cause: error });
      }
    },
  };
}
