import { cp, mkdir, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { describeFile } from "../build/index.ts";
import { type ImageManifest, listManifests, readJson } from "../build/oci.ts";
import { checksPart } from "../config/parts.ts";
import type { ResolvedArtifact, ResolvedArtifacts } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { type Digest, digestFile } from "../lib/hash.ts";
import type { Job } from "./job.ts";
import { type BuiltShare, type PartRecord, recordFile } from "./part.ts";
import { counted } from "./preflight.ts";
import type { Prepared } from "./prepared.ts";

interface FoundShare extends BuiltShare {
  part: string;
  from: string;
}

/**
 * Reads what other machines have built of a release, and checks it: every file has the digest it was built with, each
 * belongs to its artifact, and nothing is missing. What they say is not believed where it can be looked at.
 *
 * @param folder has a folder for each part, with its part.json
 * @throws ReleaseError BUILD naming what is missing; CONFLICT for other bytes than were built, or for another release
 */
export async function collectParts(
  folder: string,
  prepared: Prepared,
  { artifacts }: Pick<ResolvedArtifacts, "artifacts">,
  checksAsked: boolean,
  signal: AbortSignal,
): Promise<NonNullable<Job["parts"]>> {
  const records = await readRecords(folder);
  const shares = records.flatMap(({ record, from }) =>
    record.built.map((one): FoundShare => ({ ...one, part: record.name, from: path.join(from, one.folder) })),
  );
  const wanted: { tag: string; commit: string }[] = [
    { tag: prepared.plan.tag as string, commit: prepared.commit as string },
    ...(prepared.candidate ? [prepared.candidate] : []),
  ];
  for (const share of shares) {
    if (wanted.some(({ tag, commit }) => share.tag === tag && share.commit === commit)) continue;
    throw new ReleaseError("CONFLICT", `part ${share.part} was built for another release`, {
      facts: { built: `${share.tag} at ${share.commit}`, expected: `${wanted[0]?.tag} at ${wanted[0]?.commit}` },
      hint: "run all jobs again",
    });
  }
  if (checksAsked && !records.some(({ record }) => record.name === checksPart)) throw missing([checksPart]);
  const releases = new Map<string, { shares: FoundShare[]; files: ReleaseFile[] }>();
  for (const { tag } of wanted) {
    const own = shares.filter((share) => share.tag === tag);
    const files: ReleaseFile[] = [];
    for (const share of own) for (const file of share.files) files.push(await checked(file, share, artifacts, signal));
    complete(files, artifacts, tag);
    releases.set(tag, { shares: own, files });
  }
  return {
    checks: records.flatMap(({ record }) => record.checks),
    async files(release, out) {
      const found = releases.get(release.tag);
      if (!found || !wanted.some(({ tag, commit }) => tag === release.tag && commit === release.commit)) {
        throw new ReleaseError("LOST", `the files were built for ${wanted[0]?.tag}, and ${release.tag} is asked for`, {
          hint: "run all jobs again",
        });
      }
      await mkdir(out, { recursive: true });
      for (const share of found.shares) {
        for (const { name } of share.files) {
          await cp(path.join(share.from, name), path.join(out, name), { recursive: true });
        }
      }
      return { files: found.files, tools: toolsOf(found.shares), folder: out };
    },
  };
}

async function readRecords(folder: string): Promise<{ record: PartRecord; from: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((one) => one.isDirectory()).map((one) => path.join(folder, one.name));
  const found: { record: PartRecord; from: string }[] = [];
  for (const from of folders.sort()) {
    const text = await readFile(path.join(from, recordFile), "utf8").catch(() => null);
    const record = text === null ? null : readRecord(text);
    if (record === null) {
      throw new ReleaseError("BUILD", `${from} holds no part of a release: no readable ${recordFile}`, {
        hint: "--parts names the folder that has the --out folders of `twotier build` in it, and nothing else",
      });
    }
    found.push({ record, from });
  }
  if (found.length > 0) return found;
  throw new ReleaseError("BUILD", `${folder} holds no part of the release`, {
    hint: "build them first: twotier build; --parts names the folder that their folders are in",
  });
}

/** Null for what isn't a record in every word that is used. */
function readRecord(text: string): PartRecord | null {
  try {
    const { schema, name, built, checks } = JSON.parse(text) as PartRecord;
    const texts = (value: object, keys: string[]) => keys.every((key) => typeof value[key as never] === "string");
    const good =
      schema === 1 &&
      typeof name === "string" &&
      built.every(
        (share) =>
          (share.folder === "release" || share.folder === "candidate") &&
          texts(share, ["tag", "commit"]) &&
          Object.values(share.tools).every((version) => typeof version === "string") &&
          share.files.every((file) => texts(file, ["name", "sha256", "kind", "artifact"]) && isPlain(file.name)),
      ) &&
      checks.every((one) => texts(one, ["name", "text"]));
    return good ? { schema, name, built, checks } : null;
  } catch {
    return null;
  }
}

/** A name that stays in its folder. */
function isPlain(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\\p{Cc}]/u.test(name);
}

/** What each type of artifact makes. */
const kinds: Record<ResolvedArtifact["type"], readonly ReleaseFile["kind"][]> = {
  go: ["binary"],
  python: ["wheel", "sdist"],
  npm: ["npm"],
  image: ["image"],
  command: ["binary", "wheel", "sdist", "npm", "file"],
  "go-module": [],
};

/** The file as it is: read again, with its own digests. @throws ReleaseError CONFLICT, BUILD */
async function checked(
  file: ReleaseFile,
  share: FoundShare,
  artifacts: readonly ResolvedArtifact[],
  signal: AbortSignal,
): Promise<ReleaseFile> {
  const artifact = artifacts.find((one) => one.name === file.artifact);
  const own = artifact?.registryName ?? null;
  if (!artifact || !kinds[artifact.type].includes(file.kind) || (own !== null && file.package !== own)) {
    throw new ReleaseError("CONFLICT", `part ${share.part} has ${file.name}, which ${file.artifact} doesn't make`, {
      facts: { kind: file.kind, package: file.package },
      hint: "run all jobs again",
    });
  }
  const at = path.join(share.from, file.name);
  if (!(await stat(at).catch(() => null))) throw missing([`${file.name} of part ${share.part}`]);
  const { name, kind, package: registryName, platform } = file;
  const about = {
    ...{ name, kind },
    ...(registryName === undefined ? {} : { package: registryName }),
    ...(platform === undefined ? {} : { platform }),
    artifact: artifact.name,
  };
  const found =
    kind === "image" ? { ...(await imageOf(at, signal)), ...about } : await describeFile(share.from, about, signal);
  if (found.sha256 === file.sha256) return found;
  throw new ReleaseError("CONFLICT", `${file.name} isn't what part ${share.part} has built`, {
    facts: { built: file.sha256, found: found.sha256 },
    hint: "somebody changed it on the way; run all jobs again",
  });
}

/** Digest of an OCI layout's index, and size of its blobs; every blob is read, and has the digest that it is named by. */
async function imageOf(layout: string, signal: AbortSignal): Promise<{ size: number; sha256: Digest }> {
  const blobs = path.join(layout, "blobs/sha256");
  try {
    const held = new Set<string>();
    let size = 0;
    for (const name of await readdir(blobs)) {
      const { digests, size: bytes } = await digestFile(path.join(blobs, name), ["sha256"], signal);
      if (digests.sha256 !== `sha256:${name}`) throw new Error(`blob ${name} has the digest ${digests.sha256}`);
      held.add(`sha256:${name}`);
      size += bytes;
    }
    const top = JSON.parse(await readFile(path.join(layout, "index.json"), "utf8")) as {
      manifests: { digest: Digest }[];
    };
    const [index] = top.manifests;
    if (top.manifests.length !== 1 || !index) throw new Error("index.json names not one index");
    for (const entry of await listManifests(layout)) {
      const { config, layers } = await readJson<ImageManifest>(layout, entry.digest);
      const lost = [config, ...layers].find((blob) => !held.has(blob.digest));
      if (lost) throw new Error(`blob ${lost.digest} is missing`);
    }
    return { size, sha256: index.digest };
  } catch (cause) {
    signal.throwIfAborted();
    throw new ReleaseError("CONFLICT", `${path.basename(layout)} is damaged: ${(cause as Error).message}`, {
      cause,
      hint: "run all jobs again",
    });
  }
}

/** @throws ReleaseError BUILD when an artifact, or one of its platforms, isn't there, or a name twice */
function complete(files: readonly ReleaseFile[], artifacts: readonly ResolvedArtifact[], tag: string): void {
  const lacking = artifacts.flatMap((artifact): string[] => {
    const own = files.filter((file) => file.artifact === artifact.name);
    if (artifact.type === "go-module") return [];
    if (artifact.type === "go") {
      const built = artifact.platforms.filter((platform) => own.some((file) => file.platform === platform));
      return artifact.platforms.filter((one) => !built.includes(one)).map((one) => `${artifact.name} for ${one}`);
    }
    if (artifact.type === "python") {
      const formats = artifact.formats.filter((format) => !own.some((file) => file.kind === format));
      return formats.map((format) => `the ${format} of ${artifact.name}`);
    }
    return own.length > 0 ? [] : [artifact.name];
  });
  if (lacking.length > 0) throw missing(lacking.map((one) => `${one} of ${tag}`));
  const names = files.map((file) => file.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return;
  throw new ReleaseError("BUILD", `two parts have built ${twice}`, {
    hint: "build each artifact in one part: `twotier prepare --json` lists them",
  });
}

function missing(what: readonly string[]): ReleaseError {
  const some = what.length > 5 ? [...what.slice(0, 5), `${what.length - 5} more`] : what;
  return new ReleaseError("BUILD", `${counted(what.length, "thing")} of the release not built: ${some.join(", ")}`, {
    hint: "run the build jobs that failed again, then this one",
  });
}

/** Versions of all machines' tools; where two differ, both. */
function toolsOf(shares: readonly FoundShare[]): Record<string, string> {
  const tools: Record<string, string> = {};
  for (const share of shares) {
    for (const [tool, version] of Object.entries(share.tools)) {
      const known = tools[tool]?.split(", ") ?? [];
      tools[tool] = [...new Set([...known, version])].sort().join(", ");
    }
  }
  return tools;
}
