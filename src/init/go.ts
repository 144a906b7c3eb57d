import { folderOf, goSources, ignored, nameOf } from "../config/detect.ts";
import { inside } from "../config/manifests.ts";
import type { Tree } from "../config/types.ts";
import type { Survey } from "./types.ts";

/** Folders of what a repository makes for itself alone. */
export const ownUse = /(?:^|\/)(?:internal|tools?|hack|scripts|ci|_[^/]*)(?:\/|$)/;

/** A module and what is in it. */
export interface GoModule {
  dir: string;
  module: string;
  /** Folders of `main` packages, as `go build` names them: `.`, `./cmd/name`. */
  commands: string[];
  /** Of a command, `-X` settings for the variables that its sources have: `main.version={version}`. */
  variables(command: string): string[];
}

/** Go modules: their commands, or the module itself where it has none. `product` is what a command in the root is called. */
export async function surveyGo(
  tree: Tree,
  files: readonly string[],
  product: string,
): Promise<Survey & { modules: GoModule[] }> {
  const survey = { packages: [], leftOut: [], notes: [], stamps: [], modules: [] } as Survey & { modules: GoModule[] };
  const dirs = files.filter((file) => /(?:^|\/)go\.mod$/.test(file) && !ignored.test(file)).map(folderOf);
  for (const dir of dirs) {
    const file = inside(dir, "go.mod");
    const module = /^module[ \t]+"?([^\s"]+)/m.exec((await tree.read(file)) ?? "")?.[1];
    if (module === undefined) {
      survey.leftOut.push({ path: file, why: "names no module" });
      continue;
    }
    const nested = dirs.filter((other) => other !== dir && (dir === "." || other.startsWith(`${dir}/`)));
    const own = files.filter((one) => !nested.some((other) => one.startsWith(`${other}/`)));
    const commands = await commandsOf(tree, dir, own);
    if (commands.length === 0 && ownUse.test(dir)) {
      survey.leftOut.push({ path: file, why: "is a module for the repository's own use" });
      continue;
    }
    const variables = commands.length > 0 ? await versionVariables(tree, dir, module, own) : () => [];
    survey.modules.push({ dir, module, commands, variables });
    if (commands.length === 0) {
      const name = nameOf(dir, product);
      survey.packages.push({
        artifact: { type: "go-module", name, dir },
        target: "go",
        registryName: module,
        manifest: file,
        version: null,
      });
      continue;
    }
    for (const command of commands) {
      const name = command === "." ? lastOf(module) : command.slice(command.lastIndexOf("/") + 1);
      const settings = variables(command);
      if (!settings.some((one) => one.endsWith("={version}")))
        survey.notes.push(
          `${name}: no variable for its version was found (var version = "dev" in package main), so the linker tells the binary none`,
        );
      survey.packages.push({
        artifact: {
          type: "go",
          name,
          dir,
          package: command,
          ldflags: linkerFlags(settings),
        },
        target: null,
        registryName: null,
        manifest: file,
        version: null,
      });
    }
  }
  return survey;
}

/** `ldflags` that set variables, and leave out what debuggers want. */
export function linkerFlags(settings: readonly string[]): string {
  return ["-s -w", ...settings.map((one) => `-X ${one}`)].join(" ");
}

/** The last part of a module's path that isn't its major version: what `go install` calls the command. */
function lastOf(module: string): string {
  const parts = module.split("/").filter((part) => !/^v\d+$/.test(part));
  return (parts.at(-1) ?? "command").replace(/\.v\d+$/, "");
}

async function commandsOf(tree: Tree, dir: string, files: readonly string[]): Promise<string[]> {
  const sources = goSources(dir, files);
  const texts = await Promise.all(sources.map(({ file }) => tree.read(file)));
  const mains = sources.filter(
    (_, at) => /^package main\b/m.test(texts[at] ?? "") && !/^\/\/go:build ignore\b/m.test(texts[at] ?? ""),
  );
  return [...new Set(mains.map(({ command }) => command))].sort();
}

/** Variables that the linker can set: string variables of package main, or of a package for the version. */
const places = /^(?:cmd\/[^/]+\/|(?:internal\/|pkg\/|cmd\/)?(?:version|buildinfo|build|about)\/)?[^/]+\.go$/;
const known: [RegExp, string][] = [
  [/^(?:[vV]ersion|appVersion|AppVersion|buildVersion|BuildVersion)$/, "{version}"],
  [/^(?:[cC]ommit|gitCommit|GitCommit|commitHash|CommitHash|buildCommit)$/, "{commit}"],
  [/^(?:[dD]ate|buildDate|BuildDate|buildTime|BuildTime)$/, "{date}"],
];

async function versionVariables(
  tree: Tree,
  dir: string,
  module: string,
  files: readonly string[],
): Promise<(command: string) => string[]> {
  const prefix = dir === "." ? "" : `${dir}/`;
  const sources = files.filter(
    (file) => file.startsWith(prefix) && places.test(file.slice(prefix.length)) && !/_test\.go$/.test(file),
  );
  const texts = await Promise.all(sources.map((file) => tree.read(file)));
  const found = sources.flatMap((file, at) => {
    const text = (texts[at] ?? "").replaceAll("\r", "");
    const folder = folderOf(file.slice(prefix.length));
    const main = /^package main\b/m.test(text);
    const where = main ? "main" : folder === "." ? module : `${module}/${folder}`;
    return stringVariables(text).flatMap((name) => {
      const value = known.find(([pattern]) => pattern.test(name))?.[1];
      return value === undefined ? [] : [{ main, folder, value, setting: `${where}.${name}=${value}` }];
    });
  });
  return (command) => {
    const folder = command.replace(/^\.\//, "");
    return known.flatMap(([, value]) => {
      // Its own variable is what its author meant for this; else that of a package, which others may share.
      const of = found.filter((one) => one.value === value);
      const best = of.find((one) => one.main && one.folder === folder) ?? of.find((one) => !one.main);
      return best?.setting ?? [];
    });
  };
}

/** Names of package-level string variables: `var a = "x"`, `var a string`, and those in `var ( ... )`. */
function stringVariables(text: string): string[] {
  const names: string[] = [];
  let block = false;
  for (const line of text.split("\n")) {
    if (/^var\s*\(/.test(line)) block = true;
    else if (line.startsWith(")")) block = false;
    const declared = block
      ? /^\t(\w+)(?:\s+string)?\s*(=\s*"[^"]*")?\s*(?:\/\/.*)?$/
      : /^var\s+(\w+)(?:\s+string)?\s*(=\s*"[^"]*")?\s*(?:\/\/.*)?$/;
    const [whole, name, value] = declared.exec(line) ?? [];
    if (name !== undefined && (value !== undefined || /\sstring\b/.test(whole as string))) names.push(name);
  }
  return names;
}
