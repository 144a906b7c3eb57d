import semver from "semver";
import type { Io, Pointer, PointerStore } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Digest } from "../../lib/hash.ts";
import type { Credentials } from "./auth.ts";
import { contentOf, type Manifest, type OciClient } from "./client.ts";
import { splitId } from "./reference.ts";
import { deleteTag } from "./retract.ts";
import { type TagTemplates, versionOfTag, versionTemplates } from "./tags.ts";

const label = "org.opencontainers.image.version";

/** Tags that move, such as `latest`. The version they stand for is that of the version tag with the same digest. */
export function pointerStore(client: OciClient, tags: TagTemplates, credentials?: Credentials): PointerStore {
  return {
    async read(name, io) {
      const { repository, reference } = splitId(name);
      const manifest = await client.manifest(repository, reference, io);
      if (!manifest) return null;
      const told = await toldVersion(client, repository, manifest, io);
      if (told !== undefined && (await hasTag(told, repository, manifest.digest, io))) return told;
      const found = await searchVersion(repository, manifest.digest, io);
      if (found !== undefined || told !== undefined) return found ?? (told as string);
      io.emit({
        type: "warning",
        message: `${client.nameOf(repository)}:${reference} is at an image of no version that twotier knows (${manifest.digest})`,
      });
      return "0.0.0"; // below every release: it moves forward
    },

    async write(pointer: Pointer, io: Io) {
      const { repository, reference } = splitId(pointer.name);
      const from = splitId(pointer.itemId).reference;
      const manifest = await client.manifest(repository, from, io);
      if (!manifest) {
        throw new ReleaseError("REGISTRY", `${client.nameOf(repository)} has no ${from} for ${reference} to select`, {
          hint: "run the same command again: it pushes what is missing",
        });
      }
      await client.putManifest(repository, reference, manifest, io);
    },

    removable: () => true,
    async remove(name, io) {
      const { repository, reference } = splitId(name);
      await deleteTag(client, repository, reference, credentials, io);
    },
  };

  async function hasTag(version: string, repository: string, digest: Digest, io: Io): Promise<boolean> {
    for (const template of versionTemplates(tags)) {
      if (/\{(?!version\})/.test(template)) continue;
      const tag = template.replaceAll("{version}", version);
      if ((await client.head(repository, tag, io)) === digest) return true;
    }
    return false;
  }

  /** Version tags are asked from the highest down, eight at a time, until one has the digest. */
  async function searchVersion(repository: string, digest: Digest, io: Io): Promise<string | undefined> {
    const known = (await client.tags(repository, io)).flatMap((tag) => {
      const version = versionOfTag(tag, tags);
      return version === undefined ? [] : [{ tag, version }];
    });
    known.sort((a, b) => semver.rcompare(a.version, b.version));
    for (let at = 0; at < known.length; at += 8) {
      const some = known.slice(at, at + 8);
      const digests = await Promise.all(some.map(({ tag }) => client.head(repository, tag, io)));
      const match = some[digests.indexOf(digest)];
      if (match) return match.version;
    }
    return undefined;
  }
}

/** The version that the image says it is: an annotation of its index, or a label of its first platform. */
async function toldVersion(
  client: OciClient,
  repository: string,
  manifest: Manifest,
  io: Io,
): Promise<string | undefined> {
  const content = contentOf(manifest.bytes, client.nameOf(repository));
  const valid = (text: string | undefined) => semver.valid(text) ?? undefined;
  const annotated = valid(content.annotations?.[label]);
  if (annotated !== undefined) return annotated;
  const first = content.manifests?.[0];
  const child = first ? await client.manifest(repository, first.digest, io) : manifest;
  if (!child) return undefined;
  const image = contentOf(child.bytes, client.nameOf(repository));
  if (valid(image.annotations?.[label])) return valid(image.annotations?.[label]);
  if (!image.config) return undefined;
  const response = await client.send(io, { path: `/v2/${repository}/blobs/${image.config.digest}`, repository });
  if (response.status !== 200) {
    response.discard();
    return undefined;
  }
  const config = await response.json<{ config?: { Labels?: Record<string, string> } }>(8 << 20);
  return valid(config?.config?.Labels?.[label]);
}
