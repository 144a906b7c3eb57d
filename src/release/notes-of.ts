import { expectedFiles } from "../config/expected.ts";
import { logCommits } from "../git/commits.ts";
import { pythonVersion } from "../version/pep440.ts";
import { formatVersion, lineOf } from "../version/version.ts";
import { releaseBody } from "./body.ts";
import type { Planned } from "./job.ts";
import { changesOf } from "./rules.ts";
import type { Session } from "./session.ts";
import { versionText } from "./standing.ts";
import { findSubject } from "./subject.ts";

/** Commits of a first release that are told. */
const most = 1000;

/**
 * The notes of a release, as its page on GitHub has them, without that page's limit: a stable version's gather what
 * changed since the stable one before it, its candidates' changes together.
 *
 * @throws ReleaseError USAGE when there is no such release
 */
export async function notesOf(session: Session, version: string): Promise<string> {
  const subject = await findSubject(session, version);
  const { standing, release, manifest, config, resolved, tier } = subject;
  const { repository } = session;
  const source = manifest?.source ?? release.commit;
  const before = standing.below(release.version, tier === "production" ? "stable" : "any");
  await repository.need([source, ...(before ? [before.commit] : [])]);
  const commits = before
    ? await logCommits(repository.git, [source, `^${before.commit}`])
    : await logCommits(repository.git, [source], most);
  const previous = before && versionText(before);
  const python = pythonVersion(release.version);
  const plan: Partial<Planned["plan"]> = {
    tier,
    version: subject.version,
    tag: release.tag,
    pythonVersion: python,
    previous,
    lastStable: previous,
    line: formatVersion(lineOf(release.version)),
    source,
    candidate: manifest?.candidate?.tag ?? null,
    changes: changesOf({ config, standing }, commits),
  };
  const spelled = { version: subject.version, pythonVersion: python ?? subject.version };
  const files = manifest?.files ?? expectedFiles(resolved, spelled);
  const released = { tier, version: subject.version, tag: release.tag, files, skipped: subject.leftOut };
  return releaseBody({ plan: plan as Planned["plan"], config, resolved }, released);
}
