import { lockRef } from "../git/lock.ts";
import { messageOf, readObjects } from "../git/objects.ts";
import { printable } from "../lib/text.ts";
import type { Release } from "../release/standing.ts";
import { compareLines } from "../version/version.ts";
import type { Found, Result, Subject } from "./types.ts";

/** Releases that were begun and aren't finished, and whether there is a candidate at all. */
export async function checkReleases(subject: Subject): Promise<Result> {
  const { standing, refs, config } = subject;
  const found = await Promise.all(standing.locked.map((release) => unfinished(subject, release)));
  const candidates = [...refs.names()].some((name) => {
    return name.startsWith("refs/tags/") && (standing.names.version(name, "refs/tags/".length)?.label ?? null) !== null;
  });
  if (!candidates) {
    found.push({
      code: "no-candidate",
      level: "note",
      what: `there is no candidate of ${config.name} yet`,
      remedy: "push a change to the branch, or run `twotier release --tier staging`",
    });
  }
  const { newest, stable } = standing;
  const text = [stable && `stable ${stable.tag}`, newest && newest !== stable && `newest ${newest.tag}`];
  return { found, text: text.filter(Boolean).join(", ") || "none yet" };
}

async function unfinished(subject: Subject, release: Release): Promise<Found> {
  const { session, standing, offline, io } = subject;
  const { tag, version, lock, tagObject } = release;
  const run = await session.repository
    .need([lock as string])
    .then(() => readObjects(session.repository.git, [lock as string]))
    .then(([object]) => (object && /^run: (.+)$/m.exec(messageOf(object))?.[1]) ?? "")
    .catch(() => "");
  const ask = async () => (await subject.targets.find((one) => one.running)?.running?.(run, io)) ?? null;
  const running = offline || run === "" ? null : await ask().catch(() => null);
  const by = run === "" ? "" : ` by ${printable(run, 200)}`;
  const found = (level: Found["level"], what: string, remedy: string): Found => ({
    ...{ code: "unfinished", level, what: `${tag} ${what}`, remedy },
  });
  const closed = tagObject === null && version.label !== null && standing.stable?.tagObject;
  if (closed && compareLines(version, (standing.stable as Release).version) <= 0) {
    const remedy = `take its lock away: git push ${session.repository.remote} :${lockRef(tag)}`;
    return found("warning", `was begun${by}, and its line has gone stable: it will never be finished`, remedy);
  }
  if (running) return found("note", `is being released${by}`, "wait until that run is over");
  const command =
    tagObject === null
      ? `run it again on the same commit: twotier release --tier ${version.label === null ? "production" : "staging"}`
      : `finish it: twotier release --resume ${tag}`;
  return running === false
    ? found("warning", `was begun${by}, which is over, and isn't finished`, command)
    : found("warning", `was begun${by}, and isn't finished`, `if that run is over, ${command}`);
}
