import {
  type Context,
  invalid,
  jsonBody,
  notFound,
  page,
  reply,
  repositoryOf,
  requireKeys,
  requireWrite,
} from "./context.ts";
import type { Repository, WorkflowRun } from "./store.ts";

/** `POST /attestations`: what `actions/attest` sends, a Sigstore bundle (docs.github.com/rest/repos/attestations). */
export async function createAttestation(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const body = await jsonBody(context, {});
  requireKeys(body, "bundle");
  const digests = subjectDigests(body.bundle);
  if (digests.length === 0) throw invalid({ resource: "Attestation", code: "invalid", field: "bundle" });
  const { data } = repository;
  data.lastId++;
  data.attestations = [...(data.attestations ?? []), { id: data.lastId, digests, bundle: body.bundle }];
  repository.save();
  reply(context, 201, { id: data.lastId });
}

/** `GET /attestations/{subject_digest}`; 404 where there is none. */
export function listAttestations(context: Context): void {
  const { data } = repositoryOf(context);
  const mine = (data.attestations ?? []).filter((one) => one.digests.includes(context.params.digest ?? ""));
  if (mine.length === 0) throw notFound();
  const { items, headers } = page(context, mine);
  const attestations = items.map(({ bundle }) => ({ bundle, repository_id: data.id, bundle_url: null }));
  reply(context, 200, { attestations }, headers);
}

function subjectDigests(bundle: unknown): string[] {
  try {
    const { payload } = (bundle as { dsseEnvelope: { payload: string } }).dsseEnvelope;
    const { subject } = JSON.parse(Buffer.from(payload, "base64").toString("utf8")) as {
      subject: { digest: Record<string, string> }[];
    };
    return subject.flatMap(({ digest }) => Object.entries(digest).map(([algorithm, hex]) => `${algorithm}:${hex}`));
  } catch {
    return [];
  }
}

/** `GET /actions/workflows/{file}/runs`, newest first; `head_sha` and `event` choose (docs.github.com/rest/actions/workflow-runs). */
export function listWorkflowRuns(context: Context): void {
  const repository = repositoryOf(context);
  const { searchParams } = context.url;
  const file = `.github/workflows/${context.params.file}`;
  const all = (repository.data.runs ?? []).filter((run) => run.path === file);
  if (all.length === 0) throw notFound();
  const asked = (key: string, value: string) => [null, value].includes(searchParams.get(key));
  const found = all.filter((run) => asked("head_sha", run.headSha) && asked("event", run.event)).reverse();
  const { items, headers } = page(context, found);
  const runs = items.map((run) => shown(context, repository, run));
  reply(context, 200, { total_count: found.length, workflow_runs: runs }, headers);
}

function shown(context: Context, repository: Repository, { id, path, event, headSha, actor }: WorkflowRun): object {
  return {
    id,
    path,
    event,
    head_sha: headSha,
    status: "completed",
    conclusion: "success",
    html_url: `${context.web}/${repository.fullName}/actions/runs/${id}`,
    actor: { login: actor },
    triggering_actor: { login: actor },
  };
}
