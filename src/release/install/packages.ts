import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ReleaseFile } from "../../core/manifest.ts";
import { exec } from "../../lib/exec.ts";
import type { Row } from "../rows.ts";
import { addressOf, attempt, smokeTest, type Trial } from "./tools.ts";

/** Imports every top-level module of an installed distribution and prints its version. */
const importAll = `
import importlib, importlib.metadata as m, sys
name = sys.argv[1]
tops = {f.parts[0].removesuffix('.py') for f in m.files(name) or [] if f.suffix == '.py' and '..' not in f.parts}
for top in sorted(t for t in tops if t.isidentifier()): importlib.import_module(top)
print(m.version(name))
`;

/** `pip install --pre NAME==VERSION` into a virtual environment, and an import of all it holds. */
export function installPython(trial: Trial, file: ReleaseFile, version: string): Promise<Row> {
  const name = file.package ?? "";
  return attempt("pypi", `pip install ${name}==${version}`, async () => {
    const folder = await trial.folder(`pip-${name}`);
    const { env, signal } = trial;
    await exec("python3", ["-m", "venv", folder], { env, signal });
    const index = addressOf(trial, "pypi");
    const python = path.join(folder, "bin/python");
    const quiet = ["--isolated", "--disable-pip-version-check", "--no-cache-dir", "--quiet"];
    const from = ["--index-url", index, "--trusted-host", new URL(index).hostname];
    const args = ["-m", "pip", ...quiet, "install", "--pre", "--only-binary", ":all:", ...from, `${name}==${version}`];
    await exec(python, file.kind === "sdist" ? args.filter((arg) => !/binary|:all:/.test(arg)) : args, { env, signal });
    const { stdout } = await exec(python, ["-c", importAll, name], { env, signal, cwd: folder });
    const found = stdout.trim().split("\n").at(-1) ?? "";
    if (found !== version) throw new Error(`pip installed ${found}`);
    const smoke = trial.smoke(file.artifact);
    return smoke === null ? "installed and imported" : smokeTest(trial, smoke, folder, [path.join(folder, "bin")]);
  });
}

/** `npm install NAME@VERSION`, and an import where it can be imported. */
export function installNpm(trial: Trial, file: ReleaseFile): Promise<Row> {
  const name = file.package ?? "";
  const { version } = trial.subject;
  return attempt("npm", `npm install ${name}@${version}`, async () => {
    const cwd = await trial.folder(`npm-${name}`);
    const { env, signal } = trial;
    const rc = path.join(cwd, ".npmrc");
    await writeFile(path.join(cwd, "package.json"), '{"private":true,"type":"module"}\n');
    await writeFile(rc, `registry=${addressOf(trial, "npm")}/\ncache=${path.join(cwd, ".cache")}\n`);
    const quiet = "--ignore-scripts --no-audit --no-fund --loglevel=error".split(" ");
    await exec("npm", ["install", "--userconfig", rc, ...quiet, `${name}@${version}`], { cwd, env, signal });
    const home = path.join(cwd, "node_modules", name);
    const manifest = JSON.parse(await readFile(path.join(home, "package.json"), "utf8")) as Record<string, unknown>;
    if (manifest.version !== version) throw new Error(`npm installed ${String(manifest.version)}`);
    const smoke = trial.smoke(file.artifact);
    if (smoke !== null) return smokeTest(trial, smoke, cwd, [path.join(cwd, "node_modules/.bin")]);
    if (manifest.exports === undefined && manifest.main === undefined && manifest.module === undefined) {
      return "installed; it has nothing to import";
    }
    await exec("node", ["--input-type=module", "--eval", `await import(${JSON.stringify(name)})`], {
      cwd,
      env,
      signal,
    });
    return "installed and imported";
  });
}
