import type { Io } from "../../core/target.ts";
import type { Digest } from "../../lib/hash.ts";
import type { Api } from "./api.ts";
import { type Asset, downloadAsset, releaseById, releaseByTag, type Snapshot } from "./releases.ts";

/** The release on GitHub that this run works on: the draft in use, published meanwhile or not, else the published one of its tag. */
export interface Place {
  /** Id of the draft in use. */
  draft: string | undefined;
  /** That release with its assets; null where there is none. */
  look(io: Io): Promise<Snapshot | null>;
  /** To be called when a write was answered, so that no look that began before it is taken for the present. */
  changed(): void;
  /** sha256 of an asset: GitHub's own, or of its downloaded bytes where the server states none. */
  digestOf(asset: Asset, io: Io): Promise<Digest>;
}

export function createPlace(api: Api, tag: () => string): Place {
  let writes = 0;
  let looking: { since: number; result: Promise<Snapshot | null> } | undefined;
  const downloaded = new Map<number, Promise<Digest>>();

  async function look(io: Io): Promise<Snapshot | null> {
    // By its id first: GitHub finds no draft by its tag, and a release that was just published only after a while.
    const used = place.draft === undefined ? null : await releaseById(api, place.draft, io);
    return used?.release.tag === tag() ? used : await releaseByTag(api, tag(), io);
  }

  const place: Place = {
    draft: undefined,
    look(io) {
      // Many items are observed side by side: they share one look, unless a write was answered since it began.
      if (looking?.since !== writes) {
        const mine = { since: writes, result: look(io) };
        const forget = () => {
          if (looking === mine) looking = undefined;
        };
        mine.result.then(forget, forget);
        looking = mine;
      }
      return looking.result;
    },
    changed() {
      writes++;
    },
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
