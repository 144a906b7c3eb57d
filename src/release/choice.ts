import type { ReleaseFlags } from "../core/plan.ts";
import { ReleaseError } from "../lib/errors.ts";
import { compareLines, compareVersions, formatVersion, lineOf, parseVersion } from "../version/version.ts";
import type { Release, Standing } from "./standing.ts";

/** What a plan is about, as far as refs alone tell; it says which commits are to be read. */
export interface Choice {
  /**
   * - `stage`: a candidate of the source commit, if it triggers one
   * - `finalise`: production of `candidate`
   * - `head`: production of the source commit, untested
   * - `resume`: production finishes `release`, which an earlier run began
   * - `released`: production of `candidate` was asked, and its line is stable already (`release`)
   * - `nothing`: production, and there is no candidate
   */
  kind: "stage" | "finalise" | "head" | "resume" | "released" | "nothing";
  release: Release | null;
  candidate: Release | null;
  /** Changes are the commits since this release; null: since the beginning ... */
  since: Release | null;
  /** ... up to this one; null: up to the source commit. */
  upTo: Release | null;
}

/**
 * Chooses what to look at (two-tier.md, "Versions", rule 4). Pure.
 *
 * @throws ReleaseError USAGE, REFUSED when the flags ask for what can't be
 */
export function choose(standing: Standing, flags: ReleaseFlags): Choice {
  const { stable, open } = standing;
  if (flags.tier === "staging") {
    if (flags.candidate !== undefined) {
      throw new ReleaseError("USAGE", "--candidate is for production: staging makes a new candidate", {
        hint: `to finish a candidate that was begun: \`twotier release --resume ${flags.candidate}\``,
      });
    }
    return { kind: "stage", release: null, candidate: null, since: standing.newest, upTo: null };
  }
  if (flags.label !== undefined) {
    throw new ReleaseError("USAGE", "--label is for staging: a production release has no label", {
      hint: `leave it out, or open a line: \`twotier release --tier staging --label ${flags.label}\``,
    });
  }
  if (stable?.lock && !stable.retracted) {
    const since = standing.below(stable.version, "stable");
    return { kind: "resume", release: stable, candidate: null, since, upTo: stable };
  }
  if (flags.candidate !== undefined) {
    const candidate = named(standing, flags.candidate);
    if (stable && compareLines(candidate.version, stable.version) === 0) {
      return { kind: "released", release: stable, candidate, since: stable, upTo: null };
    }
    return { kind: "finalise", release: null, candidate: usable(standing, candidate), since: stable, upTo: candidate };
  }
  if (open) {
    if (flags.allowUntested) {
      throw new ReleaseError("REFUSED", `--allow-untested: the line ${formatVersion(open)} has candidates`, {
        hint: `finalise one of them (twotier release --tier production), or retract them first (twotier rollback VERSION)`,
      });
    }
    const candidate = bestOf(standing);
    return { kind: "finalise", release: null, candidate, since: stable, upTo: candidate };
  }
  const kind = flags.allowUntested ? "head" : "nothing";
  return { kind, release: null, candidate: null, since: kind === "head" ? stable : standing.newest, upTo: null };
}

/** Candidates of the open line that aren't retracted, highest first. */
export function openCandidates(standing: Standing): Release[] {
  return standing.open ? standing.candidatesOf(standing.open) : [];
}

/** The highest complete candidate of the open line: it has a tag, and nobody holds its lock. */
function completeOf(standing: Standing): Release | undefined {
  return openCandidates(standing).find((one) => one.tagObject !== null && one.lock === null);
}

function bestOf(standing: Standing): Release {
  const best = completeOf(standing);
  if (best) return best;
  const all = openCandidates(standing);
  const [first] = all as [Release, ...Release[]];
  throw new ReleaseError("REFUSED", `the line ${formatVersion(lineOf(first.version))} has no complete candidate`, {
    facts: { unfinished: all.map((one) => one.tag).join(", ") },
    hint: `finish it first: twotier release --resume ${first.tag}`,
  });
}

/** The candidate that `--candidate` names, by its tag or its version. */
function named(standing: Standing, text: string): Release {
  const version = standing.names.version(text) ?? parseVersion(text.replace(/^v/, ""));
  const release = version && standing.find(standing.names.format(version));
  if (!version || !release) {
    const complete = completeOf(standing);
    throw new ReleaseError("USAGE", `--candidate: there is no release ${text}`, {
      hint: complete
        ? `the newest complete candidate is ${complete.tag}`
        : "there is no candidate; see `twotier status`",
    });
  }
  if (version.label === null) {
    throw new ReleaseError("USAGE", `--candidate: ${text} is a stable version, not a candidate`, {
      hint: `name a candidate, such as ${standing.names.format({ ...version, label: "rc", n: 1 })}`,
    });
  }
  const { stable } = standing;
  if (stable && compareVersions(version, stable.version) < 0 && compareLines(version, stable.version) !== 0) {
    throw new ReleaseError("REFUSED", `${release.tag} is below ${stable.tag}: maintenance lines aren't supported`, {
      hint: "release the fix on the newest line",
    });
  }
  return release;
}

function usable(standing: Standing, candidate: Release): Release {
  if (candidate.retracted) {
    throw new ReleaseError("REFUSED", `${candidate.tag} was retracted`, {
      hint: "make another candidate: twotier release --tier staging",
    });
  }
  if (candidate.lock !== null || candidate.tagObject === null) {
    const complete = completeOf(standing);
    throw new ReleaseError("REFUSED", `${candidate.tag} isn't complete`, {
      hint: `finish it first (twotier release --resume ${candidate.tag})${complete ? `, or take ${complete.tag}` : ""}`,
    });
  }
  return candidate;
}
