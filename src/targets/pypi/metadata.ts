import { ReleaseError } from "../../lib/errors.ts";
import { readTarGz } from "../../lib/tar-gz.ts";
import { readZipEntry } from "../../lib/zip.ts";

/** Core metadata as form fields, in order; a field of several values comes several times. */
export type Fields = [name: string, value: string][];

/**
 * Metadata fields whose form field has another name: plural, where a field may come several times
 * (registry-facts.md, PyPI; warehouse forklift/metadata.py; wrong names are ignored silently).
 */
const plural: Record<string, string> = {
  classifier: "classifiers",
  project_url: "project_urls",
  import_name: "import_names",
  import_namespace: "import_namespaces",
};

/**
 * Core metadata of a wheel (`*.dist-info/METADATA`) or an sdist (`PKG-INFO`).
 *
 * @throws ReleaseError BUILD when the file holds none
 */
export async function readFields(path: string, file: string): Promise<Fields> {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = await (file.endsWith(".whl") ? fromWheel(path) : fromSdist(path));
  } catch (thrown) {
    cause = thrown;
  }
  const fields = text === undefined ? [] : parseMetadata(text);
  for (const needed of ["metadata_version", "name", "version"]) {
    if (fields.some(([name]) => name === needed)) continue;
    throw new ReleaseError("BUILD", `${file} holds no readable Python metadata`, {
      cause,
      facts: { missing: text === undefined ? (file.endsWith(".whl") ? "METADATA" : "PKG-INFO") : needed },
      hint: "build it with the project's own backend: python3 -m build",
    });
  }
  return fields;
}

async function fromWheel(path: string): Promise<string | undefined> {
  return (await readZipEntry(path, /^[^/]+\.dist-info\/METADATA$/))?.toString("utf8");
}

async function fromSdist(path: string): Promise<string | undefined> {
  const members = await readTarGz(
    path,
    (member) => /^[^/]+\/PKG-INFO$/.test(member),
    (found) => found.size > 0,
  );
  return [...members.values()][0]?.toString("utf8");
}

/** Reads metadata in its RFC 822-like form; what follows the headers is the description. */
export function parseMetadata(text: string): Fields {
  const fields: Fields = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  let at = 0;
  for (; at < lines.length && lines[at] !== ""; at++) {
    const line = lines[at] as string;
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last) {
      // Metadata 1.x and 2.0 wrote long descriptions as indented lines, or with a bar (core metadata specification).
      last[1] += `\n${line.replace(/^(?: {7}\|| {8}|[ \t]+)/, "")}`;
      continue;
    }
    const match = /^([A-Za-z][A-Za-z-]*):[ \t]*(.*)$/.exec(line);
    if (!match) continue;
    const name = (match[1] as string).toLowerCase().replaceAll("-", "_");
    if (match[2] !== "UNKNOWN") fields.push([plural[name] ?? name, match[2] as string]);
  }
  const body = lines.slice(at + 1).join("\n");
  if (body.trim() !== "") fields.push(["description", body]);
  return fields;
}
