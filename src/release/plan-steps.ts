import type { Config } from "../config/types.ts";
import type { Plan, PlannedItem, PlanStep } from "../core/plan.ts";
import { type Pointer, phases, type TargetName } from "../core/target.ts";

const phaseText = {
  stage: "upload, hidden",
  hidden: "publish where no user follows",
  public: "publish",
  tag: "name for good",
} as const;

/** The order of a release, as `plan` shows it. Pure. */
export function planSteps(
  plan: Pick<Plan, "tag" | "tier" | "branch" | "candidate">,
  items: readonly PlannedItem[],
  pointers: readonly Pointer[],
  config: Config,
): PlanStep[] {
  const lock: PlanStep = {
    phase: "lock",
    target: "git",
    text: `take ${plan.tag}: push refs/twotier/lock/${plan.tag}`,
  };
  const build = (text: string): PlanStep => ({ phase: "build", target: "git", text });
  const steps: PlanStep[] =
    plan.candidate === null
      ? [lock, build("build in a work tree of the release commit")]
      : [
          build(`build it and ${plan.candidate}; compare the two, and the candidate with what the registries hold`),
          lock,
        ];
  const add = (phase: (typeof phases)[number]) => {
    for (const target of new Set(items.filter((item) => item.phase === phase).map((item) => item.target))) {
      const ids = items.filter((item) => item.phase === phase && item.target === target).map((item) => item.id);
      steps.push({ phase, target, text: `${phaseText[phase]}: ${ids.join(", ")}` });
    }
  };
  add("stage");
  steps.push({
    phase: "seal",
    target: "git",
    text: `push the tag ${plan.tag} with the manifest; from here only these digests count`,
  });
  for (const phase of phases) if (phase !== "stage") add(phase);
  if (config.targets.github) {
    const kind = plan.tier === "staging" ? "pre-release" : "release";
    steps.push({
      phase: "publish",
      target: "github",
      text: `make the draft the public ${kind}; read everything back as users do`,
    });
  }
  for (const pointer of pointers) {
    steps.push({
      phase: "pointer",
      target: pointer.target as TargetName,
      text: `${pointer.name} -> ${pointer.version}`,
    });
  }
  steps.push({ phase: "unlock", target: "git", text: `delete refs/twotier/lock/${plan.tag}` });
  if (plan.tier === "production" && config.tiers.production.bookkeeping !== "off") {
    steps.push({ phase: "bookkeeping", target: "git", text: `bring VERSION and CHANGELOG.md to ${plan.branch}` });
  }
  return steps;
}
