import type { Io, Item } from "../../core/target.ts";
import { type Statement, statementOf } from "../../lib/attestation.ts";
import { escapeName, type NpmClient, splitId } from "./client.ts";

/**
 * What npm holds of signed statements about a version: npm's own about the publish, and the publisher's provenance
 * (docs.npmjs.com, "Generating provenance statements").
 */
export async function attestationsOf(client: NpmClient, item: Item, io: Io): Promise<Statement[]> {
  const { name, version } = splitId(item.id);
  const found = (await client.packument(name, io, { fresh: true, token: true }))?.versions?.[version];
  if (!found?.dist?.attestations) return [];
  const path = `/-/npm/v1/attestations/${escapeName(name)}@${encodeURIComponent(version)}`;
  const response = await client.send(name, path, io, { token: true });
  if (response.status === 404) {
    response.discard();
    return [];
  }
  if (response.status !== 200) throw await client.failure(response, `reading the attestations of ${item.id}`, io);
  const { attestations } = (await response.json<{ attestations?: unknown } | null>(16 << 20)) ?? {};
  return (Array.isArray(attestations) ? attestations : []).flatMap((one) => statementOf(one) ?? []);
}
