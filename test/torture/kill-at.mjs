// Preloaded (`node --import`) into the product: ends it, with all its children, before or after its n-th write to the
// journal. Which one is in the query of this module's address, so that the environment stays as it is.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const asked = new URL(import.meta.url).searchParams;
const [at, when] = [Number(asked.get("write")), asked.get("when")];
let writes = 0;
const { appendFileSync } = fs;
fs.appendFileSync = (file, ...rest) => {
  const mine = String(file).endsWith(".ndjson") && ++writes === at;
  if (mine && when === "before") die();
  appendFileSync(file, ...rest);
  if (mine && when === "after") die();
};
syncBuiltinESMExports();

function die() {
  process.kill(-process.pid, "SIGKILL");
  // The signal is on its way; nothing else may happen until it comes.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
