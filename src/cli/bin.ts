#!/usr/bin/env node
import { productVersion } from "../lib/product.ts";

// The installed command `twotier`. It loads nothing before it knows that this Node can run it, and nothing at all
// for `--version`. scripts/build.ts compiles it on its own, to syntax that Node 12 reads.

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const [only, ...more] = process.argv.slice(2);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `twotier ${productVersion} needs Node.js 22.18 or newer; this is ${process.versions.node} (${process.execPath}). Get one from https://nodejs.org`,
  );
  process.exitCode = 1;
} else if (more.length === 0 && (only === "--version" || only === "-V")) {
  // console.log would load the streams of node:tty and node:net first: a tenth of the whole run.
  process.getBuiltinModule("node:fs").writeSync(1, `${productVersion}\n`);
} else {
  process.getBuiltinModule("node:module").enableCompileCache();
  const cli = only === "plan" ? import("./main-plan.ts") : import("./main.ts");
  cli.then(({ main }) => main(process.argv.slice(2)));
}
