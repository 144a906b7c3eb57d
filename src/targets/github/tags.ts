/** Tags of the repository and the versions they stand for. */
export interface TagNames {
  tagOf(version: string): string;
  /** SemVer, or null for a tag that isn't one of ours. */
  versionOf(tag: string): string | null;
}

/** SemVer 2.0 without build metadata (semver.org), as twotier numbers releases. */
const semver = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[a-z]+\.[1-9]\d*)?$/;

/** @param template with `{version}` once, e.g. `v{version}` (twotier.yaml, `version.tag`) */
export function tagNames(template: string): TagNames {
  const at = template.indexOf("{version}");
  const before = template.slice(0, at);
  const after = template.slice(at + "{version}".length);
  return {
    tagOf: (version) => `${before}${version}${after}`,
    versionOf(tag) {
      if (!tag.startsWith(before) || !tag.endsWith(after)) return null;
      const version = tag.slice(before.length, tag.length - after.length);
      return semver.test(version) ? version : null;
    },
  };
}
