import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Plan } from "../core/plan.ts";
import type { Io } from "../core/target.ts";
import { gitCredentials } from "../git/credentials.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { createHttp } from "../lib/http.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { startRegistries } from "../registries/index.ts";
import { release } from "../release/release.ts";
import { rollback } from "../release/rollback.ts";
import type { Row } from "../release/rows.ts";
import { openSession, type Session } from "../release/session.ts";
import { verify } from "../release/verify.ts";
import { createTargets } from "../targets/create.ts";
import { apart, type Copy, copyRepository } from "./clone.ts";
import { tryInstallers } from "./installers.ts";
import { type Addresses, type Reading, readBack } from "./readback.ts";
import { seedRegistries } from "./seed.ts";
import { type Act, hasQuietPaths, pushChange, story } from "./story.ts";

export interface RehearseOptions {
  dir: string;
  io: Io;
  /** Folder for the copy and the registries, kept afterwards; left out: a temporary one that is removed. */
  keep?: string;
  /** Called before each act. */
  onAct?(act: Act, number: number, of: number): void;
  onActDone?(act: Act, outcome: Outcome): void;
}

/** What came of an act. */
export interface Outcome {
  /** Null for what was taken back. */
  plan: Plan | null;
  /** What was released; null: nothing. */
  tag: string | null;
  version: string | null;
  /** In a sentence. */
  text: string;
}

export type { Reading } from "./readback.ts";

export interface Rehearsal {
  seeded: string;
  notes: string[];
  acts: { act: Act; plan: Plan | null; version: string | null; text: string }[];
  /** Versions that both tiers end at. */
  staging: string | null;
  production: string | null;
  readings: Reading[];
  addresses: Addresses;
}

/** Secret of the registries of a rehearsal; nothing real takes it. */
const token = "rehearsal-token";

/**
 * Plays the whole cycle of a repository against registries on this machine: works on a copy, with credentials of its
 * own; neither `dir` nor any real registry is touched, whatever the environment holds.
 *
 * @throws ReleaseError REFUSED when an act ends otherwise than the two-tier model says; what a release throws
 * @see two-tier.md, "Commands" (rehearse)
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  // Connections of its own: a proxy of the environment has no part in it.
  const http = createHttp();
  const io: Io = { ...options.io, http };
  const root = options.keep ?? (await temporaryFolder(tmpdir(), "twotier-rehearsal"));
  await mkdir(root, { recursive: true });
  const registries = await startRegistries({ token, state: path.join(root, "registries") });
  try {
    const copy = await copyRepository(options.dir, path.join(root, "work"), io.signal);
    const addresses: Addresses = {
      npm: registries.npm,
      pypi: registries.pypi,
      docker: registries.docker,
      github: registries.github,
      git: registries.git,
      site: registries.site,
    };
    const open = (flags: { tier: "staging" | "production" }) => openRehearsed(copy, addresses, flags, io);
    await pushAll(copy, addresses);
    for (const message of copy.notes) io.emit({ type: "note", message });

    io.emit({ type: "step", step: "fill the registries", state: "start" });
    const first = await open({ tier: "staging" });
    const planned = await first.plan();
    const seeded = await seedRegistries(copy, first, first.job().targets(planned), path.join(root, "seed"));
    await first.close();
    io.emit({ type: "step", step: "fill the registries", state: "done", detail: seeded });

    const acts: Rehearsal["acts"] = [];
    let staging: string | null = null;
    let production: string | null = null;
    const all = story(hasQuietPaths(copy));
    for (const [at, act] of all.entries()) {
      options.onAct?.(act, at + 1, all.length);
      const outcome: Outcome = act.takesBack ? await takeBack(act, staging ?? "", open) : await play(copy, act, open);
      options.onActDone?.(act, outcome);
      const { plan, version, text } = outcome;
      acts.push({ act, plan, version, text });
      if (version && act.tier === "staging") staging = version;
      if (version && act.tier === "production") production = version;
    }
    io.emit({ type: "step", step: "read back as users do", state: "start" });
    const session = await open({ tier: "staging" });
    const { config, resolved } = await session.plan();
    await session.close();
    const expected = { staging, production };
    const readings = await readBack(config, resolved, addresses, expected, path.join(root, "readback"));
    readings.push(...(await tryInstallers(config, resolved, addresses, expected, path.join(root, "home"))));
    io.emit({ type: "step", step: "read back as users do", state: "done" });
    return { seeded, notes: copy.notes, acts, staging, production, readings, addresses };
  } finally {
    http.close();
    await registries.close();
    if (options.keep === undefined) await rm(root, { recursive: true, force: true });
  }
}

async function play(copy: Copy, act: Act, open: Open): Promise<Outcome> {
  if (act.push) await pushChange(copy, act.push);
  const session = await open({ tier: act.tier });
  try {
    const result = await release(session.job());
    if (result.released !== act.releases) {
      throw new ReleaseError(
        "REFUSED",
        `${act.title}: expected ${act.releases ? "a release" : "nothing to do"}, got ${result.manifest?.tag ?? "nothing to do"}`,
        {
          facts: { reason: result.reason },
          hint: "see what `twotier plan` says in the repository, and whether trigger.paths are what you mean",
        },
      );
    }
    const { plan, manifest, reason } = result;
    if (!manifest) return { plan, tag: null, version: null, text: reason };
    const text = await readRows(act, manifest.version, open, ["ok", "unproven"]);
    return { plan, tag: manifest.tag, version: manifest.version, text };
  } catch (thrown) {
    throw asReleaseError(thrown);
  } finally {
    await session.close();
  }
}

type Open = (flags: { tier: "staging" | "production" }) => Promise<Session>;

/** Takes a version back, and verifies that it is. */
async function takeBack(act: Act, version: string, open: Open): Promise<Outcome> {
  const session = await open({ tier: act.tier });
  try {
    const { steps, failures } = await rollback(session, { version });
    const left = failures.map(({ step, error }) => `${step.target} ${step.id}: ${error.message}`);
    if (left.length > 0) throw unexpected(act, left);
    const { io } = session.job();
    for (const { target, id, text } of steps) io.emit({ type: "note", message: `${target.padEnd(7)}${id} ${text}` });
    await readRows(act, version, open, ["ok", "pending"]);
    const manual = steps.filter((step) => step.state === "manual").map((step) => step.target);
    const rest = manual.length > 0 ? `; left to a person: ${[...new Set(manual)].join(", ")}` : "";
    return { plan: null, tag: null, version: null, text: `${version} is taken back, its number stays spent${rest}` };
  } finally {
    await session.close();
  }
}

const said = { ok: "as it should be", pending: "left to a person", unproven: "not known" };

/** Reads a release as users do. @throws ReleaseError REFUSED when something isn't as it should be */
async function readRows(act: Act, version: string, open: Open, fine: readonly Row["state"][]): Promise<string> {
  const session = await open({ tier: act.tier });
  const { io } = session.job();
  try {
    io.emit({ type: "step", step: "verify", state: "start" });
    const { rows } = (await verify(session, version)).result;
    const of = (state: Row["state"]) => rows.filter((row) => row.state === state).length;
    const counts = (["ok", "pending", "unproven"] as const).map((state) => [of(state), said[state]] as const);
    const detail = counts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : [])).join(", ");
    io.emit({ type: "step", step: "verify", state: "done", detail });
    const wrong = rows.filter((row) => !fine.includes(row.state));
    if (wrong.length > 0)
      throw unexpected(
        act,
        wrong.map((row) => `${row.target} ${row.id}: ${row.text}`),
      );
    return `${of("ok")} things are as they should be`;
  } finally {
    await session.close();
  }
}

function unexpected(act: Act, found: readonly string[]): ReleaseError {
  return new ReleaseError("REFUSED", `${act.title}: ${found.length} things aren't as they should be`, {
    facts: { found: found.slice(0, 5).join("; ") },
    hint: "run `twotier rehearse --keep DIR`, and look at what the registries hold",
  });
}

function openRehearsed(
  copy: Copy,
  addresses: Addresses,
  flags: { tier: "staging" | "production" },
  io: Io,
): Promise<Session> {
  return openSession({
    dir: copy.dir,
    flags,
    io,
    runId: "rehearsal",
    gitEnv: { ...apart, ...gitCredentials(addresses.git, token) },
    offlineBuilds: true,
    makeTargets: (config, resolved, repository, release) =>
      createTargets(
        config,
        resolved,
        {
          npmRegistry: addresses.npm,
          npmToken: token,
          pypiUrl: addresses.pypi,
          pypiToken: token,
          dockerRegistry: addresses.docker,
          dockerUsername: "rehearsal",
          dockerToken: token,
          githubApiUrl: addresses.github,
          githubServerUrl: addresses.github,
          githubToken: token,
          site: addresses.site,
          siteToken: token,
        },
        repository,
        release,
      ),
  });
}

async function pushAll(copy: Copy, addresses: Addresses): Promise<void> {
  const url = `${addresses.git}/${copy.config.repository}.git`;
  await copy.git(["remote", "add", "origin", url]);
  // The pushes of the story's people carry the rehearsal's credential, like the releases.
  const env = gitCredentials(addresses.git, token);
  const { git } = copy;
  copy.git = (args, run = {}) => git(args, { ...run, env: { ...env, ...run.env } });
  await copy.git(["push", "--quiet", "--atomic", "origin", `HEAD:refs/heads/${copy.branch}`]);
  await copy.git(["push", "--quiet", "origin", "--tags"]);
}
