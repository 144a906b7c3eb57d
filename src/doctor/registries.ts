import { retrying } from "../core/retry.ts";
import type { Surroundings, Target } from "../core/target.ts";
import { asReleaseError } from "../lib/errors.ts";
import { askTargets } from "../release/preflight.ts";
import { bump, compareVersions, formatVersion, parseVersion, zero } from "../version/version.ts";
import { asFound, codeOfTopic, type Found, type Result, type Subject } from "./types.ts";
import { isKeyless } from "./workflows.ts";
import { readWorkflows, secretsOf } from "./yaml.ts";

/** Tokens, rights, names: what preflight asks every registry, all at once. */
export async function checkRegistries({ targets, io, offline, tree, variable }: Subject): Promise<Result> {
  if (offline) return { found: [], text: "not asked (--offline)", skipped: true };
  const [findings, workflows] = await Promise.all([askTargets(targets, io), readWorkflows(tree)]);
  const keyless = isKeyless(workflows) && !variable("ACTIONS_ID_TOKEN_REQUEST_URL");
  const found = findings.map(({ target, topic, level, message, hint }): Found => {
    const what = message.toLowerCase().includes(target) ? message : `${target}: ${message}`;
    const token = tokenOf[target];
    if (topic === "token" && keyless && token !== undefined && !variable(token)) {
      const remedy = "nothing to do, where npm and PyPI trust the workflow: the job that publishes asks them";
      return { code: "token", level: "note", what: `${what} here; the workflow needs none`, remedy };
    }
    return { code: codeOfTopic[topic], level, what, remedy: hint };
  });
  const fine = targets.map((one) => one.name).filter((name) => !findings.some(({ target }) => target === name));
  return { found, text: `${fine.join(", ") || "none"} would take a release` };
}

/** What a workflow with `id-token: write` doesn't need. */
const tokenOf: Partial<Record<string, string>> = { npm: "NPM_TOKEN", pypi: "PYPI_TOKEN" };

/** Packages whose dist-tag for stable versions is at a candidate. */
async function npmLatest({ config, resolved, targets, io }: Subject): Promise<Found[]> {
  const npm = targets.find((one) => one.name === "npm");
  const tag = config.targets.npm?.tags.production;
  if (npm?.pointers === undefined || tag === undefined) return [];
  const { pointers } = npm;
  const found = await Promise.all(
    resolved.packages.npm.map(async (name): Promise<Found[]> => {
      const at = await retrying(`reading ${name}@${tag}`, io, () => pointers.read(`${name}@${tag}`, io));
      if (at === null || parseVersion(at)?.label === null) return [];
      const held = await retrying("reading npm's versions", io, () => npm.versions(io));
      const stable = held.map((text) => parseVersion(text)).filter((one) => one?.label === null);
      const best = stable.reduce((a, b) => (a && b && compareVersions(a, b) >= 0 ? a : b), null);
      const remedy = best
        ? `npm dist-tag add ${name}@${formatVersion(best)} ${tag}`
        : "release a stable version: it moves the dist-tag";
      return [{ code: "npm-latest", level: "error", what: `npm's ${tag} of ${name} is at ${at}`, remedy }];
    }),
  );
  return found.flat();
}

/** Settings, leftovers and the newest release, as far as registries tell them. */
export async function checkSettings(subject: Subject): Promise<Result> {
  const { targets, io, offline } = subject;
  if (offline) return { found: [], text: "not asked (--offline)", skipped: true };
  const about = await surroundings(subject);
  const remarks = (target: Target) => async (): Promise<Found[]> => {
    const all = (await target.inspect?.(about, io)) ?? [];
    return all.map(({ code, level, message, hint }) => ({ code, level, what: message, remedy: hint }));
  };
  const asked = [...targets.map(remarks), () => npmLatest(subject)].map(async (ask): Promise<Found[]> => {
    try {
      return await ask();
    } catch (thrown) {
      const error = asReleaseError(thrown);
      if (error.code === "INTERRUPTED") throw error;
      return [asFound(error, error.code === "AUTH" ? "token" : "unreachable")];
    }
  });
  const names = targets.filter((one) => one.inspect).map((one) => one.name);
  return { found: (await Promise.all(asked)).flat(), text: names.join(", "), skipped: names.length === 0 };
}

const prefixes = ["refs/tags/", "refs/twotier/lock/"];

async function surroundings({ branch, config, standing, refs, tree }: Subject): Promise<Surroundings> {
  const names = [...refs.names()];
  const workflows = await readWorkflows(tree);
  const needless = isKeyless(workflows) ? Object.values(tokenOf) : [];
  const released = [standing.newest, ...standing.candidates, standing.stable];
  return {
    branch,
    pushes: config.tiers.production.bookkeeping === "push",
    tag: standing.names.format(bump(standing.stable?.version ?? zero, "patch")),
    taken: new Set(
      prefixes.flatMap((it) => names.flatMap((name) => (name.startsWith(it) ? name.slice(it.length) : []))),
    ),
    newest: released.find((one) => one && one.tagObject !== null && !one.retracted)?.tag ?? null,
    secrets: secretsOf(workflows).filter((name) => !needless.includes(name)),
  };
}
