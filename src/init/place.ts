import path from "node:path";
import { gitIn } from "../git/git.ts";
import { readRefs } from "../git/refs.ts";
import { openRepository } from "../git/repository.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { parseRemote } from "./remote.ts";
import type { Place } from "./types.ts";

/**
 * Asks git where a repository is, and what its tags are: the remote's, or where that doesn't answer this clone's.
 *
 * @param credentials variables for git that let it reach the remote
 * @throws ReleaseError USAGE outside of a repository, below its top, or in a shallow clone
 */
export async function readPlace(
  dir: string,
  signal: AbortSignal,
  credentials: Record<string, string>,
): Promise<{ place: Place; notes: string[] }> {
  const git = gitIn(dir, { signal, env: credentials });
  const repository = await openRepository(dir, signal, credentials);
  try {
    const prefix = repository.bare ? "" : (await git(["rev-parse", "--show-prefix"])).stdout.trim();
    if (prefix !== "" || repository.bare) {
      const top = repository.bare ? null : (await git(["rev-parse", "--show-toplevel"])).stdout.trim();
      throw new ReleaseError("USAGE", `${dir} isn't the top of a repository with files`, {
        hint: top === null ? "run it in a clone" : `twotier.yaml stands at the top: twotier init -C ${top}`,
      });
    }
    const notes: string[] = [];
    const refs = await repository.refs().catch((thrown: unknown) => {
      const error = asReleaseError(thrown);
      if (error.code === "INTERRUPTED") throw error;
      notes.push(`${repository.remote} doesn't answer, so the tags and the branch are those of this clone`);
      return null;
    });
    const here = refs && repository.remote !== null ? refs : await readRefs(git, null);
    const [origin, upstream, current, head, born] = await Promise.all([
      repository.remote === null ? null : address(git, repository.remote),
      repository.remote === "upstream" ? null : address(git, "upstream"),
      text(git, ["symbolic-ref", "--quiet", "--short", "HEAD"]),
      text(git, ["symbolic-ref", "--quiet", "--short", `refs/remotes/${repository.remote ?? "origin"}/HEAD`]),
      text(git, ["rev-parse", "--verify", "--quiet", "HEAD"]),
    ]);
    const known = refs !== null && repository.remote !== null ? refs.head : null;
    const place: Place = {
      remote: origin === null ? null : parseRemote(origin),
      upstream: upstream === null ? null : parseRemote(upstream),
      branch: known ?? (head === null ? null : head.slice(head.indexOf("/") + 1)),
      current,
      commits: born !== null,
      tags: [...here.names()].flatMap((name) => (name.startsWith("refs/tags/") ? [name.slice(10)] : [])),
      folder: path.basename(path.resolve(dir)),
    };
    return { place, notes };
  } finally {
    await repository.close();
  }
}

type Git = ReturnType<typeof gitIn>;

/** Where a remote is, as it is written: `insteadOf` rules are this machine's. */
const address = (git: Git, remote: string) => text(git, ["config", "--get", `remote.${remote}.url`]);

async function text(git: Git, args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await git(args, { ok: [0, 1, 128] });
  return code === 0 && stdout.trim() !== "" ? stdout.trim() : null;
}
