import type { Stamp } from "../config/types.ts";
import type { ReleaseContext } from "../core/target.ts";
import { readObjects } from "../git/objects.ts";
import type { StampedFile } from "../git/stamped-tree.ts";
import { ReleaseError } from "../lib/errors.ts";
import { pythonVersion } from "../version/pep440.ts";
import { stampText } from "../version/stamp.ts";
import { compareLines, parseVersion, type Version } from "../version/version.ts";
import { changelogBody } from "./body.ts";
import { withSection } from "./changelog.ts";
import type { Job, Planned } from "./job.ts";

/** The changelog's name: stamped by itself, like the VERSION file. */
export const changelogFile = "CHANGELOG.md";

/**
 * The files of a commit with a release's version in them: what `version.stamp` names, the VERSION file, and for
 * production a section of CHANGELOG.md. Only files that change are returned. Where VERSION is above the release
 * already (a branch that went on), nothing but the changelog is stamped.
 *
 * @throws ReleaseError CONFIG, with all findings, for a file or a pattern that isn't there
 * @see two-tier.md, "Stamped"
 */
export async function stampRelease(
  job: Job,
  planned: Planned,
  release: ReleaseContext,
  commit: string,
): Promise<StampedFile[]> {
  const { config, resolved } = planned;
  const versionFile = config.version.file;
  const stamps: Stamp[] = [...resolved.stamp];
  const paths = [
    ...new Set([...stamps.map((one) => one.file), ...(versionFile === null ? [] : [versionFile]), changelogFile]),
  ];
  const objects = await readObjects(
    job.git,
    paths.map((file) => `${commit}:${file}`),
  );
  const before = new Map(paths.map((file, at) => [file, objects[at]?.type === "blob" ? objects[at].text : undefined]));
  if (
    versionFile !== null &&
    before.get(versionFile) !== undefined &&
    !stamps.some((one) => one.file === versionFile)
  ) {
    stamps.push({ file: versionFile });
  }

  const python = pythonVersion(parseVersion(release.version) as Version);
  const to = { version: release.version, pythonVersion: python ?? release.version };
  const after = new Map<string, string>();
  const findings: ReleaseError[] = [];
  for (const stamp of ahead(before.get(versionFile ?? ""), release.version) ? [] : stamps) {
    const text = after.get(stamp.file) ?? before.get(stamp.file);
    if (text === undefined) {
      findings.push(
        new ReleaseError("CONFIG", `version.stamp names ${stamp.file}, which ${commit.slice(0, 12)} doesn't have`, {
          hint: "correct the path in twotier.yaml, or remove the entry",
        }),
      );
      continue;
    }
    try {
      after.set(stamp.file, stampText(text, stamp, to).text);
    } catch (thrown) {
      if (!(thrown instanceof ReleaseError)) throw thrown;
      findings.push(thrown);
    }
  }
  if (findings.length === 1) throw findings[0];
  if (findings.length > 1) throw new ReleaseError("CONFIG", "the version can't be stamped", { findings });
  if (release.tier === "production") {
    const text = before.get(changelogFile);
    const date = new Date(planned.plan.epoch * 1000).toISOString().slice(0, 10);
    if (text !== undefined) {
      after.set(changelogFile, withSection(text, { version: release.version, date, body: changelogBody(planned) }));
    }
  }
  return [...after].filter(([file, text]) => text !== before.get(file)).map(([file, text]) => ({ path: file, text }));
}

/** True where a branch works on a higher version already: it isn't taken back. */
function ahead(versionText: string | undefined, version: string): boolean {
  const there = versionText === undefined ? null : parseVersion(versionText.trim().replace(/^v/, ""));
  return there !== null && compareLines(there, parseVersion(version) as Version) > 0;
}
