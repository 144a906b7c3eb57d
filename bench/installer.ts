import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseConfig } from "../src/config/parse.ts";
import type { ResolvedArtifacts } from "../src/config/types.ts";
import { installerInput, installScript } from "../src/generate/installer/index.ts";
import { flagsOf, median, root, run, table } from "./measure.ts";

// What install.sh adds to the download of its binary: curl alone against the whole script, in turn, from a server on
// this machine that answers at once. The promise is 0.3 s for 10 MB.

const flags = flagsOf(process.argv.slice(2));
const size = flags.small ? 1 << 20 : 10_000_000;
const dir = path.join(root, "examples/playground");
const config = parseConfig(readFileSync(path.join(dir, "twotier.yaml"), "utf8"));
const input = installerInput(config, { artifacts: config.artifacts as ResolvedArtifacts["artifacts"] });
const binary = randomBytes(size);
const assets = Object.values(input.assets);
const sums = assets.map((name) => `${createHash("sha256").update(binary).digest("hex")}  ${name}\n`).join("");
const release = `${JSON.stringify({ schema: 1, version: "1.2.3" }, null, 2)}\n`;

const server = http.createServer((request, response) => {
  const name = request.url?.split("/").at(-1) ?? "";
  response.end(name === "release.json" ? release : name === "checksums.txt" ? sums : binary);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const temp = mkdtempSync(path.join(tmpdir(), "twotier-bench-"));

/** The script through stdin, as from a pipe. */
function install(home: string): Promise<number> {
  const started = performance.now();
  mkdirSync(home);
  const env = { PATH: process.env.PATH, HOME: home, PLAYGROUND_GITHUB_URL: url, SHELL: "/bin/sh" };
  const child = spawn("sh", { env, stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(installScript(input));
  return new Promise((resolve, reject) => {
    child.on("close", (code) =>
      code === 0 ? resolve(performance.now() - started) : reject(new Error(`exit code ${code}`)),
    );
  });
}

try {
  const alone: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < flags.rounds; round++) {
    const to = path.join(temp, "alone");
    alone.push((await run("curl", ["-fsSL", "-o", to, `${url}/${assets[0]}`])).ms);
    whole.push(await install(path.join(temp, `home-${round}`)));
  }
  const [download, script] = [median(alone), median(whole)];
  const figures = { megabytes: size / 1e6, downloadMs: download, scriptMs: script, addedMs: script - download };
  if (flags.json) console.log(JSON.stringify(figures));
  else {
    const ms = (value: number) => `${value.toFixed(0)} ms`;
    console.log(
      table([
        ["installing 10 MB", "median"],
        ["curl alone", ms(download)],
        ["install.sh", ms(script)],
        ["added", ms(script - download)],
      ]),
    );
  }
} finally {
  server.close();
  server.closeAllConnections();
  rmSync(temp, { recursive: true, force: true });
}
