import semver from "semver";
import type { Io, Item, Retracted, Undo, UndoAction } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { escapeName, messageOf, type NpmClient, type Packument, splitId } from "./client.ts";

/** npm lets a version go within 72 hours, if nothing depends on it (docs.npmjs.com/policies/unpublish). */
const unpublishable = 72 * 3_600_000;

type Document = Packument & Record<string, unknown> & { _rev?: string };

/**
 * Taking back versions: a candidate is unpublished while npm allows that, else deprecated; a stable version, which
 * lock files hold, is deprecated. The number is spent either way.
 */
export function npmUndo(client: NpmClient): Undo {
  return {
    plan: (items, about, io) => Promise.all(items.map((item) => planned(client, item, about, io))),
    async run({ id, way }, about, io) {
      const { name, version } = splitId(id);
      if (way === "unpublish" && (await unpublish(client, name, version, io))) return;
      await deprecate(client, name, version, messageFor(about), io);
    },
  };
}

async function planned(client: NpmClient, item: Item, about: Retracted, io: Io): Promise<UndoAction> {
  const { id } = item;
  const { name, version } = splitId(id);
  const action = (way: UndoAction["way"], state: UndoAction["state"], text: string): UndoAction => {
    return { target: "npm", id, way, state, text };
  };
  const packument = await client.packument(name, io, { fresh: true, token: true });
  const found = packument?.versions?.[version];
  if (!found) {
    const time = packument?.time?.[version];
    const scanned = Object.values((await client.distTags(name, io)) ?? {}).includes(version);
    // Deprecating and unpublishing don't work while npm scans a version (registry-facts.md, fact 1).
    if (scanned) return action("deprecate", "manual", "npm still scans it: run the same command again later");
    return action("unpublish", "done", time === undefined ? "isn't on npm" : "is unpublished");
  }
  if (found.deprecated) return action("deprecate", "done", `is deprecated: ${found.deprecated}`);
  const age = io.now().getTime() - Date.parse(String(packument?.time?.[version] ?? ""));
  const alone = Object.keys(packument?.versions ?? {}).length === 1;
  if (client.keyless) {
    const command = `npm deprecate ${id} ${JSON.stringify(messageFor(about))}`;
    const text = `trusted publishing only publishes: run \`${command}\` as an owner, or set NPM_TOKEN and run the same command again`;
    return action("deprecate", "manual", text);
  }
  const stable = about.tier === "production";
  if (stable || alone || !(age < unpublishable)) {
    const why = stable
      ? "lock files may hold it"
      : alone
        ? "it is the package's only version"
        : "npm unpublishes only within 72 hours";
    return action("deprecate", "todo", `deprecate it: "${messageFor(about)}" (${why})`);
  }
  return action("unpublish", "todo", "unpublish it; or deprecate it, if something depends on it");
}

/** What npm shows to who installs a version that was taken back. */
function messageFor({ tier, instead }: Retracted): string {
  const what = tier === "staging" ? "This candidate" : "This version";
  return `${what} was taken back.${instead === null ? "" : ` Install ${instead} instead.`}`;
}

/**
 * As npm's client does it (libnpmpublish, unpublish.js): the document without the version, then the tarball.
 *
 * @returns false where npm's rules forbid it (405 "You can no longer unpublish this package")
 */
async function unpublish(client: NpmClient, name: string, version: string, io: Io): Promise<boolean> {
  const taken = await edit(client, name, io, "unpublishing", version, (document) => {
    const left = { ...document.versions };
    delete left[version];
    const tags = Object.fromEntries(Object.entries(document["dist-tags"] ?? {}).filter(([, at]) => at !== version));
    const latest = semver.rsort(Object.keys(left).filter((one) => semver.valid(one)))[0];
    if (tags.latest === undefined && latest !== undefined) tags.latest = latest;
    return { ...document, versions: left, "dist-tags": tags, _revisions: undefined, _attachments: undefined };
  });
  if (taken === null) return false;
  const tarball = taken.versions?.[version]?.dist?.tarball;
  const { _rev: rev } = (await document(client, name, io)) ?? {};
  if (tarball === undefined || !URL.canParse(tarball) || rev === undefined) return true;
  const path = new URL(tarball).pathname.slice(new URL(client.base).pathname.replace(/\/$/, "").length);
  const response = await client.send(name, `${path}/-rev/${rev}`, io, { method: "DELETE", token: true });
  // The version is gone from the document already; some registries delete the tarball with it.
  response.discard();
  return true;
}

async function deprecate(client: NpmClient, name: string, version: string, message: string, io: Io): Promise<void> {
  const done = await edit(client, name, io, "deprecating", version, (document) => {
    const versions = { ...document.versions };
    versions[version] = { ...versions[version], deprecated: message };
    return { ...document, versions };
  });
  if (done === null) throw new ReleaseError("REGISTRY", `npm doesn't let ${name}@${version} be deprecated`);
}

async function document(client: NpmClient, name: string, io: Io): Promise<Document | null> {
  return (await client.packument(name, io, { fresh: true, token: true })) as Document | null;
}

/**
 * Changes a package's document; again, when somebody else changed it meanwhile (409).
 *
 * @returns the document as it was, or null where npm's rules forbid the change
 */
async function edit(
  client: NpmClient,
  name: string,
  io: Io,
  what: string,
  version: string,
  change: (document: Document) => Record<string, unknown>,
): Promise<Document | null> {
  for (let attempt = 1; ; attempt++) {
    const before = await document(client, name, io);
    if (before?.versions?.[version] === undefined) {
      throw new ReleaseError("REGISTRY", `npm doesn't show ${name}@${version}`, { retryable: true });
    }
    const path = `/${escapeName(name)}${what === "unpublishing" ? `/-rev/${before._rev}` : ""}`;
    const response = await client.send(name, path, io, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(change(before)),
      token: true,
    });
    if (response.status < 300) {
      response.discard();
      return before;
    }
    const message = await messageOf(response);
    if (response.status === 409 && attempt < 5) continue;
    if (response.status === 405 || /no longer unpublish|Failed criteria/i.test(message)) return null;
    throw await client.failure(response, `${what} ${name}@${version}`, io, message);
  }
}
