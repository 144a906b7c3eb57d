import type { Io } from "../../core/target.ts";
import type { Digest } from "../../lib/hash.ts";
import { sharedRequests } from "../../lib/shared-requests.ts";
import type { Api } from "./api.ts";
import { type Asset, downloadAsset, releaseById, releaseByTag, type Snapshot } from "./releases.ts";

/** The release on GitHub that this run works on: the draft in use, published meanwhile or not, else the published one of its tag. */
export interface Place {
  /** Id of the draft in use. */
  draft: string | undefined;
  /** That release with its assets; null where there is none. */
  look(io: Io): Promise<Snapshot | null>;
  /** What the last look saw. It may have changed since: what is sent on its word alone, GitHub must refuse then. */
  seen: Snapshot | null | undefined;
  /** sha256 of an asset: GitHub's own, or of its downloaded bytes where the server states none. */
  digestOf(asset: Asset, io: Io): Promise<Digest>;
}

export function createPlace(api: Api, tag: () => string): Place {
  const share = sharedRequests();
  const downloaded = new Map<number, Promise<Digest>>();

  async function look(io: Io): Promise<Snapshot | null> {
    // By its id first: GitHub finds no draft by its tag, and a release that was just published only after a while.
    const used = place.draft === undefined ? null : await releaseById(api, place.draft, io);
    return used?.release.tag === tag() ? used : await releaseByTag(api, tag(), io);
  }

  const place: Place = {
    draft: undefined,
    seen: undefined,
    // Many items are observed side by side: they share one look.
    look: (io) =>
      share("", async () => {
        place.seen = await look(io);
        return place.seen;
      }),
    digestOf(asset, io) {
      if (asset.digest !== null) return Promise.resolve(asset.digest);
      // An asset's bytes never change under its id.
      let digest = downloaded.get(asset.id);
      if (digest === undefined) {
        digest = downloadAsset(api, asset, io);
        downloaded.set(asset.id, digest);
        digest.catch(() => downloaded.delete(asset.id));
      }
      return digest;
    },
  };
  return place;
}
