import { pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";

/** Puts the text of the installers' shell sources where src/generate/installer/parts.ts reads their files. */
export const shellParts: Plugin = {
  name: "shell parts",
  setup: (it) =>
    it.onLoad({ filter: /[/\\]generate[/\\]installer[/\\]parts\.ts$/ }, async ({ path: file }) => {
      const { parts } = (await import(pathToFileURL(file).href)) as { parts: Record<string, string> };
      return { contents: `export const parts = ${JSON.stringify(parts)};`, loader: "js" };
    }),
};
