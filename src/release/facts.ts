import type { Config } from "../config/types.ts";
import type { Manifest } from "../core/manifest.ts";
import type { ReleaseFlags } from "../core/plan.ts";
import { retrying } from "../core/retry.ts";
import type { Io, Target } from "../core/target.ts";
import { type Commit, isAncestor, logCommits, parseCommitObject, readCommits } from "../git/commits.ts";
import { messageOf, readObjects } from "../git/objects.ts";
import type { Refs } from "../git/refs.ts";
import type { Repository } from "../git/repository.ts";
import { decodeSeal } from "../git/seal.ts";
import { asReleaseError, ReleaseError, withMore } from "../lib/errors.ts";
import type { Used } from "../version/numbering.ts";
import { tagNames } from "../version/tags.ts";
import { isOwn, releaseTrailers } from "../version/trigger.ts";
import { compareVersions, parseVersion, type Version } from "../version/version.ts";
import { type Choice, choose } from "./choice.ts";
import { orWithout } from "./left-out.ts";
import type { Source } from "./source.ts";
import { type Release, type Standing, standingOf } from "./standing.ts";

/** What is to be known of a release beyond its refs. */
export interface Detail {
  /** Its commit's parent where that commit is the product's own, else the commit itself. */
  source: string;
  /** Committer date of the source, seconds since the epoch. */
  epoch: number;
  /** Its manifest; null where the tag carries none: made by another tool, or not sealed yet. */
  manifest: Manifest | null;
  /** Who took the lock; null where nobody holds one, or it doesn't say. */
  run: string | null;
}

/** Everything that a plan is decided on. Plain data: tests and the replay write their own. */
export interface Facts {
  config: Config;
  remote: string | null;
  branch: string;
  source: { sha: string; epoch: number };
  /** Contents of the VERSION file at the source; null where there is none. */
  versionText: string | null;
  standing: Standing;
  /** Versions that registries hold. Empty when they weren't asked. */
  registries: Used[];
  /** By tag: at least the newest release, the highest stable one, the chosen one, those in progress, and the candidates of the open line. */
  details: ReadonlyMap<string, Detail>;
  choice: Choice;
  /** Commits of the choice's ranges, newest first. */
  since: Commit[];
  after: Commit[];
  /** Commits since the highest stable version, for `--component auto`; empty when it isn't asked. */
  sinceStable: Commit[];
  /** A release in progress, other than the newest, whose source contains ours. */
  containedIn: Release | null;
  /** By tag: commits of the candidates in progress, each since the release before it, newest first. */
  begun: ReadonlyMap<string, Commit[]>;
  /** True: the first release's history is longer than `since` tells. */
  truncated: boolean;
  /** True: the chosen candidate's source isn't on the branch any more. */
  offBranch: boolean;
  warnings: string[];
}

/** Commits of a product without any release: its whole history may be a million. */
const firstCommits = 1000;

/**
 * Reads everything that a plan needs: refs of the remote and versions of the registries at the same time, then the
 * few commits and tags that matter. Writes nothing anywhere.
 *
 * @param source the commit to release from, with its config
 * @param targets registries to ask; with `offline` none is asked
 * @throws ReleaseError REFUSED when the source isn't on the remote's branch; GIT; what `Target.versions` throws
 */
export async function gatherFacts(
  repository: Repository,
  source: Source,
  flags: ReleaseFlags,
  targets: readonly Target[],
  io: Io,
  options: { fresh?: boolean } = {},
): Promise<Facts> {
  const { config } = source;
  const { git } = repository;
  const [first, registries, dirty] = await Promise.all([
    repository.refs(options.fresh),
    flags.offline ? [] : askRegistries(targets, io),
    repository.dirty,
  ]);
  const names = tagNames(config.version.tag, moduleDirs(config));
  const stands = standingOf(first, names);
  // Its refs come before anything of a release is published: who sees that and not them has read them too early.
  const early = registries.some(({ version }) => isNews(version, stands));
  const refs = early ? await repository.refs(true) : first;
  const standing = early ? standingOf(refs, names) : stands;
  const { find } = standing;
  const { branch, head } = branchOf(refs, config, repository.remote, source.sha);
  const choice = choose(standing, flags);
  // Which candidate an unsealed stable release came from, only the candidates' sources tell.
  const origins = choice.kind === "resume" && choice.release ? standing.candidatesOf(choice.release.version) : [];
  const near = [standing.newest, standing.stable, choice.release, choice.candidate, ...standing.locked, ...origins];
  const close = new Set(near.filter((release) => release !== null).map((release) => release.tag));
  const known = [...new Set([...close, ...standing.candidates.map((one) => one.tag)])].map(
    (tag) => find(tag) as Release,
  );
  const objects = known.flatMap((one) => [one.commit, close.has(one.tag) ? objectOf(one) : one.commit]);
  const [base, top] = [choice.since?.commit, choice.upTo?.commit ?? source.sha];
  await repository.need([...new Set([...objects, ...(choice.upTo ? [head] : []), ...(base ? [base] : [])])]);

  const [onBranch, details, since, after, sinceStable, containedIn, begun] = await Promise.all([
    source.sha === head || repository.need([head]).then(() => isAncestor(git, source.sha, head)),
    readDetails(repository, known, close, config),
    base ? logCommits(git, [top, `^${base}`]) : logCommits(git, [top], firstCommits),
    choice.upTo ? logCommits(git, [head, `^${choice.upTo.commit}`]) : [],
    flags.component === "auto" && standing.stable ? logCommits(git, [top, `^${standing.stable.commit}`]) : [],
    lockAbove(repository, standing, source.sha),
    changesOfBegun(repository, standing),
  ]);
  if (!onBranch) throw notOnBranch(source.sha, branch, repository.remote);
  const offBranch = choice.upTo !== null && !(await isAncestor(git, details.get(choice.upTo.tag)?.source ?? top, head));
  return {
    config,
    remote: repository.remote,
    branch,
    source: { sha: source.sha, epoch: source.epoch },
    versionText: source.versionText,
    standing,
    registries,
    details,
    choice,
    since,
    after,
    sinceStable,
    containedIn,
    begun,
    truncated: !base && since.length === firstCommits,
    offBranch,
    warnings: [
      ...(repository.remote === null
        ? ["this repository has no remote: its own refs were read, and nothing can be released"]
        : []),
      ...(dirty ? ["the work tree has changes that aren't committed: they are no part of a release"] : []),
    ],
  };
}

/** Folders of the Go modules that the config names; null where artifacts are detected. */
function moduleDirs(config: Config): string[] | null {
  return config.artifacts?.flatMap((one) => (one.type === "go-module" && one.dir !== "." ? [one.dir] : [])) ?? null;
}

async function askRegistries(targets: readonly Target[], io: Io): Promise<Used[]> {
  const answers = await Promise.all(
    targets.map(async (target) => {
      const ask = retrying(`asking ${target.name} for its versions`, io, () => target.versions(io));
      const versions = await ask.catch((thrown) => {
        const error = asReleaseError(thrown);
        // A credential that it minds is no reason to go on without it.
        const down = ["NETWORK", "REGISTRY", "RATE_LIMITED"].includes(error.code);
        throw down ? withMore(error, { hint: orWithout(error.hint, target.name) }) : error;
      });
      return versions.map((text) => ({ text, by: target.name }));
    }),
  );
  return answers.flat().flatMap(({ text, by }) => {
    const version = parseVersion(text);
    return version ? [{ version, by }] : [];
  });
}

/** True for a version above S that no ref tells of. */
function isNews(version: Version, { stable, names, find }: Standing): boolean {
  return (stable === null || compareVersions(version, stable.version) > 0) && find(names.format(version)) === null;
}

/** The branch that releases come from, and its head. */
function branchOf(refs: Refs, config: Config, remote: string | null, source: string): { branch: string; head: string } {
  const branch = config.trigger.branch ?? refs.head;
  if (branch === null) {
    // A detached HEAD without a remote: nothing says which branch it is of.
    if (remote === null) return { branch: "HEAD", head: source };
    throw new ReleaseError("CONFIG", `${remote} doesn't say which branch is its default one`, {
      hint: "name it in twotier.yaml: `trigger: { branch: main }`, or push the first commit",
    });
  }
  const head = refs.commit(`refs/heads/${branch}`);
  if (head !== undefined) return { branch, head };
  throw new ReleaseError("CONFIG", `there is no branch ${branch} on ${remote ?? "this repository"}`, {
    facts: { branch },
    hint: `push it (git push ${remote ?? "origin"} ${branch}), or name another in twotier.yaml: \`trigger: { branch: ... }\``,
  });
}

function notOnBranch(source: string, branch: string, remote: string | null): ReleaseError {
  return new ReleaseError(
    "REFUSED",
    `commit ${source.slice(0, 12)} isn't on ${remote ? `${remote}'s ` : ""}branch ${branch}`,
    {
      facts: { source, branch },
      hint: remote
        ? `releases come from ${branch} alone: push it there (git push ${remote} HEAD:${branch}), or check out a commit that is`
        : `releases come from ${branch} alone: check out a commit that is on it`,
    },
  );
}

/** A release in progress that contains the source. The newest release is looked at by its range. */
async function lockAbove(repository: Repository, standing: Standing, source: string): Promise<Release | null> {
  for (const release of standing.locked) {
    if (release.tag === standing.newest?.tag || release.retracted) continue;
    if (release.commit !== source && (await isAncestor(repository.git, source, release.commit))) return release;
  }
  return null;
}

async function changesOfBegun(repository: Repository, standing: Standing): Promise<Map<string, Commit[]>> {
  const begun = standing.locked.filter((one) => one.version.label !== null && !one.retracted);
  const logs = begun.map(async ({ tag, version, commit }): Promise<[string, Commit[]]> => {
    const before = standing.below(version, "any");
    if (!before) return [tag, await logCommits(repository.git, [commit], firstCommits)];
    await repository.need([before.commit]);
    return [tag, await logCommits(repository.git, [commit, `^${before.commit}`])];
  });
  return new Map(await Promise.all(logs));
}

/** Manifests that are stamped where the config names none (src/version/stamp.ts knows their formats). */
const manifests =
  /(^|\/)(package(-lock)?\.json|npm-shrinkwrap\.json|pyproject\.toml|setup\.cfg|__init__\.py|_?version\.py|Cargo\.toml|Chart\.yaml)$/;

/** Tells the files that the product itself may change: what is stamped, VERSION and CHANGELOG.md. */
export function stampedPaths(config: Config): (path: string) => boolean {
  const { stamp, file } = config.version;
  const named = new Set([...(stamp ?? []).map((one) => one.file), file ?? "VERSION", "CHANGELOG.md"]);
  return (path) => named.has(path) || (stamp === null && manifests.test(path));
}

/** The object that says most of a release: its tag, else its lock. */
function objectOf({ tagObject, lock, commit }: Release): string {
  return tagObject ?? lock ?? commit;
}

/** @param close tags of the releases whose tag object is read too: manifests are long, and a line may have 400 candidates */
async function readDetails(
  repository: Repository,
  releases: readonly Release[],
  close: ReadonlySet<string>,
  config: Config,
): Promise<Map<string, Detail>> {
  const read = releases.filter((release) => close.has(release.tag));
  const objects = await readObjects(repository.git, [
    ...releases.map((release) => release.commit),
    ...read.map(objectOf),
  ]);
  const tagged = new Map(read.map(({ tag }, index) => [tag, objects[releases.length + index]]));
  const seen = releases.map((release, index) => {
    const commit = parseCommitObject(objects[index]?.text ?? "");
    const object = tagged.get(release.tag);
    const message = object?.type === "tag" ? messageOf(object) : "";
    const manifest = release.tagObject === null ? null : (decodeSeal(message, release.tag)?.manifest ?? null);
    const run = release.tagObject === null ? (/^run: (.+)$/m.exec(message)?.[1] ?? null) : null;
    const [parent, ...others] = commit.parents;
    const child = parent !== undefined && others.length === 0;
    const sealed = child && manifest?.commit === release.commit && manifest.source === parent;
    return { release, commit, parent, manifest, run, sealed, asks: child && !sealed };
  });

  // Only what a commit changed tells whether one without a manifest is the product's own.
  const stamped = stampedPaths(config);
  const claiming = seen.filter(
    ({ asks, commit, release }) => asks && releaseTrailers(commit.message).includes(release.tag),
  );
  const claims = await readCommits(repository.git, [...new Set(claiming.map(({ release }) => release.commit))]);
  const changed = new Map(claims.map((commit) => [commit.sha, commit]));
  const own = ({ sealed, asks, release }: (typeof seen)[number]): boolean => {
    const commit = changed.get(release.commit);
    return sealed || (asks && commit !== undefined && isOwn(commit, (name) => name === release.tag, stamped));
  };
  return new Map(
    seen.map((one) => [
      one.release.tag,
      {
        source: own(one) ? (one.parent as string) : one.release.commit,
        epoch: one.commit.epoch,
        manifest: one.manifest,
        run: one.run,
      },
    ]),
  );
}
