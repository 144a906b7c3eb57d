import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { removeTree } from "../build/index.ts";
import { abandonedFolders } from "../lib/temporary.ts";
import type { Job } from "./job.ts";

/**
 * Makes a repository's `.twotier`, which git is to leave alone, and takes away what killed runs of this machine left
 * there and in the folder for temporary files: work trees, builds, objects.
 */
export async function makeOwnFolder({ folder, git }: Pick<Job, "folder" | "git">): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, ".gitignore"), "*\n");
  for (const left of [...(await abandonedFolders(folder)), ...(await abandonedFolders(tmpdir()))]) {
    await removeTree(left);
    // The repository knows work trees by their paths, gone ones too: git refuses to take away one that is half made, as
    // long as it is there. One that was being made is locked, hence --force twice (git-worktree(1)).
    if (path.basename(left).startsWith("tree-")) {
      await git(["worktree", "remove", "--force", "--force", path.join(left, "source")], { ok: [0, 128] });
    }
  }
}
