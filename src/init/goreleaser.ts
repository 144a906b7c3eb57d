import { parse as parseYaml } from "yaml";
import { cleanPath } from "../config/defaults.ts";
import { inside } from "../config/manifests.ts";
import type { RawArtifact } from "../config/schema.ts";
import type { Tree } from "../config/types.ts";
import { type PushedImage, parseImage } from "./images.ts";
import { asTable, asText } from "./json.ts";
import type { Survey } from "./types.ts";

/** Where GoReleaser's configuration stands (goreleaser.com/customization). */
const places = [
  ".goreleaser.yaml",
  ".goreleaser.yml",
  "goreleaser.yaml",
  "goreleaser.yml",
  ".config/goreleaser.yaml",
  ".config/goreleaser.yml",
];

/** What GoReleaser does that twotier doesn't: said, so that nobody misses it later. */
const elsewhere: Record<string, string> = {
  brews: "a Homebrew formula",
  homebrew_casks: "a Homebrew cask",
  scoops: "a Scoop manifest",
  nfpms: "deb, rpm and apk packages",
  snapcrafts: "a snap",
  aurs: "an AUR package",
  winget: "a winget manifest",
  nix: "a Nix package",
  krews: "a krew plugin",
  chocolateys: "a Chocolatey package",
  signs: "signatures",
  sboms: "SBOMs",
  kos: "images by ko",
  announce: "announcements",
};

export interface GoReleaser extends Survey {
  pushed: PushedImage[];
}

/**
 * Builds and images of a GoReleaser configuration as artifacts, without `ldflags` where it has none; null where there is
 * no configuration.
 *
 * @see https://goreleaser.com/customization/builds/go
 */
export async function readGoReleaser(
  tree: Tree,
  files: readonly string[],
  product: string,
): Promise<GoReleaser | null> {
  const file = places.find((place) => files.includes(place));
  if (file === undefined) return null;
  const found: GoReleaser = { packages: [], leftOut: [], notes: [], stamps: [], pushed: [] };
  let table: Record<string, unknown>;
  try {
    table = asTable(parseYaml((await tree.read(file)) ?? ""));
  } catch (cause) {
    found.leftOut.push({ path: file, why: `can't be read: ${(cause as Error).message.split("\n")[0]}` });
    return found;
  }
  const project = asText(table.project_name) ?? product;
  const builds = Array.isArray(table.builds) && table.builds.length > 0 ? table.builds.map(asTable) : [{}];
  const single: GoRaw[] = [];
  for (const build of builds) {
    const one = readBuild(build, project, found.notes);
    if (one !== null) single.push(one);
  }
  for (const artifact of merged(single, found.notes))
    found.packages.push({
      artifact,
      ...{ target: null, registryName: null, manifest: inside(artifact.dir ?? ".", "go.mod"), version: null },
    });
  const hooks = list(asTable(table.before).hooks).map((hook) => asText(hook) ?? asText(asTable(hook).cmd) ?? "");
  const needed = hooks.filter((hook) => hook !== "" && !/^go (?:mod|vet|test)\b/.test(hook));
  if (needed.length > 0)
    found.notes.push(
      `${file} runs before its builds: ${needed.join("; ")}. twotier doesn't: what that makes must be committed, or the binary be an artifact of type command`,
    );
  for (const entry of list(table.dockers).map(asTable))
    for (const template of list(entry.image_templates)) addImage(String(template), project, file, found.pushed);
  for (const entry of list(table.dockers_v2).map(asTable))
    for (const image of list(entry.images)) addImage(String(image), project, file, found.pushed);
  const missing = Object.keys(elsewhere).filter(
    (key) => list(table[key]).length > 0 || Object.keys(asTable(table[key])).length > 0,
  );
  if (missing.length > 0)
    found.notes.push(
      `${file} also makes ${missing.map((key) => elsewhere[key]).join(", ")}: twotier doesn't; docs/moving-from/goreleaser.md says what to do`,
    );
  found.notes.push(`${file}: assets are raw binaries NAME-OS-ARCH, not archives`);
  return found;
}

type GoRaw = Extract<RawArtifact, { type: "go" }>;

/** Builds of one command for one platform each, called `NAME-OS-ARCH`, are one artifact: its files have that name anyway. */
function merged(builds: readonly GoRaw[], notes: string[]): GoRaw[] {
  const found = new Map<string, GoRaw>();
  for (const build of builds) {
    const { platforms = [] } = build;
    const suffix = new RegExp(`[-_]${(platforms[0] ?? "").replace("/", "[-_]")}$`);
    const name = platforms.length === 1 ? build.name.replace(suffix, "") : build.name;
    const { CC, CXX, ...env } = build.env ?? {};
    if (CC !== undefined || CXX !== undefined)
      notes.push(
        `${build.name}: its C compiler ${CC ?? CXX} isn't taken over: what needs cgo for several platforms is an artifact of type command`,
      );
    const key = JSON.stringify([name, build.dir, build.package, build.ldflags, env]);
    const known = found.get(key);
    if (known) known.platforms = [...(known.platforms ?? []), ...platforms].sort();
    else {
      const { env: _, ...rest } = build;
      found.set(key, { ...rest, name, ...(Object.keys(env).length > 0 ? { env } : {}) });
    }
  }
  return [...found.values()];
}

function readBuild(build: Record<string, unknown>, project: string, notes: string[]): GoRaw | null {
  const builder = asText(build.builder) ?? "go";
  if (builder !== "go" || build.skip === true) return null;
  // What comes after the name, such as `-{{ .Os }}-{{ .Arch }}`, assets have anyway.
  const name =
    fill(asText(build.binary) ?? project, project)
      .replace(/\{\{.*$/s, "")
      .replace(/(?:[-_.](?:linux|darwin|macos|windows))?[-_.]+$/, "") || project;
  const dir = cleanPath(asText(build.dir) ?? ".");
  const main = asText(build.main) ?? ".";
  // `main` may name the file, and may leave out the `./` that go build wants.
  const folder = cleanPath(main.replace(/\/?[^/]*\.go$/, "") || ".");
  const platforms = platformsOf(build);
  const artifact: GoRaw = {
    type: "go",
    name,
    dir,
    package: folder === "." ? "." : `./${folder}`,
    platforms,
  };
  const ldflags = ldflagsOf(build, name, notes);
  if (ldflags !== undefined) artifact.ldflags = ldflags;
  const env = Object.fromEntries(
    list(build.env)
      .map((one) => String(one))
      .filter((one) => /^[A-Za-z_]\w*=[^{]*$/.test(one) && !/^(?:GOOS|GOARCH|GOARM)=/.test(one))
      .map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]),
  );
  // CGO_ENABLED=0 is what the builder sets by itself.
  if (env.CGO_ENABLED === "0") delete env.CGO_ENABLED;
  if (Object.keys(env).length > 0) artifact.env = env;
  const flags = [...list(build.flags), ...list(build.tags).map((tag) => `-tags=${tag}`)].map(String);
  const tags = flags.flatMap((flag) => /^-tags=(.+)$/.exec(flag)?.[1]?.split(/[ ,]+/) ?? []);
  if (tags.length > 0) artifact.env = { ...artifact.env, GOFLAGS: `-tags=${tags.join(",")}` };
  const others = flags.filter((flag) => flag !== "-trimpath" && !flag.startsWith("-tags="));
  if (others.length > 0) notes.push(`${name}: go build's flags ${others.join(" ")} aren't taken over`);
  return artifact;
}

/** GoReleaser's default is linux, darwin and windows on 386, amd64 and arm64. */
function platformsOf(build: Record<string, unknown>): string[] {
  const targets = list(build.targets).map(String);
  if (targets.length > 0 && !targets.some((one) => one.startsWith("go_")))
    return targets.map((one) => one.split("_").slice(0, 2).join("/"));
  const systems = orElse(list(build.goos).map(String), ["linux", "darwin", "windows"]);
  const machines = orElse(list(build.goarch).map(String), ["386", "amd64", "arm64"]);
  const arms = orElse(list(build.goarm).map(String), ["6"]);
  const ignored = list(build.ignore).map(asTable);
  const found: string[] = [];
  for (const os of systems) {
    for (const arch of machines) {
      for (const arm of arch === "arm" ? arms : [""]) {
        const left = ignored.some(
          (one) =>
            (one.goos === undefined || one.goos === os) &&
            (one.goarch === undefined || String(one.goarch) === arch) &&
            (one.goarm === undefined || String(one.goarm) === arm),
        );
        // GoReleaser passes over what Go has no port for (go tool dist list).
        const port = os === "darwin" ? ["amd64", "arm64"] : os === "windows" ? ["386", "amd64", "arm64"] : [arch];
        if (!left && port.includes(arch)) found.push(arch === "arm" ? `${os}/arm/v${arm}` : `${os}/${arch}`);
      }
    }
  }
  return found.sort();
}

const templates: Record<string, string> = {
  Version: "{version}",
  Tag: "v{version}",
  RawVersion: "{version}",
  Commit: "{commit}",
  FullCommit: "{commit}",
  ShortCommit: "{commit}",
  Date: "{date}",
  CommitDate: "{date}",
};

function ldflagsOf(build: Record<string, unknown>, name: string, notes: string[]): string | undefined {
  const lines = typeof build.ldflags === "string" ? [build.ldflags] : list(build.ldflags).map(String);
  if (lines.length === 0) return undefined;
  const text = lines
    .join(" ")
    .replace(/\{\{-?\s*\.(\w+)\s*-?\}\}/g, (whole, key: string) => templates[key] ?? whole)
    .replace(/\s+/g, " ")
    .trim();
  const dropped: string[] = [];
  const kept = text.replace(/-X (?:=)?(?:"[^"]*"|'[^']*'|(?:\{\{[^}]*\}\}|[^\s{]|\{(?!\{))+)/g, (setting) => {
    if (!setting.includes("{{")) return setting;
    dropped.push(setting);
    return "";
  });
  const flags = kept.replace(/\S*\{\{.*?\}\}\S*/g, (whole) => {
    dropped.push(whole);
    return "";
  });
  if (dropped.length > 0)
    notes.push(
      `${name}: ${dropped.join(" ")} of its ldflags isn't taken over: twotier knows {version}, {commit} and {date}`,
    );
  // Nothing left: as where it has none.
  return flags.replace(/\s+/g, " ").trim() || undefined;
}

function addImage(template: string, project: string, file: string, pushed: PushedImage[]): void {
  const image = parseImage(fill(template, project).replace(/:[^/]*$/, ""));
  if (image !== null && !pushed.some((one) => one.registry === image.registry && one.repository === image.repository))
    pushed.push({ ...image, from: file });
}

function fill(text: string, project: string): string {
  return text.replace(/\{\{-?\s*\.ProjectName\s*-?\}\}/g, project);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function orElse<T>(found: T[], fallback: T[]): T[] {
  return found.length > 0 ? found : fallback;
}
