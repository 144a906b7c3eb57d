// Makes dist/ from src/. Node's own type stripping does it (Node 22.13 or newer), so that a build needs neither network
// nor node_modules. It replaces types by blanks: lines and columns stay, and the same source gives the same bytes.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as module from "node:module";

if (!module.stripTypeScriptTypes) {
  console.error(`building needs Node 22.13 or newer, and this is ${process.version}`);
  process.exit(1);
}
process.removeAllListeners("warning"); // "stripTypeScriptTypes is an experimental feature"
const folder = (name) => new URL(`./${name}/`, import.meta.url);
rmSync(folder("dist"), { recursive: true, force: true });
mkdirSync(folder("dist"));
for (const name of readdirSync(folder("src")).sort()) {
  const source = readFileSync(new URL(name, folder("src")), "utf8");
  const script = module.stripTypeScriptTypes(source).replace(/(from "\.\/[^"]+)\.ts"/g, '$1.js"');
  writeFileSync(new URL(name.replace(/\.ts$/, ".js"), folder("dist")), script);
}
