import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import path from "node:path";
import type { ImageArtifact } from "../config/types.ts";
import { ReleaseError } from "../lib/errors.ts";
import { type Digest, hashing } from "../lib/hash.ts";
import { gzip } from "./archive/gzip.ts";
import { compareBytes, pack, type TarEntry } from "./archive/tar.ts";
import type { ImageSource } from "./image.ts";
import * as oci from "./oci.ts";
import { expand, isoDate } from "./template.ts";
import type { BuildContext } from "./types.ts";

interface ImageConfig extends oci.Platform {
  created?: string;
  config?: {
    User?: string;
    ExposedPorts?: Record<string, object>;
    Env?: string[];
    Entrypoint?: string[];
    Cmd?: string[];
    WorkingDir?: string;
    Labels?: Record<string, string>;
    [key: string]: unknown;
  };
  rootfs: { type: "layers"; diff_ids: Digest[] };
  history?: object[];
  [key: string]: unknown;
}

/**
 * An image without a daemon: one layer with the files, on `scratch` or on a base that is an OCI layout.
 * The same input gives the same digest on every machine and every Node.
 */
export async function buildLayers(
  artifact: ImageArtifact,
  layout: string,
  sources: Map<string, ImageSource[]>,
  labels: Record<string, string>,
  context: BuildContext,
): Promise<{ digest: Digest; size: number }> {
  await oci.createLayout(layout);
  const manifests: oci.Descriptor[] = [];
  for (const [name, files] of sources) {
    const platform = oci.ociPlatform(name);
    const base = artifact.base === "scratch" ? undefined : await readBase(artifact, platform, layout, context);
    const whole = hashing(["sha256"]);
    const entries = await entriesOf(files, base === undefined, context.epoch);
    const layer = await oci.writeStream(
      layout,
      oci.mediaTypes.layer,
      gzip(
        (async function* () {
          for await (const chunk of pack(entries)) {
            whole.update(chunk);
            yield chunk;
          }
        })(),
      ),
      context.io.signal,
    );
    const config = await oci.writeJson(
      layout,
      oci.mediaTypes.config,
      configOf(artifact, platform, base?.config, whole.end().digests.sha256 as Digest, labels, context),
    );
    const manifest: oci.ImageManifest = {
      schemaVersion: 2,
      mediaType: oci.mediaTypes.manifest,
      config,
      layers: [...(base?.manifest.layers ?? []), layer],
    };
    manifests.push({ ...(await oci.writeJson(layout, oci.mediaTypes.manifest, manifest)), platform });
  }
  return oci.writeIndex(layout, manifests, labels);
}

/** The base's image of this platform, its layers copied into our layout. */
async function readBase(artifact: ImageArtifact, platform: oci.Platform, layout: string, context: BuildContext) {
  const folder = path.join(context.tree, artifact.base);
  try {
    const has: string[] = [];
    for (const entry of await oci.listManifests(folder)) {
      const manifest = await oci.readJson<oci.ImageManifest>(folder, entry.digest);
      const config = await oci.readJson<ImageConfig>(folder, manifest.config.digest);
      has.push([config.os, config.architecture, config.variant].filter(Boolean).join("/"));
      if (!oci.samePlatform(config, platform)) continue;
      for (const layer of manifest.layers) await oci.copyBlob(folder, layout, layer);
      return { manifest, config };
    }
    throw new Error(`it has ${has.join(", ") || "no image"}`);
  } catch (cause) {
    const wanted = [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/");
    throw new ReleaseError("BUILD", `${artifact.name}: no base image for ${wanted} in ${artifact.base}`, {
      facts: { artifact: artifact.name, found: cause instanceof Error ? cause.message : String(cause) },
      hint: `put one there with all platforms: skopeo copy --multi-arch all docker://IMAGE oci:${artifact.base}`,
      cause,
    });
  }
}

function configOf(
  artifact: ImageArtifact,
  platform: oci.Platform,
  base: ImageConfig | undefined,
  layer: Digest,
  labels: Record<string, string>,
  context: BuildContext,
): ImageConfig {
  const created = isoDate(context.epoch);
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Labels, ...rest } = base?.config ?? {};
  const env = new Map((Env ?? []).map((line) => [line.slice(0, line.indexOf("=")), line]));
  for (const [key, value] of Object.entries(artifact.env)) env.set(key, `${key}=${expand(value, context)}`);
  const ports = { ...ExposedPorts, ...Object.fromEntries(artifact.ports.map((port) => [`${port}/tcp`, {}])) };
  const user = artifact.user ?? User;
  // A base's Cmd are arguments for the base's entrypoint.
  const entrypoint = artifact.entrypoint.length > 0 ? { Entrypoint: artifact.entrypoint } : { Entrypoint, Cmd };
  return {
    created,
    ...platform,
    config: {
      ...(user === undefined ? {} : { User: user }),
      ...(Object.keys(ports).length > 0 ? { ExposedPorts: ports } : {}),
      ...(env.size > 0 ? { Env: [...env.values()] } : {}),
      ...entrypoint,
      ...rest,
      Labels: { ...Labels, ...labels },
    },
    rootfs: { type: "layers", diff_ids: [...(base?.rootfs.diff_ids ?? []), layer] },
    history: [...(base?.history ?? []), { created, created_by: "twotier" }],
  };
}

/** Entries of the layer, sorted. Folders only on `scratch`: on a base one could stand in the place of a link (/bin). */
async function entriesOf(sources: ImageSource[], folders: boolean, mtime: number): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>();
  const add = async (to: string, from: string, binary: boolean): Promise<void> => {
    const info = await lstat(from);
    if (info.isDirectory()) {
      for (const name of await readdir(from)) await add(`${to}/${name}`, path.join(from, name), binary);
      return;
    }
    if (folders) {
      for (let at = to.indexOf("/"); at > 0; at = to.indexOf("/", at + 1)) {
        const name = to.slice(0, at + 1);
        entries.set(name, { name, type: "directory", mode: 0o755, mtime, size: 0 });
      }
    }
    if (info.isSymbolicLink()) {
      const linkname = await readlink(from);
      entries.set(to, { name: to, type: "symlink", mode: 0o777, mtime, size: 0, linkname });
    } else {
      const mode = binary || (info.mode & 0o100) !== 0 ? 0o755 : 0o644;
      entries.set(to, { name: to, type: "file", mode, mtime, size: info.size, body: lazily(from) });
    }
  };
  for (const { to, from, binary } of sources) {
    await add(to.replace(/^\/+|\/+$/g, ""), from, binary);
  }
  return [...entries.values()].sort((a, b) => compareBytes(a.name, b.name));
}

/** Opened only when it is read: a layer may have more files than a process may have open. */
async function* lazily(file: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(file, { highWaterMark: 1 << 18 });
}
