import type { Manifest } from "../core/manifest.ts";
import { retrying } from "../core/retry.ts";
import { type Io, type Item, type Target, type TargetName, targetNames } from "../core/target.ts";
import { asReleaseError } from "../lib/errors.ts";
import { escapeMarkdown, plainOfMarkdown } from "../lib/text.ts";

/** A registry that a release went on without, and why. */
export type Skip = Manifest["skipped"][number];

/** What isn't there because it was left out on purpose. */
export interface LeftOut extends Skip {
  items: Item[];
  /** Why the registry couldn't be read, where it couldn't: then it isn't known to be without them. */
  unread?: string;
}

/** The command that adds later what was left out. */
export const adding = (tag: string) => `twotier release --resume ${tag}`;

export const again = "run the same command again";

/** A hint with the way around a registry that stays down; GitHub can't be left out: the tag and the page are there. */
export function orWithout(hint: string | undefined, target: string): string {
  const first = hint ?? again;
  return target === "github" ? first : `${first}; or go on without it: --skip ${target} --reason "..."`;
}

const recorded = new RegExp(`^Released without (${targetNames.join("|")}): ([^\\r\\n]*)\\s*`, "gm");

/**
 * The body of a release's page with what was left out at its top: the end of a long one may be cut off. What it said of
 * that before goes.
 */
export function withSkips(body: string, skipped: readonly Skip[]): string {
  const rest = body.replace(recorded, "");
  return (
    skipped.map(({ target, reason }) => `Released without ${target}: ${escapeMarkdown(reason)}\n\n`).join("") + rest
  );
}

/** What a release's page says was left out. */
export function skipsIn(body: string): Skip[] {
  return [...body.matchAll(recorded)].map(([, target, reason = ""]) => {
    return { target: target as TargetName, reason: plainOfMarkdown(reason) };
  });
}

/**
 * What was left out of a sealed release: before the seal, as the seal says; since then, as the release's page says. A
 * page that can't be read says nothing.
 *
 * @throws ReleaseError INTERRUPTED
 */
export async function skipsOf({ skipped }: Manifest, targets: readonly Target[], io: Io): Promise<Skip[]> {
  const page = targets.find((target) => target.page)?.page;
  const text = await retrying("reading the release's page", io, async () => page?.read(io)).catch(passing);
  const since = typeof text === "string" ? skipsIn(text) : [];
  return [...skipped, ...since.filter((one) => !skipped.some(({ target }) => target === one.target))];
}

/** Which items of registries that were left out aren't there: a later `release --resume` may have added them. */
export async function leftOut(
  skips: readonly Skip[],
  items: readonly Item[],
  targets: readonly Target[],
  io: Io,
): Promise<LeftOut[]> {
  const found = skips.map(async (skip): Promise<LeftOut> => {
    const target = targets.find((one) => one.name === skip.target);
    const one: LeftOut = { ...skip, items: [] };
    const seen = items.filter((item) => item.target === skip.target);
    await Promise.all(
      seen.map(async (item) => {
        // Asked once: who left it out because it is down doesn't wait for it.
        const there = await target?.observe(item, io).catch(passing);
        if (there instanceof Error) one.unread = there.message;
        if (there === undefined || there instanceof Error || there.state === "absent") one.items.push(item);
      }),
    );
    return { ...one, items: seen.filter((item) => one.items.includes(item)) };
  });
  return (await Promise.all(found)).filter((one) => one.items.length > 0);
}

function passing(thrown: unknown): Error {
  const error = asReleaseError(thrown);
  if (error.code === "INTERRUPTED") throw error;
  return error;
}

/** Writes down on the release's page what was left out since the seal, or that nothing is left out any more. */
export async function tellSkips(targets: readonly Target[], skipped: readonly Skip[], io: Io): Promise<void> {
  const page = targets.find((target) => target.page)?.page;
  if (!page) return;
  await retrying("writing down what was left out", io, async () => {
    const text = await page.read(io);
    const told = text === null ? null : withSkips(text, skipped);
    if (told !== null && told !== text) await page.write(told, io);
  });
}
