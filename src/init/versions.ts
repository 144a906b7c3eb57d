import { bump, compareVersions, follows, formatVersion, parseVersion, type Version } from "../version/version.ts";
import { ownerOf } from "./tags.ts";
import type { LeftOut, Package, TagForm } from "./types.ts";

/** Which packages have one version, and where it is said. */
export interface Together {
  packages: Package[];
  leftOut: LeftOut[];
  form: TagForm | null;
  /** What the manifests spell, without its prerelease part; null where none does. */
  spelt: Version | null;
}

/** The line of a manifest's version: `1.4.0`, `1.4.0rc1`, `1.4` -> 1.4.0; null for placeholders (0.0.0). */
export function lineIn(text: string | null): Version | null {
  const [, major, minor, patch = "0"] = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? "") ?? [];
  const line = major === undefined ? null : parseVersion(`${Number(major)}.${Number(minor)}.${Number(patch)}`);
  return line && (line.major || line.minor || line.patch) ? line : null;
}

/**
 * One twotier.yaml has one version. Where packages have several, those are taken that agree with the tags (`v1.4.0`), else
 * with the package at the root, else the most; the others are versioned apart, and left out.
 */
export function oneVersion(packages: readonly Package[], forms: readonly TagForm[], product: string): Together {
  const shared = forms.filter((form) => ownerOf(form) === null);
  const tagged = highest(shared);
  const versions = packages.map((one) => {
    const own = formOf(one, forms);
    const line = lineIn(one.version);
    return { one, own, text: line && formatVersion(line), tagged: own?.stable ? formatVersion(own.stable) : null };
  });
  // What manifests spell decides; tags of one's own only where a package has no manifest that does (a Go module).
  const spells = versions.some(({ text }) => text !== null);
  const said = versions.map((one) => ({ ...one, text: one.text ?? (spells ? null : one.tagged) }));
  const main = mainVersion(said, tagged, product);
  const newest = tagged?.stable ? formatVersion(tagged.stable) : main;
  const why = ({ one, text, tagged: own }: Said): string | null => {
    const name = one.registryName ?? one.artifact.name;
    const apart = text === null ? own !== null && own !== main && own !== newest : text !== main;
    if (apart)
      return `${name} is at ${text ?? own}, not ${main ?? newest}: versioned apart, and one twotier.yaml has one version`;
    // Beside packages that have a version, 0.0.0 is what playgrounds and templates say.
    if (text === null && own === null && spells && /^0\.0\.0/.test(one.version ?? ""))
      return `${name} is at ${one.version}, and the others at ${main}: taken for something that isn't released`;
    return null;
  };
  const together = said.filter((one) => why(one) === null);
  const leftOut = said.flatMap((one) => {
    const reason = why(one);
    return reason === null ? [] : [{ path: one.one.manifest, why: reason }];
  });
  const owned = together.flatMap(({ own }) => own ?? []).sort((a, b) => b.count - a.count);
  const agrees = (form: TagForm) => form.stable !== null && formatVersion(form.stable) === main;
  const form =
    (tagged && agrees(tagged) ? tagged : null) ??
    owned.find(agrees) ??
    shared.find(agrees) ??
    tagged ??
    owned[0] ??
    null;
  const spelt = highestOf(together.flatMap(({ one }) => lineIn(one.version) ?? []));
  return { packages: together.map(({ one }) => one), leftOut, form, spelt };
}

interface Said {
  one: Package;
  /** What its manifest says. */
  text: string | null;
  /** The newest of its own tags. */
  tagged: string | null;
}

/** The version that counts: that of the tags, else of the package at the root, else of the most packages, else of the product's namesake. */
function mainVersion(said: readonly Said[], tagged: TagForm | null, product: string): string | null {
  const count = new Map<string, number>();
  for (const { text } of said) if (text !== null) count.set(text, (count.get(text) ?? 0) + 1);
  const weight = (text: string): number => {
    if (tagged?.stable && formatVersion(tagged.stable) === text) return 3;
    const of = said.filter((one) => one.text === text).map(({ one }) => one);
    if (of.some((one) => one.artifact.dir === ".")) return 2;
    return of.some((one) => isNamed(one, product)) ? 1 : 0;
  };
  const [main = null] = [...count.keys()].sort(
    (a, b) =>
      (Math.max(weight(a), weight(b)) >= 2 ? weight(b) - weight(a) : 0) ||
      (count.get(b) ?? 0) - (count.get(a) ?? 0) ||
      weight(b) - weight(a) ||
      compareVersions(parseVersion(b) as Version, parseVersion(a) as Version),
  );
  return main;
}

/** The form of a package's own tags: by its name in the registry, with or without scope, or by its folder. */
function formOf(one: Package, forms: readonly TagForm[]): TagForm | null {
  const { name, dir = "." } = one.artifact;
  const registry = one.registryName ?? "";
  const names = [
    registry,
    registry.slice(registry.lastIndexOf("/") + 1),
    name,
    dir,
    dir.slice(dir.lastIndexOf("/") + 1),
  ];
  return forms.find((form) => names.includes(ownerOf(form) ?? "")) ?? null;
}

function isNamed({ registryName, artifact }: Package, product: string): boolean {
  return [registryName, registryName?.replace(/^@[^/]+\//, ""), artifact.name].includes(product);
}

function highest(forms: readonly TagForm[]): TagForm | null {
  const [first, ...rest] = forms;
  if (first === undefined) return null;
  return rest.reduce(
    (best, form) => (form.stable && (!best.stable || compareVersions(form.stable, best.stable) > 0) ? form : best),
    first,
  );
}

function highestOf(versions: readonly Version[]): Version | null {
  return versions.reduce<Version | null>(
    (best, one) => (best === null || compareVersions(one, best) > 0 ? one : best),
    null,
  );
}

/**
 * Whether a VERSION file is needed, and what it says: refs alone decide which version comes next, so that manifests
 * which are ahead of the tags (or have none) would be passed over (two-tier.md, "Versions", rule 3).
 */
export function floorFor(
  spelt: Version | null,
  stable: Version | null,
  tag: string,
): { text: string | null; notes: string[] } {
  if (spelt === null) {
    if (stable !== null) return { text: null, notes: [] };
    return {
      text: null,
      notes: [
        "no tag and no manifest says a version: the first release is 0.0.1; a file VERSION with another one begins there",
      ],
    };
  }
  const version = formatVersion(spelt);
  if (stable === null) {
    const name = tag.replace("{version}", version);
    return {
      text: `${version}\n`,
      notes: [
        `no tag says what is released: VERSION says ${version}, as the manifests do, and the first candidate is ${version}-rc.1. If ${version} is released already, tag its commit first: git tag ${name} COMMIT && git push origin ${name}`,
      ],
    };
  }
  if (compareVersions(spelt, stable) <= 0 || version === formatVersion(bump(stable, "patch")))
    return { text: null, notes: [] };
  if (follows(spelt, stable))
    return {
      text: `${version}\n`,
      notes: [
        `the manifests say ${version}, the tags ${formatVersion(stable)}: VERSION says that ${version} comes next`,
      ],
    };
  return {
    text: null,
    notes: [
      `the manifests say ${version}, the tags ${formatVersion(stable)}, and that is more than one step: the next release is ${formatVersion(bump(stable, "patch"))}. If ${version} is released, tag its commit: git tag ${tag.replace("{version}", version)} COMMIT`,
    ],
  };
}
