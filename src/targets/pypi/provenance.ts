import type { Io } from "../../core/target.ts";
import { type Statement, statementOf } from "../../lib/attestation.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { IndexFile } from "./simple.ts";

interface Bundle {
  publisher?: { repository?: unknown } | null;
  attestations?: unknown;
}

/** The attestations of a file, by the address that the index lists for it (PEP 740; docs.pypi.org/api/integrity). */
export async function attestationsOf(file: IndexFile | undefined, io: Io): Promise<Statement[]> {
  if (file?.provenance === undefined) return [];
  const response = await io.http({
    url: file.provenance,
    headers: { accept: "application/vnd.pypi.integrity.v1+json, application/json;q=0.5" },
    signal: io.signal,
  });
  if (response.status === 404) {
    response.discard();
    return [];
  }
  if (response.status !== 200) {
    response.discard();
    throw new ReleaseError("REGISTRY", `the provenance of ${file.name} was answered with ${response.status}`, {
      facts: { address: file.provenance },
      retryable: response.status >= 500 || response.status === 429,
      hint: "run the same command again",
    });
  }
  const { attestation_bundles: bundles } =
    (await response.json<{ attestation_bundles?: unknown } | null>(16 << 20)) ?? {};
  return (Array.isArray(bundles) ? (bundles as (Bundle | null)[]) : []).flatMap((bundle) => {
    const all = Array.isArray(bundle?.attestations) ? bundle.attestations : [];
    const said = bundle?.publisher?.repository;
    return all.flatMap((one) => {
      const statement = statementOf(one);
      return statement ? [{ ...statement, repository: typeof said === "string" ? said : statement.repository }] : [];
    });
  });
}
