import { ReleaseError } from "../../lib/errors.ts";
import { parseVersion } from "../../version/version.ts";

/** A Go module of the repository. */
export interface GoModule {
  /** Its folder, "." for the root. */
  dir: string;
  /** Its path, as go.mod says it: `github.com/hanzoai/playground/sdk/go` */
  module: string;
}

/**
 * What stands before `vX.Y.Z` in a module's tags: `sdk/go/`, or nothing at the root. A folder that only holds a major version
 * (`sdk/go/v2`, with a path that ends so) isn't part of it (https://go.dev/ref/mod#vcs-version).
 */
export function tagPrefix({ dir, module }: GoModule): string {
  const major = /\/(v\d+)$/.exec(module)?.[1];
  const parts = dir === "." ? [] : dir.split("/");
  if (major !== undefined && parts.at(-1) === major) parts.pop();
  return parts.map((part) => `${part}/`).join("");
}

/** Why `go get` couldn't use this module at this version, and what to do; null when it can. */
export function pathProblem(
  { dir, module }: GoModule,
  version: string,
  repository: string,
): { message: string; hint: string } | null {
  const major = parseVersion(version)?.major ?? 0;
  const suffix = Number(/[/.]v(\d+)$/.exec(module)?.[1] ?? 1);
  // https://go.dev/ref/mod#major-version-suffixes
  if (Math.max(major, 1) !== suffix) {
    const right = `${module.replace(/\/v\d+$/, "")}${major > 1 ? `/v${major}` : ""}`;
    return {
      message: `Go refuses ${version} of ${module}: the module's path must match its major version`,
      hint: `write \`module ${right}\` in ${dir}/go.mod, and the same in every import of it`,
    };
  }
  // Only paths on github.com say where they are; others are looked up in a page that their owner keeps.
  const where = `github.com/${repository}${dir === "." ? "" : `/${dir}`}`.replace(/\/v\d+$/, "");
  const given = module.replace(/\/v\d+$/, "");
  if (module.startsWith("github.com/") && given.toLowerCase() !== where.toLowerCase()) {
    return {
      message: `Go looks for ${module} somewhere else than in ${repository}, folder ${dir}`,
      hint: `write \`module ${where}${suffix > 1 ? `/v${suffix}` : ""}\` in ${dir}/go.mod, or leave it out of the artifacts`,
    };
  }
  return null;
}

/**
 * The module whose tag this is.
 *
 * @throws ReleaseError REGISTRY for any other text: ids come from seals, which anybody with push rights can write
 */
export function moduleOfTag(modules: readonly GoModule[], tag: string): { module: GoModule; version: string } {
  for (const module of modules) {
    const start = `${tagPrefix(module)}v`;
    if (tag.startsWith(start) && parseVersion(tag, start.length)) return { module, version: tag.slice(start.length) };
  }
  throw new ReleaseError("REGISTRY", `${JSON.stringify(tag)} is no tag of a Go module of this repository`, {
    hint: "the seal was not written by twotier, or twotier.yaml names other modules now; read it with `git show TAG`",
  });
}
