import type { PointerStore } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Api } from "./api.ts";
import { latestRelease, releaseByTag } from "./releases.ts";
import type { TagVersions } from "./tags.ts";

/** GitHub's "latest release": the one `/releases/latest/download/NAME` serves. */
export function createLatest(api: Api, tags: TagVersions): PointerStore {
  return {
    async read(_name, io) {
      const latest = await latestRelease(api, io);
      return latest === null ? null : tags.versionOf(latest.tag);
    },
    async write(pointer, io) {
      const tag = tags.tagOf(pointer.version);
      const release = (await releaseByTag(api, tag, io))?.release;
      if (release === undefined) {
        throw new ReleaseError("REGISTRY", `GitHub has no published release ${tag} that could become the latest`, {
          hint: `run \`twotier release --resume ${tag}\``,
        });
      }
      if (release.prerelease) {
        // docs.github.com/rest/releases/releases: "Drafts and prereleases cannot be set as latest."
        throw new ReleaseError("REFUSED", `${tag} is a prerelease on GitHub, which can't become the latest release`, {
          hint: "only production releases become the latest",
        });
      }
      const path = `/releases/${release.id}`;
      const response = await api.send({ path, method: "PATCH", json: { make_latest: "true" } }, io);
      response.discard();
    },
  };
}
