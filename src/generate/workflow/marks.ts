import { readFile } from "node:fs/promises";
import path from "node:path";
import { ReleaseError } from "../../lib/errors.ts";
import { digestOf, hexOf } from "../../lib/hash.ts";
import { diffGenerated, type GeneratedFile } from "../files.ts";

/**
 * A generated file whose lines between two marks are twotier's, and all others the repository's own. The first mark
 * has a digest of the lines between them, so that an edit by hand is told from the text of another version of twotier.
 */

const begin = "# twotier:begin";
const end = "# twotier:end";

/** The text between marks, with what they mean. */
export function marked(text: string): string {
  return [
    `${begin} ${shortDigest(text)}`,
    "# `twotier generate workflow` writes the lines between these marks; those outside of them are yours, such as more jobs.",
    `${text}${end}`,
    "",
  ].join("\n");
}

function shortDigest(text: string): string {
  return `sha256:${hexOf(digestOf(text)).slice(0, 16)}`;
}

const pattern = /^# twotier:begin (?<digest>sha256:[0-9a-f]{16})\n#.*\n(?<own>(?:.*\n)*?)# twotier:end$/m;

/**
 * The files as they should be in a folder: with the own lines around the marks, and the line ends, of those that are there.
 *
 * @param force true: lines that were changed by hand between the marks, or a file without marks, are replaced
 * @throws ReleaseError REFUSED, with a diff, where somebody changed them by hand
 */
export async function mergeOwn(
  dir: string,
  files: readonly GeneratedFile[],
  { force = false } = {},
): Promise<GeneratedFile[]> {
  return Promise.all(files.map((file) => merge(dir, file, force)));
}

async function merge(dir: string, file: GeneratedFile, force: boolean): Promise<GeneratedFile> {
  const raw = await readFile(path.join(dir, file.path), "utf8").catch(() => null);
  if (raw === null) return file;
  const windows = raw.includes("\r\n");
  const there = raw.replaceAll("\r\n", "\n");
  const found = pattern.exec(there);
  const own = found?.groups?.own;
  const merged = found
    ? there.slice(0, found.index) + file.text.trimEnd() + there.slice(found.index + found[0].length)
    : file.text;
  const result = { ...file, text: windows ? merged.replaceAll("\n", "\r\n") : merged };
  const untouched = own !== undefined && shortDigest(own) === found?.groups?.digest;
  if (untouched || force || merged === there) return result;
  const diff = await diffGenerated(dir, [result]);
  throw new ReleaseError(
    "REFUSED",
    found ? `${file.path} was changed by hand between its marks` : `${file.path} is there, and twotier didn't write it`,
    {
      facts: { diff },
      hint: `${found ? "move your lines below # twotier:end" : "keep what you need of it in another workflow"}, then: twotier generate workflow --force`,
    },
  );
}
