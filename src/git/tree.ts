import type { Tree } from "../config/types.ts";
import { readObjects } from "./objects.ts";
import type { Git } from "./push.ts";

/** The files of a commit, read without a work tree. */
export function commitTree(git: Git, commit: string): Tree {
  let paths: Promise<readonly string[]> | undefined;
  return {
    async read(path) {
      const [object] = await readObjects(git, [`${commit}:${path}`]);
      return object?.type === "blob" ? object.text : null;
    },
    list() {
      paths ??= git(["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit]).then(({ stdout }) =>
        stdout.split("\0").filter(Boolean),
      );
      return paths;
    },
  };
}
