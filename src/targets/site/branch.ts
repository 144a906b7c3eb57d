import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Finding, Io } from "../../core/target.ts";
import { withoutCredentials } from "../../git/credentials.ts";
import { readObjects } from "../../git/objects.ts";
import { type Git, notMirrored, pushRefs } from "../../git/push.ts";
import { commitObject } from "../../git/release-commit.ts";
import { stampedTree } from "../../git/stamped-tree.ts";
import { writeObjects } from "../../git/write-objects.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { temporaryFolder } from "../../lib/temporary.ts";
import type { Change, SiteStore, StoredFile } from "./store.ts";

export interface BranchOptions {
  /** Runs git in the repository, with the credential for its remote. */
  git: Git;
  /** Name or address; null: this repository itself. */
  remote: string | null;
  branch: string;
  /** The site's folder in the branch, "." for its root. */
  dir: string;
}

/** The branch at one commit. */
interface Snapshot {
  /** Null: there is no such branch yet. */
  head: string | null;
  /** Every file, with the sha of its blob, by its path in the site. */
  marks: Map<string, string>;
  /** The bytes of the files that make a site. */
  files: Map<string, StoredFile>;
}

/** What of a branch is read: it may hold a whole documentation, too. */
const ours = /^(?:v[^/]+\/install\.sh|channels\/[^/]+|staging\/install\.sh|(?:un)?install\.sh|index\.html)$/;

/** Larger files of the branch aren't fetched: none of ours is. */
const smallFiles = "--filter=blob:limit=256k";

/**
 * A branch of the remote, as GitHub Pages serves it. Each write is one commit on top of the branch, pushed only if the branch is
 * still where it was read; if it moved, but not in the files that are written, the commit is made again on top. Everything
 * happens in a throw-away repository: neither the work tree nor the refs of this one are touched.
 */
export function branchStore({ git, remote, branch, dir }: BranchOptions): SiteStore {
  const ref = `refs/heads/${branch}`;
  const inside = dir === "." ? "" : `${dir}/`;
  const place = `branch ${branch} of ${remote ?? "this repository"}`;
  let url: Promise<string> | undefined;
  const address = () => (url ??= addressOf(git, remote));
  let last: { head: string | null; snapshot: Promise<Snapshot> } | undefined;

  const headOf = async (by: Git) => {
    const { stdout } = await by(["ls-remote", "--end-of-options", await address(), ref]);
    const row = stdout.split("\n").find((one) => one.endsWith(`\t${ref}`));
    return row === undefined ? null : row.slice(0, row.indexOf("\t"));
  };

  /** Runs `work` in an empty repository that has the commit. */
  const apart = async <T>(
    by: Git,
    head: string | null,
    work: (there: Git) => Promise<T>,
    filter = smallFiles,
  ): Promise<T> => {
    const folder = await temporaryFolder(tmpdir(), "twotier-site");
    const there: Git = (args, run) => by(["-C", folder, ...args], run);
    try {
      await there(["init", "--quiet", "--bare", "--template="]);
      if (head !== null) {
        const how = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", filter, "--end-of-options"];
        await there([...how, await address(), head]);
      }
      return await work(there);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  const readAt = (by: Git, head: string | null): Promise<Snapshot> =>
    apart(by, head, async (there) => {
      const snapshot: Snapshot = { head, marks: new Map(), files: new Map() };
      if (head === null) return snapshot;
      const { stdout } = await there(["ls-tree", "-r", "-z", "--full-tree", head, ...(inside === "" ? [] : [inside])]);
      for (const row of stdout.split("\0")) {
        const [, sha, file] = /^\d+ blob ([0-9a-f]+)\t(.*)$/s.exec(row) ?? [];
        if (sha && file?.startsWith(inside)) snapshot.marks.set(file.slice(inside.length), sha);
      }
      const wanted = [...snapshot.marks].filter(([file]) => ours.test(file));
      const objects = await readObjects(
        there,
        wanted.map(([, sha]) => sha),
      );
      for (const [at, [file, mark]] of wanted.entries()) {
        const text = objects[at]?.text;
        if (text !== undefined) snapshot.files.set(file, { bytes: Buffer.from(text), mark });
      }
      return snapshot;
    });

  const snapshot = async (by: Git): Promise<Snapshot> => {
    const head = await headOf(by);
    if (last?.head === head) return last.snapshot;
    const reading = readAt(by, head);
    last = { head, snapshot: reading };
    reading.catch(() => {
      last = undefined;
    });
    return reading;
  };

  const push = (head: string | null, changes: readonly Change[], about: string, io: Io) =>
    apart(git, head, async (there) => {
      const files = changes.map(({ file }) => ({ path: inside + file.path, text: file.text, mode: "100644" }));
      // GitHub Pages builds a branch with Jekyll unless this is there.
      if (head === null) files.push({ path: ".nojekyll", text: "", mode: "100644" });
      const { tree, objects } = await stampedTree(there, head, files);
      const epoch = Math.floor(io.now().getTime() / 1000);
      const parents = head === null ? [] : [head];
      const commit = commitObject({ tree, parents, epoch, message: `site: ${about}\n` });
      await writeObjects(there, [...objects, commit]);
      return pushRefs(there, await address(), [{ ref, to: commit.sha, expect: head }]);
    });

  return {
    place,

    async read(file, io) {
      io.signal.throwIfAborted();
      return (await snapshot(git)).files.get(file) ?? null;
    },

    async write(changes, about, io) {
      for (let attempt = 0; attempt < 5; attempt++) {
        io.signal.throwIfAborted();
        const { head, marks } = await snapshot(git);
        if (changes.some(({ file, expect }) => (marks.get(file.path) ?? null) !== expect)) return "lost";
        if ((await push(head, changes, about, io)) === "done") return "done";
      }
      return "lost";
    },

    /** The tree alone: every plan asks for it. */
    async folders(io) {
      io.signal.throwIfAborted();
      const head = await headOf(git);
      if (head === null) return [];
      const list = (there: Git) =>
        there(["ls-tree", "-d", "-z", "--full-tree", head, ...(inside === "" ? [] : [inside])]);
      const { stdout } = await apart(git, head, list, "--filter=blob:none");
      return stdout.split("\0").flatMap((row) => {
        const name = row.slice(row.indexOf("\t") + 1);
        return name.startsWith(inside) && name !== "" ? [name.slice(inside.length)] : [];
      });
    },

    /** The branch itself: when a host has built it, no one can tell from here. */
    async fetch(file, io) {
      io.signal.throwIfAborted();
      const server = await address();
      if (/^https?:/.test(server)) {
        try {
          const anybody = withoutCredentials(git, server);
          const { files } = await readAt(anybody, await headOf(anybody));
          return files.get(file)?.bytes ?? null;
        } catch {
          // A private repository may have a public site.
        }
      }
      return (await snapshot(git)).files.get(file)?.bytes ?? null;
    },

    /** Asks the remote whether it would take a commit, without sending one (git-push(1), --dry-run). */
    async preflight(io): Promise<Finding[]> {
      io.signal.throwIfAborted();
      if (remote === null) return [];
      const args = ["push", "--dry-run", "--porcelain", "--no-verify", "--end-of-options", remote];
      const answer = await git([...args, "HEAD:refs/twotier/preflight"], {
        ok: [0, 1, 128],
        settings: notMirrored(remote),
      });
      if (answer.code === 0) return [];
      const said = answer.stderr.trim().split("\n").slice(-3).join(" ");
      if (/could not read (Username|Password)|Authentication failed|Permission|denied|error: 40[13]/i.test(said)) {
        const message = `the remote doesn't take the branch ${branch} from this credential: ${said}`;
        const hint =
          "set GITHUB_TOKEN to a token that may write contents (in GitHub Actions: `permissions: contents: write`)";
        return [{ level: "error", target: "site", topic: "place", message, hint }];
      }
      throw new ReleaseError("GIT", `the remote couldn't be asked whether it takes ${branch}: ${said}`, {
        retryable: true,
        hint: "check `git ls-remote` in this folder, then run the same command again",
      });
    },
  };
}

/** Where the remote is, for a git that runs elsewhere. */
async function addressOf(git: Git, remote: string | null): Promise<string> {
  if (remote === null) return (await git(["rev-parse", "--absolute-git-dir"])).stdout.trim();
  const said = (await git(["ls-remote", "--get-url", "--end-of-options", remote])).stdout.trim();
  // `https://...`, `host:path`; everything else is a folder.
  if (/^[a-z][a-z0-9+.-]*:\/\/|^[^/]+:/i.test(said) || path.isAbsolute(said)) return said;
  return path.resolve((await git(["rev-parse", "--show-toplevel"])).stdout.trim(), said);
}
