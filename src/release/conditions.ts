import type { Conditions } from "../config/types.ts";
import type { Manifest } from "../core/manifest.ts";
import type { Plan, PlanCondition } from "../core/plan.ts";
import { retrying } from "../core/retry.ts";
import type { Io, Target } from "../core/target.ts";
import { ReleaseError } from "../lib/errors.ts";
import { changelogBody } from "./body.ts";
import { hasSection, withSection } from "./changelog.ts";
import type { Planned } from "./job.ts";
import { counted } from "./preflight.ts";
import { isWrong, type Row } from "./rows.ts";

/** What conditions are read from. */
export interface ConditionFacts {
  planned: Planned;
  /** The candidate's; null where it has none. */
  manifest: Manifest | null;
  /** Targets made for the candidate. */
  targets: readonly Target[];
  /** What `twotier verify` finds of the candidate. */
  verify(): Promise<readonly Row[]>;
  /** CHANGELOG.md of the source commit; null where there is none. */
  changelog: string | null;
  /** Who releases, as the environment says. */
  approver: string | undefined;
  /** True: no registry is asked. */
  offline: boolean;
  io: Io;
}

/**
 * Which of the conditions for production hold. Reads only; those that run commands are left to the release.
 *
 * @returns the candidate's, then those that twotier.yaml asks for
 * @see docs/promotion.md
 */
export async function readConditions(facts: ConditionFacts): Promise<PlanCondition[]> {
  const { plan, config } = facts.planned;
  const asked = config.tiers.production.conditions;
  const found: (PlanCondition | Promise<PlanCondition>)[] = [
    plan.candidate === null
      ? condition("candidate", false, "no candidate was tested", "make one: twotier release --tier staging")
      : condition("candidate", true, `${plan.candidate} is complete`),
  ];
  if (asked.verified) found.push(verified(facts));
  if (asked.minAge > 0) found.push(oldEnough(facts, asked.minAge));
  if (asked.changelog) found.push(changelogOf(facts));
  if (asked.approvers.length > 0) found.push(approved(facts.approver, asked.approvers));
  if (asked.window) found.push(insideWindow(asked.window, facts.io.now()));
  for (const command of asked.checks) found.push(condition("checks", null, `\`${command}\` is run by the release`));
  for (const file of asked.docs) {
    found.push(condition("examples", null, `the marked examples of ${file} are run by the release`));
  }
  return Promise.all(found);
}

export function condition(
  name: PlanCondition["name"],
  holds: boolean | null,
  text: string,
  remedy?: string,
): PlanCondition {
  return remedy === undefined || holds === true ? { name, holds, text } : { name, holds, text, remedy };
}

/**
 * @throws ReleaseError REFUSED with every condition that doesn't hold as a finding
 */
export function refuseUnmet(conditions: readonly PlanCondition[], plan: Plan): void {
  // That there is no candidate is what --allow-untested allows.
  const unmet = conditions.filter((one) => one.holds === false && one.name !== "candidate");
  if (unmet.length === 0) return;
  const count = unmet.length === 1 ? "a condition doesn't" : `${unmet.length} conditions don't`;
  throw new ReleaseError("REFUSED", `${plan.tag} can't go to production: ${count} hold; nothing was written`, {
    hint: "twotier.yaml asks for them under tiers.production.conditions",
    findings: unmet.map(({ name, text, remedy }) => new ReleaseError("REFUSED", `${name}: ${text}`, { hint: remedy })),
  });
}

/** Whether `twotier verify` passes for the candidate: bytes, marks, pointers, tag and commit. */
async function verified({ planned, manifest, verify, offline }: ConditionFacts): Promise<PlanCondition> {
  const tag = planned.plan.candidate;
  if (offline) return condition("verified", null, "no registry was asked");
  if (!manifest) return condition("verified", false, `${tag ?? "nothing"} has no manifest to verify it with`);
  const rows = await verify();
  const wrong = rows.filter(isWrong).map(({ target, id, text }) => `${target}: ${id} ${text}`);
  const right = rows.filter(({ state }) => state === "ok").length;
  if (wrong.length === 0) return condition("verified", true, `${counted(right, "thing")} of ${tag}, read as users do`);
  const more = wrong.length > 5 ? `; and ${wrong.length - 5} more` : "";
  const remedy = `see twotier verify ${manifest.version}; or make another candidate`;
  return condition("verified", false, `${wrong.slice(0, 5).join("; ")}${more}`, remedy);
}

async function oldEnough({ planned, targets, offline, io }: ConditionFacts, minAge: number): Promise<PlanCondition> {
  const tag = planned.plan.candidate;
  if (offline) return condition("minAge", null, "no registry was asked");
  if (tag === null) return condition("minAge", false, "there is no candidate");
  const told = await Promise.all(
    targets.map((target) =>
      retrying(`${target.name}: reading when ${tag} became public`, io, async () => target.publishedAt?.(io) ?? null),
    ),
  );
  const times = told.flatMap((at) => (at ? [at.getTime()] : []));
  if (times.length === 0) {
    const remedy = "GitHub, npm and PyPI tell when a release became public: use one of them, or take minAge away";
    return condition("minAge", false, `no registry says when ${tag} became public`, remedy);
  }
  // Where registries disagree, a part of it became public later: the age is that of the whole.
  const age = Math.floor((io.now().getTime() - Math.max(...times)) / 1000);
  const text = `${tag} is ${duration(age)} old, ${duration(minAge)} are asked for`;
  return condition("minAge", age >= minAge, text, `wait ${duration(minAge - age)}`);
}

/** Whether the release's CHANGELOG.md has a section for it. */
export function changelogOf({ planned, changelog }: Pick<ConditionFacts, "planned" | "changelog">): PlanCondition {
  const { plan } = planned;
  const version = plan.version as string;
  const remedy = `write a section for ${version} into CHANGELOG.md, and make another candidate`;
  if (changelog === null) return condition("changelog", false, "there is no CHANGELOG.md", remedy);
  if (hasSection(changelog, version)) return condition("changelog", true, `CHANGELOG.md has a section for ${version}`);
  const body = changelogBody(planned);
  const after = withSection(changelog, { version, date: "", body });
  if (!hasSection(after, version)) return condition("changelog", false, "there is nothing to write into it", remedy);
  return condition("changelog", true, `CHANGELOG.md gets a section of ${counted(plan.changes.length, "change")}`);
}

function approved(approver: string | undefined, names: readonly string[]): PlanCondition {
  if (approver === undefined) {
    return condition("approver", false, "nobody is named", "set TWOTIER_APPROVER to the name of who approves");
  }
  const may = names.includes(approver);
  return condition("approver", may, `${approver} ${may ? "approves" : "may not"}`, `ask one of ${names.join(", ")}`);
}

/** Whether a moment is inside the window. Hours over midnight belong to the day they begin on. */
export function insideWindow(window: NonNullable<Conditions["window"]>, now: Date): PlanCondition {
  const { days, from, to, timezone } = window;
  const at = (moment: Date) => {
    const format = {
      timeZone: timezone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    } as const;
    const parts = new Intl.DateTimeFormat("en-GB", format).formatToParts(moment);
    const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
    return { day: part("weekday").toLowerCase(), time: `${part("hour")}:${part("minute")}` };
  };
  const { day, time } = at(now);
  const over = from > to;
  const yesterday = at(new Date(now.getTime() - 86_400_000)).day;
  const inside = over
    ? (time >= from && days.includes(day)) || (time < to && days.includes(yesterday))
    : time >= from && time < to && days.includes(day);
  const open = `${days.length === 7 ? "every day" : days.join(", ")}, ${from}-${to} ${timezone}`;
  return condition("window", inside, `it is ${day} ${time}; open ${open}`, `run it again then: ${open}`);
}

/** 5400 -> `1 h 30 min` */
export function duration(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor((seconds % 86_400) / 3600),
    Math.floor((seconds % 3600) / 60),
  ];
  const parts = [days > 0 ? `${days} d` : "", hours > 0 ? `${hours} h` : "", minutes > 0 ? `${minutes} min` : ""];
  return parts.filter(Boolean).join(" ") || `${Math.max(0, seconds)} s`;
}
