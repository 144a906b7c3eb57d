import { parse as parseToml } from "smol-toml";
import { folderOf, ignored } from "../config/detect.ts";
import { inside } from "../config/manifests.ts";
import type { Tree } from "../config/types.ts";
import { asTable, asText } from "./json.ts";
import type { Survey } from "./types.ts";

/** The machine that GitHub's `ubuntu-latest` is. */
const target = "x86_64-unknown-linux-gnu";

/**
 * Rust crates with a command: built by cargo as an artifact of type `command`, whose version in Cargo.toml (and Cargo.lock)
 * is stamped. A crate under a Python project that maturin builds belongs to that project.
 */
export async function surveyCargo(tree: Tree, files: readonly string[], python: readonly string[]): Promise<Survey> {
  const survey: Survey = { packages: [], leftOut: [], notes: [], stamps: [] };
  const found = files.filter((file) => /(?:^|\/)Cargo\.toml$/.test(file) && !ignored.test(file));
  let shared: string | undefined;
  const locked: string[] = [];
  for (const file of found) {
    const dir = folderOf(file);
    let table: Record<string, unknown>;
    try {
      table = asTable(parseToml((await tree.read(file)) ?? ""));
    } catch (cause) {
      survey.leftOut.push({ path: file, why: `can't be read: ${(cause as Error).message.split("\n")[0]}` });
      continue;
    }
    const workspace = asText(asTable(asTable(table.workspace).package).version);
    if (workspace !== undefined) {
      shared = workspace;
      survey.stamps.push({ file });
    }
    const crate = asTable(table.package);
    const name = asText(crate.name);
    if (name === undefined) continue;
    const version = asText(crate.version) ?? shared ?? null;
    const own = asText(crate.version) !== undefined;
    if (python.includes(dir)) {
      if (own) survey.stamps.push({ file });
      locked.push(name);
      continue;
    }
    const prefix = dir === "." ? "" : `${dir}/`;
    const bins = Array.isArray(table.bin) ? table.bin.map((one) => asText(asTable(one).name) ?? name) : [];
    if (files.includes(`${prefix}src/main.rs`) && bins.length === 0) bins.push(name);
    if (bins.length === 0) {
      survey.leftOut.push({ path: file, why: "is a library: twotier doesn't publish to crates.io" });
      continue;
    }
    if (own) survey.stamps.push({ file });
    locked.push(name);
    for (const bin of bins) {
      const asset = `${bin}-linux-amd64`;
      const run = [
        `cargo build --release --locked --target ${target} --bin ${bin} --target-dir "$OUT/../cargo"`,
        `cp "$OUT/../cargo/${target}/release/${bin}" "$OUT/${asset}"`,
      ].join(" && ");
      survey.packages.push({
        artifact: { type: "command", name: bin, dir, run, files: [asset] },
        ...{ target: null, registryName: null, manifest: file, version },
      });
    }
    survey.notes.push(`${name}: cargo builds it for linux/amd64 alone; docs/building.md says how to add platforms`);
    if (crate.publish !== false)
      survey.notes.push(`${name}: twotier doesn't publish to crates.io; \`cargo publish\` stays where it is`);
  }
  // cargo build --locked wants the lock file to say the same version as the manifest.
  const locks = new Set(
    found.map((file) => inside(folderOf(file), "Cargo.lock")).filter((file) => files.includes(file)),
  );
  for (const lock of locks) {
    const text = ((await tree.read(lock)) ?? "").replaceAll("\r", "");
    for (const name of locked)
      if (text.includes(`name = "${name}"\nversion = "`))
        survey.stamps.push({ file: lock, pattern: `name = "${name}"\nversion = "{version}"` });
  }
  return survey;
}
