import { readFileSync, writeFileSync } from "node:fs";

// npm runs this after each change of node_modules (package.json, script `dependencies`): it completes package-lock.json.
// npm leaves a platform's package out of the lock where the registry in use doesn't serve it (mirrors often keep only
// Linux), and then `npm ci` refuses the lock on every machine: "Missing: ...-darwin-arm64 from lock file". Such packages
// are named here by their exact version and what their name says of the platform; without an integrity, which only
// the registry could tell. Any Node from 14 on runs it.

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const cpus = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"];

const file = "package-lock.json"; // npm runs this in the folder of the package.json
const before = readFileSync(file, "utf8");
const lock = JSON.parse(before);
for (const [folder, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isThere(folder, name) || !/^\d/.test(version)) continue;
    lock.packages[`node_modules/${name}`] = { version, dev: true, optional: true, ...platformOf(name) };
  }
}
const root = lock.packages[""];
const others = Object.entries(lock.packages).filter(([folder]) => folder !== "");
others.sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = { ...(root && { "": root }), ...Object.fromEntries(others) };
const after = `${JSON.stringify(lock, null, 2)}\n`;
if (after !== before) writeFileSync(file, after);

/** Whether Node would find the package from this folder, by the lock. */
function isThere(folder, name) {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    if (lock.packages[`${at && `${at}/`}node_modules/${name}`] !== undefined) return true;
    if (at === "") return false;
  }
}

/** `@x/binding-linux-arm64-musl` -> os linux, cpu arm64, libc musl */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.filter((it) => systems.includes(it));
  const cpu = words.flatMap((it) => (cpus.includes(it) ? [it] : it === "armv7" ? ["arm"] : []));
  const libc = words.flatMap((it) => (/^musl/.test(it) ? ["musl"] : /^gnu/.test(it) ? ["glibc"] : []));
  return {
    ...(os.length > 0 && { os }),
    ...(cpu.length > 0 && { cpu }),
    ...(libc.length > 0 && os[0] === "linux" && { libc }),
  };
}
