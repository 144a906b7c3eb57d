import type { Io, Item } from "../../core/target.ts";
import { type Statement, statementOf } from "../../lib/attestation.ts";
import { type Api, hasStatus } from "./api.ts";

/**
 * What GitHub holds of signed statements about these bytes: `GET /attestations/{subject_digest}`. A credential that may
 * not read them (403: `attestations: read`) sees none, like everybody who only looks at the release page.
 */
export async function attestationsOf(api: Api, item: Item, io: Io): Promise<Statement[]> {
  try {
    const response = await api.send({ path: `/attestations/${encodeURIComponent(item.digest)}` }, io);
    const { attestations } = (await response.json<{ attestations?: unknown } | null>(16 << 20)) ?? {};
    return (Array.isArray(attestations) ? attestations : []).flatMap((one) => statementOf(one) ?? []);
  } catch (error) {
    if (hasStatus(error, 404) || (hasStatus(error, 403) && error.code === "AUTH")) return [];
    throw error;
  }
}
