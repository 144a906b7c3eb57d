import { commitTree } from "../git/tree.ts";
import { type Evidence, renderChecklist } from "./checklist.ts";
import { changelogOf } from "./conditions.ts";
import { installRows } from "./install.ts";
import { runChecks } from "./run-checks.ts";
import type { Session } from "./session.ts";
import { changelogFile } from "./stamps.ts";
import { verify } from "./verify.ts";

/**
 * The two checklists for what a plan would release, with what is proven ticked. Reads the registries; writes nothing.
 *
 * @param prove true: also runs the checks and the marked examples, and installs the candidate, in throw-away folders
 */
export async function checklistOf(session: Session, prove: boolean, offline: boolean): Promise<string> {
  const planned = await session.plan();
  const { plan, config } = planned;
  const { checks, docs } = config.tiers.production.conditions;
  const all = { checks: [...new Set([...config.checks, ...checks])], docs: docs.length > 0 ? docs : ["README.md"] };
  const asked = plan.tier === "staging" ? { ...all, docs: [] } : all;
  const text = await commitTree(session.repository.git, plan.source).read(changelogFile);
  const evidence: Evidence = {
    ...{ plan, config, verified: null, installed: null },
    checked: prove ? await runChecks(session.job(), plan.source, asked) : [],
    changelog: plan.version === null ? null : changelogOf({ planned, changelog: text }),
  };
  if (plan.candidate !== null && !offline) {
    const { subject, result } = await verify(session, plan.candidate);
    evidence.verified = result.rows;
    if (prove) evidence.installed = await installRows(session, subject);
  }
  return renderChecklist(evidence);
}
