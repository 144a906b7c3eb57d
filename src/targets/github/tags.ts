import { tagNames } from "../../version/tags.ts";
import { formatVersion } from "../../version/version.ts";

/** Tags of the repository and the versions they stand for, both as text. */
export interface TagVersions {
  /** @param version as twotier numbers releases */
  tagOf(version: string): string;
  /** Null for a tag that isn't one of ours. */
  versionOf(tag: string): string | null;
}

/** @param template `version.tag` of twotier.yaml */
export function tagVersions(template: string): TagVersions {
  const names = tagNames(template);
  return {
    tagOf: (version) => template.replace("{version}", () => version),
    versionOf(tag) {
      const version = names.version(tag);
      return version === null ? null : formatVersion(version);
    },
  };
}
