import picomatch from "picomatch";
import { pathMatcher } from "../version/trigger.ts";
import { inputsOf } from "./inputs.ts";
import type { Found, Result, Subject } from "./types.ts";

/** Whether a change of any file that an artifact is built from makes a candidate. That globs match at all, the config check says. */
export async function checkTrigger({
  config,
  resolved,
  tree,
}: Pick<Subject, "config" | "resolved" | "tree">): Promise<Result> {
  const { paths } = config.trigger;
  if (paths.length === 1 && paths[0] === "**") return { found: [], text: "every file" };
  const triggers = pathMatcher(paths);
  // What `!glob` takes away is left out on purpose.
  const away = paths.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1));
  const onPurpose = away.length === 0 ? () => false : picomatch(away, { dot: true, nonegate: true });
  const missed = (files: readonly string[]) => files.filter((file) => !triggers(file) && !onPurpose(file)).sort();

  const { artifacts } = resolved;
  const all = await Promise.all(artifacts.map(async (one) => missed(await inputsOf(one, artifacts, tree))));
  // What several artifacts are built from is one finding.
  const names = new Map<string, string[]>();
  for (const [index, files] of all.entries()) {
    const key = files.join("\n");
    names.set(key, [...(names.get(key) ?? []), artifacts[index]?.name ?? ""]);
  }
  names.delete("");
  const found = [...names].map(([files, built]) => {
    return misses(`${built.join(", ")} ${built.length > 1 ? "are" : "is"} built from`, files.split("\n"));
  });
  const versionFile = config.version.file;
  if (versionFile !== null && (await tree.list()).includes(versionFile) && missed([versionFile]).length > 0) {
    found.push(misses("opens the next line", [versionFile]));
  }
  return { found, text: paths.join(", ") };
}

function misses(how: string, files: readonly string[]): Found {
  const shown = files.slice(0, 3).join(", ");
  const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
  const globs = globsFor(files);
  return {
    code: "trigger-misses",
    level: "warning",
    what: `trigger.paths misses what ${how}: ${shown}${more}`,
    remedy: `add ${globs.map((glob) => JSON.stringify(glob)).join(", ")} to trigger.paths in twotier.yaml (with \`!\` in front, if it is left out on purpose)`,
  };
}

/** One glob for each folder that they are in, at the highest level that tells them apart from the root. */
function globsFor(files: readonly string[]): string[] {
  const globs = new Map<string, string[]>();
  for (const file of files) {
    const top = file.includes("/") ? file.slice(0, file.indexOf("/")) : file;
    globs.set(top, [...(globs.get(top) ?? []), file]);
  }
  return [...globs.values()].map((group) => {
    const [first = ""] = group;
    if (group.length === 1) return first;
    const parts = first.split("/");
    let depth = 1;
    while (
      depth < parts.length - 1 &&
      group.every((file) => file.startsWith(`${parts.slice(0, depth + 1).join("/")}/`))
    )
      depth++;
    return `${parts.slice(0, depth).join("/")}/**`;
  });
}
