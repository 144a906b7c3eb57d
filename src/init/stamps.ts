import { folderOf, ignored } from "../config/detect.ts";
import type { Tree } from "../config/types.ts";
import type { ExtraStamp } from "./types.ts";

/** Files that spell the version in most repositories, besides the manifests. */
const usual =
  /(?:^|\/)(?:_?versions?|build_?info|about|constants?)\.(?:go|[cm]?[jt]s|rs|rb|java|kt|cs|swift|dart|hpp?|php|exs?)$|(?:^|\/)(?:__(?:init|version|about)__|_?version)\.py$|(?:^|\/)(?:Dockerfile|Chart\.ya?ml|jsr\.json)$/i;

/**
 * Stamps for files that spell the present version: those where a name with "version" in it is set to it, once. Other places
 * that spell it are told.
 *
 * @param version as it is spelt, e.g. `0.1.18`
 * @param stamped files that are stamped already
 * @param modules folders of Go modules, whose own package may say its version in any of its files
 */
export async function surveyStamps(
  tree: Tree,
  files: readonly string[],
  version: string,
  stamped: ReadonlySet<string>,
  modules: readonly string[],
): Promise<{ stamps: ExtraStamp[]; notes: string[] }> {
  const stamps: ExtraStamp[] = [];
  const unsure: string[] = [];
  const isOwn = (file: string) => /(?<!_test)\.go$/.test(file) && modules.includes(folderOf(file));
  const wanted = files.filter((file) => (usual.test(file) || isOwn(file)) && !ignored.test(file) && !stamped.has(file));
  const texts = await Promise.all(wanted.map((file) => tree.read(file)));
  const exact = version.replaceAll(".", "\\.");
  const token = new RegExp(`(?<![\\w.-])v?${exact}(?![\\w.-])`, "g");
  const setting = new RegExp(
    `([A-Za-z_][\\w.-]*["']?\\s*(?::\\s*\\w+\\s*)?(?::=|=|:)\\s*["'\`])(v?)${exact}(["'\`])`,
    "g",
  );
  for (const [at, file] of wanted.entries()) {
    const text = texts[at] ?? "";
    if (text.search(token) < 0) continue;
    if (/Chart\.ya?ml$/.test(file)) {
      const own = [...text.matchAll(/^(?:version|appVersion)\s*:\s*["']?([^\s"'#]+)/gm)].map((match) => match[1]);
      if (own.every((one) => one === version)) stamps.push({ file });
      else unsure.push(file);
      continue;
    }
    const found = [...text.matchAll(setting)].filter((match) => /version/i.test(match[1] as string));
    const [first] = found;
    if (found.length === 1 && first && (text.match(token) ?? []).length === 1 && !(first[1] as string).includes("\n"))
      stamps.push({ file, pattern: `${first[1]}${first[2]}{version}${first[3]}` });
    else unsure.push(file);
  }
  const notes =
    unsure.length > 0
      ? [
          `${unsure.join(", ")} also ${unsure.length > 1 ? "spell" : "spells"} ${version}, and nothing stamps it: see version.stamp`,
        ]
      : [];
  return { stamps, notes };
}
