import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ReleaseFile } from "../../src/core/manifest.ts";
import type { ReleaseContext, Target } from "../../src/core/target.ts";
import { exec } from "../../src/lib/exec.ts";
import { digestOf } from "../../src/lib/hash.ts";
import { type Github, type GithubOptions, startGithub } from "../../src/registries/github/index.ts";
import { createGithubTarget } from "../../src/targets/github/index.ts";
import type { Built } from "./target-suite.ts";

/** `octo/cat`: a repository with releases, for the tests of the github target. */
export const repository = "octo/cat";
export const token = "ghp_contract";

/** A target for one server; `api` and `server` are the same address on all of them. */
export function targetOfCat(url: string, release: ReleaseContext, secret: string | null = token): Target {
  return createGithubTarget({ api: url, server: url, repository, release, token: () => secret ?? undefined });
}

export function releaseOfCat(version: string, commit: string): ReleaseContext {
  const tier = version.includes("-") ? "staging" : "production";
  return { name: "cat", repository, tier, version, tag: `v${version}`, commit };
}

export async function buildCat(folder: string, version: string, salt = ""): Promise<Built> {
  const dir = path.join(folder, version, salt || "first");
  await mkdir(dir, { recursive: true });
  const files: ReleaseFile[] = [];
  for (const name of ["cat-linux-amd64", `cat-${version}.tgz`, "cat+plus.txt", "checksums.txt", "release.json"]) {
    const content = `${name} ${version} ${salt}\n`.repeat(name.endsWith(".tgz") ? 100_000 : 1);
    await writeFile(path.join(dir, name), content);
    files.push({ name, size: Buffer.byteLength(content), sha256: digestOf(content), kind: "file", artifact: "cat" });
  }
  files.push({ name: "cat.oci", size: 1, sha256: digestOf(`image ${version}`), kind: "image", artifact: "image" });
  return {
    files,
    async local(name) {
      const file = files.find((one) => one.name === name);
      if (!file) throw new Error(`no file ${name}`);
      return { path: path.join(dir, name), size: file.size, sha256: file.sha256 };
    },
  };
}

export interface Cat {
  server: Github;
  token: string;
  /** The commit that releases are about. */
  commit: string;
}

/** Our server with one repository, made by a push as any user would. */
export async function startCat(folder: string, options: GithubOptions = {}): Promise<Cat> {
  const server = await startGithub({ token, ...options });
  const work = path.join(folder, "work");
  await mkdir(work);
  const git = (...args: string[]) =>
    exec("git", ["-c", "user.name=t", "-c", "user.email=t@t.test", ...args], { cwd: work });
  await git("init", "--quiet", "--initial-branch=main");
  await git("commit", "--quiet", "--allow-empty", "-m", "first");
  const credential = `http.extraHeader=Authorization: Basic ${Buffer.from(`x:${token}`).toString("base64")}`;
  await git("-c", credential, "push", "--quiet", `${server.git}/${repository}.git`, "main");
  const commit = (await git("rev-parse", "HEAD")).stdout.trim();
  return { server, token, commit };
}
