import { createReadStream, statSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { Io, Target } from "../../src/core/target.ts";
import type { Digest } from "../../src/lib/hash.ts";
import { createHttp } from "../../src/lib/http.ts";

/** One upload, in a process of its own so that its peak memory is its own. */
export interface Job {
  kind: "stream" | "asset" | "wheel" | "image" | "tarball";
  url: string;
  /** The file, or the folder of an image. */
  file: string;
  /** As the target expects it: sha256, of an npm tarball sha512. */
  digest: Digest;
  token?: string;
}

const client = createHttp();
const io: Io = {
  http: client,
  signal: new AbortController().signal,
  now: () => new Date(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  emit: () => {},
};
const release = {
  name: "bench",
  repository: "bench/bench",
  tier: "production" as const,
  version: "1.0.0",
  tag: "v1.0.0",
  commit: "0".repeat(40),
};

async function targetFor(job: Job): Promise<Target> {
  const { url, token = "bench" } = job;
  switch (job.kind) {
    case "asset": {
      const { createGithubTarget } = await import("../../src/targets/github/index.ts");
      const repository = release.repository;
      const target = createGithubTarget({ api: url, server: url, repository, release, token: () => token });
      target.staging?.use("1");
      return target;
    }
    case "tarball": {
      const { createNpmTarget } = await import("../../src/targets/npm/index.ts");
      const tags = { staging: "next", production: "latest" };
      return createNpmTarget({ registry: url, token, packages: ["bench-package"], tags, access: "public", release });
    }
    case "wheel": {
      const { createPypiTarget } = await import("../../src/targets/pypi/index.ts");
      const projects = ["bench-package"];
      return createPypiTarget({ upload: `${url}/legacy/`, index: `${url}/simple/`, token, projects, release });
    }
    case "image": {
      const { createDockerTarget } = await import("../../src/targets/oci/index.ts");
      return createDockerTarget({
        registry: new URL(url).host,
        username: "bench",
        token,
        repositories: ["bench/image"],
        tags: { staging: ["staging-{version}"], production: ["v{version}"] },
        pointers: { staging: [], production: [] },
        release,
      });
    }
    default:
      throw new Error(`no target for ${job.kind}`);
  }
}

/** What Node's `http` does with the same file to the same server, and nothing else. */
function stream({ url, file }: Job): Promise<void> {
  const headers = { "content-length": statSync(file).size };
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/?name=${path.basename(file)}`, { method: "POST", headers });
    request.on("error", reject);
    request.on("response", (response) => response.resume().on("end", resolve));
    createReadStream(file).pipe(request);
  });
}

function releaseFile({ kind, file, digest }: Job): ReleaseFile {
  const name = path.basename(file);
  const base = { name, size: statSync(file).size, artifact: "bench" };
  const sha256: Digest = digest.startsWith("sha256:") ? digest : "sha256:";
  switch (kind) {
    case "wheel":
      return { ...base, sha256, kind: "wheel", package: "bench-package" };
    case "image":
      return { ...base, sha256, kind: "image", package: "bench/image" };
    case "tarball":
      return { ...base, sha256, sha512: digest, kind: "npm", package: "bench-package" };
    default:
      return { ...base, sha256, kind: "file" };
  }
}

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const target = job.kind === "stream" ? undefined : await targetFor(job);
const started = performance.now();
if (target === undefined) await stream(job);
else {
  const file = releaseFile(job);
  const local = { path: job.file, size: file.size, sha256: file.sha256 };
  // Phase by phase, as expect lists them for one file: an image's content before its tag.
  for (const item of target.expect([file], release).items) await target.publish(item, async () => local, io);
}
const ms = performance.now() - started;
client.close();
// maxRSS is in KiB (nodejs.org/api/process.html#processresourceusage)
process.stdout.write(`${JSON.stringify({ ms, peak: process.resourceUsage().maxRSS * 1024 })}\n`);
