import { partsOf, toolsOf } from "../../config/parts.ts";
import type { Config, ResolvedArtifacts } from "../../config/types.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { productVersion } from "../../lib/product.ts";

/** What both workflows say, before it is spelled for GitHub or GitLab. */
export interface WorkflowInput {
  /** owner/name: forks do nothing. */
  repository: string;
  /** Branch whose pushes make candidates. */
  branch: string;
  /** How a job starts twotier, without arguments: pinned to the version that writes the workflow. */
  command: string;
  /** Targets that need a credential of their own. */
  targets: ReadonlySet<"npm" | "pypi" | "docker" | "bucket">;
  /** Variables for the ID tokens that npm and PyPI exchange for their own, with the audience of each. */
  audiences: readonly { variable: string; audience: string }[];
  /** Host of the image registry; null: no images. */
  dockerHost: string | null;
  /** What some builder needs. */
  tools: ReturnType<typeof toolsOf>;
  parts: ReturnType<typeof partsOf>;
  /** Variables with the addresses of those who are told of releases. */
  notify: readonly string[];
}

/**
 * @throws ReleaseError CONFIG for names that can't stand in a workflow, and where there is nothing to release
 */
export function workflowInput(config: Config, resolved: ResolvedArtifacts): WorkflowInput {
  const { npm, pypi, docker, site } = config.targets;
  const targets = new Set<"npm" | "pypi" | "docker" | "bucket">();
  if (npm) targets.add("npm");
  if (pypi) targets.add("pypi");
  if (docker) targets.add("docker");
  if (site?.kind === "bucket") targets.add("bucket");
  const branch = config.trigger.branch ?? "main";
  // Also what YAML and the filters of `branches` would read as something else (GitHub's filter patterns: * ? + [ ] !).
  if (!/^[\w./-]+$/.test(branch)) {
    throw new ReleaseError("CONFIG", `trigger.branch can't stand in a workflow: ${branch}`, {
      hint: "rename the branch to letters, digits, and . _ / -",
    });
  }
  return {
    repository: config.repository,
    branch: /^[A-Za-z]/.test(branch) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(branch) ? branch : `"${branch}"`,
    command: `npx --yes twotier@${productVersion}`,
    targets,
    audiences: [
      ...(npm ? [{ variable: "NPM_ID_TOKEN", audience: `npm:${new URL(npm.registry).hostname}` }] : []),
      ...(pypi
        ? [{ variable: "PYPI_ID_TOKEN", audience: /\btest\.pypi\./.test(pypi.upload) ? "testpypi" : "pypi" }]
        : []),
    ],
    dockerHost: docker ? docker.registry : null,
    tools: toolsOf(
      resolved,
      resolved.artifacts.map((artifact) => artifact.name),
    ),
    parts: partsOf(resolved),
    notify: [...new Set(config.notify.map((one) => one.env))],
  };
}
