import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { HttpError, send } from "../server.ts";
import { capabilities, flush, listRefs, packet, refsForPush } from "./advertise.ts";
import type { Context } from "./context.ts";
import { git, gitEnv, iso, lookUp } from "./git.ts";
import { isOwner, isRepositoryName, type Repository } from "./store.ts";

/**
 * Git's smart HTTP protocol (gitprotocol-http(5)) for `/OWNER/REPO.git/...`, by git's own upload-pack and receive-pack, as
 * git-http-backend(1) does it, without that program and the one more that it starts; what refs there are is read from
 * files, where they tell. Reading is free; pushing wants a credential. The first push makes the repository.
 */
export async function serveGit(context: Context, owner: string, name: string, rest: string): Promise<void> {
  const { request, response, url, store } = context;
  const service = rest === "info/refs" ? url.searchParams.get("service") : rest;
  const pushing = service === "git-receive-pack";
  if (!pushing && service !== "git-upload-pack") throw new HttpError(404, "Not Found\n");
  if (pushing && !context.auth) throw unauthorized();
  if (pushing && context.auth?.readOnly) {
    throw new HttpError(403, `Permission to ${owner}/${name}.git denied to ${context.auth.login}.\n`);
  }
  let repository = store.get(owner, name);
  if (!repository && pushing && isOwner(owner) && isRepositoryName(name)) {
    repository = await context.createRepository(owner, name);
  }
  if (repository?.data.private && !context.auth) throw unauthorized();
  if (!repository) throw new HttpError(404, "Repository not found.\n");
  const { git: dir } = repository;
  const second = request.headers["git-protocol"] === "version=2";
  if (rest === "info/refs") {
    const type = { ...uncached, "content-type": `application/x-${service}-advertisement` };
    const first = packet(`# service=${service}\n`) + flush;
    if (pushing) return send(response, 200, Buffer.from(first + (await refsForPush(dir))), type);
    if (second) return send(response, 200, await capabilities(dir), type);
    response.writeHead(200, type);
    response.write(first);
    await runService(context, repository, service, ["--advertise-refs"], Readable.from([]));
  } else {
    await answer(context, repository, service, second && !pushing);
  }
  if (rest === "git-receive-pack") await afterPush(context, repository);
  response.end();
  request.resume();
}

const uncached = { "cache-control": "no-cache, max-age=0, must-revalidate" };

function unauthorized(): HttpError {
  return new HttpError(401, "Authentication required\n", { "www-authenticate": 'Basic realm="GitHub"' });
}

/**
 * What the service answers to the body of a request, which may be compressed ("Smart Service git-upload-pack").
 *
 * @param asks it may be a question, which is small, instead of a pack
 */
async function answer(context: Context, repository: Repository, service: string, asks: boolean): Promise<void> {
  const { request, response } = context;
  if (request.headers["content-type"] !== `application/x-${service}-request`) {
    throw new HttpError(415, "Unsupported Media Type\n");
  }
  const compressed = /^(x-)?gzip$/.test(request.headers["content-encoding"] ?? "");
  let body: Readable = compressed ? request.pipe(createGunzip()) : request;
  response.writeHead(200, { ...uncached, "content-type": `application/x-${service}-result` });
  if (asks) {
    const question = await buffer(body);
    const refs = listRefs(repository.git, question);
    if (refs !== undefined) {
      response.write(refs);
      return;
    }
    body = Readable.from([question]);
  }
  await runService(context, repository, service, [], body);
}

/** Runs a service of git's and passes on what it says; the answer isn't ended. */
async function runService(
  { request, response, children }: Context,
  repository: Repository,
  service: string,
  args: readonly string[],
  body: Readable,
): Promise<void> {
  const protocol = request.headers["git-protocol"];
  const child = spawn("git", [service.replace("git-", ""), "--stateless-rpc", ...args, repository.git], {
    env: gitEnv(typeof protocol === "string" ? { GIT_PROTOCOL: protocol } : {}),
    stdio: ["pipe", "pipe", "ignore"],
    windowsHide: true,
  });
  children.add(child);
  const exited = new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      children.delete(child);
      resolve();
    });
  });
  exited.catch(() => {});
  response.on("close", () => {
    if (!response.writableFinished) child.kill();
  });
  // It may answer before it has read everything; then its answer counts, not the broken pipe.
  pipeline(body, child.stdin).catch(() => {});
  await pipeline(child.stdout, response, { end: false });
  await exited;
}

/** Whose default branch has commits: it can't be deleted, so nobody has to look again. */
const begun = new WeakSet<Repository>();

/** The first branch that is pushed becomes the default one, `main` before others. */
async function afterPush(context: Context, repository: Repository): Promise<void> {
  repository.data.pushedAt = iso(context.now());
  repository.save();
  if (begun.has(repository)) return;
  const [head] = await lookUp(repository.git, ["HEAD"]);
  if (head) {
    begun.add(repository);
    return;
  }
  const branches = (await git(repository.git, ["for-each-ref", "--format=%(refname)", "refs/heads/"]))
    .toString("utf8")
    .split("\n")
    .filter(Boolean);
  const first = ["refs/heads/main", "refs/heads/master"].find((name) => branches.includes(name)) ?? branches[0];
  if (first) await git(repository.git, ["symbolic-ref", "HEAD", first]);
}

/**
 * Writes (or takes away) the hook that refuses pushes to protected branches and to tags of immutable releases.
 * A repository without either has no hook, so that pushes stay fast.
 */
export async function writeHook(repository: Repository): Promise<void> {
  const { protectedBranches, spentTags, releases } = repository.data;
  const hooks = path.join(repository.git, "hooks");
  if (protectedBranches.length === 0 && spentTags.length === 0) {
    await rm(path.join(hooks, "update"), { force: true });
    return;
  }
  await mkdir(hooks, { recursive: true });
  const list = (prefix: string, names: string[]) => names.map((name) => `${prefix}${name}\n`).join("");
  await writeFile(path.join(hooks, "branches"), list("refs/heads/", protectedBranches));
  await writeFile(path.join(hooks, "tags"), list("refs/tags/", spentTags));
  const fixed = releases.filter((one) => one.immutable).map((one) => one.tag);
  await writeFile(path.join(hooks, "fixed-tags"), list("refs/tags/", fixed));
  await writeFile(path.join(hooks, "update"), updateHook, { mode: 0o755 });
}

const updateHook = `#!/bin/sh
if grep -qxF -e "$1" "$GIT_DIR/hooks/branches"; then
  echo "error: GH006: Protected branch update failed for $1." >&2
  exit 1
fi
# Once its release is gone the tag may go too; its name stays spent.
tags=tags
case $3 in *[!0]*) ;; *) tags=fixed-tags ;; esac
if grep -qxF -e "$1" "$GIT_DIR/hooks/$tags"; then
  echo "error: GH013: Repository rule violations found for $1." >&2
  echo "- Cannot create, update or delete the tag of an immutable release." >&2
  exit 1
fi
`;
