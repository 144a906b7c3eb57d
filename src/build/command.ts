import { copyFile, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import picomatch from "picomatch";
import type { CommandArtifact } from "../config/types.ts";
import type { ReleaseFile } from "../core/manifest.ts";
import { ReleaseError } from "../lib/errors.ts";
import { readPackageName } from "./archive/read.ts";
import { compareBytes } from "./archive/tar.ts";
import { describeFile } from "./file.ts";
import { run } from "./run.ts";
import type { BuildContext } from "./types.ts";

/** Any tool: `sh -c RUN` in the artifact's folder, then the files in OUT that its globs name, bytes as they are. */
export async function buildCommand(artifact: CommandArtifact, context: BuildContext): Promise<ReleaseFile[]> {
  const made = path.join(context.temp, "out");
  await mkdir(made, { recursive: true });
  await run(context, artifact.name, "sh", ["-c", artifact.run], {
    cwd: path.join(context.tree, artifact.dir),
    env: {
      VERSION: context.version,
      PYTHON_VERSION: context.pythonVersion,
      TAG: context.tag,
      COMMIT: context.commit,
      OUT: made,
    },
    hint: () =>
      `run is a line for sh -c in ${artifact.dir}; its variables are VERSION, PYTHON_VERSION, TAG, COMMIT, OUT`,
  });
  const all = (await readdir(made, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(made, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort(compareBytes);
  const taken = new Set<string>();
  for (const glob of artifact.files) {
    const matches = picomatch(glob, { dot: true });
    const found = all.filter((file) => matches(file));
    if (found.length === 0) {
      throw new ReleaseError("BUILD", `${artifact.name}: no file in OUT matches ${glob}`, {
        facts: { artifact: artifact.name, made: all.slice(0, 20).join(", ") || "nothing" },
        hint: 'the command must write its files into the folder "$OUT"',
      });
    }
    for (const file of found) taken.add(file);
  }
  const unnamed = all.filter((file) => !taken.has(file));
  if (unnamed.length > 0) context.finding(`${artifact.name}: no glob names ${unnamed.slice(0, 10).join(", ")}`);
  const files: ReleaseFile[] = [];
  for (const file of taken) {
    const name = path.posix.basename(file);
    const kind = artifact.kind ?? kindOf(name);
    if (files.some((other) => other.name === name)) {
      throw new ReleaseError("BUILD", `${artifact.name}: two files of the release are called ${name}`, {
        facts: { artifact: artifact.name, file },
        hint: "assets of a release stand side by side, without folders: give each its own name",
      });
    }
    await copyFile(path.join(made, file), path.join(context.out, name));
    const project = await readPackageName(path.join(context.out, name), kind, {
      ...{ artifact: artifact.name, version: context.version, pythonVersion: context.pythonVersion },
    });
    if (project !== undefined && project !== artifact.package) {
      throw new ReleaseError(
        "BUILD",
        `${artifact.name} made ${name}, a package that its registry must be asked about before`,
        {
          facts: { artifact: artifact.name, package: project, configured: artifact.package },
          hint: `write \`package: "${project}"\` into the artifact in twotier.yaml`,
        },
      );
    }
    files.push(
      await describeFile(
        context.out,
        {
          ...{ name, kind, artifact: artifact.name },
          ...(project === undefined ? {} : { package: project }),
          ...(kind === "binary" ? platformOf(name) : {}),
        },
        context.io.signal,
      ),
    );
  }
  return files;
}

/** As in src/config/platforms.ts, at the end of any name. */
const system =
  /-(linux|darwin|windows|freebsd|openbsd|netbsd)-(amd64|arm64|386|arm|riscv64|ppc64le|s390x|loong64)(v\d)?(\.exe)?$/;

/**
 * By its name: `*.whl` is a wheel and `NAME-OS-ARCH` a binary. A .tar.gz or .tgz may be anything, and what is no package
 * must never go to an index: for those the artifact says `kind`.
 */
export function kindOf(name: string): ReleaseFile["kind"] {
  if (name.endsWith(".whl")) return "wheel";
  return system.test(name) ? "binary" : "file";
}

function platformOf(name: string): { platform?: string } {
  const match = system.exec(name);
  if (match === null) return {};
  return { platform: [match[1], match[2], match[3]].filter(Boolean).join("/") };
}
