// The product's command line, again and again in one process (warm.ts): each time in the folder, and with the variables,
// that the process which started this one says.
import { main } from "../../src/cli/main.ts";
import type { Asked } from "./warm.ts";

let output = "";
for (const stream of [process.stdout, process.stderr]) {
  stream.setMaxListeners(0);
  stream.write = ((chunk: Uint8Array | string, ...rest: unknown[]) => {
    output += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    const done = rest.at(-1);
    if (typeof done === "function") done();
    return true;
  }) as typeof stream.write;
}
process.setMaxListeners(0);

process.on("message", async ({ dir, args, env }: Asked) => {
  for (const key of Object.keys(process.env)) delete process.env[key];
  Object.assign(process.env, env);
  process.chdir(dir);
  process.exitCode = undefined;
  output = "";
  await main(args);
  process.send?.({ code: process.exitCode ?? 0, output });
});
