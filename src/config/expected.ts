import type { ReleaseFile } from "../core/manifest.ts";
import type { Digest } from "../lib/hash.ts";
import { binaryName } from "./platforms.ts";
import type { ResolvedArtifact, ResolvedArtifacts } from "./types.ts";

/** Stands where a digest will be once the file is built. */
const unknown: Digest = "sha256:";

/**
 * The files that a build will make, as far as their names are known before it: all but what a command's globs find,
 * where that is neither a package for npm nor an sdist.
 * A wheel is taken for pure Python (`py3-none-any`); a build that makes another one says its name. Pure.
 *
 * @param release SemVer without prefix (`0.1.19-rc.1`), and PEP 440's spelling of it (`0.1.19rc1`)
 * @returns files with size 0 and the digest `sha256:`
 */
export function expectedFiles(
  { artifacts }: Pick<ResolvedArtifacts, "artifacts">,
  release: { version: string; pythonVersion: string },
): ReleaseFile[] {
  return artifacts.flatMap((artifact) => filesOf(artifact, release.version, release.pythonVersion));
}

function filesOf(artifact: ResolvedArtifact, version: string, pythonVersion: string): ReleaseFile[] {
  const file = (name: string, kind: ReleaseFile["kind"], more: Partial<ReleaseFile> = {}): ReleaseFile => ({
    ...{ name, size: 0, sha256: unknown, kind, artifact: artifact.name },
    ...(artifact.registryName === null ? {} : { package: artifact.registryName }),
    ...more,
  });
  switch (artifact.type) {
    case "go":
      return artifact.platforms.map((platform) => file(binaryName(artifact.name, platform), "binary", { platform }));
    case "python": {
      const stem = `${wheelName(artifact.registryName ?? artifact.name)}-${pythonVersion}`;
      return artifact.formats.map((format) =>
        format === "wheel" ? file(`${stem}-py3-none-any.whl`, "wheel") : file(`${stem}.tar.gz`, "sdist"),
      );
    }
    case "npm":
      return [file(`${tarballName(artifact.registryName ?? artifact.name)}-${version}.tgz`, "npm")];
    case "image":
      return [file(`${artifact.name}.oci`, "image")];
    case "command": {
      const plain = artifact.files.filter((glob) => !/[*?[\]{}()!+@]/.test(glob));
      // A package for npm, or an sdist, is one file, and its name is known whatever the glob is.
      const { kind, registryName: project } = artifact;
      if (plain.length === 0 && project !== null && kind === "npm")
        return [file(`${tarballName(project)}-${version}.tgz`, "npm")];
      if (plain.length === 0 && project !== null && kind === "sdist")
        return [file(`${wheelName(project)}-${pythonVersion}.tar.gz`, "sdist")];
      return plain
        .map((path) => path.slice(path.lastIndexOf("/") + 1))
        .map((name) => file(name, artifact.kind ?? "file"));
    }
    case "go-module":
      return [];
  }
}

/** A project's name in file names: runs of `-`, `_` and `.` become one `_`, in lower case (packaging.python.org, "Binary distribution format"). */
export function wheelName(project: string): string {
  return project.replace(/[-_.]+/g, "_").toLowerCase();
}

/** A package's name as `npm pack` puts it in the tarball's: `@hanzo/playground` -> `hanzo-playground`. */
function tarballName(name: string): string {
  return name.replace(/^@/, "").replace(/\//g, "-");
}
