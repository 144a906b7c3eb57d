import type { Config } from "../config/types.ts";
import { asReleaseError } from "../lib/errors.ts";
import type { Outcome } from "../notify/types.ts";
import type { ReleaseResult } from "../release/job.ts";
import type { Session } from "../release/session.ts";
import type { Context } from "./context.ts";
import { credentialsOf } from "./credentials.ts";
import { runIdOf } from "./environment.ts";

/**
 * Does a part of a release, and tells those whom `notify` of twotier.yaml names when it fails. What goes wrong with
 * telling is a warning.
 *
 * @param tier of the release that is asked for
 */
export async function tellingFailures<T>(
  context: Context,
  session: Session,
  tier: Outcome["tier"],
  work: () => Promise<T>,
): Promise<T> {
  // A run that took too long can't read it any more.
  const config = await configOf(session);
  let tag: string | null = null;
  context.listen((event) => {
    if (event.type === "step" && event.step === "plan" && event.detail?.match(/\d/)) tag = event.detail;
  });
  return await work().catch(async (thrown) => {
    if (context.stopped) throw thrown; // whoever stopped it knows
    const { code, message, hint, findings } = asReleaseError(thrown);
    const first = findings[0];
    const error = {
      code,
      hint: hint ?? first?.hint ?? "",
      message: first === undefined ? message : `${message}: ${first.message}`,
    };
    await tell(context, config, { event: "failure", tier, version: null, tag, error });
    throw thrown;
  });
}

/** Tells of a release that is out. */
export async function tellReleased(context: Context, session: Session, result: ReleaseResult): Promise<void> {
  const { manifest, plan } = result;
  if (!manifest) return;
  const { tier, version, tag } = manifest;
  const notes = plan.changes.map((change) => change.subject);
  const pending = result.pending.map((one) => `${one.target} ${one.id}`);
  await tell(context, await configOf(session), { event: tier, tier, version, tag, notes, pending });
}

type Told = Pick<Outcome, "event" | "tier" | "version" | "tag"> & Partial<Outcome>;

/** The configuration that says who is told; null where it can't be read. */
const configOf = (session: Session): Promise<Config | null> =>
  session.at("HEAD").then(
    (here) => here.config,
    () => null,
  );

async function tell(context: Context, config: Config | null, about: Told): Promise<void> {
  const { environment, io } = context;
  if (config === null || !config.notify.some((one) => one.on.includes(about.event))) return;
  const { notify } = await import("../notify/send.ts");
  const outcome: Outcome = {
    name: config.name,
    repository: config.repository,
    url: pageOf(config, about, credentialsOf(environment).githubServerUrl),
    notes: [],
    pending: [],
    error: null,
    run: runIdOf(environment),
    ...about,
  };
  const warnings = await notify(config.notify, outcome, io, (name) => environment.variables[name]);
  for (const message of warnings) io.emit({ type: "warning", message });
}

function pageOf(config: Config, { event, tag }: Told, server = "https://github.com"): string | null {
  if (!config.targets.github || tag === null || event === "failure") return null;
  return `${server.replace(/\/+$/, "")}/${config.repository}/releases/tag/${encodeURIComponent(tag)}`;
}
