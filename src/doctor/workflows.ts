import type { Config, Tree } from "../config/types.ts";
import { pathMatcher } from "../version/trigger.ts";
import type { Found, Result, Subject } from "./types.ts";
import { readWorkflows, secretsOf, valuesOf, type Workflow } from "./yaml.ts";

/** Actions by a commit's sha: a tag or a branch can be moved (docs.github.com, "Security hardening for GitHub Actions"). */
export async function checkActions(tree: Tree): Promise<Result> {
  const workflows = await readWorkflows(tree);
  if (workflows.length === 0) return { found: [], text: "there are no workflows", skipped: true };
  const found: Found[] = [];
  let count = 0;
  for (const { path, value } of workflows) {
    const uses = valuesOf(value, "uses").flatMap((use) => (typeof use === "string" ? [use.trim()] : []));
    count += uses.length;
    const loose = [...new Set(uses.filter((use) => !isPinned(use)))];
    if (loose.length === 0) continue;
    const what = `${path} uses ${loose.join(", ")} by a name that can be moved`;
    const remedy = `write the commit's sha, and the version as a comment: \`gh api repos/${repositoryOf(loose[0] as string)}/commits/REF --jq .sha\` prints it`;
    found.push({ code: "action-unpinned", level: "warning", what, remedy });
  }
  for (const { path, value } of workflows) {
    if (value === null) {
      const remedy = "GitHub doesn't run it either: correct the line that its page under Actions names";
      found.push({ code: "workflow", level: "warning", what: `${path} isn't valid YAML`, remedy });
    }
  }
  return { found, text: `${count} uses of actions` };
}

function isPinned(use: string): boolean {
  if (use.startsWith("./") || use.startsWith("../")) return true;
  if (use.startsWith("docker://")) return /@sha256:[0-9a-f]{64}$/.test(use);
  return /@(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(use);
}

function repositoryOf(use: string): string {
  return use.replace(/@.*$/, "").split("/").slice(0, 2).join("/");
}

/** Whether a workflow releases, and names the secrets that the targets need. */
export async function checkWorkflows({
  tree,
  config,
  branch,
}: Pick<Subject, "tree" | "config" | "branch">): Promise<Result> {
  const workflows = await readWorkflows(tree);
  const gitlab = (await tree.read(".gitlab-ci.yml"))?.includes("twotier") ?? false;
  if (gitlab && workflows.length === 0) return { found: [], text: ".gitlab-ci.yml" };
  const releasing = workflows.filter(({ text }) =>
    /\btwotier\b[^\n]*\b(?:release|publish)\b|uses:\s*\S*\btwotier@/.test(text.replace(/^\s*#.*$/gm, "")),
  );
  if (workflows.length === 0) return { found: [], text: "this repository has none", skipped: true };
  if (releasing.length === 0) {
    const remedy =
      "run `twotier generate workflow`, or call `twotier release --tier staging` in a workflow of your own";
    return {
      found: [{ code: "workflow", level: "note", what: "no workflow runs twotier", remedy }],
      text: "none runs twotier",
    };
  }
  const found = secretsWanted(config, releasing);
  const paths = releasing.map((one) => one.path);
  const started = releasing.filter(({ value }) => startsOn(value, branch));
  if (started.length === 0) {
    const pushed = releasing.some(({ value }) => pushOf(value) !== null);
    found.push({
      code: "workflow",
      level: pushed ? "warning" : "note",
      what: `${paths.join(", ")} ${pushed ? "runs on pushes to other branches than" : "doesn't run on pushes to"} ${branch}`,
      remedy: `write \`on: { push: { branches: [${branch}] } }\`, or set trigger.branch in twotier.yaml`,
    });
  }
  const filtered = started.find(({ value }) => hasPathFilter(value));
  if (filtered) {
    found.push({
      code: "path-filter",
      level: "warning",
      what: `${filtered.path} has a \`paths\` filter on its push`,
      remedy:
        "remove it: `twotier plan` decides in seconds by trigger.paths, and looks at all commits since the last release",
    });
  }
  return { found, text: paths.join(", ") };
}

/** What a workflow's `on` says of pushes: null where they don't start it. */
function pushOf(value: unknown): Record<string, unknown> | null {
  const on = (value as { on?: unknown } | null)?.on;
  if (on === "push" || (Array.isArray(on) && on.includes("push"))) return {};
  if (typeof on !== "object" || on === null || !Object.hasOwn(on, "push")) return null;
  const { push } = on as { push: unknown };
  return typeof push === "object" && push !== null ? (push as Record<string, unknown>) : {};
}

/** Whether a push to the branch starts a workflow (docs.github.com, "Workflow syntax", on.push.branches). */
function startsOn(value: unknown, branch: string): boolean {
  const push = pushOf(value);
  if (push === null) return false;
  const globs = (key: string) => (Array.isArray(push[key]) ? push[key].map(String) : null);
  const [branches, ignored] = [globs("branches"), globs("branches-ignore")];
  if (branches === null && ignored === null) return push.tags === undefined && push["tags-ignore"] === undefined;
  return branches === null ? !pathMatcher(ignored ?? [])(branch) : pathMatcher(branches)(branch);
}

function hasPathFilter(value: unknown): boolean {
  const push = pushOf(value);
  return push !== null && (push.paths !== undefined || push["paths-ignore"] !== undefined);
}

/** Whether a job may ask for ID tokens, with which npm and PyPI need no secret. */
export function isKeyless(workflows: readonly Pick<Workflow, "value">[]): boolean {
  return workflows.some(({ value }) =>
    valuesOf(value, "permissions").some(
      (rights) => rights === "write-all" || (rights as Record<string, unknown> | null)?.["id-token"] === "write",
    ),
  );
}

/** Secrets that the targets need and no releasing workflow names; with `id-token: write` npm and PyPI need none. */
function secretsWanted({ targets }: Config, workflows: readonly Workflow[]): Found[] {
  const keyless = isKeyless(workflows);
  const named = new Set(secretsOf(workflows));
  const variables = new Set(workflows.flatMap(({ text }) => text.match(/\b[A-Z][A-Z0-9_]+(?=\s*:)/g) ?? []));
  const wanted = [
    ...(targets.npm && !keyless ? ["NPM_TOKEN"] : []),
    ...(targets.pypi && !keyless ? ["PYPI_TOKEN"] : []),
    ...(targets.site?.kind === "bucket" ? ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] : []),
    ...(targets.docker ? ["DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN"] : []),
  ];
  const missing = wanted.filter((name) => !named.has(name) && !variables.has(name));
  if (missing.length === 0) return [];
  const lines = missing.map((name) => `${name}: \${{ secrets.${name} }}`).join(", ");
  return [
    {
      code: "secret-unnamed",
      level: "error",
      what: `${workflows.map((one) => one.path).join(", ")} names no ${missing.join(", ")}`,
      remedy: `give it to the step that releases: \`env: { ${lines} }\``,
    },
  ];
}
