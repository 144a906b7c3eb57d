import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Metafile } from "esbuild";

/**
 * The licence texts of all npm packages whose code is in a bundle.
 *
 * @throws Error when a package has no licence file: then it may not be bundled.
 */
export function licensesOf(metafile: Metafile, root: string): string {
  const folders = new Set<string>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  const texts = [...folders].map((folder) => licenseOf(path.join(root, folder)));
  return `twotier contains code of these packages.\n\n${texts.sort().join("\n")}`;
}

function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
  };
  const file = readdirSync(folder).find((it) => /^(licen[cs]e|copying)(\.|-|$)/i.test(it));
  if (file === undefined || !existsSync(path.join(folder, file))) throw new Error(`${name} has no licence file`);
  const text = readFileSync(path.join(folder, file), "utf8").trim();
  return `${"-".repeat(79)}\n${name} ${version} (${license ?? "see below"})\n\n${text}\n`;
}
