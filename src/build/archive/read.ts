import type { ReleaseFile } from "../../core/manifest.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { readTarGz } from "../../lib/tar-gz.ts";
import { readZipEntry } from "../../lib/zip.ts";
import { field, samePythonVersion } from "../metadata.ts";

/**
 * The name under which a registry holds a package that some tool made; undefined for what is no package.
 *
 * @throws ReleaseError BUILD when the file is no such package, or has another version.
 */
export async function readPackageName(
  file: string,
  kind: ReleaseFile["kind"],
  wanted: { artifact: string; version: string; pythonVersion: string },
): Promise<string | undefined> {
  if (kind !== "wheel" && kind !== "sdist" && kind !== "npm") return undefined;
  const inner = { wheel: /^[^/]+\.dist-info\/METADATA$/, sdist: /^[^/]+\/PKG-INFO$/, npm: /^[^/]+\/package\.json$/ }[
    kind
  ];
  const text = await (kind === "wheel" ? fromZip(file, inner) : fromTarGz(file, inner)).catch(() => undefined);
  const found =
    text === undefined
      ? {}
      : kind === "npm"
        ? fromJson(text)
        : { name: field(text, "Name"), version: field(text, "Version") };
  const expected = kind === "npm" ? wanted.version : wanted.pythonVersion;
  if (found.name === undefined || found.version === undefined) {
    throw new ReleaseError("BUILD", `${wanted.artifact}: ${file} is no ${kind}: it has no readable metadata`, {
      facts: { artifact: wanted.artifact },
      hint: "set the artifact's kind to file if it isn't for a package registry",
    });
  }
  if (kind === "npm" ? found.version !== expected : !samePythonVersion(found.version, expected)) {
    throw new ReleaseError("BUILD", `${wanted.artifact}: ${file} has version ${found.version}, not ${expected}`, {
      facts: { artifact: wanted.artifact, expected, found: found.version },
      hint: "let the command take the version from VERSION or PYTHON_VERSION, or stamp its source by version.stamp",
    });
  }
  return found.name;
}

function fromJson(text: string): { name?: string; version?: string } {
  try {
    const { name, version } = JSON.parse(text) as Record<string, unknown>;
    return { ...(typeof name === "string" ? { name } : {}), ...(typeof version === "string" ? { version } : {}) };
  } catch {
    return {};
  }
}

async function fromZip(file: string, wanted: RegExp): Promise<string | undefined> {
  return (await readZipEntry(file, wanted))?.toString("utf8");
}

async function fromTarGz(file: string, wanted: RegExp): Promise<string | undefined> {
  const is = (name: string) => wanted.test(name);
  const found = await readTarGz(file, is, ({ size }) => size > 0);
  return [...found.values()][0]?.toString("utf8");
}
