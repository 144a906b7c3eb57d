/** A path from a folder of the repository, without `./`. */
export function join(dir: string, path: string): string {
  const parts: string[] = dir === "." || dir === "" ? [] : dir.split("/");
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
