import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** Makes a repository's `.twotier`, which git is to leave alone. */
export async function makeOwnFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, ".gitignore"), "*\n");
}
