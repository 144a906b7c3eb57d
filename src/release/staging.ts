import type { ReleaseFlags } from "../core/plan.ts";
import { ReleaseError } from "../lib/errors.ts";
import { nextLine, nextNumber, usedAbove } from "../version/numbering.ts";
import { bump, compareLines, formatVersion, type Version, zero } from "../version/version.ts";
import type { Facts } from "./facts.ts";
import type { Decision } from "./plan.ts";
import { changesOf, checkGap, checkLabel, checkStableFree, componentAsked, usedBy, versionOfFile } from "./rules.ts";
import type { Release } from "./standing.ts";

/** Staging: is there a new candidate to make, one to finish, or nothing to do (two-tier.md, rules 3, 5, 6 and "Trigger")? */
export function decideStaging(facts: Facts, flags: ReleaseFlags): Decision {
  const { standing, config, source, details } = facts;
  const label = flags.label ?? config.tiers.staging.label;
  checkLabel(facts, label);
  const file = versionOfFile(facts)?.line ?? null;
  const component = componentAsked(facts, flags);
  const stable = standing.stable?.version ?? null;
  const line = nextLine({ stable, open: standing.open, component, file });
  const changes = changesOf(facts, facts.since);
  const triggers = changes.filter((change) => change.triggers).length;
  const nothing = (reason: string, warnings: string[] = []): Decision => ({
    reason,
    warnings,
    version: null,
    resume: null,
    candidate: null,
    changes,
    notInRelease: [],
    line,
  });
  const finish = (release: Release, reason: string): Decision => ({
    ...nothing(reason),
    version: release.version,
    resume: release,
    source: { sha: details.get(release.tag)?.source ?? release.commit, epoch: details.get(release.tag)?.epoch ?? 0 },
    changes: changesOf(facts, facts.begun.get(release.tag) ?? []),
  });

  // Rule 6: a source commit gets one candidate per line and label, forced or not.
  const same = standing.candidates.find(
    ({ tag, version, retracted }) =>
      !retracted &&
      version.label === label &&
      compareLines(version, line) === 0 &&
      details.get(tag)?.source === source.sha,
  );
  if (same?.lock) return finish(same, `${same.tag} of this commit was begun${byRun(facts, same)}, and isn't finished`);
  if (same) return nothing(`this commit is released as ${same.tag}`);

  const { newest } = standing;
  const contained = newest !== null && facts.since.length === 0;
  const isNewest = newest !== null && (newest.commit === source.sha || details.get(newest.tag)?.source === source.sha);
  const around = contained && !isNewest ? newest : facts.containedIn;
  if (around) {
    return nothing(
      around.lock
        ? `this commit is contained in ${around.tag}, which is being released${byRun(facts, around)}`
        : `this commit is contained in ${around.tag}`,
      around.lock ? [`${around.tag} isn't finished; if its run has died: twotier release --resume ${around.tag}`] : [],
    );
  }

  const raised = raises(flags, standing.open ?? bump(stable ?? zero, "patch"), stable, file);
  if (triggers === 0 && !raised && !flags.force) {
    if (newest?.lock && newest.version.label !== null) {
      return finish(newest, `${newest.tag} was begun${byRun(facts, newest)}, and isn't finished`);
    }
    const since = newest ? ` since ${newest.tag}` : "";
    return nothing(
      changes.length === 0
        ? `there is no change${since}`
        : `no change${since} touches a file that triggers a release (${config.trigger.paths.join(", ")})`,
      newest?.lock ? [`${newest.tag} isn't finished: twotier release --tier production finishes it`] : [],
    );
  }

  const used = usedBy(facts);
  checkGap(facts, flags, line, openedBy(facts, flags, line, file));
  checkStableFree(facts, line);
  const above = usedAbove(line, label, used);
  if (above) {
    throw new ReleaseError(
      "REFUSED",
      `the label ${label} is below ${above.version.label}, which ${formatVersion(line)} has had already`,
      {
        facts: { used: `${formatVersion(above.version)} (${above.by})` },
        hint: `go on with it: twotier release --tier staging --label ${above.version.label}`,
      },
    );
  }
  const version: Version = { ...line, label, n: nextNumber(line, label, used) };
  return {
    ...nothing(
      triggers > 0
        ? `${triggers} ${triggers === 1 ? "commit" : "commits"} since ${newest?.tag ?? "the beginning"} ${triggers === 1 ? "changes" : "change"} what is released`
        : raised
          ? `--component ${flags.component} opens the line ${formatVersion(line)}`
          : "forced, without a change that triggers",
      retractedTwins(facts),
    ),
    version,
  };
}

/** "Raising the line by --component triggers too"; `auto` follows the commits, whose paths decide. */
function raises(flags: ReleaseFlags, open: Version, stable: Version | null, file: Version | null): boolean {
  if (flags.component === undefined || flags.component === "auto") return false;
  const asked = bump(stable ?? zero, flags.component);
  return compareLines(asked, open) > 0 && (file === null || compareLines(asked, file) > 0);
}

function openedBy(facts: Facts, flags: ReleaseFlags, line: Version, file: Version | null): string {
  const { open, candidates } = facts.standing;
  const opening = candidates.find((one) => !one.retracted);
  if (open && opening && compareLines(open, line) === 0) return `the candidate ${opening.tag}`;
  if (file && compareLines(file, line) === 0) return facts.config.version.file ?? "VERSION";
  return `--component ${flags.component ?? "patch"}`;
}

function byRun(facts: Facts, release: Release): string {
  const run = facts.details.get(release.tag)?.run;
  return run ? ` by ${run}` : "";
}

function retractedTwins({ standing, details, source }: Facts): string[] {
  return standing.candidates
    .filter((one) => one.retracted && details.get(one.tag)?.source === source.sha)
    .map((one) => `${one.tag} of this same commit was retracted`);
}
