import type { Io } from "../../core/target.ts";
import { type Api, hasStatus } from "./api.ts";

/** A run of the workflow that releases. */
export interface Run {
  /** What started it: `push`, `workflow_dispatch` ... */
  event: string;
  url: string;
}

/**
 * The run of .github/workflows/release.yml for a commit: one that a push started, else the newest.
 *
 * @returns null where there is none, or none that this credential may see (`actions: read` in private repositories)
 * @see https://docs.github.com/rest/actions/workflow-runs
 */
export async function runOf(api: Api, commit: string, io: Io): Promise<Run | null> {
  try {
    const path = `/actions/workflows/release.yml/runs?per_page=100&head_sha=${encodeURIComponent(commit)}`;
    const response = await api.send({ path }, io);
    const { workflow_runs: all } = (await response.json<{ workflow_runs?: unknown } | null>(16 << 20)) ?? {};
    const runs = (Array.isArray(all) ? all : []).flatMap((run): Run[] => {
      const { event, html_url: url } = (run ?? {}) as { event?: unknown; html_url?: unknown };
      return typeof event === "string" && typeof url === "string" ? [{ event, url }] : [];
    });
    return runs.find((run) => run.event === "push") ?? runs[0] ?? null;
  } catch (error) {
    if (hasStatus(error, 404) || (hasStatus(error, 403) && error.code === "AUTH")) return null;
    throw error;
  }
}
