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

async function unfinished(
  { session, standing, refs }: Subject,
  { tag, version, lock, tagObject }: Release,
): Promise<Found> {
  const run = await session.repository
    .need([lock as string])
    .then(() => readObjects(session.repository.git, [lock as string]))
    .then(([object]) => object && /^run: (.+)$/m.exec(messageOf(object))?.[1])
    .catch(() => undefined);
  const by = run ? `, by ${printable(run, 200)}` : "";
  const tier = version.label === null ? "production" : "staging";
  const closed =
    tagObject === null &&
    version.label !== null &&
    standing.stable?.tagObject &&
    compareLines(version, standing.stable.version) <= 0;
  if (closed) {
    return {
      code: "unfinished",
      level: "warning",
      what: `${tag} was begun${by}, and its line has gone stable: it will never be finished`,
      remedy: `take its lock away: git push ${session.repository.remote} :${lockRef(tag)}`,
    };
  }
  const sealed = refs.get(`refs/tags/${tag}`) !== undefined;
  return {
    code: "unfinished",
    level: "warning",
    what: `${tag} was begun${by}, and isn't finished`,
    remedy: sealed
      ? `if that run is over, finish it: twotier release --resume ${tag}`
      : `if that run is over, run it again on the same commit: twotier release --tier ${tier}`,
  };
}
