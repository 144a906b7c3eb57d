import { eq, valid } from "@renovatebot/pep440";

/** Whether a package's version is the one that was asked for, in any spelling that PEP 440 knows. */
export function samePythonVersion(found: string, expected: string): boolean {
  return valid(found) !== null && eq(found, expected);
}

/** A field of an email-style header block (core metadata, WHEEL); undefined where it isn't there. */
export function field(text: string, name: string): string | undefined {
  const head = text.split(/\r?\n\r?\n/, 1)[0] ?? "";
  const line = head.split(/\r?\n/).find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
}
