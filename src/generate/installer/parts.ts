import { readFileSync } from "node:fs";

/** The shell sources that the scripts are put together from. scripts/build.ts puts their text into the bundle. */
const read = (name: string) => readFileSync(new URL(`sh/${name}.sh`, import.meta.url), "utf8");

export const parts = {
  common: read("common"),
  fetch: read("fetch"),
  install: read("install"),
  uninstall: read("uninstall"),
};
