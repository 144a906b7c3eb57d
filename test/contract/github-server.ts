import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { baseEnv, exec } from "../../src/lib/exec.ts";
import { type GithubOptions, startGithub } from "../../src/registries/github/index.ts";
import { openApiCheck } from "./github-openapi.ts";

export const repository = "octo/cat";
export const token = "ghp_contract";

/** git without the machine's configuration, and with somebody as author. */
export function gitEnv(extra: Record<string, string> = {}): Record<string, string> {
  return {
    ...baseEnv(),
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "Octo",
    GIT_AUTHOR_EMAIL: "octo@example.test",
    GIT_COMMITTER_NAME: "Octo",
    GIT_COMMITTER_EMAIL: "octo@example.test",
    ...extra,
  };
}

/** Our server behind GitHub's OpenAPI description, a work folder with one commit, and that commit pushed to octo/cat. */
export async function startWorld(options: GithubOptions = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "twotier-github-"));
  const check = openApiCheck();
  const server = await startGithub({ state: path.join(folder, "state"), intercept: check.intercept, ...options });
  const work = path.join(folder, "work");
  const git = async (...args: string[]) => (await exec("git", args, { cwd: work, env: gitEnv() })).stdout.trim();
  await mkdir(work);
  await writeFile(path.join(work, "README.md"), "# cat\n");
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", ".");
  await git("commit", "--quiet", "--message=first");
  const remote = (user = `x:${token}`) => `${server.git.replace("://", `://${user}@`)}/${repository}.git`;
  await git("-c", "http.sslVerify=false", "push", "--quiet", remote(), "main");
  return {
    folder,
    work,
    server,
    check,
    git,
    /** The remote's address with a credential in it. */
    remote,
    first: await git("rev-parse", "HEAD"),
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type World = Awaited<ReturnType<typeof startWorld>>;
