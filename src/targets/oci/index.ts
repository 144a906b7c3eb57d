import type { ReleaseFile } from "../../core/manifest.ts";
import type { Io, Item, Pointer, ReleaseContext, Seen, Target } from "../../core/target.ts";
import { asReleaseError, ReleaseError } from "../../lib/errors.ts";
import type { Digest } from "../../lib/hash.ts";
import { type Manifest, OciClient } from "./client.ts";
import { pointerStore } from "./pointer.ts";
import { preflight } from "./preflight.ts";
import { pushImage } from "./push.ts";
import { isDigest, splitId } from "./reference.ts";
import { ociStaging } from "./staging.ts";
import { renderTag, type TagTemplates, versionOfTag } from "./tags.ts";
import { dockerUndo } from "./undo.ts";
import { verifyImage, type Walked } from "./verify.ts";

export interface DockerTargetOptions {
  /** Host, e.g. `docker.io` or `127.0.0.1:5000` (http on this machine, else https) */
  registry: string;
  /** Missing ones are a finding of preflight. */
  username?: string;
  token?: string;
  /** All images that this repository publishes, without host and tag: `playground/control-plane` */
  repositories: readonly string[];
  /** Templates of the tags each tier keeps for ever: `staging-{version}`, `v{version}` */
  tags: TagTemplates;
  /** Tags that move: `latest` */
  pointers: TagTemplates;
  release?: ReleaseContext;
  /** Left out: its own. */
  clients?: DockerClients;
}

/** The clients of a registry, which find out how it wants to be asked, and hold its tokens. */
export interface DockerClients {
  own: OciClient;
  /** Without credentials, as users pull. */
  visitor: OciClient;
}

export function dockerClients({
  registry,
  username,
  token,
}: Pick<DockerTargetOptions, "registry" | "username" | "token">): DockerClients {
  const credentials = username && token ? { username, token } : undefined;
  return { own: new OciClient(registry, credentials), visitor: new OciClient(registry) };
}

/** Images in any OCI registry: content by digest before the seal, version tags after it, `latest` at the end. */
export function createDockerTarget(options: DockerTargetOptions): Target {
  const { username, token, repositories, tags, pointers, release } = options;
  const credentials = username && token ? { username, token } : undefined;
  const { own: client, visitor } = options.clients ?? dockerClients(options);
  /** Blob -> a repository that holds it: what images share is mounted, not sent again. */
  const held = new Map<Digest, string>();
  /** `repo@digest` -> the index that was pushed there by this process. */
  const pushed = new Map<string, Manifest>();
  const [walked, walkedPrivately]: [Walked, Walked] = [new Map(), new Map()];
  let warned = false;
  const [first] = repositories;

  return {
    name: "docker",

    expect(files: readonly ReleaseFile[], of: ReleaseContext) {
      const items: Item[] = [];
      const selecting: Pointer[] = [];
      for (const file of files.filter(({ kind }) => kind === "image")) {
        const repository = file.package ?? "";
        const digest = file.sha256;
        const content = `${repository}@${digest}`;
        items.push({ target: "docker", id: content, digest, file: file.name, phase: "stage" });
        const names = [...new Set(tags[of.tier].map((template) => renderTag(template, of)))];
        for (const tag of names) {
          items.push({
            target: "docker",
            id: `${repository}:${tag}`,
            digest,
            file: "",
            phase: "tag",
            after: [content],
          });
        }
        for (const name of new Set(pointers[of.tier].map((template) => renderTag(template, of)))) {
          const itemId = names[0] === undefined ? content : `${repository}:${names[0]}`;
          selecting.push({ target: "docker", name: `${repository}:${name}`, itemId, version: of.version });
        }
      }
      return { items, pointers: selecting };
    },

    preflight: (io) => preflight({ client, username, token, repositories, tags, pointers, release }, io),

    async versions(io) {
      const all = await Promise.all(repositories.map((repository) => client.tags(repository, io)));
      return [...new Set(all.flat().flatMap((tag) => versionOfTag(tag, tags) ?? []))];
    },

    async observe(item, io) {
      const { repository, reference } = splitId(item.id);
      const digest = await client.head(repository, reference, io);
      return digest === null ? { state: "absent" } : { state: "present", digest };
    },

    async publish(item, files, io) {
      const { repository, reference } = splitId(item.id);
      if (isDigest(reference)) {
        const { path: folder } = await files(item.file);
        const image = { repository, digest: reference, folder, id: item.id };
        pushed.set(item.id, await pushImage(client, image, held, io));
        return;
      }
      // A registry lets a tag be moved: it is looked at once more just before.
      const seen = await client.head(repository, reference, io);
      if (seen === item.digest) return;
      if (seen !== null) throw conflict(item, seen);
      await tag(item, repository, reference, io);
    },

    async verify(item, io) {
      const { repository, reference } = splitId(item.id);
      try {
        return await verifyImage(visitor, repository, reference, walked, io);
      } catch (thrown) {
        const error = asReleaseError(thrown);
        if (error.code !== "AUTH" || !credentials) throw error;
        return verifyPrivate(repository, reference, io);
      }
    },

    undo: dockerUndo(client, credentials),
    address: client.registry.host,

    pointers: pointerStore(client, tags, credentials),

    ...(first !== undefined && release ? { staging: ociStaging(client, first, release, credentials) } : {}),
  };

  async function tag(item: Item, repository: string, name: string, io: Io): Promise<void> {
    const manifest = pushed.get(`${repository}@${item.digest}`) ?? (await client.manifest(repository, item.digest, io));
    if (!manifest) {
      throw new ReleaseError(
        "REGISTRY",
        `${client.nameOf(repository)} doesn't hold ${item.digest}, which ${name} is to name`,
        {
          hint: "run the same command again: it pushes what is missing",
        },
      );
    }
    try {
      await client.putManifest(repository, name, manifest, io);
    } catch (thrown) {
      // Docker Hub answers 403 to an immutable tag even when the image landed (hub-feedback#2466)
      const error = asReleaseError(thrown);
      if (error.code !== "AUTH") throw error;
      const now = await client.head(repository, name, io);
      if (now === null) throw error;
      if (now !== item.digest) throw conflict(item, now);
    }
  }

  async function verifyPrivate(repository: string, reference: string, io: Io): Promise<Seen> {
    if (!warned) {
      const message = `${client.nameOf(repository)} can't be pulled without credentials; it was read with yours`;
      io.emit({ type: "warning", message });
    }
    warned = true;
    return verifyImage(client, repository, reference, walkedPrivately, io);
  }

  function conflict(item: Item, found: Digest): ReleaseError {
    return new ReleaseError("CONFLICT", `${client.registry.host} already holds ${item.id} with other contents`, {
      facts: { expected: item.digest, found },
      hint: "a released tag is never moved; release the next version",
    });
  }
}
