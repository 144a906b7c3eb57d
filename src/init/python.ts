import { parse as parseToml } from "smol-toml";
import { folderOf, ignored } from "../config/detect.ts";
import { inside } from "../config/manifests.ts";
import type { RawArtifact } from "../config/schema.ts";
import type { Tree } from "../config/types.ts";
import { asTable, asText } from "./json.ts";
import type { Survey } from "./types.ts";

/** Where a project's version comes from, when it is no text in a manifest. */
const fromTag =
  /setuptools[-_]scm|hatch-vcs|versioningit|(?:poetry|uv)-dynamic-versioning|versioneer|(?:^|\W)pbr\b|flit[-_]scm/;

/** Python projects: pyproject.toml with a project's name, or setup.cfg with one. */
export async function surveyPython(tree: Tree, files: readonly string[]): Promise<Survey> {
  const survey: Survey = { packages: [], leftOut: [], notes: [], stamps: [] };
  const all = new Set(files);
  const wanted = files.filter(
    (file) => /(?:^|\/)(?:pyproject\.toml|setup\.(?:cfg|py))$/.test(file) && !ignored.test(file),
  );
  const dirs = [...new Set(wanted.map(folderOf))];
  const names = new Map<string, string>();
  for (const dir of dirs) {
    const file = inside(dir, "pyproject.toml");
    const [text, cfg] = await Promise.all([tree.read(file), tree.read(inside(dir, "setup.cfg"))]);
    let table: Record<string, unknown> = {};
    try {
      table = text === null ? {} : asTable(parseToml(text.replace(/^\ufeff/, "")));
    } catch (cause) {
      survey.leftOut.push({ path: file, why: `can't be read: ${(cause as Error).message.split("\n")[0]}` });
      continue;
    }
    const project = asTable(table.project);
    const tools = asTable(table.tool);
    const poetry = asTable(tools.poetry);
    const meta = section(cfg ?? "", "metadata");
    const name = asText(project.name) ?? asText(poetry.name) ?? meta.get("name");
    const where = text === null ? inside(dir, cfg === null ? "setup.py" : "setup.cfg") : file;
    if (name === undefined) {
      // A pyproject.toml of linters alone is in most repositories: it is no package, and nobody expects one.
      if (all.has(inside(dir, "setup.py")))
        survey.leftOut.push({
          path: inside(dir, "setup.py"),
          why: "says its name only when it runs: write it into pyproject.toml as [project] name",
        });
      continue;
    }
    const why = whyNot(table);
    if (why !== null) {
      survey.leftOut.push({ path: where, why });
      continue;
    }
    const key = name.toLowerCase().replace(/[-_.]+/g, "-");
    if (names.has(key)) {
      survey.leftOut.push({ path: where, why: `is called ${name} like ${names.get(key)}: rename one` });
      continue;
    }
    names.set(key, where);
    const literal = asText(project.version) ?? asText(poetry.version) ?? literalOf(meta.get("version"));
    const scm =
      fromTag.test(text ?? "") || fromTag.test(cfg ?? "") || asTable(asTable(tools.pdm).version).source === "scm";
    const maturin = asTable(table["build-system"])["build-backend"] === "maturin";
    const cargo = maturin && literal === undefined;
    if (scm)
      survey.notes.push(`${name}: its version comes from the tag; nothing is stamped, builds are told the version`);
    if (cargo) survey.notes.push(`${name}: its version is that of ${inside(dir, "Cargo.toml")}`);
    if (maturin)
      survey.notes.push(
        `${name}: maturin makes a wheel for the machine that builds, linux/amd64 in CI; docs/building.md says how to add others`,
      );
    // On by default (maturin.rs, "SBOM"); it holds the folder that was built in, an id and a time (seen of 1.16).
    if (maturin && asTable(asTable(tools.maturin).sbom).rust !== false)
      survey.notes.push(
        `${name}: maturin puts an SBOM into the wheel that is another one each time, so that no promotion could be proven: write \`rust = false\` under [tool.maturin.sbom] in ${where}`,
      );
    const spelt = scm || literal !== undefined ? null : await speltIn(tree, all, dir, table, name);
    const far = spelt !== null && !usualModule.test(spelt.file.slice(dir === "." ? 0 : dir.length + 1));
    const version = scm
      ? null
      : cargo
        ? ((/^version\s*=\s*"([^"]+)"/m.exec((await tree.read(inside(dir, "Cargo.toml"))) ?? "") ?? [])[1] ?? null)
        : (literal ?? spelt?.version ?? (await moduleVersion(tree, files, dir)));
    const about = { target: "pypi" as const, registryName: name, manifest: where, version };
    if (maturin) {
      const stamps = literal === undefined ? [] : [{ file: where }];
      const [wheel, sdist] = maturinArtifacts(name, dir, table, all);
      survey.packages.push({ artifact: wheel, ...about, stamps }, { artifact: sdist, ...about });
      continue;
    }
    survey.packages.push({
      ...{ artifact: { type: "python", name, dir }, ...about },
      ...(far ? { stamps: [{ file: spelt.file, pattern: spelt.pattern }] } : {}),
    });
  }
  return survey;
}

/**
 * By maturin's own commands: as a PEP 517 backend it tags wheels linux_x86_64, which PyPI refuses; `maturin build` looks
 * for the oldest manylinux that the wheel runs on (maturin.rs, "Distribution").
 */
function maturinArtifacts(
  name: string,
  dir: string,
  table: Record<string, unknown>,
  files: ReadonlySet<string>,
): [wheel: RawArtifact, sdist: RawArtifact] {
  const { requires } = asTable(table["build-system"]);
  const wanted = (Array.isArray(requires) ? requires.map(String) : []).find((one) =>
    /^maturin\b[\w.,<>=!~ [\]*-]*$/.test(one),
  );
  const locked = [dir, "."].some((at) => files.has(inside(at, "Cargo.lock"))) ? " --locked" : "";
  const run = (command: string) =>
    [
      'python3 -m venv "$OUT/../maturin"',
      `"$OUT/../maturin/bin/pip" install --quiet '${wanted ?? "maturin"}'`,
      `"$OUT/../maturin/bin/maturin" ${command} --out "$OUT"`,
    ].join(" && ");
  const base = { type: "command" as const, dir, package: name };
  return [
    { ...base, name, run: run(`build --release${locked}`), files: ["*.whl"] },
    { ...base, name: `${name}-sdist`, run: run("sdist"), files: ["*.tar.gz"], kind: "sdist" },
  ];
}

function whyNot(table: Record<string, unknown>): string | null {
  const tools = asTable(table.tool);
  const classifiers = asTable(table.project).classifiers;
  if (Array.isArray(classifiers) && classifiers.some((one) => /^Private ::/.test(String(one))))
    return "is private, by its classifier";
  if (asTable(tools.poetry)["package-mode"] === false) return "is no package (package-mode = false)";
  if (asTable(tools.uv).package === false) return "is no package (tool.uv.package = false)";
  return null;
}

/** `attr:` and `file:` say where the version is, not what it is. */
function literalOf(value: string | undefined): string | undefined {
  return value !== undefined && /^v?\d/.test(value) ? value : undefined;
}

/** Modules that the configuration stamps by itself (src/config/manifests.ts). */
const usualModule = /^(?:[\w.-]+\/){1,2}(?:__init__|_version|version|__about__)\.py$/;

/**
 * Where a dynamic version is read from, as the backend's settings say: hatch's and pdm's `path`, setuptools' `attr`, flit's
 * module. The line in it that sets the version, as a pattern; null where there is none.
 */
async function speltIn(
  tree: Tree,
  files: ReadonlySet<string>,
  dir: string,
  table: Record<string, unknown>,
  name: string,
): Promise<{ file: string; pattern: string; version: string } | null> {
  const tools = asTable(table.tool);
  const paths = ["hatch", "pdm"].flatMap((tool) => asText(asTable(asTable(tools[tool]).version).path) ?? []);
  const attr = asText(asTable(asTable(asTable(tools.setuptools).dynamic).version).attr);
  const modules: string[] = [];
  if (attr !== undefined) modules.push(attr.split(".").slice(0, -1).join("/"));
  if (String(asTable(table["build-system"])["build-backend"]).startsWith("flit_core"))
    modules.push(asText(asTable(asTable(tools.flit).module).name) ?? name.replaceAll("-", "_"));
  for (const module of modules)
    for (const root of ["", "src/"]) paths.push(`${root}${module}.py`, `${root}${module}/__init__.py`);
  const file = paths.map((path) => inside(dir, path.replace(/^\.\//, ""))).find((path) => files.has(path));
  if (file === undefined) return null;
  const line = /^((?:__version__|VERSION|version)(?:\s*:\s*\w+)?\s*=\s*["'])(\d[^"'\r\n]*)(["'])/m;
  const [, before, version, after] = line.exec((await tree.read(file)) ?? "") ?? [];
  return version === undefined ? null : { file, pattern: `${before}{version}${after}`, version };
}

/** `__version__` of the project's own package, at most two folders deep. */
async function moduleVersion(tree: Tree, files: readonly string[], dir: string): Promise<string | null> {
  const prefix = dir === "." ? "" : `${dir}/`;
  const modules = files.filter(
    (file) => file.startsWith(prefix) && usualModule.test(file.slice(prefix.length)) && !ignored.test(file),
  );
  for (const file of modules) {
    const [, found] =
      /^__version__(?:\s*:\s*\w+)?\s*=\s*["']([^"'\r\n]+)["']/m.exec((await tree.read(file)) ?? "") ?? [];
    if (found !== undefined) return found;
  }
  return null;
}

/** `key = value` lines of an INI section. */
function section(text: string, name: string): Map<string, string> {
  const found = new Map<string, string>();
  let here = false;
  for (const line of text.split(/\r?\n/)) {
    const head = /^\[([^\]]+)\]/.exec(line);
    if (head) here = head[1]?.trim() === name;
    const pair = here ? /^([A-Za-z_.-]+)\s*[=:]\s*(.+?)\s*$/.exec(line) : null;
    if (pair) found.set(pair[1] as string, pair[2] as string);
  }
  return found;
}
