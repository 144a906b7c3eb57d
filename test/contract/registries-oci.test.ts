import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseEnv, exec } from "../../src/lib/exec.ts";
import { startOci } from "../../src/registries/oci/index.ts";
import type { Registry } from "../../src/registries/server.ts";
import { needs, type ToolName, toolPath } from "../tools.ts";

// Our OCI registry, judged by a suite and by clients that nobody here wrote.

let folder: string;
let registry: Registry;
let locked: Registry;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "twotier-oci-"));
  registry = await startOci();
  locked = await startOci({ token: "s3cret", tokenSeconds: 60 });
  await mkdir(path.join(folder, "context"));
  await writeFile(path.join(folder, "context/payload"), randomBytes(3 << 20));
  await writeFile(path.join(folder, "context/Dockerfile"), "FROM scratch\nCOPY payload /payload\n");
});
afterAll(async () => {
  await registry?.close();
  await locked?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function run(name: ToolName, ...args: string[]): Promise<string> {
  const env = { ...baseEnv(), HOME: folder, XDG_RUNTIME_DIR: folder };
  return (await exec(toolPath(name), args, { cwd: folder, env })).stdout.trim();
}

function buildah(...args: string[]): Promise<string> {
  const isolated = ["--storage-driver", "vfs", "--root", `${folder}/root`, "--runroot", `${folder}/run`];
  return run("buildah", ...isolated, ...args);
}

describe.skipIf(needs(["oci-conformance"]))("OCI distribution conformance suite", () => {
  // Off: OCI_DATA_SPARSE (manifests whose content isn't there; the specification lets a registry refuse them, and only
  // refusing shows an incomplete push) and OCI_API_MANIFESTS_TAG_PARAM (not in 1.1).
  const on = {
    OCI_VERSION: "1.1",
    OCI_TLS: "disabled",
    OCI_API_BLOBS_UPLOAD_CANCEL: "true",
    OCI_API_BLOBS_DIGEST_HEADER: "true",
    OCI_API_MANIFESTS_DIGEST_HEADER: "true",
  };

  test.each([
    ["open to everybody", () => registry, {}, 2],
    ["with token authentication", () => locked, { OCI_USERNAME: "me", OCI_PASSWORD: "s3cret" }, 6],
  ])("passes pull, push, content discovery and management: %s", async (name, which, credentials, skips) => {
    const results = path.join(folder, `results ${name}`);
    const env = { ...baseEnv(), ...on, ...credentials, OCI_REGISTRY: which().host, OCI_RESULTS_DIR: results };
    const { stdout } = await exec(toolPath("oci-conformance"), [], { cwd: folder, env });
    const count = (state: string) =>
      Number(new RegExp(`^ *${state}\\.*: *(\\d+)$`, "m").exec(stdout)?.[1] ?? Number.NaN);
    // Skipped: for a range that ends before it begins the suite takes the whole blob as an answer (RFC 9110, 14.1.1);
    // and a token is for the repositories it names, so that mounting from another one becomes an upload (202).
    expect({ skip: count("Skip"), fail: count("FAIL"), error: count("Error") }).toEqual({
      skip: skips,
      fail: 0,
      error: 0,
    });
    expect(count("Pass")).toBeGreaterThan(840);
  });
});

describe.skipIf(needs(["buildah", "skopeo"]))("buildah and skopeo", () => {
  let digest: string;

  test("buildah pushes an image and pulls it back", async () => {
    await buildah("build", "--quiet", "--tag", "made-here", "context");
    await buildah(
      "push",
      "--tls-verify=false",
      "--digestfile",
      "digest",
      "made-here",
      `docker://${registry.host}/team/app:v1`,
    );
    digest = (await readFile(path.join(folder, "digest"), "utf8")).trim();
    await buildah("rmi", "made-here");
    const id = await buildah("pull", "--quiet", "--tls-verify=false", `docker://${registry.host}/team/app:v1`);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  test("buildah pushes in Docker's own format too", async () => {
    const to = `docker://${registry.host}/team/docker:v1`;
    await buildah("push", "--tls-verify=false", "--format", "v2s2", `${registry.host}/team/app:v1`, to);
    const manifest = JSON.parse(await run("skopeo", "inspect", "--tls-verify=false", "--raw", to));
    expect(manifest.mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
  });

  test("skopeo inspects, copies between repositories, lists and deletes", async () => {
    const from = `docker://${registry.host}/team/app:v1`;
    const repository = `docker://${registry.host}/team/copy`;
    const to = `${repository}:v2`;
    const seen = JSON.parse(await run("skopeo", "inspect", "--tls-verify=false", from));
    expect(seen.Digest).toBe(digest);
    await run("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", from, to);
    const tags = JSON.parse(await run("skopeo", "list-tags", "--tls-verify=false", repository));
    expect(tags.Tags).toEqual(["v2"]);
    await run("skopeo", "delete", "--tls-verify=false", to);
    expect(JSON.parse(await run("skopeo", "list-tags", "--tls-verify=false", repository)).Tags).toEqual([]);
  });

  test("skopeo logs in with the token to push, and pulls without", async () => {
    const from = `docker://${registry.host}/team/app:v1`;
    const to = `docker://${locked.host}/team/app:v1`;
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    await expect(run("skopeo", "copy", ...plain, from, to)).rejects.toThrow();
    await expect(run("skopeo", "copy", ...plain, "--dest-creds", "me:wrong", from, to)).rejects.toThrow();
    await run("skopeo", "copy", ...plain, "--dest-creds", "me:s3cret", from, to);
    expect(JSON.parse(await run("skopeo", "inspect", "--tls-verify=false", to)).Digest).toBe(digest);
  });

  test.skipIf(needs(["crane"]))("crane pulls, pushes, tags, lists and reads the same digest", async () => {
    const app = `${registry.host}/team/app`;
    expect(await run("crane", "digest", "--insecure", `${app}:v1`)).toBe(digest);
    await run("crane", "pull", "--insecure", "--format", "oci", `${app}:v1`, "layout");
    await run("crane", "push", "--insecure", "layout", `${registry.host}/team/crane:v1`);
    expect(await run("crane", "digest", "--insecure", `${registry.host}/team/crane:v1`)).toBe(digest);
    await run("crane", "tag", "--insecure", `${registry.host}/team/crane:v1`, "latest");
    expect((await run("crane", "ls", "--insecure", `${registry.host}/team/crane`)).split("\n")).toEqual([
      "latest",
      "v1",
    ]);
    const manifest = JSON.parse(await run("crane", "manifest", "--insecure", `${registry.host}/team/crane:latest`));
    expect(manifest.schemaVersion).toBe(2);
    await run("crane", "validate", "--insecure", "--remote", `${registry.host}/team/crane:latest`);
  });
});
