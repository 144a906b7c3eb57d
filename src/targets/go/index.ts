import type { ReleaseFile } from "../../core/manifest.ts";
import type { Finding, Io, Item, ReleaseContext, Seen, Target } from "../../core/target.ts";
import { withoutCredentials } from "../../git/credentials.ts";
import { type Git, notMirrored, pushRefs } from "../../git/push.ts";
import { commitOf, type Refs, readRefs } from "../../git/refs.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Digest } from "../../lib/hash.ts";
import { hexOf } from "../../lib/hash.ts";
import { sharedRequests } from "../../lib/shared-requests.ts";
import { formatVersion, parseVersion } from "../../version/version.ts";
import { type GoModule, moduleOfTag, pathProblem, tagPrefix } from "./modules.ts";
import { goUndo } from "./undo.ts";

export interface GoTargetOptions {
  modules: readonly GoModule[];
  /** owner/name */
  repository: string;
  /** Runs git in a clone that has the release commit; with the credential for `remote`. */
  git: Git;
  /** Name or address of the remote; null: the refs of this repository are the truth. */
  remote: string | null;
  /** Reads the remote's refs: those that the run has read already, or when `fresh` as they are now. Left out: by `git`. */
  refs?(fresh: boolean): Promise<Refs>;
  release?: ReleaseContext;
}

/**
 * Go modules: a version of a module is a git tag (https://go.dev/ref/mod#vcs-version). The tags are lightweight: what counts is
 * the commit, and its own tag carries the manifest already. A module at the root has that tag as its own: no item.
 */
export function createGoTarget(options: GoTargetOptions): Target {
  const { modules, git, remote } = options;
  // All modules are looked at in one turn.
  const share = sharedRequests();
  const refs = options.refs ?? (() => share("refs", () => readRefs(git, remote)));
  const address = () => share("address", async () => (remote === null ? "" : addressOf(git, remote)));
  const refsForAll = (from: string) =>
    share(`as everybody ${from}`, () => readRefs(withoutCredentials(git, from), from));
  const refName = (tag: string) => `refs/tags/${tag}`;

  const look = async (item: Item, io: Io, read = () => refs(true)): Promise<Seen> => {
    io.signal.throwIfAborted();
    const commit = commitOf(await read(), refName(item.id));
    return commit === undefined ? { state: "absent" } : { state: "present", digest: `git:${commit}` };
  };

  return {
    name: "go",

    expect(_files: readonly ReleaseFile[], release: ReleaseContext) {
      const tags = modules.map((module) => `${tagPrefix(module)}v${release.version}`);
      const items = tags
        .filter((tag) => tag !== release.tag)
        .map((id): Item => ({ target: "go", id, digest: `git:${release.commit}`, file: "", phase: "tag" }));
      return { items, pointers: [] };
    },

    async preflight(io: Io): Promise<Finding[]> {
      io.signal.throwIfAborted();
      const { release, repository } = options;
      const findings: Finding[] = [];
      for (const module of release ? modules : []) {
        const problem = pathProblem(module, release?.version ?? "", repository);
        if (problem) findings.push({ level: "error", target: "go", topic: "name", ...problem });
      }
      const refused = await pushRefusal(git, remote);
      return refused ? [...findings, refused] : findings;
    },

    /** From the refs that the plan is made with: they tell its releases and these numbers of one moment. */
    async versions(io: Io): Promise<string[]> {
      io.signal.throwIfAborted();
      const starts = modules.map((module) => refName(`${tagPrefix(module)}v`));
      const found = new Set<string>();
      for (const name of (await refs(false)).byName.keys()) {
        for (const start of starts) {
          const version = name.startsWith(start) ? parseVersion(name, start.length) : null;
          if (version) found.add(formatVersion(version));
        }
      }
      return [...found];
    },

    observe: (item, io) => look(item, io),

    /** Creates only. Two runs of one release push the same commit: who comes second finds it there. */
    async publish(item: Item, _files, io: Io): Promise<undefined> {
      io.signal.throwIfAborted();
      moduleOfTag(modules, item.id);
      const commit = hexOf(item.digest);
      const pushed = await pushRefs(git, remote, [{ ref: refName(item.id), to: commit, expect: null }]);
      if (pushed === "done") return;
      const seen = await look(item, io);
      if (seen.state !== "absent" && seen.digest === item.digest) return;
      throw conflict(item, seen.state === "absent" ? undefined : seen.digest);
    },

    async verify(item: Item, io: Io): Promise<Seen> {
      io.signal.throwIfAborted();
      const from = await address();
      if (!/^https?:/.test(from)) return look(item, io);
      try {
        return await look(item, io, () => refsForAll(from));
      } catch {
        const seen = await look(item, io);
        if (seen.state === "absent") return seen;
        return { ...seen, note: "read with the credential: the repository isn't public" };
      }
    },

    undo: goUndo({ modules, git, remote }),
  };
}

function conflict(item: Item, found: Digest | undefined): ReleaseError {
  return new ReleaseError("CONFLICT", `the tag ${item.id} is on another commit already`, {
    facts: { expected: item.digest, found },
    hint: "a Go module's version can't be changed once somebody fetched it; release the next version",
  });
}

/** Where a remote is, without a user and password in the address. */
async function addressOf(git: Git, remote: string): Promise<string> {
  const address = (await git(["ls-remote", "--get-url", "--end-of-options", remote])).stdout.trim();
  return address.replace(/^(https?:\/\/)[^/@]*@/, "$1");
}

/** Asks the remote whether it would take a new ref, without sending one (git-push(1), --dry-run). */
async function pushRefusal(git: Git, remote: string | null): Promise<Finding | null> {
  if (remote === null) return null;
  const args = ["push", "--dry-run", "--porcelain", "--no-verify", "--end-of-options", remote];
  const answer = await git([...args, "HEAD:refs/twotier/preflight"], {
    ok: [0, 1, 128],
    settings: notMirrored(remote),
  });
  if (answer.code === 0) return null;
  const said = answer.stderr.trim().split("\n").slice(-3).join(" ");
  if (/could not read (Username|Password)|Authentication failed|Permission|denied|error: 40[13]/i.test(said)) {
    return {
      level: "error",
      target: "go",
      topic: "rights",
      message: `the remote doesn't take tags from this credential: ${said}`,
      hint: "set GITHUB_TOKEN to a token that may write contents (in GitHub Actions: `permissions: contents: write`)",
    };
  }
  throw new ReleaseError("GIT", `the remote couldn't be asked whether it takes tags: ${said}`, {
    retryable: true,
    hint: "check `git ls-remote` in this folder, then run the same command again",
  });
}
