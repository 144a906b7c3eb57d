import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { createTwoFilesPatch } from "diff";
import { ReleaseError } from "../lib/errors.ts";

/** A file that is made from twotier.yaml. */
export interface GeneratedFile {
  /** From the repository's root, with slashes. */
  path: string;
  text: string;
  executable?: boolean;
}

/**
 * Writes files that differ, each in one step: a reader sees the old text or the new one.
 *
 * @returns paths of those that were written
 * @throws ReleaseError IO
 */
export async function writeGenerated(dir: string, files: readonly GeneratedFile[]): Promise<string[]> {
  const written: string[] = [];
  for (const file of files) {
    if (await isCurrent(dir, file)) continue;
    const to = path.join(dir, file.path);
    const temporary = `${to}.${process.pid}.tmp`;
    try {
      await mkdir(path.dirname(to), { recursive: true });
      await writeFile(temporary, file.text);
      await chmod(temporary, file.executable ? 0o755 : 0o644);
      await rename(temporary, to);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {});
      throw new ReleaseError("IO", `${file.path} couldn't be written: ${(cause as Error).message}`, {
        cause,
        hint: "check the folder's owner, mode and free space",
      });
    }
    written.push(file.path);
  }
  return written;
}

/** What `writeGenerated` would change, as one unified diff; "" where all is current. */
export async function diffGenerated(dir: string, files: readonly GeneratedFile[]): Promise<string> {
  const patches: string[] = [];
  for (const file of files) {
    const there = await readFile(path.join(dir, file.path), "utf8").catch(() => null);
    if (there !== file.text) {
      const [from, to] = [there === null ? "/dev/null" : `a/${file.path}`, `b/${file.path}`];
      patches.push(createTwoFilesPatch(from, to, there ?? "", file.text, undefined, undefined, { context: 3 }));
    } else if (!(await isCurrent(dir, file))) {
      patches.push(`old mode 100644\nnew mode 100755\n--- a/${file.path}\n+++ b/${file.path}\n`);
    }
  }
  return patches.map((patch) => patch.replace(/^=+\n/, "")).join("");
}

async function isCurrent(dir: string, file: GeneratedFile): Promise<boolean> {
  const at = path.join(dir, file.path);
  const there = await readFile(at, "utf8").catch(() => null);
  if (there !== file.text) return false;
  return !file.executable || ((await stat(at)).mode & 0o111) !== 0;
}
