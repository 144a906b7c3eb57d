import type { Io, Remark, Surroundings } from "../../core/target.ts";
import type { Api } from "./api.ts";
import { compareChecksums } from "./checksums.ts";
import { listReleases } from "./releases.ts";
import { missingSecrets } from "./secrets.ts";
import { orNull, readOrNull } from "./visible.ts";

/** What the repository's settings, drafts and newest release are like, for doctor. Reads only. */
export async function inspect(api: Api, about: Surroundings, io: Io): Promise<Remark[]> {
  if (!(await api.options.token?.())) return []; // preflight says so
  const found = await Promise.all([
    branchRules(api, about, io),
    tagRules(api, about, io),
    immutable(api, io),
    orphanDrafts(api, about, io),
    compareChecksums(api, about, io),
    missingSecrets(api, about, io),
  ]);
  return found.flat();
}

/**
 * Rules under which GitHub refuses a push of the release commit or a merge
 * (docs.github.com, "Available rules for rulesets").
 */
const refusing: Record<string, string> = {
  pull_request: "wants pull requests",
  merge_queue: "has a merge queue",
  update: "takes updates from nobody",
  required_status_checks: "wants status checks first",
  required_signatures: "wants signed commits",
  required_linear_history: "takes no merge commits",
  commit_message_pattern: "has a pattern for commit messages",
  commit_author_email_pattern: "has a pattern for authors' addresses",
  committer_email_pattern: "has a pattern for committers' addresses",
};

async function branchRules(api: Api, { branch, pushes }: Surroundings, io: Io): Promise<Remark[]> {
  if (!pushes) return [];
  const name = encodeURIComponent(branch);
  const [all, state] = await Promise.all([
    readOrNull<Rule[]>(api, `/rules/branches/${name}?per_page=100`, io),
    readOrNull<{ protected?: unknown }>(api, `/branches/${name}`, io),
  ]);
  const rules = (Array.isArray(all) ? all : []).filter(({ type }) => Object.hasOwn(refusing, String(type)));
  const sets = [...new Set(rules.map((rule) => rule.ruleset_id))].filter((id) => Number.isSafeInteger(id));
  const bypassed = new Set<unknown>();
  await Promise.all(
    sets.map(async (id) => {
      if (mayBypass((await readOrNull<Ruleset>(api, `/rulesets/${id}`, io)) ?? {})) bypassed.add(id);
    }),
  );
  const reasons = rules.flatMap(({ type, ruleset_id: id }) => (bypassed.has(id) ? [] : [refusing[String(type)]]));
  // Protection of the older kind: its details are for administrators.
  if (rules.length === 0 && state?.protected === true) reasons.push("is protected");
  if (reasons.length === 0) return [];
  return [
    {
      level: "warning",
      code: "branch-rules",
      message: `${branch} ${[...new Set(reasons)].join(", ")}, and production pushes VERSION and CHANGELOG.md to it`,
      hint: `let the token's owner bypass the rule, or set \`tiers.production.bookkeeping: pull-request\` in twotier.yaml`,
    },
  ];
}

interface Rule {
  type?: unknown;
  ruleset_id?: unknown;
}

interface Ruleset {
  id?: unknown;
  name?: unknown;
  enforcement?: unknown;
  current_user_can_bypass?: unknown;
  conditions?: { ref_name?: { include?: unknown; exclude?: unknown } };
  rules?: Rule[];
}

/** Rulesets for tags under which a new tag is refused (docs.github.com/rest/repos/rules). */
async function tagRules(api: Api, { tag }: Surroundings, io: Io): Promise<Remark[]> {
  const list = await readOrNull<Ruleset[]>(api, "/rulesets?targets=tag&includes_parents=true&per_page=100", io);
  const active = (Array.isArray(list) ? list : []).filter(
    (one) => one.enforcement === "active" && Number.isSafeInteger(one.id),
  );
  const whole = await Promise.all(active.map((one) => readOrNull<Ruleset>(api, `/rulesets/${one.id}`, io)));
  return whole.flatMap((ruleset): Remark[] => {
    if (ruleset === null || !refuses(ruleset, `refs/tags/${tag}`)) return [];
    return [
      {
        level: "error",
        code: "tag-rules",
        message: `the ruleset ${JSON.stringify(ruleset.name)} doesn't let this token make the tag ${tag}`,
        hint: "add the token's owner (in Actions: the GitHub Actions app) to the ruleset's bypass list, or take such tags out of it",
      },
    ];
  });
}

/** Whether the rules bind this token; `pull_requests_only` is no way for a push. */
function mayBypass({ current_user_can_bypass: bypass }: Ruleset): boolean {
  return bypass === "always" || bypass === "exempt";
}

function refuses(ruleset: Ruleset, ref: string): boolean {
  const { conditions, rules } = ruleset;
  if (mayBypass(ruleset)) return false;
  // A pattern for names is a rule that this tag may well keep: only `creation` says no to all.
  if (!rules?.some(({ type }) => type === "creation")) return false;
  const patterns = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  const fits = (pattern: string) => pattern === "~ALL" || fnmatch(pattern).test(ref);
  const { include, exclude } = conditions?.ref_name ?? {};
  return patterns(include).some(fits) && !patterns(exclude).some(fits);
}

/** Ruby's File.fnmatch with FNM_PATHNAME, which GitHub uses: `*` stays in one part of the name, `**` doesn't. */
function fnmatch(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|\\[\]]/g, "\\$&")
    .replace(/\*\*\/|\*\*|\*|\?/g, (it) =>
      it === "**/" ? "(?:[^/]+/)*" : it === "**" ? ".*" : it === "*" ? "[^/]*" : "[^/]",
    );
  return new RegExp(`^${source}$`);
}

async function immutable(api: Api, io: Io): Promise<Remark[]> {
  const setting = await readOrNull<{ enabled?: unknown }>(api, "/immutable-releases", io);
  if (setting?.enabled !== true) return [];
  return [
    {
      level: "note",
      code: "immutable-releases",
      message: `releases of ${api.options.repository} are immutable: once published, assets and tag stay for ever`,
      hint: "nothing: twotier publishes a release only when all of its assets are there; `rollback` can't delete its tag",
    },
  ];
}

/** Drafts that runs left behind: of no release that exists, or is under way. */
async function orphanDrafts(api: Api, { taken }: Surroundings, io: Io): Promise<Remark[]> {
  const all = (await orNull(() => listReleases(api, io))) ?? []; // preflight says why
  const drafts = all.filter((one) => one.draft && /<!-- twotier draft /.test(one.body));
  const published = new Set(all.filter((one) => !one.draft).map((one) => one.tag));
  return drafts.flatMap(({ tag, id }): Remark[] => {
    if (taken.has(tag) && !published.has(tag)) return []; // of a release that isn't finished
    const message = published.has(tag)
      ? `a draft of ${tag} is left of a run that another was faster than`
      : `a draft of ${tag} is left of a run that ended before it had a tag`;
    const hint = `delete it: gh api --method DELETE repos/${api.options.repository}/releases/${id}`;
    return [{ level: "warning", code: "orphan-draft", message, hint }];
  });
}
