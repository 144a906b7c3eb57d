import type { Digest } from "./hash.ts";

/** What a signed statement about files says (in-toto). That it was said by whom it names is for a verifier of its signature. */
export interface Statement {
  /** `https://slsa.dev/provenance/v1` */
  predicateType: string;
  /** What it is about; digests in the notation of Digest. */
  subjects: { name: string; digests: Digest[] }[];
  /** owner/name of the repository whose workflow made the files, where SLSA's provenance or the registry says so. */
  repository: string | null;
}

/**
 * The statement inside a signed envelope: of a Sigstore bundle (`dsseEnvelope.payload`) or of a PEP 740 attestation
 * (`envelope.statement`); both base64. Signatures are not looked at.
 *
 * @returns null where there is none in it
 * @see https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 */
export function statementOf(attestation: unknown): Statement | null {
  const bundle = record(record(attestation)?.bundle) ?? record(attestation);
  const sealed = record(bundle?.dsseEnvelope)?.payload ?? record(bundle?.envelope)?.statement;
  if (typeof sealed !== "string") return null;
  let statement: Record<string, unknown> | null;
  try {
    statement = record(JSON.parse(Buffer.from(sealed, "base64").toString("utf8")));
  } catch {
    return null;
  }
  const { predicateType, subject, predicate } = statement ?? {};
  if (typeof predicateType !== "string" || !Array.isArray(subject)) return null;
  const subjects = subject.flatMap((one) => {
    const { name, digest } = record(one) ?? {};
    const digests = Object.entries(record(digest) ?? {}).flatMap(([algorithm, hex]): Digest[] =>
      typeof hex === "string" && /^[0-9a-f]+$/i.test(hex) ? [`${algorithm}:${hex.toLowerCase()}`] : [],
    );
    return typeof name === "string" ? [{ name, digests }] : [];
  });
  return { predicateType, subjects, repository: repositoryOf(predicate) };
}

/** SLSA provenance v1 as GitHub Actions fills it in (https://actions.github.io/buildtypes/workflow/v1). */
function repositoryOf(predicate: unknown): string | null {
  const parameters = record(record(record(predicate)?.buildDefinition)?.externalParameters);
  const address = record(parameters?.workflow)?.repository;
  if (typeof address !== "string") return null;
  return /^https?:\/\/[^/]+\/([^/]+\/[^/]+?)(?:\.git)?\/?$/.exec(address)?.[1] ?? null;
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
