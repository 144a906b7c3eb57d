import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { licensesOf } from "./licenses.ts";
import { shellParts } from "./shell-parts.ts";

// Builds what is published: dist/main.js (the command), dist/cli.js and its chunks, dist/index.js (the library),
// dist/types, dist/THIRD-PARTY-LICENSES. Everything from npm is bundled: the package installs alone.
// Usage: node scripts/build.ts [--out DIR]

const root = path.resolve(import.meta.dirname, "..");
const { values } = parseArgs({ options: { out: { type: "string", default: path.join(root, "dist") } } });
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };

/**
 * Stands for the version until all is built: names of chunks are hashes of their text, and a candidate's chunks must be
 * called as those of the stable version (docs/promotion.md).
 */
const placeholder = "0.0.0-version.goes.here";

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  define: { TWOTIER_VERSION: JSON.stringify(placeholder) },
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
};

/**
 * `import process from "node:process"` evaluates every getter of it, the standard streams' among them: 5 ms of each start
 * (measured with Node 24). The global is the same object. As a CommonJS module its parts are read where they are used.
 */
const globalProcess: Plugin = {
  name: "global process",
  setup(it) {
    it.onResolve({ filter: /^node:process$/ }, () => ({ path: "process", namespace: "global" }));
    it.onLoad({ filter: /^process$/, namespace: "global" }, () => ({
      contents: "module.exports = globalThis.process;",
    }));
  },
};

const bundled: BuildOptions = {
  ...common,
  target: "node22.18",
  plugins: [shellParts, globalProcess],
  minifyWhitespace: true,
  // CommonJS packages call require() for Node's own modules; an ES module has none.
  banner: {
    js: 'import { createRequire as twotierRequire } from "node:module"; const require = twotierRequire(import.meta.url);',
  },
};

/** The whole product, split so that a command loads what it needs. */
async function product(out: string): Promise<Metafile> {
  const result = await build({
    ...bundled,
    entryPoints: { cli: "src/cli/main.ts", index: "src/index.ts" },
    outdir: out,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
  });
  return result.metafile as Metafile;
}

/** `plan` in one file (src/cli/main-plan.ts). What it bundles, the whole product bundles too. */
async function plan(out: string): Promise<void> {
  await build({ ...bundled, entryPoints: ["src/cli/main-plan.ts"], outfile: path.join(out, "plan.js") });
}

/** The command: one small file that any Node can at least read. */
async function command(out: string): Promise<void> {
  await build({
    ...common,
    entryPoints: ["src/cli/bin.ts"],
    outfile: path.join(out, "main.js"),
    target: "node12.20",
    supported: { "top-level-await": true },
    plugins: [
      {
        name: "cli apart",
        setup(it) {
          it.onResolve({ filter: /^\.\/main\.ts$/ }, () => ({ path: "./cli.js", external: true }));
          it.onResolve({ filter: /^\.\/main-plan\.ts$/ }, () => ({ path: "./plan.js", external: true }));
        },
      },
    ],
  });
  chmodSync(path.join(out, "main.js"), 0o755);
}

const out = path.resolve(values.out);
// On the same file system, or it can't be moved there.
const beside = out === path.join(root, "dist") ? path.join(root, ".setup") : path.dirname(out);
mkdirSync(beside, { recursive: true });
const fresh = mkdtempSync(path.join(beside, "dist-"));
try {
  const [metafile] = await Promise.all([product(fresh), plan(fresh), command(fresh)]);
  for (const name of globSync("**/*.js", { cwd: fresh })) {
    const file = path.join(fresh, name);
    const text = readFileSync(file, "utf8");
    if (text.includes(placeholder)) writeFileSync(file, text.replaceAll(placeholder, version));
  }
  writeFileSync(path.join(fresh, "THIRD-PARTY-LICENSES"), licensesOf(metafile, root));
  execFileSync(
    path.join(root, "node_modules/.bin/tsc"),
    ["--project", path.join(root, "tsconfig.build.json"), "--outDir", path.join(fresh, "types")],
    { stdio: "inherit" },
  );
  if (existsSync(out)) renameSync(out, `${fresh}-old`);
  renameSync(fresh, out);
  chmodSync(out, 0o755);
} catch (error) {
  // esbuild and tsc have said what is wrong; anything else is news.
  if (!(error instanceof Error && ("errors" in error || "status" in error))) throw error;
  console.error("build: failed; dist/ is as it was");
  process.exitCode = 1;
} finally {
  for (const folder of [fresh, `${fresh}-old`]) rmSync(folder, { recursive: true, force: true });
}
