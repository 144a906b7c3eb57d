import type { Change, Plan, Tier } from "../core/plan.ts";
import { retrying } from "../core/retry.ts";
import type { Io, Item, Seen, Target, TargetName } from "../core/target.ts";
import { readCommits } from "../git/commits.ts";
import { asReleaseError } from "../lib/errors.ts";
import { tagNames } from "../version/tags.ts";
import { adding } from "./left-out.ts";
import type { Session } from "./session.ts";
import { type Release, type Standing, standingOf } from "./standing.ts";
import { findSubject, type Subject, subjectOf } from "./subject.ts";

/** One registry of a release. */
export interface StatusRow {
  target: TargetName;
  state: "present" | "pending" | "staged" | "yanked" | "deprecated" | "differs" | "missing" | "skipped" | "unknown";
  /** How many of its items are in that state, of how many. */
  items: { count: number; of: number };
  /** Of a skipped registry: why. */
  text: string;
  /** The command that adds what was skipped. */
  remedy?: string;
}

/** Where a release stands. */
export interface ReleaseStatus {
  tier: Tier;
  version: string;
  tag: string;
  /** ISO 8601: when its source was committed. */
  when: string;
  commit: string;
  source: string;
  kind: Subject["kind"];
  retracted: boolean;
  /** False while somebody releases it, or if that run died. */
  complete: boolean;
  rows: StatusRow[];
  pointers: { target: TargetName; name: string; at: string | null }[];
}

/** `twotier status --json` */
export interface Status {
  schema: 1;
  name: string;
  branch: string;
  staging: ReleaseStatus | null;
  production: ReleaseStatus | null;
  /** Commits that would trigger and are in no candidate yet, newest first. */
  waiting: Change[];
  next: { staging: Next; production: Next };
  /** Tags of releases that were begun and aren't finished. */
  unfinished: string[];
}

/** What a release of a tier would be now. */
export interface Next {
  version: string | null;
  candidate: string | null;
  reason: string;
}

/**
 * Where a product stands: both tiers, what each registry holds, what waits. Writes nothing, downloads nothing.
 *
 * @param plans what `plan` says of both tiers, or why it can't
 */
export async function status(
  session: Session,
  plans: { staging: Promise<Plan>; production: Promise<Plan> },
): Promise<Status> {
  const here = await session.at("HEAD");
  const standing = standingOf(await session.repository.refs(), tagNames(here.config.version.tag));
  const [staging, production, nextStaging, nextProduction] = await Promise.all([
    releaseOrNull(session, standing, newestCandidate(standing)),
    releaseOrNull(session, standing, newestStable(standing)),
    settled(plans.staging),
    settled(plans.production),
  ]);
  return {
    schema: 1,
    name: here.config.name,
    branch: nextStaging.plan?.branch ?? nextProduction.plan?.branch ?? "",
    staging,
    production,
    waiting: (nextStaging.plan?.changes ?? []).filter((change) => change.triggers),
    next: { staging: nextStaging.next, production: nextProduction.next },
    unfinished: standing.locked.map((release) => release.tag),
  };
}

/** One release's status. @throws ReleaseError USAGE when there is none */
export async function statusOf(session: Session, version: string): Promise<ReleaseStatus> {
  return describe(session, await findSubject(session, version));
}

async function releaseOrNull(session: Session, standing: Standing, release: Release | null) {
  return release && describe(session, await subjectOf(session, standing, release));
}

function newestCandidate(standing: Standing): Release | null {
  const line = standing.open ?? standing.stable?.version;
  return (line && standing.candidatesOf(line)[0]) ?? null;
}

function newestStable({ stable, below }: Standing): Release | null {
  return stable?.retracted ? below(stable.version, "stable") : stable;
}

async function settled(plan: Promise<Plan>): Promise<{ plan: Plan | null; next: Next }> {
  try {
    const found = await plan;
    const { version, candidate, reason } = found;
    return { plan: found, next: { version, candidate, reason } };
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    return { plan: null, next: { version: null, candidate: null, reason: error.message } };
  }
}

async function describe(session: Session, subject: Subject): Promise<ReleaseStatus> {
  const { release, manifest, items, pointers, targets, kind } = subject;
  const { io } = session.job();
  const source = manifest?.source ?? release.commit;
  const [commits, rows, selected] = await Promise.all([
    session.repository.need([source]).then(() => readCommits(session.repository.git, [source])),
    Promise.all(
      targets.map((target) =>
        registryRow(
          target,
          items.filter((item) => item.target === target.name),
          kind,
          io,
        ),
      ),
    ),
    Promise.all(
      pointers.map(async ({ target, name }) => {
        const store = targets.find((one) => one.name === target)?.pointers;
        const read = () => retrying(`reading ${name}`, io, async () => store?.read(name, io) ?? null);
        return { target, name, at: await read().catch(() => null) };
      }),
    ),
  ]);
  const skipped = subject.leftOut.map(({ target, reason, items: { length }, unread }): StatusRow => {
    const of = items.filter((item) => item.target === target).length + length;
    const text = unread === undefined ? reason : `${reason} (now: ${unread})`;
    return { target, state: "skipped", items: { count: length, of }, text, remedy: adding(release.tag) };
  });
  return {
    tier: subject.tier,
    version: subject.version,
    tag: release.tag,
    when: new Date((manifest?.epoch ?? commits[0]?.epoch ?? 0) * 1000).toISOString(),
    commit: release.commit,
    source,
    kind,
    retracted: release.retracted,
    complete: release.lock === null && release.tagObject !== null,
    rows: [...rows.flat(), ...skipped],
    pointers: selected,
  };
}

/** The worst that is true of a registry's items comes first. */
const order = ["unknown", "differs", "missing", "pending", "staged", "yanked", "deprecated", "present"] as const;

async function registryRow(
  target: Target,
  items: readonly Item[],
  kind: Subject["kind"],
  io: Io,
): Promise<StatusRow[]> {
  if (items.length === 0) return [];
  const states = await Promise.all(
    items.map(async (item) => {
      try {
        const seen = await retrying(`reading ${item.id}`, io, () => target.observe(item, io));
        return { item, state: stateOf(item, seen, kind), text: "" };
      } catch (thrown) {
        const error = asReleaseError(thrown);
        if (error.code === "INTERRUPTED") throw error;
        return { item, state: "unknown" as const, text: error.message };
      }
    }),
  );
  const state = order.find((one) => states.some((row) => row.state === one)) ?? "present";
  const those = states.filter((one) => one.state === state);
  const names = those.slice(0, 2).map((one) => one.item.id);
  const more = those.length > names.length ? ` and ${those.length - names.length} more` : "";
  const text = those.find((one) => one.text !== "")?.text ?? `${names.join(", ")}${more}`;
  return [{ target: target.name, state, items: { count: those.length, of: items.length }, text }];
}

function stateOf(item: Item, seen: Seen, kind: Subject["kind"]): Exclude<StatusRow["state"], "skipped"> {
  if (seen.state === "absent" || seen.state === "retracted") return "missing";
  if (kind === "sealed" && seen.digest !== undefined && seen.digest !== item.digest) return "differs";
  if (seen.state !== "present") return seen.state;
  if (seen.marks?.includes("yanked")) return "yanked";
  return seen.marks?.includes("deprecated") ? "deprecated" : "present";
}
