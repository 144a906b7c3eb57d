import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import type { GeneratedFile } from "../files.ts";
import { githubWorkflow } from "./github.ts";
import { gitlabWorkflow } from "./gitlab.ts";
import { marked } from "./marks.ts";
import { workflowInput } from "./model.ts";

export { mergeOwn } from "./marks.ts";

export type Provider = "github" | "gitlab";

/**
 * The workflow that releases a repository: staging on every push to its branch, production by hand.
 * What people write outside of its marks stays: `mergeOwn` puts it around the new text.
 *
 * @returns the files, from the repository's root
 * @throws ReleaseError CONFIG for a branch that can't stand in a workflow
 * @see two-tier.md, "On several runners"
 */
export function workflowFiles(config: Config, resolved: ResolvedArtifacts, provider: Provider): GeneratedFile[] {
  const input = workflowInput(config, resolved);
  if (provider === "gitlab") return [{ path: ".gitlab-ci.yml", text: marked(gitlabWorkflow(input)) }];
  return [{ path: ".github/workflows/release.yml", text: marked(githubWorkflow(input)) }];
}
