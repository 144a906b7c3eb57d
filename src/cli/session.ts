import { type Command, InvalidArgumentError } from "commander";
import type { Component, ReleaseFlags, Tier } from "../core/plan.ts";
import { type TargetName, targetNames } from "../core/target.ts";
import { gitCredentials } from "../git/credentials.ts";
import { openRepository } from "../git/repository.ts";
import { ReleaseError } from "../lib/errors.ts";
import type { Session } from "../release/session.ts";
import { type CommonFlags, type Context, openContext } from "./context.ts";
import { credentialsOf } from "./credentials.ts";
import { approverOf, runIdOf } from "./environment.ts";

/** Flags that `plan` and `release` share (two-tier.md, "Commands"). */
export interface SessionFlags extends CommonFlags {
  tier?: Tier;
  component?: Component;
  label?: string;
  candidate?: string;
  source?: string;
  only?: TargetName[];
  skip?: TargetName[];
  reason?: string;
  force?: boolean;
  allowGap?: boolean;
  allowUntested?: boolean;
  acceptDifferences?: string;
  claim?: boolean;
  wait?: boolean;
  offline?: boolean;
  resume?: string;
}

const filtered = targetNames.filter((name) => name !== "github");

/** Adds the shared flags to a command. */
export function withSessionFlags(command: Command): Command {
  return command
    .option("--tier <tier>", "staging (a candidate) or production (a stable release)", oneOf(["staging", "production"]))
    .option(
      "--component <part>",
      "at least this part goes up: major, minor, patch or auto",
      oneOf(["major", "minor", "patch", "auto"]),
    )
    .option("--label <label>", "prerelease label of candidates, e.g. rc, beta")
    .option("--candidate <tag>", "production: the candidate to finalise (default: the highest complete one)")
    .option("--source <commit>", "commit to release from (default: HEAD)")
    .option("--only <targets>", `only these of ${filtered.join(", ")}`, list)
    .option("--skip <targets>", "all but these; recorded in the release", list)
    .option("--reason <text>", "why targets are skipped; recorded in the release")
    .option("--force", "release although nothing changed")
    .option("--allow-gap", "allow a version that doesn't follow the last stable one")
    .option("--allow-untested", "production without a candidate, where no line is open")
    .option(
      "--accept-differences <reason>",
      "production although it may differ from what was tested; the reason is recorded",
    )
    .option("--claim", "publish a placeholder for npm packages that don't exist yet")
    .option("--no-wait", "don't wait for registries that show new versions late (exit 3 while something is pending)");
}

function oneOf(choices: readonly string[]) {
  return (value: string) => {
    if (choices.includes(value)) return value;
    throw new InvalidArgumentError(`Allowed are ${choices.join(", ")}.`);
  };
}

function list(value: string, before: TargetName[] = []): TargetName[] {
  if (value === "") return before;
  const names = value.split(",").map((name) => name.trim());
  for (const name of names) {
    if (!(filtered as string[]).includes(name)) throw new InvalidArgumentError(`Allowed are ${filtered.join(", ")}.`);
  }
  return [...before, ...(names as TargetName[])];
}

/**
 * Opens context and session for a command.
 *
 * @throws ReleaseError USAGE without a tier, or with --only and --skip together
 */
export async function openCliSession(flags: SessionFlags): Promise<{ context: Context; session: Session }> {
  if (flags.tier === undefined) {
    throw new ReleaseError("USAGE", "which tier?", {
      hint: "add --tier staging (a candidate of what is on the branch) or --tier production (finalise a candidate)",
    });
  }
  if (flags.only && flags.skip) {
    throw new ReleaseError("USAGE", "--only and --skip don't go together", { hint: "say it with one of them" });
  }
  const context = openContext(flags);
  const credentials = credentialsOf(context.environment);
  const release: ReleaseFlags = {
    tier: flags.tier,
    component: flags.component,
    // An empty input of a workflow is none.
    label: flags.label || undefined,
    candidate: flags.candidate || undefined,
    force: flags.force,
    allowGap: flags.allowGap,
    allowUntested: flags.allowUntested,
    acceptDifferences: flags.acceptDifferences,
    offline: flags.offline,
  };
  const { only } = flags;
  const skipped = only ? filtered.filter((name) => !only.includes(name)) : (flags.skip ?? []);
  const gitEnv = gitCredentials(credentials.githubServerUrl ?? "https://github.com", credentials.githubToken);
  try {
    // Git asks the remote while the rest of the program is loaded.
    const repository = openRepository(context.dir, context.io.signal, gitEnv);
    repository.catch(() => {}); // openSession looks at it
    const [{ openSession }, { createTargets }] = await Promise.all([
      import("../release/session.ts"),
      import("../targets/create.ts"),
    ]);
    const session = await openSession({
      dir: context.dir,
      repository,
      flags: release,
      source: flags.source,
      io: context.io,
      gitEnv,
      runId: runIdOf(context.environment),
      approver: approverOf(context.environment),
      skip: skipped.map((target) => ({ target, reason: flags.reason ?? "left out on the command line" })),
      wait: flags.wait === false ? false : undefined,
      claim: flags.claim,
      resume: flags.resume,
      makeTargets: (config, resolved, repository, context) =>
        createTargets(config, resolved, credentials, repository, context),
    });
    return { context, session };
  } catch (thrown) {
    context.close();
    throw thrown;
  }
}
