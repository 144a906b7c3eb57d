import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Io, ReleaseContext, Staging } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/hash.ts";
import { bounded } from "../../lib/http-answer.ts";
import type { Credentials } from "./auth.ts";
import { contentOf, type Descriptor, type Manifest, type OciClient, ociManifest } from "./client.ts";
import { deleteTag } from "./retract.ts";
import { uploadBlob } from "./upload.ts";

const artifactType = "application/vnd.twotier.staging.v1+json";
const title = "org.opencontainers.image.title";
const discarded = "io.twotier.discarded";
/** `{}`: an artifact needs a config, and at least one layer (image-spec, "Guidance for an empty descriptor"). */
const empty = Buffer.from("{}");
const emptyDescriptor = { mediaType: artifactType, digest: digestOf(empty), size: empty.length };

const isId = /^[0-9a-f]{12}$/;

interface Artifact {
  schemaVersion: 2;
  mediaType: string;
  artifactType: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
}

/**
 * Keeps a release's files as an OCI artifact in an image's repository, a layer a file, under the tag
 * `twotier-staging-VERSION-ID`: for releases without GitHub. No user pulls it; who lists the tags sees it.
 */
export function ociStaging(
  client: OciClient,
  repository: string,
  release: Pick<ReleaseContext, "version">,
  credentials: Credentials | undefined,
): Staging {
  const prefix = `twotier-staging-${release.version}-`;
  let current = "";
  /** The last change of the list of files: each waits for the one before. */
  let changing: Promise<unknown> = Promise.resolve();

  const read = async (id: string, io: Io): Promise<Pick<Artifact, "layers" | "annotations"> | null> => {
    const manifest = await client.manifest(repository, prefix + id, io);
    if (!manifest) return null;
    const content = contentOf(manifest.bytes, `${client.nameOf(repository)}:${prefix}${id}`);
    return { layers: [], ...content };
  };
  const write = async (id: string, layers: Descriptor[], io: Io, annotations?: Record<string, string>) => {
    const artifact: Artifact = {
      schemaVersion: 2,
      mediaType: ociManifest,
      artifactType,
      config: emptyDescriptor,
      layers,
      annotations,
    };
    const bytes = Buffer.from(JSON.stringify(artifact));
    const manifest: Manifest = { digest: digestOf(bytes), mediaType: ociManifest, bytes };
    await client.putManifest(repository, prefix + id, manifest, io);
    return manifest.digest;
  };
  const missing = (what: string) =>
    new ReleaseError("REGISTRY", `${client.nameOf(repository)} doesn't hold ${what}`, {
      facts: { tag: prefix + current },
      hint: "nothing is sealed yet: start the release again; else build the release commit again with the same tools",
    });

  return {
    holdsAssets: false,

    async create(io) {
      current = randomBytes(6).toString("hex");
      await uploadBlob(client, repository, { ...emptyDescriptor, from: empty }, io);
      await write(current, [emptyDescriptor], io);
      return current;
    },

    use(id) {
      // It comes from a seal, which anybody with push rights can write, and goes into an address.
      if (!isId.test(id)) {
        throw new ReleaseError("REGISTRY", `not the id of a staging place: ${JSON.stringify(id)}`, {
          hint: "the seal was not written by twotier; read it with `git show TAG`",
        });
      }
      current = id;
    },

    async list(io) {
      const tags = (await client.tags(repository, io)).filter((tag) => tag.startsWith(prefix));
      const ids = tags.map((tag) => tag.slice(prefix.length)).filter((id) => isId.test(id));
      const alive = await Promise.all(
        ids.map(async (id) => {
          const artifact = await read(id, io);
          return artifact !== null && artifact.annotations?.[discarded] === undefined;
        }),
      );
      return ids.filter((_, at) => alive[at]);
    },

    async discard(id, io) {
      if ((await read(id, io)) === null) return;
      // Emptied first: this manifest is then under this tag alone and may go by its digest, too.
      const digest = await write(id, [emptyDescriptor], io, { [discarded]: id });
      if (await deleteTag(client, repository, prefix + id, credentials, io)) return;
      const path = `/v2/${repository}/manifests/${digest}`;
      const response = await client.send(io, { path, repository, method: "DELETE" });
      response.discard(); // where nothing can be deleted, it stays empty and marked
    },

    async put(name, file, io) {
      await uploadBlob(client, repository, { digest: file.sha256, size: file.size, from: file.path }, io, {
        onSent: (sent) => io.emit({ type: "progress", target: "docker", id: name, sent, total: file.size }),
      });
      const add = async () => {
        const artifact = await read(current, io);
        if (!artifact) throw missing("the staged files");
        const others = artifact.layers.filter((layer) => layer.annotations?.[title] !== name);
        const { sha256: digest, size } = file;
        await write(
          current,
          [...others, { mediaType: "application/octet-stream", digest, size, annotations: { [title]: name } }],
          io,
        );
      };
      const turn = changing.then(add, add);
      changing = turn;
      await turn;
    },

    async fetch(name, to, io) {
      const layer = (await read(current, io))?.layers.find((one) => one.annotations?.[title] === name);
      if (!layer) throw missing(name);
      const response = await client.send(io, { path: `/v2/${repository}/blobs/${layer.digest}`, repository });
      if (response.status !== 200) throw await client.failure(response, `the staged ${name}`, io);
      await pipeline(bounded(response.body, name, layer.size), createWriteStream(to)).catch((cause) => {
        if (cause instanceof ReleaseError) throw cause;
        throw new ReleaseError("NETWORK", `${name} broke off while it was fetched`, { retryable: true, cause });
      });
    },
  };
}
