import type { Config } from "../config/types.ts";
import { parseCommitObject } from "../git/commits.ts";
import { readObjects } from "../git/objects.ts";
import type { Repository } from "../git/repository.ts";
import { ReleaseError } from "../lib/errors.ts";

export const configFile = "twotier.yaml";

/** A commit as a place to release from. */
export interface Source {
  /** Full sha. */
  sha: string;
  /** Committer date, seconds since the epoch. */
  epoch: number;
  config: Config;
  /** Contents of the file that `version.file` names; null where there is none. */
  versionText: string | null;
}

/**
 * Reads a commit's config and VERSION file, without a work tree.
 *
 * @param revision anything that names a commit: HEAD, a sha, a branch
 * @param parse reads twotier.yaml (src/config)
 * @throws ReleaseError USAGE when there is no such commit, CONFIG
 */
export async function readSource(
  repository: Repository,
  revision: string,
  parse: (text: string, file: string) => Config | Promise<Config>,
): Promise<Source> {
  const guess = "VERSION";
  const [commit, yaml, version] = await readObjects(repository.git, [
    `${revision}^{commit}`,
    `${revision}:${configFile}`,
    `${revision}:${guess}`,
  ]);
  if (commit?.type !== "commit") {
    throw new ReleaseError("USAGE", `${revision} names no commit of this repository`, {
      hint: revision === "HEAD" ? "make a first commit, and push it" : "check it with `git log`",
    });
  }
  if (yaml?.type !== "blob") {
    throw new ReleaseError("CONFIG", `there is no ${configFile} in commit ${commit.sha.slice(0, 12)}`, {
      hint: `run \`twotier init\`, then commit and push ${configFile}`,
    });
  }
  const config = await parse(yaml.text, configFile);
  const { file } = config.version;
  const blob =
    file === null || file === guess ? version : (await readObjects(repository.git, [`${commit.sha}:${file}`]))[0];
  const { epoch } = parseCommitObject(commit.text);
  return { sha: commit.sha, epoch, config, versionText: file !== null && blob?.type === "blob" ? blob.text : null };
}
