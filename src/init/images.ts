import { parse as parseYaml } from "yaml";
import { fillArtifact, imagePlatforms } from "../config/defaults.ts";
import { folderOf, ignored, nameOf } from "../config/detect.ts";
import { inside } from "../config/manifests.ts";
import { binariesOf } from "../config/platforms.ts";
import type { RawArtifact } from "../config/schema.ts";
import type { Tree } from "../config/types.ts";
import { ownUse } from "./go.ts";
import type { Package, Survey } from "./types.ts";

/** An image that is pushed today, as a workflow or another tool's configuration names it. */
export interface PushedImage {
  /** `docker.io`, `ghcr.io` ... */
  registry: string;
  /** Without host and tag. */
  repository: string;
  /** Where that is written. */
  from: string;
}

export interface ImageSurvey extends Survey {
  registry: string | null;
}

type ImageRaw = Extract<RawArtifact, { type: "image" }>;

/**
 * Dockerfiles: one image each. What a Dockerfile copies and the repository hasn't got must be a binary that is built here;
 * otherwise the image can't be built from the repository alone, and is left out.
 */
export async function surveyImages(
  tree: Tree,
  files: readonly string[],
  about: { owner: string; name: string; product: string; binaries: readonly Package[]; pushed: readonly PushedImage[] },
): Promise<ImageSurvey> {
  const survey: ImageSurvey = { packages: [], leftOut: [], notes: [], stamps: [], registry: null };
  const all = files.filter((file) => /(?:^|\/)Dockerfile$/.test(file) && !ignored.test(file));
  const found = all.filter((file) => !ownUse.test(folderOf(file)));
  for (const file of all.filter((one) => !found.includes(one)))
    survey.leftOut.push({ path: file, why: "is for the repository's own use, by its folder" });
  const registries = new Set(about.pushed.map((one) => one.registry));
  survey.registry = registries.size === 1 ? ([...registries][0] as string) : null;
  if (registries.size > 1)
    survey.notes.push(
      `images are pushed to ${[...registries].join(" and ")} today: twotier takes one, targets.docker.registry`,
    );
  for (const file of found) {
    const text = (await tree.read(file)) ?? "";
    const home = folderOf(file);
    // A Dockerfile in a folder of its own (deployments/docker) is often built from the root.
    const tried = [...new Set([home, "."])].map((dir) => ({
      dir,
      copied: readCopies(text, dir, files, about.binaries),
    }));
    const fits = tried.find(({ copied }) => !("missing" in copied));
    if (fits === undefined || "missing" in fits.copied) {
      const [{ copied } = { copied: { missing: "" } }] = tried;
      const what = "missing" in copied ? copied.missing : "";
      survey.leftOut.push({ path: file, why: `copies ${what}, which is neither in the repository nor built by it` });
      continue;
    }
    const { dir, copied } = fits;
    const known = about.pushed.filter((one) => found.length === 1 || one.repository.endsWith(`/${lastOf(home)}`));
    const guess = (
      found.length === 1 || dir === "." ? `${about.owner}/${about.name}` : `${about.owner}/${about.name}-${lastOf(dir)}`
    ).toLowerCase();
    const repository = known[0]?.repository ?? guess;
    if (known.length === 0)
      survey.notes.push(
        `${file}: its image is taken to be ${repository}: correct \`repository\` if it has another name`,
      );
    const artifact: ImageRaw = {
      type: "image",
      name: `${nameOf(home, about.product)}-image`,
      dir,
      repository,
      dockerfile: home === dir ? "Dockerfile" : file,
    };
    if (Object.keys(copied.files).length > 0) artifact.files = copied.files;
    const platforms = copied.platforms ?? platformsOf(Object.values(copied.files), about.binaries, about);
    if (platforms.join() !== imagePlatforms.join()) artifact.platforms = platforms;
    if (copied.platforms)
      survey.notes.push(
        `${file}: it copies one binary for all platforms, so the image is for ${platforms.join(", ")} alone; \`COPY \${TARGETPLATFORM}/...\` makes it one for several`,
      );
    survey.packages.push({ artifact, target: "docker", registryName: repository, manifest: file, version: null });
  }
  return survey;
}

function lastOf(dir: string): string {
  return dir.slice(dir.lastIndexOf("/") + 1);
}

/** The usual platforms, as far as the binaries in the image are built for them. */
function platformsOf(names: readonly string[], binaries: readonly Package[], about: { owner: string; name: string }) {
  const built = binaries.filter(({ artifact }) => names.includes(artifact.name));
  const maps = built.map(({ artifact }) =>
    binariesOf(fillArtifact(artifact, { repository: `${about.owner}/${about.name}` })),
  );
  return imagePlatforms.filter((platform) => maps.every((map) => map.has(platform)));
}

type Copies = { files: Record<string, string>; platforms?: string[] } | { missing: string };

/** What COPY and ADD take from the context and isn't there (docs.docker.com, Dockerfile reference, "COPY"). */
function readCopies(text: string, dir: string, files: readonly string[], binaries: readonly Package[]): Copies {
  const known = new Set(files);
  const there = (path: string) =>
    known.has(path) || files.some((file) => file.startsWith(`${path.replace(/\/$/, "")}/`));
  const wanted: Record<string, string> = {};
  let plain = false;
  for (const line of text.replaceAll("\r", "").replace(/\\\n/g, " ").split("\n")) {
    const [, rest] = /^\s*(?:COPY|ADD)\s+(.+)$/i.exec(line) ?? [];
    if (rest === undefined || /(?:^|\s)--from=/.test(rest)) continue;
    const words = rest.startsWith("[")
      ? (rest.match(/"[^"]*"/g) ?? []).map((word) => word.slice(1, -1))
      : rest.split(/\s+/);
    const sources = words.filter((word) => word !== "" && !word.startsWith("--")).slice(0, -1);
    for (const source of sources) {
      if (/^(?:https?:|git@|<<)/.test(source) || /[*?[]/.test(source)) continue;
      const relative = source.replace(/^\.?\//, "").replace(/\/$/, "");
      if (relative === "" || relative === "." || there(inside(dir, relative))) continue;
      const spelt = relative
        .replace(/\$\{?TARGETPLATFORM\}?/g, "{os}/{arch}")
        .replace(/\$\{?TARGETOS\}?/g, "{os}")
        .replace(/\$\{?TARGETARCH\}?/g, "{arch}")
        .replace(/-linux-\{arch\}/, "-{os}-{arch}");
      const name = spelt.slice(spelt.lastIndexOf("/") + 1);
      const [binary] = binaries
        .map((one) => one.artifact.name)
        .filter((one) => name === one || name === `${one}-{os}-{arch}` || name === `${one}_{os}_{arch}`);
      if (binary === undefined || spelt.includes("$")) return { missing: source };
      wanted[spelt] = binary;
      if (!spelt.includes("{arch}")) plain = true;
    }
  }
  return { files: wanted, ...(plain ? { platforms: ["linux/amd64"] } : {}) };
}

/** Images that the workflows push: `images:` and `tags:` of docker's actions, and `docker push`. */
export async function pushedByWorkflows(tree: Tree, files: readonly string[]): Promise<PushedImage[]> {
  const found = new Map<string, PushedImage>();
  for (const file of files.filter((one) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(one))) {
    const text = (await tree.read(file)) ?? "";
    if (!/docker\/(?:build-push|metadata)-action|docker push|buildah push/.test(text)) continue;
    for (const image of imagesIn(text)) found.set(`${image.registry}/${image.repository}`, { ...image, from: file });
  }
  return [...found.values()];
}

function imagesIn(text: string): Omit<PushedImage, "from">[] {
  let document: unknown;
  try {
    document = parseYaml(text);
  } catch {
    return [];
  }
  const values: string[] = [];
  const walk = (value: unknown, key: string) => {
    if (typeof value === "string" && (key === "images" || key === "tags")) values.push(...value.split(/[\n,]/));
    else if (typeof value === "string" && key === "run")
      values.push(...[...value.matchAll(/(?:docker|buildah) push\s+(\S+)/g)].map((match) => match[1] as string));
    else if (Array.isArray(value)) for (const one of value) walk(one, key);
    else if (typeof value === "object" && value !== null)
      for (const [name, one] of Object.entries(value)) walk(one, name);
  };
  walk(document, "");
  return values.flatMap((value) => parseImage(value) ?? []);
}

/** Splits `ghcr.io/owner/name:tag`; null where a part of the name isn't written there. */
export function parseImage(text: string): Omit<PushedImage, "from"> | null {
  const [, host, repository] =
    /^\s*(?:((?:[a-z0-9-]+\.)+[a-z]+(?::\d+)?|localhost:\d+)\/)?([a-z0-9._-]+(?:\/[a-z0-9._-]+)+)(?::\S*|@\S*)?\s*$/.exec(
      text,
    ) ?? [];
  return repository === undefined ? null : { registry: host ?? "docker.io", repository };
}
