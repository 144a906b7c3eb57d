import semver from "semver";
import type { ReleaseContext } from "../../core/target.ts";

export interface TagTemplates {
  staging: readonly string[];
  production: readonly string[];
}

/** `v{version}` for a release. Also `{major}`, `{minor}`, `{patch}` and `{commit}` (12 hex digits). */
export function renderTag(template: string, release: Pick<ReleaseContext, "version" | "commit">): string {
  const version = semver.parse(release.version);
  const { major, minor, patch } = version ?? { major: "", minor: "", patch: "" };
  const values: Record<string, string> = {
    version: release.version,
    ...{ major: String(major), minor: String(minor), patch: String(patch) },
    commit: release.commit.slice(0, 12),
  };
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

/** True where the template gives every release a name of its own. */
export function isVersioned(template: string): boolean {
  return /\{(version|commit)\}/.test(template);
}

/** The templates that can be read back: those with `{version}`. */
export function versionTemplates(tags: TagTemplates): string[] {
  return [...new Set([...tags.production, ...tags.staging])].filter((template) => template.includes("{version}"));
}

/** The version (SemVer) that a tag names by one of the templates; undefined for other tags. */
export function versionOfTag(tag: string, tags: TagTemplates): string | undefined {
  for (const template of versionTemplates(tags)) {
    const pattern = template
      .split("{version}")
      .map((part) =>
        part
          .split(/\{\w+\}/)
          .map(escaped)
          .join("[A-Za-z0-9._-]+"),
      )
      .join("(.+)");
    const version = new RegExp(`^${pattern}$`).exec(tag)?.[1];
    if (version !== undefined && semver.valid(version) === version) return version;
  }
  return undefined;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
