import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Io } from "../../core/target.ts";
import type { Git } from "../../git/push.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/hash.ts";
import type { SiteStore, StoredFile } from "./store.ts";

/**
 * A folder of this machine that a web server serves. Files are put by a rename; one that must not be there yet, by a link, which
 * fails where it is. A replaced file is compared just before its rename, as well as a file system can; a run that is overtaken in
 * between is found when pointers are looked at once more at its end.
 *
 * @param place absolute, or from the root of the repository
 */
export function folderStore(place: string, git: Git): SiteStore {
  let root: Promise<string> | undefined;
  const folderOf = () => (root ??= resolve(place, git));

  const read = async (file: string, io: Io): Promise<StoredFile | null> => {
    io.signal.throwIfAborted();
    const at = path.join(await folderOf(), file);
    try {
      const bytes = await readFile(at);
      return { bytes, mark: digestOf(bytes) };
    } catch (cause) {
      if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return null;
      throw failed(`${at} couldn't be read`, cause);
    }
  };

  return {
    place,
    read,

    async write(changes, _about, io) {
      for (const { file, expect } of changes) {
        const to = path.join(await folderOf(), file.path);
        const part = `${to}.${randomUUID()}.part`;
        try {
          await mkdir(path.dirname(to), { recursive: true });
          const now = await read(file.path, io);
          if ((now?.mark ?? null) !== expect) return "lost";
          await writeFile(part, file.text, { mode: 0o644 });
          if (expect === null) {
            await link(part, to);
            await rm(part);
          } else await rename(part, to);
        } catch (cause) {
          await rm(part, { force: true }).catch(() => {});
          if ((cause as NodeJS.ErrnoException).code === "EEXIST") return "lost";
          throw failed(`${to} couldn't be written`, cause);
        }
      }
      return "done";
    },

    async folders() {
      const folder = await folderOf();
      try {
        const entries = await readdir(folder, { withFileTypes: true });
        return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw failed(`${folder} couldn't be read`, cause);
      }
    },

    // What the web server makes of it is its own affair.
    fetch: async (file, io) => (await read(file, io))?.bytes ?? null,

    async preflight() {
      const folder = await folderOf();
      for (let one = folder; ; one = path.dirname(one)) {
        try {
          await access(one, constants.W_OK | constants.X_OK);
          return [];
        } catch (cause) {
          const { code } = cause as NodeJS.ErrnoException;
          if (code === "ENOENT" && path.dirname(one) !== one) continue;
          const why = code === "ENOTDIR" ? "it is below a file" : `${one}: ${code}`;
          return [
            {
              level: "error",
              topic: "place",
              target: "site",
              message: `${folder} can't be written: ${why}`,
              hint: "name a folder that this user may write under targets.site.folder, or make it: mkdir, chown",
            },
          ];
        }
      }
    },
  };
}

async function resolve(place: string, git: Git): Promise<string> {
  if (path.isAbsolute(place)) return place;
  return path.resolve((await git(["rev-parse", "--show-toplevel"])).stdout.trim(), place);
}

function failed(message: string, cause: unknown): ReleaseError {
  if (cause instanceof ReleaseError) return cause;
  const { code, message: text } = cause as NodeJS.ErrnoException;
  return new ReleaseError("IO", message, {
    cause,
    facts: { because: code ?? text },
    hint: "check the folder's owner and mode, and the space that is left",
  });
}
