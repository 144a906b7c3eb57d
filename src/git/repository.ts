import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ReleaseError } from "../lib/errors.ts";
import { sharedRequests } from "../lib/shared-requests.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { gitIn, startGit } from "./git.ts";
import { ObjectReader, readObjects } from "./objects.ts";
import type { Git } from "./push.ts";
import { type Refs, readRefs, seenRefs } from "./refs.ts";

/** A git repository on this machine, and the remote whose refs are the truth. */
export interface Repository {
  /** Reads what is here and what `need` fetched; what it writes may be thrown away. */
  git: Git;
  /** Reads and writes the repository itself, for what is to stay and for programs that look there. */
  own: Git;
  /** Absolute path of what git calls the common directory: objects and refs are there. */
  gitDir: string;
  bare: boolean;
  /** `origin`, or the only one; null without any. */
  remote: string | null;
  /**
   * Refs of the remote, or of this repository where it has none: as they were read last (first when the repository was
   * opened), or when `fresh` as they are now (one reading answers all who ask for that in the same turn).
   */
  refs(fresh?: boolean): Promise<Refs>;
  /** True when tracked files of the work tree have changes that aren't committed. Looked at when the repository is opened. */
  dirty: Promise<boolean>;
  /**
   * Makes sure that objects are here. Missing ones are fetched from the remote into a folder that `close` deletes:
   * nothing is written to the repository itself.
   *
   * @throws ReleaseError GIT when the remote hasn't got them either
   */
  need(shas: readonly string[]): Promise<void>;
  /** Deletes the folder of fetched objects. */
  close(): Promise<void>;
}

/**
 * Opens the repository that a folder is in.
 *
 * @param variables added to git's environment (credentials)
 * @param credentials variables for git that let it reach the remote (git/credentials.ts)
 * @param offline true: the remote isn't asked, its refs are those that this clone last saw
 * @throws ReleaseError USAGE where there is none, or a shallow one, or several remotes and no `origin`; GIT, TOOL_MISSING
 */
export async function openRepository(
  dir: string,
  signal?: AbortSignal,
  credentials: Record<string, string> = {},
  offline = false,
): Promise<Repository> {
  const env: Record<string, string> = { ...credentials };
  const readerOf = (env: Record<string, string>) =>
    new ObjectReader(() => startGit(dir, ["cat-file", "--batch"], { signal, env }));
  const objects = readerOf(env);
  const ownObjects = readerOf(credentials);
  let folder: string | undefined;
  const git: Git = Object.assign(gitIn(dir, { signal, env }), { objects: objects.read });
  // While nothing is in the throw-away folder, one process reads for both.
  const own: Git = Object.assign(gitIn(dir, { signal, env: credentials }), {
    objects: (names: readonly string[]) => (folder ? ownObjects : objects).read(names),
  });
  // Nearly every repository has an origin: it is asked before we know.
  const origin = offline ? null : settled(readRefs(git, "origin"));
  const [place, config] = await Promise.all([
    git(
      ["rev-parse", "--path-format=absolute", "--git-common-dir", "--is-bare-repository", "--is-shallow-repository"],
      { ok: [0, 128] },
    ),
    git(["config", "--null", "--get-regexp", "^remote\\..*\\.(url|promisor)$"], { ok: [0, 1, 128] }),
  ]);
  if (place.code !== 0) throw noRepository(dir, place.stderr);
  const lines = place.stdout.trimEnd().split("\n");
  const [shallow, bare, gitDir] = [lines.pop(), lines.pop(), lines.join("\n")];
  if (shallow === "true") {
    throw new ReleaseError("USAGE", "this clone is shallow: the commits since the last release may be missing", {
      facts: { repository: gitDir },
      hint: "run `git fetch --unshallow`; with actions/checkout set `fetch-depth: 0`",
    });
  }
  const { remote, partial } = readConfig(config.stdout);

  const throwAway = async () => {
    if (folder) return;
    folder = await temporaryFolder(tmpdir(), "twotier-objects");
    env.GIT_ALTERNATE_OBJECT_DIRECTORIES = JSON.stringify(path.join(gitDir, "objects"));
    env.GIT_OBJECT_DIRECTORY = folder;
    objects.close();
  };
  // A partial clone fetches what it lacks whenever it is read; that goes to the throw-away folder too.
  if (partial) await throwAway();

  let first = remote === "origin" ? origin : null;
  const share = sharedRequests();
  let refs: Promise<Refs> | undefined;
  const status = ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all", "--no-renames", "-z"];
  return {
    git,
    own,
    gitDir,
    bare: bare === "true",
    remote,
    dirty:
      bare === "true"
        ? Promise.resolve(false)
        : settled(git(status)).then((answer) => !(answer instanceof Error) && answer.stdout !== ""),
    refs(fresh = false) {
      if (offline && remote !== null) refs ??= seenRefs(git, remote);
      else if (fresh || !refs) {
        const reading = first && !fresh ? unsettled(first) : share("refs", () => readRefs(git, remote));
        first = null;
        refs = reading;
        // A failure is nothing that was read.
        reading.catch(() => {
          if (refs === reading) refs = undefined;
        });
      }
      return refs;
    },
    async need(shas) {
      const missing = await missingOf(git, shas);
      if (missing.length === 0) return;
      if (remote === null || offline) throw gone(missing, remote === null ? "this repository" : "this clone");
      await throwAway();
      const args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--no-recurse-submodules"];
      const fetched = await settled(git([...args, "--no-auto-maintenance", "--end-of-options", remote, ...missing]));
      objects.close(); // what it knows of packs is older than the fetch
      // A server may not hand out what no ref names: then say so instead of git's words.
      if (fetched instanceof Error || (await missingOf(git, missing)).length > 0) {
        throw gone(missing, remote, fetched instanceof Error ? fetched : undefined);
      }
    },
    async close() {
      objects.close();
      ownObjects.close();
      if (folder) await rm(folder, { recursive: true, force: true });
      folder = undefined;
      delete env.GIT_OBJECT_DIRECTORY;
      delete env.GIT_ALTERNATE_OBJECT_DIRECTORIES;
    },
  };
}

function noRepository(dir: string, stderr: string): ReleaseError {
  const owned = /safe\.directory (\S+)/.exec(stderr);
  if (owned) {
    return new ReleaseError("GIT", `git refuses ${dir}: it belongs to another user`, {
      hint: `run \`git config --global --add safe.directory ${owned[1]}\``,
    });
  }
  if (!/not a git repository|not in a git directory/i.test(stderr)) {
    return new ReleaseError("GIT", `git can't read the repository of ${dir}`, {
      facts: { git: stderr.trim().split("\n")[0] },
      hint: "settle what git says (`git status` there says it too), then run the same command again",
    });
  }
  return new ReleaseError("USAGE", `${dir} isn't in a git repository`, {
    facts: { git: stderr.trim().split("\n")[0] },
    hint: "run it in a clone of the repository, or name its folder with `-C DIR`",
  });
}

function readConfig(text: string): { remote: string | null; partial: boolean } {
  const remotes = new Set<string>();
  let partial = false;
  for (const entry of text.split("\0")) {
    const key = entry.split("\n", 1)[0] ?? "";
    if (key.endsWith(".promisor")) partial = true;
    else if (key !== "") remotes.add(key.slice("remote.".length, -".url".length));
  }
  if (remotes.has("origin")) return { remote: "origin", partial };
  const [only] = remotes;
  if (remotes.size <= 1) return { remote: only ?? null, partial };
  throw new ReleaseError("USAGE", `several remotes and none is called origin: ${[...remotes].sort().join(", ")}`, {
    hint: "name the one that releases are made on: git remote rename NAME origin",
  });
}

async function missingOf(git: Git, shas: readonly string[]): Promise<string[]> {
  const objects = await readObjects(git, shas);
  return shas.filter((_, index) => objects[index] === null);
}

function gone(missing: readonly string[], where: string, cause?: Error): ReleaseError {
  return new ReleaseError(
    "GIT",
    `${where} hasn't got ${missing.length === 1 ? "an object" : `${missing.length} objects`}`,
    {
      cause,
      retryable: cause instanceof ReleaseError && cause.retryable,
      facts: {
        missing: missing.slice(0, 3).join(" "),
        git: cause instanceof ReleaseError ? cause.facts.git : undefined,
      },
      hint: "run `git fetch --all --tags`, then try again",
    },
  );
}

/** The answer or the error, so that a promise may wait before anybody looks at it. */
function settled<T>(promise: Promise<T>): Promise<T | Error> {
  return promise.catch((thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown))));
}

async function unsettled<T>(promise: Promise<T | Error>): Promise<T> {
  const answer = await promise;
  if (answer instanceof Error) throw answer;
  return answer;
}
