import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

execFileSync(process.execPath, [fileURLToPath(new URL("../build.mjs", import.meta.url))]);
const sdk = await import("@hanzo/playground");

let folder;
let server;
let base;

// The real server on a free port. PLAYGROUND_BIN names its program; without it, it is built.
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "playground-"));
  let program = process.env.PLAYGROUND_BIN;
  if (!program) {
    program = path.join(folder, "playground");
    const cwd = fileURLToPath(new URL("../../../control-plane", import.meta.url));
    execFileSync("go", ["build", "-o", program, "./cmd/playground"], { cwd });
  }
  server = spawn(program, ["serve", "--addr", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await server.stdout.setEncoding("utf8").take(1).toArray();
  base = line.trim().split(" ").at(-1);
});

after(() => {
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

test("registered nodes are listed", async () => {
  const client = new sdk.Client(`${base}/`);
  assert.equal(await client.healthy(), true);
  assert.ok(await client.serverVersion());
  const node = await client.register("greeter", "http://localhost:9000");
  assert.deepEqual(await client.nodes(), [node]);
});

test("a refusal is an error with its reason", async () => {
  const refused = new sdk.Client(base).register("Not An Id", "http://localhost:9000");
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof sdk.PlaygroundError);
    assert.equal(error.status, 400);
    assert.match(error.message, /id must be/);
    return true;
  });
});

test("nobody there is not healthy", async () => {
  assert.equal(await new sdk.Client("http://127.0.0.1:1").healthy(), false);
});

test("the version is the package's, and everything exported has a type", () => {
  const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
  assert.equal(sdk.version, JSON.parse(read("package.json")).version);
  const declared = [...read("types/index.d.ts").matchAll(/export declare (?:class|const) (\w+)/g)].map((m) => m[1]);
  assert.deepEqual(declared.sort(), Object.keys(sdk).sort());
});
