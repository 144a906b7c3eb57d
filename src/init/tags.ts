import { compareVersions, parseVersion } from "../version/version.ts";
import type { TagForm } from "./types.ts";

/** A SemVer at a tag's end, with what comes before it: `v`, nothing, `name@`, `dir/v`, `name-v`. */
const versioned = /^(|.*?[^\d.])((?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?)$/;

/**
 * Which forms the tags of a repository have, the one with the most tags first. Other tags (`nightly`, `v1`, `v.0.1.3`)
 * belong to none.
 */
export function tagForms(tags: readonly string[]): TagForm[] {
  const forms = new Map<string, TagForm>();
  for (const tag of tags) {
    const [, prefix, text] = versioned.exec(tag) ?? [];
    if (prefix === undefined || text === undefined || prefix.endsWith(".")) continue;
    const form = forms.get(prefix) ?? {
      template: `${prefix}{version}`,
      prefix,
      count: 0,
      stable: null,
      candidate: null,
    };
    forms.set(prefix, form);
    form.count++;
    const version = parseVersion(text);
    if (!version) continue;
    const kind = version.label === null ? "stable" : "candidate";
    const highest = form[kind];
    if (highest === null || compareVersions(version, highest) > 0) form[kind] = version;
  }
  return [...forms.values()].sort((a, b) => b.count - a.count || (a.prefix < b.prefix ? -1 : 1));
}

/** What tags of a form belong to: everything (`v`, nothing), or what the prefix names. */
export function ownerOf(form: TagForm): string | null {
  const name = form.prefix.replace(/(?:@v?|[-/_]v?|^v)$/, "");
  return name === "" ? null : name;
}
