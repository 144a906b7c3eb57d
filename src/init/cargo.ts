import { parse as parseToml } from "smol-toml";
import { folderOf, ignored } from "../config/detect.ts";
import { inside } from "../config/manifests.ts";
import type { Tree } from "../config/types.ts";
import { asTable, asText, type Table } from "./json.ts";
import type { ExtraStamp, Survey } from "./types.ts";

/** The machine that GitHub's `ubuntu-latest` is. */
const target = "x86_64-unknown-linux-gnu";

interface Crate {
  file: string;
  dir: string;
  name: string;
  version: string | null;
  /** True where the version is the workspace's. */
  inherits: boolean;
  bins: string[];
  published: boolean;
}

/**
 * Rust crates with a command: built by cargo as an artifact of type `command`, whose version in Cargo.toml (and Cargo.lock)
 * is stamped. A crate under a Python project that maturin builds belongs to that project: `stampsOf` its folder.
 */
export async function surveyCargo(
  tree: Tree,
  files: readonly string[],
  python: readonly string[],
): Promise<Survey & { stampsOf(dir: string): ExtraStamp[] }> {
  const survey: Survey = { packages: [], leftOut: [], notes: [], stamps: [] };
  const found = files.filter((file) => /(?:^|\/)Cargo\.toml$/.test(file) && !ignored.test(file));
  const texts = await Promise.all(found.map(async (file) => (await tree.read(file)) ?? ""));
  const tables = found.map((file, at) => {
    try {
      return asTable(parseToml(texts[at] ?? ""));
    } catch (cause) {
      survey.leftOut.push({ path: file, why: `can't be read: ${(cause as Error).message.split("\n")[0]}` });
      return {};
    }
  });
  const sharing = tables.findIndex((table) => asText(workspaceOf(table).version) !== undefined);
  const shared = asText(workspaceOf(tables[sharing] ?? {}).version) ?? null;
  const crates = found.flatMap((file, at) => crateOf(file, tables[at] ?? {}, shared, files) ?? []);
  const locks = await readLocks(tree, files, found);

  const stampsOf = (crate: Crate): ExtraStamp[] => {
    // Who has the workspace's version moves along with it, in the lock file too: --locked wants it to fit.
    const moved = crate.inherits ? crates.filter((one) => one.inherits) : [crate];
    const manifest = crate.inherits ? (found[sharing] as string) : crate.file;
    const names = moved.map((one) => one.name);
    return [
      { file: manifest },
      ...locks.flatMap(({ file, text }) =>
        names
          .filter((name) => text.includes(`name = "${name}"\nversion = "`))
          .map((name) => ({ file, pattern: `name = "${name}"\nversion = "{version}"` })),
      ),
      ...found.flatMap((file, at) => requirements(file, texts[at] ?? "", names, crate.version)),
    ];
  };
  for (const crate of crates) {
    const { file, dir, name, version, bins, published } = crate;
    if (python.includes(dir)) continue;
    if (bins.length === 0) {
      survey.leftOut.push({ path: file, why: "is a library: twotier doesn't publish to crates.io" });
      continue;
    }
    const notes = [`${name}: cargo builds it for linux/amd64 alone; docs/building.md says how to add platforms`];
    if (published) notes.push(`${name}: twotier doesn't publish to crates.io; \`cargo publish\` stays where it is`);
    for (const [at, bin] of bins.entries()) {
      const asset = `${bin}-linux-amd64`;
      const run = [
        `cargo build --release --locked --target ${target} --bin ${bin} --target-dir "$OUT/../cargo"`,
        `cp "$OUT/../cargo/${target}/release/${bin}" "$OUT/${asset}"`,
      ].join(" && ");
      survey.packages.push({
        artifact: { type: "command", name: bin, dir, run, files: [asset] },
        ...{
          target: null,
          registryName: null,
          manifest: file,
          version,
          stamps: stampsOf(crate),
          notes: at === 0 ? notes : [],
        },
      });
    }
  }
  return { ...survey, stampsOf: (dir) => crates.filter((one) => one.dir === dir).flatMap(stampsOf) };
}

const workspaceOf = (table: Table) => asTable(asTable(table.workspace).package);

function crateOf(file: string, table: Table, shared: string | null, files: readonly string[]): Crate | null {
  const crate = asTable(table.package);
  const name = asText(crate.name);
  if (name === undefined) return null;
  const dir = folderOf(file);
  const own = asText(crate.version);
  const bins = Array.isArray(table.bin) ? table.bin.map((one) => asText(asTable(one).name) ?? name) : [];
  if (files.includes(inside(dir, "src/main.rs")) && bins.length === 0) bins.push(name);
  const inherits = own === undefined && asTable(crate.version).workspace === true;
  return {
    file,
    dir,
    name,
    version: own ?? (inherits ? shared : null),
    inherits,
    bins,
    published: crate.publish !== false,
  };
}

function readLocks(tree: Tree, files: readonly string[], manifests: readonly string[]) {
  const locks = [...new Set(manifests.map((file) => inside(folderOf(file), "Cargo.lock")))];
  return Promise.all(
    locks
      .filter((file) => files.includes(file))
      .map(async (file) => ({ file, text: ((await tree.read(file)) ?? "").replaceAll("\r", "") })),
  );
}

/** Lines by which crates ask for one that moves: cargo wants `version` beside `path` to fit (doc.rust-lang.org/cargo, "Specifying Dependencies"). */
function requirements(file: string, text: string, names: readonly string[], version: string | null): ExtraStamp[] {
  const stamps = new Map<string, number>();
  for (const line of text.split(/\r?\n/)) {
    const [, name = ""] = /^\s*"?([\w-]+)"?\s*=\s*\{[^}]*\bpath\s*=/.exec(line) ?? [];
    const at = names.includes(name) ? /\bversion\s*=\s*"[=^~]?\s*(\d[^"]*)"/.exec(line) : null;
    if (at === null || at[1] !== version) continue;
    const pattern = line.trim().replace(at[0], at[0].replace(at[1] as string, "{version}"));
    stamps.set(pattern, (stamps.get(pattern) ?? 0) + 1);
  }
  return [...stamps].map(([pattern, count]) => ({ file, pattern, ...(count > 1 ? { count } : {}) }));
}
