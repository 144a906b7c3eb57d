import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyRepository } from "../../src/rehearse/clone.ts";
import { root } from "../tools.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "twotier-rehearse-"));
  cpSync(path.join(root, "test/fixtures/fast-project"), dir, { recursive: true });
  for (const folder of ["src", "sdk/go"]) mkdirSync(path.join(dir, folder), { recursive: true });
  writeFileSync(path.join(dir, "VERSION"), "0.1.0\n");
  writeFileSync(path.join(dir, "src/fast.txt"), "fast\n");
  writeFileSync(path.join(dir, "sdk/go/go.mod"), "module example.invalid/fast/sdk/go\n\ngo 1.19\n");
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=chore: begin");
  git("tag", "v0.1.0");
  git("remote", "add", "origin", "http://127.0.0.1:9/example/fast.git");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.invalid", ...args], {
    cwd: dir,
    encoding: "utf8",
  });

/** Every file of the folder, .git included, with its contents. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const entry of files.map((one) => path.join(one.parentPath, one.name)).sort()) {
    hash.update(entry).update(readFileSync(entry));
  }
  return hash.digest("hex");
}

function twotier(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(root, "src/cli/bin.ts"), ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const out = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => (out.stdout += chunk));
    child.stderr.on("data", (chunk) => (out.stderr += chunk));
    child.on("close", (code) => resolve({ code, ...out }));
  });
}

describe("a rehearsal", () => {
  it("plays the cycle without touching the folder, or any registry or proxy that the environment names", async () => {
    const asked: string[] = [];
    const real = http.createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(500).end();
    });
    real.on("connect", (request) => asked.push(`CONNECT ${request.url}`));
    await new Promise<void>((resolve) => real.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(real.address() as AddressInfo).port}`;
    const secret = "ghp_a-real-looking-token-0123456789";
    const before = fingerprint();
    const result = await twotier(["rehearse", dir, "--json"], {
      ...{
        GITHUB_TOKEN: secret,
        NPM_TOKEN: secret,
        PYPI_TOKEN: secret,
        DOCKERHUB_USERNAME: "me",
        DOCKERHUB_TOKEN: secret,
      },
      ...{
        GITHUB_API_URL: address,
        GITHUB_SERVER_URL: address,
        TWOTIER_NPM_REGISTRY: address,
        TWOTIER_PYPI_URL: address,
      },
      ...{ TWOTIER_DOCKER_REGISTRY: address.slice(7), npm_config_registry: address, PIP_INDEX_URL: address },
      ...{ HTTP_PROXY: address, HTTPS_PROXY: address, http_proxy: address, https_proxy: address, ALL_PROXY: address },
    });
    real.close();
    expect(result.stderr).not.toMatch(/error\[/);
    expect(result.code).toBe(0);
    expect(asked).toEqual([]);
    expect(fingerprint()).toBe(before);
    expect(result.stdout + result.stderr).not.toContain(secret);
    const { acts, staging, production, readings } = JSON.parse(result.stdout);
    expect(acts.map((act: { version: string | null }) => act.version)).toEqual([
      ...["0.1.1-rc.1", null, "0.1.1-rc.2", "0.1.1", null, "0.1.2-rc.1", null, "0.1.2-rc.2"],
    ]);
    expect({ staging, production }).toEqual({ staging: "0.1.2-rc.2", production: "0.1.1" });
    expect(readings.filter((reading: { ok: boolean }) => !reading.ok)).toEqual([]);
  });

  it("takes a twotier.yaml that isn't committed yet, and says so", async () => {
    git("rm", "--quiet", "--cached", "twotier.yaml");
    git("commit", "--quiet", "--message=chore: without");
    const to = mkdtempSync(path.join(tmpdir(), "twotier-copy-"));
    try {
      const copy = await copyRepository(dir, path.join(to, "work"), new AbortController().signal);
      expect(copy.notes).toContain("twotier.yaml is taken as it is in the folder, not as it is committed");
      expect((await copy.git(["show", "HEAD:twotier.yaml"])).stdout).toBe(
        readFileSync(path.join(dir, "twotier.yaml"), "utf8"),
      );
    } finally {
      rmSync(to, { recursive: true, force: true });
    }
  });

  it("says what is missing where there is no repository, no commit, no twotier.yaml", async () => {
    rmSync(path.join(dir, "twotier.yaml"));
    expect((await twotier(["rehearse", dir], {})).stderr).toMatch(/error\[CONFIG\]: .* has no twotier.yaml\nhint: /);
    rmSync(path.join(dir, ".git"), { recursive: true });
    const none = await twotier(["rehearse", dir], {});
    expect(none.stderr).toMatch(/error\[CONFIG\]: .* isn't in a git repository\nhint: /);
    expect(none.code).toBe(2);
  });
});
