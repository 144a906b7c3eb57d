import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseConfig } from "../config/parse.ts";
import { resolveArtifacts } from "../config/resolve.ts";
import type { Config, ResolvedArtifacts, Tree } from "../config/types.ts";
import type { Io } from "../core/target.ts";
import { folderTree } from "../git/folder.ts";
import { gitIn } from "../git/git.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import type { Session } from "../release/session.ts";
import { configFile } from "../release/source.ts";
import { standingOf } from "../release/standing.ts";
import { tagNames } from "../version/tags.ts";
import { checkGenerated } from "./generated.ts";
import { checkNotify } from "./notify.ts";
import { checkPlan } from "./plan.ts";
import { checkRegistries, checkSettings } from "./registries.ts";
import { checkReleases } from "./releases.ts";
import { checkStamps } from "./stamps.ts";
import { checkTools } from "./tools.ts";
import { checkTrigger } from "./trigger.ts";
import { asFound, type Check, type Diagnosis, type Found, type Result, type Subject, type Trouble } from "./types.ts";
import { why } from "./why.ts";
import { checkActions, checkWorkflows } from "./workflows.ts";

/** What `doctor` is asked to look at. */
export interface Asked {
  /** A folder of the repository. */
  dir: string;
  /** Opens the repository with this Io, `stale` without asking its remote; it is closed when the checks are through. */
  open(io: Io, stale: boolean): Promise<Session>;
  /** True: neither registries nor the remote are asked. */
  offline: boolean;
  io: Io;
  variable(name: string): string | undefined;
}

const checks: readonly [name: string, check: (subject: Subject) => Promise<Result>][] = [
  ["repository", checkPlan],
  ["tools", checkTools],
  ["registries", checkRegistries],
  ["settings", checkSettings],
  ["releases", checkReleases],
  ["generated files", checkGenerated],
  ["trigger", checkTrigger],
  ["stamps", checkStamps],
  ["workflows", checkWorkflows],
  ["notifications", checkNotify],
];

/**
 * Looks at everything that a release needs, side by side, and writes nothing. What can't be looked at is a finding.
 *
 * @throws ReleaseError INTERRUPTED
 */
export async function examine(given: Asked): Promise<Diagnosis> {
  const dir = await topOf(given.dir, given.io.signal);
  if (dir === null) return noRepository(given.dir);
  const asked = { ...given, dir, io: hasty(given.io) };
  const tree = folderTree(asked.dir, asked.io.signal);
  const actions = run("actions", () => checkActions(tree));
  const read = await readConfig(asked.dir, tree);
  const first: Outcome = {
    check: { name: configFile, state: read.found.length > 0 ? "found" : "ok", text: read.text },
    found: read.found,
  };
  const rest = read.ready ? await inRepository(asked, tree, read.ready, asked.offline) : [];
  const outcomes = [first, ...rest, await actions];
  return {
    schema: 1,
    name: read.ready?.config.name ?? null,
    checks: outcomes.map((one) => one.check),
    findings: distinct(outcomes.flatMap((one) => one.found)).map((one) => ({ ...one, why: why[one.code] })),
  };
}

/** The folder that holds the repository's twotier.yaml; null where there is no repository. */
async function topOf(dir: string, signal: AbortSignal): Promise<string | null> {
  const answer = await gitIn(dir, { signal })(["rev-parse", "--show-toplevel"], { ok: [0, 128] });
  return answer.code === 0 ? answer.stdout.trimEnd() : null;
}

function noRepository(dir: string): Diagnosis {
  const found: Trouble = {
    code: "refused",
    level: "error",
    what: `${dir} isn't in a git repository`,
    why: why.refused,
    remedy: "run it in a clone of the repository, or name its folder: `twotier doctor -C DIR`",
  };
  const check: Check = { name: "repository", state: "found", text: "there is none" };
  return { schema: 1, name: null, checks: [check], findings: [found] };
}

/** Milliseconds that a doctor waits before it asks again. */
const patience = 1500;
/** Milliseconds without a byte until a registry counts as unreachable. */
const silence = 15_000;

/** An Io that gives up where a release would wait: what can't be asked now is a finding now. */
function hasty(io: Io): Io {
  let because = "";
  return {
    ...io,
    http: (request) => io.http({ ...request, idleTimeout: Math.min(request.idleTimeout ?? silence, silence) }),
    emit(event) {
      if (event.type === "retry") because = event.because;
      io.emit(event);
    },
    // Whoever waits says why, right before it (core/retry.ts).
    async sleep(ms) {
      if (ms <= patience) return await io.sleep(ms);
      throw new ReleaseError("NETWORK", because, { hint: "check the connection, then run the same command again" });
    },
  };
}

interface Outcome {
  check: Check;
  found: Found[];
}

interface Read {
  found: Found[];
  text: string;
  ready: { config: Config; resolved: ResolvedArtifacts } | null;
}

async function readConfig(dir: string, tree: Tree): Promise<Read> {
  const text = await readFile(path.join(dir, configFile), "utf8").catch(() => null);
  if (text === null) {
    const remedy = "run `twotier init`: it looks at the repository and writes one";
    return {
      found: [{ code: "config", level: "error", what: `there is no ${configFile} here`, remedy }],
      text: "not there",
      ready: null,
    };
  }
  try {
    const config = parseConfig(text);
    const resolved = await resolveArtifacts(config, tree);
    const names = resolved.artifacts.map((one) => one.name).join(", ");
    return { found: [], text: names === "" ? "a release is a tag and its page" : names, ready: { config, resolved } };
  } catch (thrown) {
    const error = asReleaseError(thrown);
    const each = error.findings.length > 0 ? error.findings : [error];
    return { found: each.map((one) => asFound(one, "config")), text: "has mistakes", ready: null };
  }
}

async function inRepository(
  asked: Asked,
  tree: Tree,
  ready: NonNullable<Read["ready"]>,
  stale: boolean,
): Promise<Outcome[]> {
  let session: Session | undefined;
  try {
    session = await asked.open(asked.io, stale);
    const refs = await session.repository.refs();
    const { config } = ready;
    const subject: Subject = {
      ...ready,
      dir: asked.dir,
      tree,
      session,
      refs,
      stale,
      standing: standingOf(refs, tagNames(config.version.tag)),
      branch: config.trigger.branch ?? refs.head ?? "main",
      targets: session.job().targets(ready),
      offline: asked.offline,
      io: asked.io,
      variable: asked.variable,
    };
    return await Promise.all(checks.map(([name, check]) => run(name, () => check(subject))));
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    const away = error.retryable || error.code === "NETWORK" || error.code === "AUTH";
    const found = [asFound(error, away ? "unreachable" : "refused")];
    const outcome: Outcome = {
      check: { name: away ? "remote" : "repository", state: "found", text: "couldn't be read" },
      found,
    };
    // What doesn't need its answer is looked at all the same.
    return away && !stale ? [outcome, ...(await inRepository(asked, tree, ready, true))] : [outcome];
  } finally {
    await session?.close();
  }
}

/** A check that fails is a finding: the others go on. */
async function run(name: string, check: () => Promise<Result>): Promise<Outcome> {
  try {
    const { found, text, skipped } = await check();
    const bad = found.some((one) => one.level !== "note");
    return { check: { name, state: skipped ? "skipped" : bad ? "found" : "ok", text }, found };
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code === "INTERRUPTED") throw error;
    return { check: { name, state: "found", text: "couldn't be looked at" }, found: [asFound(error, "unreachable")] };
  }
}

/** Two checks may ask the same thing of the same registry. */
function distinct(found: readonly Found[]): Found[] {
  return [...new Map(found.map((one) => [`${one.code} ${one.what}`, one])).values()];
}
