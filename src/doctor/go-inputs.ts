import picomatch from "picomatch";
import type { GoArtifact, Tree } from "../config/types.ts";
import { join } from "./paths.ts";

/** Packages that are followed at most. */
const most = 2000;

/** A Go module of this repository. */
interface Module {
  dir: string;
  path: string;
}

/**
 * The Go files of a command and of all packages of this repository that it imports, what they embed, and their go.mod.
 * Read from the source without the go tool, which would want every module downloaded: build constraints aren't looked
 * at, so that files for other systems count too.
 */
export async function goInputs(artifact: GoArtifact, tree: Tree): Promise<string[]> {
  const files = await tree.list();
  const byDir = new Map<string, string[]>();
  for (const file of files) {
    const dir = file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : "";
    byDir.set(dir, [...(byDir.get(dir) ?? []), file]);
  }
  const found = new Set<string>();
  const modules = await readModules(files, tree, artifact.dir);
  for (const { dir } of modules) for (const name of ["go.mod", "go.sum"]) addIf(found, files, join(dir, name));
  const start = join(artifact.dir, artifact.package);
  const seen = new Set<string>([start]);
  for (const dir of seen) {
    if (seen.size > most) break;
    const sources = (byDir.get(dir) ?? []).filter((file) => file.endsWith(".go") && !file.endsWith("_test.go"));
    const texts = await Promise.all(sources.map((file) => tree.read(file)));
    for (const [index, source] of sources.entries()) {
      found.add(source);
      const text = texts[index] ?? "";
      for (const file of embedded(text, dir, files)) found.add(file);
      for (const path of importsOf(text)) {
        const folder = folderOf(path, modules);
        if (folder !== null) seen.add(folder);
      }
    }
  }
  return [...found];
}

function addIf(found: Set<string>, files: readonly string[], file: string): void {
  if (files.includes(file)) found.add(file);
}

/** The module of a folder, and modules of this repository that it uses by `replace` or go.work. */
async function readModules(files: readonly string[], tree: Tree, dir: string): Promise<Module[]> {
  let root: string | null = dir === "." ? "" : dir;
  while (root !== null && !files.includes(join(root, "go.mod"))) {
    root = root === "" ? null : root.includes("/") ? root.slice(0, root.lastIndexOf("/")) : "";
  }
  if (root === null) return [];
  const modules: Module[] = [];
  const queue = [root, ...workspace(await tree.read("go.work"))];
  for (const folder of queue) {
    if (modules.some((one) => one.dir === folder)) continue;
    const text = await tree.read(join(folder, "go.mod"));
    const path = /^\s*module\s+"?([^\s"]+)/m.exec(text ?? "")?.[1];
    if (text === null || path === undefined) continue;
    modules.push({ dir: folder, path });
    for (const [, target] of text.matchAll(/=>\s*(\.\.?\/\S*)/g)) queue.push(join(folder, target as string));
  }
  return modules;
}

function workspace(text: string | null): string[] {
  const body = (text ?? "").replace(/\/\/.*$/gm, "");
  const block = /^use\s*\(([^)]*)\)/m.exec(body)?.[1] ?? "";
  const lines = [...body.matchAll(/^use\s+(\S+)\s*$/gm)].map(([, dir]) => dir as string);
  return [...block.split(/\s+/).filter(Boolean), ...lines].map((dir) => join(".", dir));
}

function importsOf(text: string): string[] {
  const head = text.slice(0, 64 << 10);
  const single = [...head.matchAll(/^import\s+(?:[\w.]+\s+)?"([^"]+)"/gm)];
  const blocks = [...head.matchAll(/^import\s*\(([^)]*)\)/gm)];
  const inside = blocks.flatMap(([, block]) => [...(block ?? "").matchAll(/"([^"]+)"/g)]);
  return [...single, ...inside].map(([, path]) => path as string);
}

function folderOf(path: string, modules: readonly Module[]): string | null {
  const fits = modules.filter((one) => path === one.path || path.startsWith(`${one.path}/`));
  const best = fits.sort((a, b) => b.path.length - a.path.length)[0];
  return best ? join(best.dir, path.slice(best.path.length)) : null;
}

/** Files of `//go:embed` lines: patterns from the package's folder, where a folder stands for all in it (pkg.go.dev/embed). */
function embedded(text: string, dir: string, files: readonly string[]): string[] {
  const patterns = [...text.matchAll(/^\/\/go:embed\s+(.+)$/gm)].flatMap(([, rest]) =>
    [...(rest ?? "").matchAll(/"([^"]+)"|`([^`]+)`|(\S+)/g)].map(([, a, b, c]) =>
      (a ?? b ?? c ?? "").replace(/^all:/, ""),
    ),
  );
  return patterns.flatMap((pattern) => {
    const path = join(dir, pattern);
    const matches = picomatch([path, `${path}/**`], { dot: true });
    return files.filter((file) => matches(file));
  });
}
