import type { Tree } from "../config/types.ts";
import { readObjects } from "./objects.ts";
import type { Git } from "./push.ts";

/** The files of a commit, read without a work tree. What is asked for in one turn is read by one call of git. */
export function commitTree(git: Git, commit: string): Tree {
  let paths: Promise<readonly string[]> | undefined;
  let asked: string[] = [];
  let batch: ReturnType<typeof readObjects> | undefined;
  return {
    async read(path) {
      batch ??= Promise.resolve().then(() => {
        const names = asked.map((one) => `${commit}:${one}`);
        [asked, batch] = [[], undefined];
        return readObjects(git, names);
      });
      const place = asked.push(path) - 1;
      const object = (await batch)[place];
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
