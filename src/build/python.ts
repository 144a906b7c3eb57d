import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { wheelName } from "../config/expected.ts";
import type { PythonArtifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { exec } from "../lib/exec.ts";
import { normaliseTarGz } from "./archive/tar.ts";
import { normaliseZip } from "./archive/zip.ts";
import { releaseFile } from "./file.ts";
import { field, samePythonVersion } from "./metadata.ts";
import { buildEnv, howToGet, programs, run } from "./run.ts";
import type { BuildContext } from "./types.ts";

/**
 * Wheel and sdist by the project's own PEP 517 backend, through pypa's `build`, which makes the wheel from the sdist
 * where both are wanted: what users can build is what was built. Both archives are then normalised.
 */
export async function buildPython(artifact: PythonArtifact, context: BuildContext): Promise<ReleaseFile[]> {
  const project = path.join(context.tree, artifact.dir);
  const python = await findPython(artifact.name, project, artifact.isolated);
  context.tool("python", python.python);
  context.tool("build", python.build);
  const made = path.join(context.temp, "dist");
  await mkdir(made, { recursive: true });
  const both = artifact.formats.includes("wheel") && artifact.formats.includes("sdist");
  const args = ["-m", "build", ...(artifact.isolated ? [] : ["--no-isolation"])];
  if (!both) args.push(artifact.formats.includes("wheel") ? "--wheel" : "--sdist");
  await run(context, artifact.name, python.executable, [...args, "--outdir", made, project], {
    // Not in the project: `-m` looks there first, and a folder `build` would stand in for the module.
    cwd: context.temp,
    env: { PIP_NO_INPUT: "1", PIP_DISABLE_PIP_VERSION_CHECK: "1", ...versionFromTag(context.pythonVersion) },
    hint: (output) =>
      /Missing dependencies/i.test(output)
        ? "install the packages of build-system.requires for this Python, or build isolated (isolated: true)"
        : /venv|ensurepip/.test(output)
          ? "an isolated build needs Python's venv: apt-get install python3-venv"
          : undefined,
  });
  const names = (await readdir(made)).sort();
  const files: ReleaseFile[] = [];
  for (const format of artifact.formats) {
    const found = names.filter((name) => name.endsWith(format === "wheel" ? ".whl" : ".tar.gz"));
    if (found.length !== 1) {
      throw new ReleaseError("BUILD", `${artifact.name}: the backend made ${found.length} files for the ${format}`, {
        facts: { artifact: artifact.name, made: names.join(", ") || "nothing" },
        hint: "see what it makes by hand: python3 -m build",
      });
    }
    const from = path.join(made, found[0] as string);
    files.push(
      format === "wheel" ? await takeWheel(artifact, from, context) : await takeSdist(artifact, from, context),
    );
  }
  return files;
}

/**
 * For backends that take the version from a tag, which a release has only once it is built: each has a variable that
 * stands for it (setuptools-scm and hatch-vcs: "Overrides"; pdm-backend: "Dynamic versioning"; poetry-dynamic-versioning
 * and uv-dynamic-versioning: "Environment variables").
 */
function versionFromTag(version: string): Record<string, string> {
  return {
    SETUPTOOLS_SCM_PRETEND_VERSION: version,
    PDM_BUILD_SCM_VERSION: version,
    POETRY_DYNAMIC_VERSIONING_BYPASS: version,
    UV_DYNAMIC_VERSIONING_BYPASS: version,
  };
}

async function takeWheel(artifact: PythonArtifact, from: string, context: BuildContext): Promise<ReleaseFile> {
  const name = path.basename(from);
  // "Binary wheel has an unsupported platform tag": PyPI takes manylinux and musllinux of Linux (PEP 600, PEP 656).
  if (/-linux_\w+\.whl$/.test(name)) {
    throw new ReleaseError("BUILD", `${artifact.name}: ${name} has a platform tag that PyPI doesn't take`, {
      facts: { artifact: artifact.name },
      hint: "make it a manylinux wheel in an artifact of type command (auditwheel repair, cibuildwheel, or maturin build)",
    });
  }
  const read = await readable(artifact, name, () =>
    normaliseZip(from, path.join(context.out, name), {
      mtime: context.epoch,
      rank: wheelRank,
      read: /^[^/]+\.dist-info\/(METADATA|WHEEL)$/,
      algorithms: ["sha256"],
      signal: context.io.signal,
    }),
  );
  const texts = [...read.texts.entries()];
  const project = checkVersion(artifact, name, texts.find(([file]) => file.endsWith("/METADATA"))?.[1], context);
  const generator = field(texts.find(([file]) => file.endsWith("/WHEEL"))?.[1] ?? "", "Generator");
  const backend = /^([\w.-]+)[ =]*\(?v?([\w.+!-]+)/.exec(generator ?? "");
  if (backend) context.tool(backend[1] as string, backend[2] as string);
  return releaseFile({ name, kind: "wheel", package: project, artifact: artifact.name }, read);
}

/** `.dist-info` stands at the end, RECORD last (PyPA's binary distribution format, "Recommended archiver features"). */
function wheelRank(name: string): number {
  if (!/^[^/]+\.dist-info\//.test(name)) return 0;
  return /\/RECORD(\.\w+)?$/.test(name) ? 2 : 1;
}

async function takeSdist(artifact: PythonArtifact, from: string, context: BuildContext): Promise<ReleaseFile> {
  const made = path.basename(from).replace(/\.tar\.gz$/, "");
  const dash = made.lastIndexOf("-");
  // Older backends keep dashes and capitals; PEP 625 has one spelling for file and folder, and PyPI asks for it.
  const stem = `${wheelName(made.slice(0, dash))}${made.slice(dash)}`;
  const name = `${stem}.tar.gz`;
  const read = await readable(artifact, name, () =>
    normaliseTarGz(from, path.join(context.out, name), {
      mtime: context.epoch,
      sort: true,
      rename: (entry) => (entry.startsWith(`${made}/`) ? `${stem}${entry.slice(made.length)}` : entry),
      read: /^[^/]+\/PKG-INFO$/,
      algorithms: ["sha256"],
      signal: context.io.signal,
    }),
  );
  const project = checkVersion(artifact, name, read.texts.get(`${stem}/PKG-INFO`), context);
  return releaseFile({ name, kind: "sdist", package: project, artifact: artifact.name }, read);
}

async function readable<T>(artifact: PythonArtifact, name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof ReleaseError || !(cause instanceof Error) || cause.name === "AbortError") throw cause;
    throw new ReleaseError("BUILD", `${artifact.name}: ${name} is no archive that an index takes: ${cause.message}`, {
      facts: { artifact: artifact.name, file: name },
      hint: "the project's PEP 517 backend made it; see what it makes by hand: python3 -m build",
      cause,
    });
  }
}

/** The project's name, when the metadata has the version that was asked for. */
function checkVersion(artifact: PythonArtifact, file: string, metadata: string | undefined, context: BuildContext) {
  const name = field(metadata ?? "", "Name");
  const version = field(metadata ?? "", "Version");
  if (name === undefined || version === undefined) {
    throw new ReleaseError("BUILD", `${artifact.name}: ${file} has no core metadata with a name and a version`, {
      facts: { artifact: artifact.name },
    });
  }
  if (!samePythonVersion(version, context.pythonVersion)) {
    throw new ReleaseError("BUILD", `${artifact.name}: ${file} has version ${version}, not ${context.pythonVersion}`, {
      facts: { artifact: artifact.name, expected: context.pythonVersion, found: version },
      hint: `name the file that holds the version (${path.posix.join(artifact.dir, "pyproject.toml")}, or where it is read from) under version.stamp in twotier.yaml`,
    });
  }
  return name;
}

export interface Python {
  executable: string;
  /** Its own version, and that of its `build` module. */
  python: string;
  build: string;
}

const probe = `
import json, platform, re, sys
from importlib import metadata
def version(name):
    try: return metadata.version(name)
    except metadata.PackageNotFoundError: return None
try: import tomllib
except ImportError:
    try: import tomli as tomllib
    except ImportError: tomllib = None
needs = []
if tomllib and len(sys.argv) > 1:
    try:
        with open(sys.argv[1], "rb") as file: needs = tomllib.load(file).get("build-system", {}).get("requires", ["setuptools"])
    except FileNotFoundError: needs = ["setuptools"]
names = [re.match(r"[A-Za-z0-9._-]+", need).group() for need in needs if ";" not in need]
print(json.dumps({"executable": sys.executable, "python": platform.python_version(), "build": version("build"), "missing": [name for name in names if version(name) is None]}))
`;

/**
 * The first Python on PATH that has pypa's `build` and, for builds without isolation, what the project's build-system
 * requires: a machine often has several (pyenv's before Debian's, say), and only one was set up for it.
 *
 * @throws ReleaseError TOOL_MISSING with what each of them lacks
 */
export async function findPython(artifact: string, project: string | undefined, isolated: boolean): Promise<Python> {
  const lacks: string[] = [];
  for (const program of [...programs("python3"), ...programs("python")]) {
    const args = ["-c", probe, ...(isolated || project === undefined ? [] : [path.join(project, "pyproject.toml")])];
    const result = await exec(program, args, { env: buildEnv(0), timeout: 30_000 }).catch(() => undefined);
    if (result === undefined) continue;
    const found = JSON.parse(result.stdout) as { [key in keyof Python]: string | null } & { missing: string[] };
    const missing = [...(found.build === null ? ["build"] : []), ...found.missing];
    if (missing.length === 0) return found as Python;
    lacks.push(`${program} (${found.python}) lacks ${missing.join(", ")}`);
  }
  const needed = isolated ? "pypa's build" : "pypa's build and the project's build requirements";
  throw new ReleaseError(
    "TOOL_MISSING",
    `a Python with ${needed} is needed to build ${artifact}, and none is on the PATH`,
    {
      facts: { tool: "python3 -m build", artifact, found: lacks.join("; ") || "no Python" },
      hint: isolated
        ? howToGet("python3")
        : "apt-get install python3-build python3-setuptools python3-wheel, or python3 -m pip install build setuptools wheel",
    },
  );
}
