import type { Finding, Io, ReleaseContext } from "../../core/target.ts";
import { asReleaseError } from "../../lib/errors.ts";
import type { OciClient } from "./client.ts";
import { isRepository, isTag } from "./reference.ts";
import { isVersioned, renderTag, type TagTemplates } from "./tags.ts";
import { locationOf } from "./upload.ts";

interface Asked {
  client: OciClient;
  username: string | undefined;
  token: string | undefined;
  repositories: readonly string[];
  tags: TagTemplates;
  pointers: TagTemplates;
  release?: ReleaseContext;
}

/** Names, credentials, and the right to push each image: an upload is opened and cancelled, nothing is sent. */
export async function preflight(asked: Asked, io: Io): Promise<Finding[]> {
  const { client, username, token, repositories } = asked;
  const findings = names(asked);
  const missing = Object.entries({ DOCKERHUB_USERNAME: username, DOCKERHUB_TOKEN: token }).flatMap(
    ([variable, value]) => (value ? [] : [variable]),
  );
  if (missing.length > 0) {
    const message = `${missing.join(" and ")} ${missing.length > 1 ? "aren't" : "isn't"} set`;
    const hint = `set ${missing.length > 1 ? "them" : "it"} to an account of ${client.registry.host} that may push ${repositories.join(", ")}`;
    return [...findings, { level: "error", target: "docker", topic: "token", message, hint }];
  }
  const rights = await Promise.all(
    repositories.filter(isRepository).map((repository) => right(client, repository, io)),
  );
  return [...findings, ...rights.flat()];
}

async function right(client: OciClient, repository: string, io: Io): Promise<Finding[]> {
  try {
    const opened = await client.send(io, { path: `/v2/${repository}/blobs/uploads/`, repository, method: "POST" });
    if (opened.status !== 202) throw await client.failure(opened, `an upload to ${client.nameOf(repository)}`, io);
    opened.discard();
    const cancelled = await client.send(io, { path: locationOf(opened, client), repository, method: "DELETE" });
    cancelled.discard(); // registries that can't cancel forget it by themselves
    return [];
  } catch (thrown) {
    const error = asReleaseError(thrown);
    if (error.code !== "AUTH" && (error.code !== "REGISTRY" || error.retryable)) throw error;
    const answer = error.facts.answer ? ` (${error.facts.answer})` : "";
    const message = `${client.nameOf(repository)} can't be pushed to: ${error.message}${answer}`;
    return [
      { level: "error", target: "docker", topic: "rights", message, hint: error.hint ?? "check the account's rights" },
    ];
  }
}

function names({ client, repositories, tags, pointers, release }: Asked): Finding[] {
  const error = (message: string, hint: string): Finding => ({
    level: "error",
    target: "docker",
    topic: "name",
    message,
    hint,
  });
  const findings: Finding[] = [];
  for (const repository of repositories) {
    if (!isRepository(repository)) {
      findings.push(
        error(
          `${JSON.stringify(repository)} can't be the name of an image`,
          "use lower-case letters, digits and . _ - between them, and / between the parts",
        ),
      );
    } else if (client.registry.hub && !repository.includes("/")) {
      findings.push(error(`${repository} has no account before it`, `name it ACCOUNT/${repository} in twotier.yaml`));
    }
  }
  const example = release ?? { version: "1.2.3-rc.4", commit: "0".repeat(40) };
  const templates = [...tags.staging, ...tags.production];
  for (const template of new Set([...templates, ...pointers.staging, ...pointers.production])) {
    const tag = renderTag(template, example);
    if (isTag(tag)) continue;
    const hint =
      "a tag has letters, digits, _ . - and at most 128 of them; {version}, {major}, {minor}, {patch} and {commit} are filled in";
    findings.push(error(`${JSON.stringify(tag)} (from ${JSON.stringify(template)}) can't be a tag`, hint));
  }
  for (const template of new Set(templates)) {
    if (isVersioned(template)) continue;
    const hint = "put it under targets.docker.pointers: tags are kept for ever, pointers move";
    findings.push(error(`the tag ${JSON.stringify(template)} is the same in several releases`, hint));
  }
  return findings;
}
