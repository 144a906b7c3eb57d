import { sideBySide } from "../core/apply.ts";
import { retrying } from "../core/retry.ts";
import type { Io, Item, Target } from "../core/target.ts";
import type { Statement } from "../lib/attestation.ts";
import { asReleaseError } from "../lib/errors.ts";
import type { Row } from "./rows.ts";
import type { Subject } from "./subject.ts";

/**
 * Provenance, where registries hold any: each statement must name the item's digest, and this repository. Signatures
 * are not checked here; the registries' own programs do that (docs/verify.md).
 */
export async function verifyProvenance({ manifest, targets, items, config, release }: Subject, io: Io): Promise<Row[]> {
  if (!manifest) return [];
  const rows = await Promise.all(
    targets.map(async (target): Promise<Row[]> => {
      const mine = items.filter((item) => item.target === target.name);
      if (!target.attestations || mine.length === 0) return [];
      const base = { target: target.name, what: "provenance" as const, id: release.tag };
      try {
        const held = new Map<Item, Statement[]>();
        await sideBySide(mine, 4, async (item) => void held.set(item, await read(target, item, io)));
        const found = mine.flatMap((item) => (held.get(item) ?? []).map((statement) => ({ item, statement })));
        if (found.length === 0) return [];
        const wrong = found.flatMap(({ item, statement }) => wrongAbout(item, statement, config.repository) ?? []);
        if (wrong.length > 0) return wrong.map((one) => ({ ...base, state: "differs", ...one }));
        const count = new Set(found.map(({ item }) => item)).size;
        const made = found.some(({ statement }) => statement.repository !== null) ? `, from ${config.repository}` : "";
        const text = `for ${count} of ${mine.length}: about the very bytes${made}; signatures are not checked here`;
        return [{ ...base, state: "ok", text }];
      } catch (thrown) {
        const error = asReleaseError(thrown);
        if (error.code === "INTERRUPTED") throw error;
        return [{ ...base, state: "unknown", text: error.message }];
      }
    }),
  );
  return rows.flat();
}

function read(target: Target, item: Item, io: Io): Promise<Statement[]> {
  return retrying(
    `reading the provenance of ${item.id}`,
    io,
    async () => (await target.attestations?.(item, io)) ?? [],
  );
}

function wrongAbout(
  item: Item,
  { subjects, repository }: Statement,
  own: string,
): Pick<Row, "id" | "text" | "expected" | "found"> | null {
  const algorithm = item.digest.slice(0, item.digest.indexOf(":") + 1);
  const digests = subjects.flatMap((subject) => subject.digests);
  if (!digests.includes(item.digest)) {
    const found = digests.find((digest) => digest.startsWith(algorithm)) ?? digests[0] ?? "nothing";
    return { id: item.id, text: "its provenance is about other bytes", expected: item.digest, found };
  }
  if (repository === null || repository.toLowerCase() === own.toLowerCase()) return null;
  return { id: item.id, text: "its provenance names another repository", expected: own, found: repository };
}
