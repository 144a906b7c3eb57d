import { ociError } from "./errors.ts";

// Grammar of names and tags: OCI distribution specification 1.1, "Pulling manifests"; of digests: OCI image specification, "Digests".
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const nameForm = new RegExp(`^${component}(?:/${component})*$`);
const tagForm = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const digestForm = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

export type HashName = "sha256" | "sha512";

export function isDigest(text: string): boolean {
  return digestForm.test(text);
}

export function isTag(text: string): boolean {
  return tagForm.test(text);
}

export function algorithmOf(digest: string): HashName {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** @throws HttpError 400 NAME_INVALID */
export function checkName(name: string): string {
  if (name.length > 255 || !nameForm.test(name)) throw ociError("NAME_INVALID", `not a repository name: ${name}`);
  return name;
}

/** @throws HttpError 400 DIGEST_INVALID */
export function checkDigest(digest: string): string {
  if (!isDigest(digest)) throw ociError("DIGEST_INVALID", `not a sha256 or sha512 digest: ${digest}`);
  return digest;
}
