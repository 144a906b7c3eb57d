import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Tree } from "../config/types.ts";
import { gitIn } from "./git.ts";

/** The files of a folder as they are now, but for what git ignores. */
export function folderTree(dir: string, signal?: AbortSignal): Tree {
  const git = gitIn(dir, { signal });
  let paths: Promise<readonly string[]> | undefined;
  return {
    read: (file) => readFile(path.join(dir, file), "utf8").catch(() => null),
    list() {
      paths ??= git(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).then(({ stdout }) =>
        stdout.split("\0").filter(Boolean),
      );
      return paths;
    },
  };
}
