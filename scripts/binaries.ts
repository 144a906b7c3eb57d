import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { licensesOf } from "./licenses.ts";
import { shellParts } from "./shell-parts.ts";
import { signAdHoc } from "./sign.ts";

// Makes twotier-OS-ARCH, programs that need no Node.js: the whole product in one file, compiled to bytecode and put
// behind a Bun of that system (https://bun.com/docs/bundler/executables). docs/building-twotier.md says why Bun.
// The same sources make the same bytes, in any folder. Usage: node scripts/binaries.ts --out DIR [OS-ARCH ...]

const root = path.resolve(import.meta.dirname, "..");
const runtimes = path.join(root, "scripts/runtimes");
/** Ours -> Bun's word for it, which names its npm package and its `--target`. */
const systems: Record<string, { runtime: string; target: string }> = {
  "darwin-amd64": { runtime: "darwin-x64", target: "bun-darwin-x64" },
  "darwin-arm64": { runtime: "darwin-aarch64", target: "bun-darwin-arm64" },
  "linux-amd64": { runtime: "linux-x64", target: "bun-linux-x64" },
  "linux-arm64": { runtime: "linux-aarch64", target: "bun-linux-arm64" },
};
const { values, positionals } = parseArgs({
  options: { out: { type: "string" } },
  allowPositionals: true,
});
const wanted = positionals.length > 0 ? positionals : Object.keys(systems);
const unknown = wanted.filter((system) => !Object.hasOwn(systems, system));
if (values.out === undefined || unknown.length > 0) {
  console.error(`usage: node scripts/binaries.ts --out DIR [${Object.keys(systems).join(" | ")} ...]`);
  process.exit(2);
}
const out = path.resolve(values.out);
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };

/** Where a runtime's npm package has its program. */
function bunOf(runtime: string): string {
  return path.join(runtimes, "node_modules/@oven", `bun-${runtime}`, "bin/bun");
}

/** --force: npm otherwise refuses packages that are for another system (EBADPLATFORM). */
function installRuntimes(): void {
  const { dependencies } = JSON.parse(readFileSync(path.join(runtimes, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const there = Object.entries(dependencies).every(([name, version]) => {
    const file = path.join(runtimes, "node_modules", name, "package.json");
    return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === version;
  });
  if (there) return;
  const quiet = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
  execFileSync("npm", ["ci", "--force", "--ignore-scripts", ...quiet], { cwd: runtimes, stdio: "inherit" });
}

/** CommonJS: of that Bun makes bytecode which starts twice as fast as that of an ES module. */
async function oneFile(folder: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/cli/bin.ts"],
    outfile: path.join(folder, "twotier.js"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node24",
    define: { TWOTIER_VERSION: JSON.stringify(version), "import.meta.url": '""' },
    plugins: [shellParts],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  writeFileSync(path.join(folder, "THIRD-PARTY-LICENSES"), licensesOf(metafile, root));
}

function compile(folder: string, system: string): void {
  const { runtime, target } = systems[system] as { runtime: string; target: string };
  const here = bunOf(`${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`);
  const name = `twotier-${system}`;
  // A .env, bunfig.toml or tsconfig.json in the folder where twotier is started must not change what it does.
  const deaf = ["dotenv", "bunfig", "tsconfig", "package-json"].map((what) => `--no-compile-autoload-${what}`);
  const source = [`--target=${target}`, `--compile-executable-path=${bunOf(runtime)}`, "twotier.js"];
  const args = ["build", "--compile", "--bytecode", "--minify", ...deaf, ...source, "--outfile", name];
  execFileSync(here, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const file = path.join(folder, name);
  if (system === "darwin-amd64") writeFileSync(file, signAdHoc(readFileSync(file), "twotier"));
  copyFileSync(file, path.join(out, name));
}

const folder = mkdtempSync(path.join(tmpdir(), "twotier-binaries-"));
try {
  installRuntimes();
  mkdirSync(out, { recursive: true });
  await oneFile(folder);
  copyFileSync(path.join(folder, "THIRD-PARTY-LICENSES"), path.join(out, "THIRD-PARTY-LICENSES"));
  for (const system of wanted) compile(folder, system);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
