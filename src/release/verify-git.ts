import { retrying } from "../core/retry.ts";
import type { Io } from "../core/target.ts";
import { isAncestor, readCommits } from "../git/commits.ts";
import { lockRef } from "../git/lock.ts";
import { readObjects } from "../git/objects.ts";
import { asReleaseError } from "../lib/errors.ts";
import { stampedPaths } from "./facts.ts";
import type { Row } from "./rows.ts";
import type { Session } from "./session.ts";
import type { Subject } from "./subject.ts";

/** What the remote's refs and commits say of a release: tag, release commit, VERSION file, source, lock. */
export async function verifyGit(session: Session, subject: Subject): Promise<Row[]> {
  const { release, manifest, version, tier } = subject;
  const { repository } = session;
  const { git } = repository;
  const row = (what: Row["what"], id: string, state: Row["state"], text: string, more: Partial<Row> = {}): Row => ({
    ...{ target: "git", what, id, state, text },
    ...more,
  });
  const refs = await repository.refs();
  const rows: Row[] = [];
  const tag = release.tag;
  if (refs.get(lockRef(tag)) !== undefined) {
    rows.push(
      row(
        "lock",
        tag,
        "pending",
        "is being released, or its run has died: twotier verify --watch, or twotier release --resume",
      ),
    );
  }
  if (release.tagObject === null) return [...rows, row("tag", tag, "missing", "there is no tag")];
  if (!manifest) {
    rows.push(
      row("tag", tag, "ok", "carries no manifest (another tool released it): there are no digests to compare with"),
    );
  } else if (release.commit === manifest.commit) rows.push(row("tag", tag, "ok", "carries the manifest"));
  else {
    const [expected, found] = [manifest.commit, release.commit];
    rows.push(row("tag", tag, "differs", "isn't on the commit that its manifest names", { expected, found }));
  }
  const source = manifest?.source ?? release.commit;
  await repository.need([release.commit, source]);
  if (manifest) rows.push(await commitRow(session, subject));
  const file = subject.config.version.file;
  if (manifest && file !== null) {
    const [blob] = await readObjects(git, [`${release.commit}:${file}`]);
    const found = blob?.type === "blob" ? blob.text.trim() : undefined;
    if (found !== undefined) {
      const state = found === version ? "ok" : "differs";
      const box = tier === "staging" ? "Version bumped to X.Y.Z-rc.N" : "Version finalizes to X.Y.Z";
      rows.push(row("version", file, state, `says ${found}`, { expected: version, found, box }));
    }
  }
  const branch = subject.config.trigger.branch ?? refs.head;
  const head = branch === null ? undefined : refs.commit(`refs/heads/${branch}`);
  if (head !== undefined) {
    await repository.need([head]);
    const on = await isAncestor(git, source, head).catch((thrown) => asReleaseError(thrown));
    const text = on === true ? `is on ${branch}` : `isn't on ${branch} any more`;
    rows.push(row("source", source.slice(0, 12), on === true ? "ok" : "differs", text));
  }
  return rows;
}

/** Whether a push started the candidate's release: what GitHub Actions says of its source commit. */
export async function verifyTrigger({ tier, manifest, targets, release }: Subject, io: Io): Promise<Row[]> {
  if (tier !== "staging" || !manifest) return [];
  const box = "Workflow triggered automatically";
  const base = { target: "github", what: "trigger", id: manifest.source.slice(0, 12), box } as const;
  const github = targets.find((target) => target.runOf);
  try {
    const run =
      github && (await retrying("reading the workflow's runs", io, async () => github.runOf?.(manifest.source, io)));
    if (!run) {
      const text = `not known: GitHub Actions shows no run of release.yml for it, so ${release.tag} was released by hand, or elsewhere`;
      return [{ ...base, state: "unproven", text }];
    }
    if (run.event === "push") return [{ ...base, state: "ok", text: `was released by a push: ${run.url}` }];
    return [{ ...base, state: "unproven", text: `its run was started by ${run.event}: ${run.url}` }];
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    return [{ ...base, state: "unproven", text: `not known: ${error.message}` }];
  }
}

/** The release commit is the source's child and differs from it in stamped files alone. */
async function commitRow(session: Session, { manifest, release, config }: Subject): Promise<Row> {
  const source = manifest?.source ?? "";
  const id = release.commit.slice(0, 12);
  const base = { target: "git", what: "commit", id } as const;
  if (release.commit === source) return { ...base, state: "ok", text: "is the source itself: nothing is stamped" };
  const [commit] = await readCommits(session.repository.git, [release.commit]);
  if (commit?.parents.length !== 1 || commit.parents[0] !== source) {
    const found = commit?.parents.join(" ") ?? "nothing";
    return { ...base, state: "differs", text: "isn't the child of its source", expected: source, found };
  }
  const stamped = stampedPaths(config);
  const foreign = commit.paths.filter((path) => !stamped(path));
  return foreign.length === 0
    ? { ...base, state: "ok", text: `differs from its source in ${commit.paths.length} stamped files alone` }
    : { ...base, state: "differs", text: `changes files that aren't stamped: ${foreign.slice(0, 5).join(", ")}` };
}
