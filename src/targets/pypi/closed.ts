import type { Io, Item } from "../../core/target.ts";
import { versionOfFile } from "./names.ts";
import type { ProjectPage } from "./simple.ts";

/** PyPI takes no new file for a release whose first one is older (warehouse forklift/legacy.py, since 2026-07-08). */
const open = 14 * 24 * 3_600_000;

/**
 * Files that PyPI takes no more, because others of their release are there for too long. A release without a file there
 * is new, however old its tag is; an index that doesn't say when files came (PEP 700) has no such rule that we know of.
 *
 * @returns null where all of them may still be sent
 */
export async function closedReleases(
  read: (project: string) => Promise<ProjectPage | null>,
  projectOf: (file: string) => string,
  missing: readonly Item[],
  io: Io,
): Promise<{ items: Item[]; why: string } | null> {
  const closed: { item: Item; since: Date }[] = [];
  for (const project of new Set(missing.map((item) => projectOf(item.id)))) {
    const page = await read(project);
    for (const item of missing.filter((one) => projectOf(one.id) === project)) {
      const version = versionOfFile(item.id, project);
      const times = (page?.files ?? []).flatMap(({ name, uploaded }) =>
        uploaded && versionOfFile(name, project) === version ? [uploaded.getTime()] : [],
      );
      const first = Math.min(...times);
      if (io.now().getTime() - first > open) closed.push({ item, since: new Date(first) });
    }
  }
  const [one] = closed;
  if (!one) return null;
  const day = one.since.toISOString().slice(0, 10);
  const why = `PyPI takes files of a release for 14 days after its first one, which came on ${day}`;
  return { items: closed.map(({ item }) => item), why };
}
