import { tool } from "../tools.ts";
import { adopt } from "./adopt.ts";
import { layouts } from "./layouts.ts";

// `make adoption`: every layout is adopted by `init --yes` and rehearsed as a whole, without an edit. L=NAME for one.

const wanted = process.argv.slice(2);
let failures = 0;
for (const layout of layouts) {
  if (wanted.length > 0 && !wanted.includes(layout.name)) continue;
  const missing = layout.needs.filter((name) => tool(name) === undefined);
  const name = layout.name.padEnd(22);
  if (missing.length > 0) {
    console.log(`– ${name} needs ${missing.join(", ")}`);
    continue;
  }
  try {
    const { acts, staging, production, failed, seconds } = await adopt(layout);
    if (failed.length > 0) failures++;
    const result = failed.length > 0 ? failed.join("; ") : `${acts} acts, ${production}, then ${staging}`;
    console.log(`${failed.length > 0 ? "✗" : "✓"} ${name} ${result}, in ${seconds.toFixed(0)} s`);
  } catch (thrown) {
    failures++;
    console.log(`✗ ${name} ${(thrown as Error).message}`);
  }
}
process.exitCode = failures > 0 ? 1 : 0;
