import type { Undo, UndoAction } from "../../core/target.ts";
import type { Api } from "./api.ts";
import type { Place } from "./place.ts";

/**
 * Taking back a release page: a candidate's is deleted, a stable version's is marked as a pre-release, so that its
 * downloads stay for those who count on them. Without its tag a release would be a draft again, so it goes with it.
 */
export function githubUndo(api: Api, place: Place): Undo {
  return {
    async plan(_items, { tag, tier, deleteTag }, io) {
      const release = (await place.look(io))?.release;
      const action = (way: "delete" | "demote", state: UndoAction["state"], text: string): UndoAction[] => [
        { target: "github", id: tag, way, state, text },
      ];
      if (!release) return action("delete", "done", "has no release page");
      const final = release.immutable ? "; it is immutable: its tag's name can never be used again" : "";
      if (tier === "staging" || deleteTag || release.draft) {
        return action("delete", "todo", `delete the ${release.prerelease ? "pre-release" : "release"}${final}`);
      }
      if (release.prerelease) return action("demote", "done", "is marked as a pre-release");
      const stays = release.immutable ? "; its assets and its tag are immutable and stay" : "";
      return action("demote", "todo", `mark the release as a pre-release${stays}`);
    },
    async run({ way }, _about, io) {
      const release = (await place.look(io))?.release;
      if (!release) return;
      const path = `/releases/${release.id}`;
      const request =
        way === "delete"
          ? { path, method: "DELETE", ok: [204, 404] }
          : // "Drafts and prereleases cannot be set as latest", and make_latest defaults to true (GitHub's REST docs)
            { path, method: "PATCH", json: { prerelease: true, make_latest: "false" } };
      (await api.send(request, io)).discard();
    },
  };
}
