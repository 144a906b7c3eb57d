import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseConfig } from "../config/parse.ts";
import type { Config } from "../config/types.ts";
import { gitIn } from "../git/git.ts";
import type { Git } from "../git/push.ts";
import { ReleaseError } from "../lib/errors.ts";
import { baseEnv, exec } from "../lib/exec.ts";
import { tagNames } from "../version/tags.ts";
import { parseVersion } from "../version/version.ts";

/** A copy of the repository under rehearsal, which may be changed at will. */
export interface Copy {
  dir: string;
  git: Git;
  config: Config;
  branch: string;
  /** What of the original isn't in the copy, or was added. */
  notes: string[];
}

/** What keeps git from the user's own configuration (signing, hooks, other remotes), from proxies and from prompts. */
export const apart = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  NO_PROXY: "127.0.0.1",
  no_proxy: "127.0.0.1",
};

/** Who pushes in a rehearsal. */
const person = {
  GIT_AUTHOR_NAME: "Rehearsal",
  GIT_AUTHOR_EMAIL: "rehearsal@example.invalid",
  GIT_COMMITTER_NAME: "Rehearsal",
  GIT_COMMITTER_EMAIL: "rehearsal@example.invalid",
};

/**
 * Copies the repository of `dir` into `to`. A folder inside a larger repository (an example) becomes a repository of
 * its own, whose first commit is tagged with the stable version that its VERSION file names. Reads `dir`, never writes.
 *
 * @throws ReleaseError CONFIG without a repository, a commit or a twotier.yaml
 */
export async function copyRepository(dir: string, to: string, signal: AbortSignal): Promise<Copy> {
  const there = gitIn(dir, { signal });
  const top = await there(["rev-parse", "--show-toplevel", "--show-prefix"], { ok: [0, 128] });
  if (top.code !== 0) {
    throw new ReleaseError("CONFIG", `${dir} isn't in a git repository`, {
      hint: "a rehearsal needs the repository's commits: run `git init`, commit, and try again",
    });
  }
  const prefix = top.stdout.split("\n")[1] ?? "";
  if ((await there(["rev-parse", "--verify", "--quiet", "HEAD"], { ok: [0, 1] })).code !== 0) {
    throw new ReleaseError("CONFIG", `${dir} has no commit yet`, {
      hint: "commit what is to be released, and try again",
    });
  }
  const text = await readFile(path.join(dir, "twotier.yaml"), "utf8").catch((cause) => {
    throw new ReleaseError("CONFIG", `${dir} has no twotier.yaml`, { cause, hint: "`twotier init` writes one" });
  });
  const config = parseConfig(text, "twotier.yaml");
  const notes: string[] = [];
  if ((await there(["status", "--porcelain", "--untracked-files=no", "--", "."])).stdout.trim() !== "") {
    notes.push("uncommitted changes are left out: a release is made from commits");
  }
  await mkdir(to, { recursive: true });
  const git = gitIn(to, { signal, env: { ...apart, ...person } });
  const branch =
    prefix === "" ? await cloneWhole(dir, to, there, git, config) : await copyFolder(there, git, to, config);
  await takeConfig(dir, to, config, git, notes);
  return { dir: to, git, config, branch, notes };
}

async function cloneWhole(dir: string, to: string, there: Git, git: Git, config: Config): Promise<string> {
  const shallow = (await there(["rev-parse", "--is-shallow-repository"])).stdout.trim() === "true";
  if (shallow) {
    throw new ReleaseError("CONFIG", `${dir} is a shallow clone`, {
      hint: "fetch the rest: git fetch --unshallow --tags",
    });
  }
  await exec("git", ["clone", "--quiet", "--no-checkout", dir, to], { env: baseEnv() });
  const branch = config.trigger.branch ?? (await currentBranch(there)) ?? "main";
  const head = (await there(["rev-parse", "HEAD"])).stdout.trim();
  await git(["checkout", "--quiet", "-B", branch, head]);
  await git(["remote", "remove", "origin"]);
  return branch;
}

async function copyFolder(there: Git, git: Git, to: string, config: Config): Promise<string> {
  const branch = config.trigger.branch ?? "main";
  const archive = path.join(to, ".rehearsal.tar");
  await there(["archive", "--format=tar", `--output=${archive}`, "HEAD"]);
  await exec("tar", ["-xf", archive, "-C", to]);
  await exec("rm", [archive]);
  await git(["init", "--quiet", "--initial-branch", branch]);
  await git(["add", "--all"]);
  await git(["commit", "--quiet", "--message", `chore: import ${config.name}`]);
  const version = parseVersion(
    (await readFile(path.join(to, config.version.file ?? "VERSION"), "utf8").catch(() => "")).trim(),
  );
  if (version && version.label === null) await git(["tag", tagNames(config.version.tag).format(version)]);
  return branch;
}

/** What isn't committed yet of a configuration, and of the VERSION file that goes with it, is what one wants to rehearse. */
async function takeConfig(dir: string, to: string, config: Config, git: Git, notes: string[]): Promise<void> {
  const taken: string[] = [];
  for (const file of ["twotier.yaml", config.version.file ?? "VERSION"]) {
    const read = (folder: string) => readFile(path.join(folder, file), "utf8").catch(() => null);
    const [text, committed] = await Promise.all([read(dir), read(to)]);
    if (text === null || text === committed || (file !== "twotier.yaml" && committed !== null)) continue;
    await writeFile(path.join(to, file), text);
    await git(["add", file]);
    taken.push(file);
  }
  if (taken.length === 0) return;
  await git(["commit", "--quiet", "--message", "ci: configure twotier"]);
  for (const file of taken) notes.push(`${file} is taken as it is in the folder, not as it is committed`);
}

async function currentBranch(git: Git): Promise<string | null> {
  const { code, stdout } = await git(["symbolic-ref", "--quiet", "--short", "HEAD"], { ok: [0, 1] });
  return code === 0 ? stdout.trim() : null;
}
