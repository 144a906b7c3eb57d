import { setTimeout as delay } from "node:timers/promises";
import type { Event } from "../../src/core/target.ts";
import { gitCredentials } from "../../src/git/credentials.ts";
import { asReleaseError, type ReleaseError } from "../../src/lib/errors.ts";
import { createHttp } from "../../src/lib/http.ts";
import { createFaults, type Fault } from "../../src/registries/faults/index.ts";
import { release } from "../../src/release/release.ts";
import { openSession } from "../../src/release/session.ts";
import { createTargets } from "../../src/targets/create.ts";
import { projectToken, testIo } from "../support/project.ts";
import type { Tier, Undisturbed } from "./kill.ts";
import { observe } from "./observer.ts";
import { randomFrom } from "./random.ts";
import { differences, snapshotOf } from "./snapshot.ts";
import { openWorld, type Template, type World } from "./world.ts";

/** What became of one seed. */
export interface ChaosOutcome {
  tier: Tier;
  /** How the disturbed release ended: `converged`, or its error. */
  ended: string;
  /** What went wrong on the way. */
  faults: string[];
  /** Times that somebody looked at all registries meanwhile. */
  looks: number;
  findings: string[];
}

/** Waits are this much shorter than a release's own. */
const haste = 20;

/** Faults that a seed makes: two to nine, anywhere, each a few times. */
function faultsOf(random: () => number): Fault[] {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const one = (): Fault => {
    const which = {
      registry: pick(["npm", "pypi", "docker", "github", "git", "site", undefined] as const),
      method: pick([undefined, undefined, "GET", "POST|PUT|PATCH|DELETE"]),
      after: Math.floor(random() * 25),
      count: 1 + Math.floor(random() * 3),
    };
    const when = pick(["before", "after"] as const);
    switch (Math.floor(random() * 8)) {
      case 0:
        return { ...which, fault: "refuse", when };
      case 1:
        return { ...which, fault: "cut", bytes: Math.floor(random() * 500) };
      case 2:
        return { ...which, fault: "status", when, status: 429, retryAfter: Math.floor(random() * 3) };
      case 3:
        return { ...which, fault: "status", when, status: pick([400, 401, 403, 409]) };
      case 4:
        return { ...which, fault: "corrupt" };
      case 5:
        return { ...which, fault: "stale", seconds: random() };
      default:
        return { ...which, fault: "status", when, status: pick([500, 502, 503, 504]) };
    }
  };
  return Array.from({ length: 2 + Math.floor(random() * 8) }, one);
}

/**
 * One release among random faults, and the same one again without them, in another clone; meanwhile somebody looks at
 * what users can see.
 *
 * @param wanted the undisturbed release of each tier
 */
export async function chaos(
  template: Template,
  wanted: Record<Tier, Undisturbed>,
  seed: number,
): Promise<ChaosOutcome> {
  const random = randomFrom(seed);
  const tier: Tier = random() < 0.5 ? "staging" : "production";
  const faults = createFaults({ faults: faultsOf(random) });
  const world = await openWorld(template, (registry) => faults.around(registry));
  const findings: string[] = [];
  try {
    const observer = observe(world, wanted[tier].before);
    const error = await attempt(world, tier);
    faults.clear();
    if (error && (error.code === "INTERNAL" || !clear(error)))
      findings.push(`the error isn't clear: ${error.code} ${error.message}`);
    const again = await attempt(world, tier);
    if (again)
      findings.push(`the second run ended with ${again.code}: ${again.message} ${JSON.stringify(again.facts)}`);
    const { looks, seen } = await observer.end();
    findings.push(...seen, ...differences(wanted[tier].after, await snapshotOf(world)));
    return {
      tier,
      ended: error ? `${error.code}: ${error.message}` : "converged",
      faults: faults.happened.map(({ fault, method, path }) => `${fault.fault} ${method} ${path}`),
      looks,
      findings,
    };
  } finally {
    await world.close();
  }
}

/** An error a person can act upon, or one of its findings is. */
function clear(error: ReleaseError): boolean {
  return error.hint !== undefined || error.findings.some(clear) || (error.cause instanceof Error && error.retryable);
}

async function attempt(world: World, tier: Tier): Promise<ReleaseError | undefined> {
  const { registries } = world;
  const http = createHttp();
  const events: Event[] = [];
  const credentials = {
    ...{ githubToken: projectToken, githubApiUrl: registries.github, githubServerUrl: registries.github },
    ...{ npmToken: projectToken, npmRegistry: registries.npm, pypiToken: projectToken, pypiUrl: registries.pypi },
    ...{ dockerUsername: "project", dockerToken: projectToken, dockerRegistry: registries.docker },
    ...{ site: registries.site, siteToken: projectToken },
  };
  try {
    const session = await openSession({
      dir: world.clone(),
      flags: { tier },
      io: { ...testIo(http, events), sleep: (ms) => delay(ms / haste) },
      runId: "chaos",
      gitEnv: gitCredentials(registries.git, projectToken),
      makeTargets: (config, resolved, repository, context) =>
        createTargets(config, resolved, credentials, repository, context),
    });
    try {
      await release(session.job());
    } finally {
      await session.close();
    }
    return undefined;
  } catch (thrown) {
    return asReleaseError(thrown);
  } finally {
    http.close();
  }
}
