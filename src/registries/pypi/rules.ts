import { clean, parse } from "@renovatebot/pep440";
import { HttpError } from "../server.ts";
import type { Form } from "./form.ts";

/**
 * An answer as Warehouse gives it: the reason in the status line and in the body (warehouse forklift/utils.py).
 * Clients read either.
 */
export function refuse(status: number, message: string): HttpError & { reason: string } {
  const title =
    status === 403 ? "Access was denied to this resource." : "The server could not comply with the request.";
  const error = new HttpError(status, `${status} ${message}\n\n${title}\n\n${message}\n`);
  return Object.assign(error, { reason: message.replace(/[^\x20-\x7e]/g, "?") });
}

/** PEP 503 */
export function normalizedName(name: string): string {
  return name.replace(/[-_.]+/g, "-").toLowerCase();
}

/** A checked upload. */
export interface Upload {
  name: string;
  /** PEP 440, normalised */
  version: string;
  filetype: "bdist_wheel" | "sdist";
  pyversion: string;
  filename: string;
  metadata: Record<string, string | string[]>;
}

const single = [
  ...["metadata_version", "summary", "description", "description_content_type", "author", "author_email"],
  ...["maintainer", "maintainer_email", "license", "license_expression", "keywords", "home_page", "download_url"],
  ...["requires_python"],
];
const multiple = [
  ...["classifiers", "platform", "supported_platform", "requires_dist", "provides_dist", "obsoletes_dist"],
  ...["requires_external", "project_urls", "provides_extra", "license_file", "dynamic"],
];

const invalid = (field: string, value: string | undefined, why: string) =>
  refuse(
    400,
    `'${value ?? ""}' is an invalid value for ${field}. Error: ${why} See https://packaging.python.org/specifications/core-metadata for more information.`,
  );

/**
 * Checks the form's fields and the file's name against each other, in Warehouse's order.
 *
 * @throws HttpError 400
 */
export function checkForm(form: Form): Upload {
  const one = (name: string) => form.fields.get(name)?.[0];
  if (one(":action") !== "file_upload") throw refuse(400, `Unknown action: ${one(":action")}`);
  if (one("protocol_version") !== "1") throw refuse(400, "Unknown protocol version.");
  const version = one("version") ?? "";
  const name = one("name") ?? "";
  const filetype = one("filetype");
  if (!/^(1\.[0-2]|2\.[0-5])$/.test(one("metadata_version") ?? "")) {
    throw invalid("Metadata-Version", one("metadata_version"), "Use a known metadata version.");
  }
  if (!/^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$/i.test(name)) {
    throw invalid(
      "Name",
      name,
      "Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'.",
    );
  }
  const parsed = parse(version);
  if (!parsed) throw invalid("Version", version, "Version must be PEP 440 compliant.");
  if (parsed.local) throw refuse(400, `The use of local versions in <Version('${version}')> is not allowed.`);
  if (/[\r\n]/.test(one("summary") ?? "") || (one("summary") ?? "").length > 512) {
    throw invalid("Summary", one("summary")?.slice(0, 40), "Use a single line of at most 512 characters.");
  }
  if (filetype !== "bdist_wheel" && filetype !== "sdist") throw refuse(400, `Error: Use a known file type.`);
  if (filetype === "sdist" && (one("pyversion") || "source") !== "source") {
    throw refuse(400, "Error: Use 'source' as Python version for an sdist.");
  }
  if (filetype === "bdist_wheel" && !one("pyversion")) {
    throw refuse(400, "Error: Python version is required for binary distribution uploads.");
  }
  for (const url of form.fields.get("project_urls") ?? []) {
    if (!/^.{1,32},\s*https?:\/\/\S+$/.test(url)) throw invalid("Project-URL", url, "Use both a label and an URL.");
  }
  for (const digest of ["sha256_digest", "blake2_256_digest"]) {
    const value = one(digest);
    if (value && !/^[0-9A-F]{64}$/i.test(value))
      throw refuse(400, `Invalid value for ${digest}. Error: Use a valid, hex-encoded, digest.`);
  }
  // blake2 can't be computed by every Node, so it alone isn't enough here as it is on PyPI
  if (!one("sha256_digest") && !one("md5_digest")) throw refuse(400, "Error: Include at least one message digest.");
  if (form.fields.has("attestations")) {
    throw refuse(400, "Attestations are only supported when using Trusted Publishing");
  }
  if (!form.content) throw refuse(400, "Upload payload does not have a file.");
  const upload = {
    name,
    version: clean(version) as string,
    filetype,
    pyversion: one("pyversion") || "source",
  } as const;
  checkFilename(form.content.filename, upload);
  const wrong =
    (one("sha256_digest") && one("sha256_digest")?.toLowerCase() !== form.content.sha256) ||
    (one("md5_digest") && one("md5_digest")?.toLowerCase() !== form.content.md5);
  if (wrong) throw refuse(400, "The digest supplied does not match a digest calculated from the uploaded file.");
  return { ...upload, filename: form.content.filename, metadata: metadataOf(form) };
}

function checkFilename(filename: string, upload: { name: string; version: string; filetype: string }): void {
  if (/[/\\]/.test(filename)) throw refuse(400, "Cannot upload a file with '/' or '\\' in the name.");
  // As it is stored, with `.metadata` behind it.
  if (encodeURIComponent(filename).length > 240) throw refuse(400, "Filename is too long.");
  const wheel = /^([^-]+)-([^-]+)(-\d[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(filename);
  const sdist = /^(.+)-([^-]+)\.(tar\.gz|zip)$/.exec(filename);
  const match = upload.filetype === "sdist" ? sdist : wheel;
  if (!match) throw refuse(400, `Invalid file extension or name for ${upload.filetype}: ${filename}`);
  const [, name = "", version = ""] = match;
  const expected = normalizedName(upload.name).replaceAll("-", "_");
  if (normalizedName(name) !== normalizedName(upload.name)) {
    throw refuse(400, `Start filename for '${upload.name}' with '${expected}'.`);
  }
  if (clean(version.replaceAll("_", "-")) !== upload.version) {
    throw refuse(400, `Version in filename should be '${upload.version}' not '${version}'.`);
  }
}

function metadataOf(form: Form): Record<string, string | string[]> {
  const metadata: Record<string, string | string[]> = {};
  for (const key of single) {
    const [value] = form.fields.get(key) ?? [];
    if (value) metadata[key] = value;
  }
  for (const key of multiple) {
    const values = form.fields.get(key);
    if (values) metadata[key] = values;
  }
  return metadata;
}
