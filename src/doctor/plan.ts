import { asReleaseError, type ErrorCode } from "../lib/errors.ts";
import { workflowFiles } from "../release/preflight.ts";
import { configFile } from "../release/source.ts";
import { asFound, codeOfTopic, type Found, type Result, type Subject } from "./types.ts";

/** What registries are asked about by another check. */
const elsewhere: readonly ErrorCode[] = ["AUTH", "PREFLIGHT"];

/** What `plan --tier staging` says: a rule that refuses the next candidate refuses it here. */
export async function checkPlan({ session, tree, dir, stale }: Subject): Promise<Result> {
  const { git, remote } = session.repository;
  if (remote === null) {
    const remedy =
      "make the repository on GitHub, then `git remote add origin ADDRESS` and `git push --set-upstream origin HEAD`";
    return {
      found: [{ code: "refused", level: "error", what: "this repository has no remote", remedy }],
      text: "no remote",
    };
  }
  const found: Found[] = [];
  const status = await git(["-C", dir, "status", "--porcelain", "-z", "--", configFile], { ok: [0, 128] });
  const uncommitted = status.stdout !== "" || (await tree.read(configFile)) === null;
  if (uncommitted) {
    found.push({
      code: "uncommitted",
      level: "warning",
      what: `${configFile} has changes that aren't committed`,
      remedy: `git add ${configFile} && git commit --message "chore: twotier" && git push`,
    });
  }
  try {
    const planned = await session.plan();
    const { plan } = planned;
    const job = session.job();
    for (const { topic, level, message, hint } of plan.release ? await workflowFiles(job, planned) : []) {
      found.push({ code: codeOfTopic[topic], level, what: message, remedy: hint });
    }
    const next = plan.release ? `the next candidate is ${plan.tag}` : plan.reason;
    return { found, text: `${plan.branch} of ${remote}${stale ? " as it was last fetched" : ""}; ${next}` };
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    // The commit's own twotier.yaml is older than the one that was looked at.
    if (uncommitted && error.code === "CONFIG") return { found, text: "not committed yet" };
    if (!elsewhere.includes(error.code)) {
      const away = error.retryable || error.code === "NETWORK" || error.code === "REGISTRY";
      found.push(
        ...(error.findings.length > 0 ? error.findings : [error]).map((one) =>
          asFound(one, away ? "unreachable" : "refused"),
        ),
      );
    }
    return { found, text: "nothing can be released now" };
  }
}
