import type { Io, Item, LocalFile, Told } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { readChunks } from "../../lib/file.ts";
import { type Api, hasStatus } from "./api.ts";
import type { Place } from "./place.ts";
import { asAsset, type GithubRelease, type Snapshot } from "./releases.ts";

/**
 * Streams one asset from disk into the release. It goes by what was seen there last, and looks again after any failure:
 * a 502 can leave the asset there, or a `starter` that keeps its name taken (docs.github.com/rest/releases/assets).
 *
 * @returns what GitHub says it holds now; undefined where it doesn't say all of it, so that it must be read back
 * @throws ReleaseError CONFLICT when the release holds other bytes under this name; what the request met otherwise.
 */
export async function uploadAsset(
  api: Api,
  place: Place,
  item: Item,
  file: LocalFile,
  io: Io,
): Promise<Told | undefined> {
  try {
    return await into(place.seen ?? (await place.look(io)));
  } catch (error) {
    place.seen = undefined;
    if (!alreadyExists(error) && !hasStatus(error, 404)) throw error;
    // Another run was first, or took the draft away, since the look: what is there now decides.
    return await into(await place.look(io));
  }

  async function into(snapshot: Snapshot | null): Promise<Told | undefined> {
    if (snapshot === null) {
      throw new ReleaseError("REGISTRY", `there is no GitHub release or draft to put ${item.id} into`, {
        hint: "the draft was deleted; run the same command again to make a new one",
      });
    }
    const { release, assets } = snapshot;
    const there = assets.find((asset) => asset.name === item.id);
    if (there?.state === "uploaded") {
      const found = await place.digestOf(there, io);
      if (found === item.digest) return undefined;
      throw new ReleaseError(
        "CONFLICT",
        `the GitHub release ${release.tag} already holds ${item.id} with other contents`,
        {
          facts: { expected: item.digest, found },
          hint: "an asset is never overwritten: look at the release, find out who put it there, and release the next number",
        },
      );
    }
    if (there !== undefined) await deleteAsset(api, there.id, io);
    return await send(api, release, item, file, io);
  }
}

async function send(api: Api, release: GithubRelease, item: Item, file: LocalFile, io: Io): Promise<Told | undefined> {
  const response = await api.send(
    {
      path: `${uploadAddress(api.options.api, release.uploadUrl)}?name=${encodeURIComponent(item.id)}`,
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: () => readChunks(file.path),
      length: file.size,
      idleTimeout: 300_000, // GitHub is silent while it stores a large file
      onSent: (sent) => io.emit({ type: "progress", target: "github", id: item.id, sent, total: file.size }),
    },
    io,
  );
  const asset = asAsset(await response.json(), `the upload of ${item.id}`);
  const wrong =
    asset.name !== item.id
      ? `GitHub renamed the asset ${item.id}`
      : asset.size !== file.size || (asset.digest ?? item.digest) !== item.digest
        ? `${item.id} arrived at GitHub with other contents`
        : null;
  if (wrong === null) {
    const { state, digest } = asset;
    // Servers before June 2025 state no digest.
    if (state !== "uploaded" || digest === null) return undefined;
    return { state: release.draft ? "staged" : "present", digest };
  }
  // Only what this call just put there is taken away again.
  await deleteAsset(api, asset.id, io);
  throw new ReleaseError("REGISTRY", wrong, {
    facts: {
      expected: `${item.id}, ${file.size} bytes, ${item.digest}`,
      found: `${asset.name}, ${asset.size} bytes, ${asset.digest ?? "no digest"}`,
    },
    hint: "check that the file didn't change while it was sent, then run the same command again",
  });
}

async function deleteAsset(api: Api, id: number, io: Io): Promise<void> {
  await api.send({ path: `/releases/assets/${id}`, method: "DELETE", ok: [200, 204, 404] }, io);
}

/** 422 `already_exists`: another try or another run was first; looking again tells what it put there. */
function alreadyExists(error: unknown): boolean {
  return hasStatus(error, 422) && /already_exists|already exists/i.test(`${error.facts.errors} ${error.facts.github}`);
}

/**
 * The upload address of a release, checked: it comes from the server's answer, and the credential goes there.
 * GitHub's is `uploads.github.com` beside `api.github.com` (likewise `*.ghe.com`), GHES's is a path of the same host.
 *
 * @throws ReleaseError REGISTRY when it is anything else.
 */
export function uploadAddress(api: string, template: string): string {
  // `https://uploads.github.com/repos/o/r/releases/1/assets{?name,label}` (RFC 6570)
  const text = template.endsWith("}") ? template.slice(0, template.lastIndexOf("{")) : template;
  const base = new URL(api);
  const url = URL.canParse(text) ? new URL(text) : null;
  const sibling = base.host.startsWith("api.") ? `uploads.${base.host.slice("api.".length)}` : `uploads.${base.host}`;
  const good =
    url !== null &&
    url.protocol === base.protocol &&
    (url.host === base.host || url.host === sibling) &&
    url.username === "" &&
    url.search === "" &&
    url.hash === "";
  if (good) return url.href;
  throw new ReleaseError("REGISTRY", "GitHub's API names an upload address on another host", {
    facts: { api: base.origin, upload: template.slice(0, 200) },
    hint: "check that GITHUB_API_URL points at GitHub's API; nothing was sent to that address",
  });
}
