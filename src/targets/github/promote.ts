import type { Io, ReleaseContext } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Api } from "./api.ts";
import type { Place } from "./place.ts";
import type { Presentation } from "./staging.ts";

/**
 * Makes the draft the public release of its tag, never "latest": that is a pointer, written last.
 * Looks before it sends, so it may be called again when an answer got lost.
 *
 * @throws ReleaseError REGISTRY when there is nothing to publish, or when it can't be read back as asked (retryable).
 */
export async function promoteDraft(
  api: Api,
  place: Place,
  context: ReleaseContext,
  { title, body }: Presentation,
  io: Io,
): Promise<void> {
  const prerelease = context.tier === "staging";
  const before = await place.look(io);
  if (before === null) {
    throw new ReleaseError("REGISTRY", `GitHub has neither a draft nor a release of ${context.tag}`, {
      hint: `run \`twotier release --resume ${context.tag}\``,
    });
  }
  const { id, draft } = before.release;
  if (!draft && before.release.prerelease === prerelease) return;
  const response = await api.send(
    {
      path: `/releases/${id}`,
      method: "PATCH",
      json: {
        ...(draft ? { tag_name: context.tag, target_commitish: context.commit, name: title, body, draft: false } : {}),
        prerelease,
        make_latest: "false", // defaults to true, also on PATCH (docs.github.com/rest/releases/releases)
      },
    },
    io,
  );
  response.discard();
  const after = await place.look(io);
  if (after && !after.release.draft && after.release.prerelease === prerelease) return;
  throw new ReleaseError("REGISTRY", `GitHub doesn't show the release ${context.tag} as published yet`, {
    facts: { draft: String(after?.release.draft), prerelease: String(after?.release.prerelease) },
    retryable: true,
    hint: `run \`twotier release --resume ${context.tag}\` in a while`,
  });
}
