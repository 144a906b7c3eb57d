import type { Io, Undo, UndoAction } from "../../core/target.ts";
import type { Credentials } from "./auth.ts";
import type { OciClient } from "./client.ts";
import { isDigest, splitId } from "./reference.ts";
import { deleteTag } from "./retract.ts";

/**
 * Taking back images: a candidate's tags are deleted. A stable version's tag stays for those who deploy it by name;
 * what everybody follows is `latest`, a pointer.
 */
export function dockerUndo(client: OciClient, credentials: Credentials | undefined): Undo {
  /** Tags that the registry didn't let go when it was asked. */
  const refused = new Set<string>();
  return {
    async plan(items, { tier }, io) {
      const tags = items.filter((item) => !isDigest(splitId(item.id).reference));
      return Promise.all(
        tags.map(async ({ id }): Promise<UndoAction> => {
          const { repository, reference } = splitId(id);
          const action = (state: UndoAction["state"], text: string): UndoAction => {
            return { target: "docker", id, way: "delete", state, text };
          };
          if ((await client.head(repository, reference, io)) === null) return action("done", "isn't there");
          if (tier === "production") {
            return action("kept", "stays for those who deploy it by this tag, which is never moved");
          }
          if (!refused.has(id)) return action("todo", "delete the tag");
          const where = client.registry.hub
            ? `https://hub.docker.com/r/${repository}/tags`
            : `the web pages of ${client.registry.host}`;
          return action(
            "manual",
            `the registry doesn't delete it over its API (or it is immutable): delete it at ${where}`,
          );
        }),
      );
    },
    async run({ id }, _about, io: Io) {
      const { repository, reference } = splitId(id);
      if (!(await deleteTag(client, repository, reference, credentials, io))) refused.add(id);
    },
  };
}
