import type { Page } from "../../core/target.ts";
import type { Api } from "./api.ts";
import type { Place } from "./place.ts";
import { latestRelease } from "./releases.ts";

/** The text of a release that is public; an immutable one's may change too (docs.github.com, "Immutable releases"). */
export function createPage(api: Api, place: Place): Page {
  return {
    async read(io) {
      const release = (await place.look(io))?.release;
      return release === undefined || release.draft ? null : release.body;
    },
    async write(body, io) {
      const release = (await place.look(io))?.release;
      if (release === undefined || release.draft) return;
      const latest = !release.prerelease && (await latestRelease(api, io))?.id === release.id;
      // It stays what it is: make_latest defaults to true, also on PATCH (docs.github.com/rest/releases/releases).
      const json = { body, make_latest: String(latest) };
      (await api.send({ path: `/releases/${release.id}`, method: "PATCH", json }, io)).discard();
    },
  };
}
