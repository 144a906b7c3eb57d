import type { Files, Io, Item } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { HttpResponse } from "../../lib/http.ts";
import { digestOfVersion, escapeName, messageOf, type NpmClient, splitId } from "./client.ts";
import { publishDocument } from "./document.ts";

export interface Publication {
  client: NpmClient;
  item: Item;
  tag: string;
  access: "public" | "restricted";
  gitHead?: string;
  /** Gets the item's id once the registry has taken it. */
  accepted: Set<string>;
}

/**
 * Sends one version. Returns when the registry has taken it, or holds it already with the same bytes.
 *
 * @throws ReleaseError CONFLICT for a version with other bytes or one that was unpublished, AUTH, RATE_LIMITED, NETWORK, REGISTRY
 */
export async function publishVersion(publication: Publication, files: Files, io: Io): Promise<void> {
  const { client, item, accepted } = publication;
  const { name, version } = splitId(item.id);
  const file = await files(item.file);
  const document = await publishDocument({
    name,
    version,
    path: file.path,
    size: file.size,
    sha512: item.digest,
    tag: publication.tag,
    access: publication.access,
    registry: client.base,
    gitHead: publication.gitHead,
  });
  const response = await client.send(name, `/${escapeName(name)}`, io, {
    method: "PUT",
    headers: { "content-type": "application/json", "npm-command": "publish" },
    body: document.open,
    length: document.length,
    token: true,
    // A registry reads and checks the whole document before it answers.
    idleTimeout: 300_000,
    onSent: (sent) => {
      const share = Math.min(1, sent / document.length);
      io.emit({ type: "progress", target: "npm", id: item.id, sent: Math.round(share * file.size), total: file.size });
    },
  });
  if (response.status < 300) {
    response.discard();
    accepted.add(item.id);
    return;
  }
  await refused(publication, response, io);
}

/** What npm's refusals of a publish mean (registry-facts.md, npm, "Errors"). */
async function refused({ client, item, accepted }: Publication, response: HttpResponse, io: Io): Promise<void> {
  const { name, version } = splitId(item.id);
  const message = await messageOf(response);
  if (response.status === 409 && /previously staged/i.test(message)) {
    accepted.add(item.id); // taken by an earlier try: sending it again is no use
    return;
  }
  if (response.status === 409 && /save packument/i.test(message)) {
    throw new ReleaseError("REGISTRY", `npm couldn't save ${item.id}: ${message}`, {
      retryable: true,
      retryAfter: 5,
      hint: "two packages may be published at the same moment; run the same command again",
    });
  }
  if (![400, 403, 409].includes(response.status)) {
    throw await client.failure(response, `publishing ${item.id}`, io, message);
  }
  // npm/cli#7376: such an answer can follow a publish that succeeded.
  const packument = await client.packument(name, io, { fresh: true, token: true });
  const held = packument?.versions?.[version];
  const found = held && digestOfVersion(held);
  if (held && (found === undefined || found === item.digest)) return;
  if (held) {
    throw new ReleaseError("CONFLICT", `npm already holds ${item.id} with other contents`, {
      facts: { expected: item.digest, found },
      hint: "npm never takes a version twice: release the next number (`twotier plan` shows it)",
    });
  }
  if (/publish over|cannot be republished|already (exists|present)/i.test(message)) {
    throw new ReleaseError("CONFLICT", `npm had ${item.id} before and doesn't show it now: ${message}`, {
      hint: "if it was unpublished, its number is spent: release the next one; if it was published minutes ago, run the same command again later",
    });
  }
  throw await client.failure(response, `publishing ${item.id}`, io, message);
}
