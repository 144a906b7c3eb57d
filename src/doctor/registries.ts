import type { Surroundings } from "../core/target.ts";
import { asReleaseError } from "../lib/errors.ts";
import { askTargets } from "../release/preflight.ts";
import { bump, zero } from "../version/version.ts";
import { asFound, codeOfTopic, type Found, type Result, type Subject } from "./types.ts";
import { readWorkflows, secretsOf } from "./yaml.ts";

/** Tokens, rights, names: what preflight asks every registry, all at once. */
export async function checkRegistries({ targets, io, offline }: Subject): Promise<Result> {
  if (offline) return { found: [], text: "not asked (--offline)", skipped: true };
  const findings = await askTargets(targets, io);
  const found = findings.map(({ target, topic, level, message, hint }): Found => {
    const what = message.toLowerCase().includes(target) ? message : `${target}: ${message}`;
    return { code: codeOfTopic[topic], level, what, remedy: hint };
  });
  const fine = targets.map((one) => one.name).filter((name) => !findings.some(({ target }) => target === name));
  return { found, text: fine.length === 0 ? "" : `${fine.join(", ")} would take a release` };
}

/** Settings, leftovers and the newest release, as far as registries tell them. */
export async function checkSettings(subject: Subject): Promise<Result> {
  const { targets, io, offline } = subject;
  if (offline) return { found: [], text: "not asked (--offline)", skipped: true };
  const about = await surroundings(subject);
  const asked = targets.map(async (target): Promise<Found[]> => {
    try {
      const remarks = (await target.inspect?.(about, io)) ?? [];
      return remarks.map(({ code, level, message, hint }) => ({ code, level, what: message, remedy: hint }));
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
  const released = [standing.newest, ...standing.candidates, standing.stable];
  return {
    branch,
    pushes: config.tiers.production.bookkeeping === "push",
    tag: standing.names.format(bump(standing.stable?.version ?? zero, "patch")),
    taken: new Set(
      prefixes.flatMap((it) => names.flatMap((name) => (name.startsWith(it) ? name.slice(it.length) : []))),
    ),
    newest: released.find((one) => one && one.tagObject !== null && !one.retracted)?.tag ?? null,
    secrets: secretsOf(await readWorkflows(tree)),
  };
}
