import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HttpError, send } from "../server.ts";
import type { Context } from "./context.ts";

import { git, gitEnv, iso, lookUp } from "./git.ts";
import { isOwner, isRepositoryName, type Repository } from "./store.ts";

/**
 * Git's smart HTTP protocol (gitprotocol-http(5)) for `/OWNER/REPO.git/...`, by git's own CGI program, git-http-backend(1).
 * Reading is free; pushing wants a credential. The first push makes the repository.
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
  if (rest === "info/refs" && !pushing && request.headers["git-protocol"] === "version=2") {
    return send(response, 200, await capabilitiesOf(repository), advertisement);
  }
  const status = await runBackend(context, repository, rest);
  if (rest === "git-receive-pack" && status === 200) await afterPush(context, repository);
  response.end();
  request.resume();
}

const advertisement = {
  "content-type": "application/x-git-upload-pack-advertisement",
  "cache-control": "no-cache, max-age=0, must-revalidate",
};
const capabilities = new WeakMap<Repository, Promise<Buffer>>();

/**
 * What version 2 of the protocol begins with: what the server can do, and nothing about refs, so that no push changes it
 * (gitprotocol-v2(5), "Capability Advertisement"). Git is asked once; that is two processes less for every fetch.
 */
function capabilitiesOf(repository: Repository): Promise<Buffer> {
  let known = capabilities.get(repository);
  if (!known) {
    const args = ["upload-pack", "--stateless-rpc", "--advertise-refs", repository.git];
    known = git(repository.git, args, undefined, { GIT_PROTOCOL: "version=2" });
    capabilities.set(repository, known);
    known.catch(() => capabilities.delete(repository));
  }
  return known;
}

function unauthorized(): HttpError {
  return new HttpError(401, "Authentication required\n", { "www-authenticate": 'Basic realm="GitHub"' });
}

/** Runs the CGI program (RFC 3875) and passes its answer on; resolves with the status before the answer is ended. */
async function runBackend(context: Context, repository: Repository, rest: string): Promise<number> {
  const { request, response, url } = context;
  const header = (name: string) => String(request.headers[name] ?? "");
  const child = spawn("git", ["http-backend"], {
    env: gitEnv({
      GIT_PROJECT_ROOT: repository.dir,
      GIT_HTTP_EXPORT_ALL: "1",
      GATEWAY_INTERFACE: "CGI/1.1",
      SERVER_PROTOCOL: "HTTP/1.1",
      PATH_INFO: `/git/${rest}`,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: header("content-type"),
      HTTP_CONTENT_ENCODING: header("content-encoding"),
      ...(request.headers["content-length"] === undefined ? {} : { CONTENT_LENGTH: header("content-length") }),
      ...(request.headers["git-protocol"] === undefined ? {} : { GIT_PROTOCOL: header("git-protocol") }),
      ...(context.auth ? { REMOTE_USER: context.auth.login } : {}),
      REMOTE_ADDR: request.socket.remoteAddress ?? "",
    }),
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  context.children.add(child);
  const exited = new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      context.children.delete(child);
      resolve();
    });
  });
  exited.catch(() => {});
  child.stderr.resume();
  response.on("close", () => {
    if (!response.writableFinished) child.kill();
  });
  // The program may answer before it has read everything; then its answer counts, not the broken pipe.
  pipeline(request, child.stdin).catch(() => {});
  const { head, rest: body } = await splitHead(child.stdout);
  const status = writeHead(context, head);
  await pipeline(body, response, { end: false });
  await exited;
  return status;
}

/** The header block of a CGI answer, and all that follows it as a stream. @throws HttpError 500 when there is none. */
async function splitHead(source: AsyncIterable<Buffer>): Promise<{ head: string; rest: Readable }> {
  const chunks = source[Symbol.asyncIterator]();
  let begun: Buffer = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) throw new HttpError(500, "git http-backend gave no answer\n");
    begun = Buffer.concat([begun, value]);
    const end = begun.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const first = begun.subarray(end + 4);
    const rest = async function* () {
      if (first.length > 0) yield first;
      yield* { [Symbol.asyncIterator]: () => chunks };
    };
    return { head: begun.subarray(0, end).toString("latin1"), rest: Readable.from(rest(), { objectMode: false }) };
  }
}

function writeHead(context: Context, head: string): number {
  let status = 200;
  const headers: Record<string, string> = {};
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "status") status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  context.response.writeHead(status, headers);
  return status;
}

/** The first branch that is pushed becomes the default one, `main` before others. */
async function afterPush(context: Context, repository: Repository): Promise<void> {
  repository.data.pushedAt = iso(context.now());
  repository.save();
  const [head] = await lookUp(repository.git, ["HEAD"]);
  if (head) return;
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
