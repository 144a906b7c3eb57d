import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  type ImageIndex,
  type ImageManifest,
  listManifests,
  mediaTypes,
  type Platform,
  readJson,
} from "../build/oci.ts";
import { type Digest, hashing, hexOf } from "../lib/hash.ts";
import { type Contents, collect, type Streamed, tarEntries } from "./archive.ts";

interface ImageConfig extends Platform {
  rootfs?: { diff_ids?: Digest[] };
}

interface Image {
  platform: string;
  manifest: ImageManifest;
  config: ImageConfig;
}

/** An image's contents: annotations, and for each platform its configuration and the entries of its layers. */
export interface ImageContents extends Contents {
  /** Digests of all layers, so that those that both sides have need not be unpacked. */
  layers: ReadonlySet<Digest>;
  /** Layers whose uncompressed digest isn't what the configuration says; filled while entries are read. */
  wrong: ReadonlySet<string>;
}

/** Digests of the layers of an OCI layout folder. */
export async function layersOf(layout: string): Promise<Set<Digest>> {
  return new Set((await imagesOf(layout)).flatMap(({ manifest }) => manifest.layers.map((layer) => layer.digest)));
}

/**
 * Opens an OCI layout folder. A layer that the other side has too is one entry, without its files.
 *
 * @param shared digests of layers that both sides have
 */
export async function openImage(
  layout: string,
  shared: ReadonlySet<Digest>,
  signal?: AbortSignal,
): Promise<ImageContents> {
  const images = await imagesOf(layout);
  const wrong = new Set<string>();
  async function* entries(): AsyncGenerator<Streamed> {
    yield document("annotations", await annotationsOf(layout));
    for (const { platform, manifest, config } of images) {
      const { rootfs, ...rest } = config;
      const diffs = rootfs?.diff_ids ?? [];
      yield document(`${platform} configuration`, { ...rest, layers: manifest.layers.length });
      yield document(`${platform} annotations`, manifest.annotations ?? {});
      for (const [index, layer] of manifest.layers.entries()) {
        const name = `${platform} layer ${index + 1}`;
        if (shared.has(layer.digest)) {
          yield { name, facts: { digest: layer.digest, diff: diffs[index] ?? "none" }, body: of("") };
          continue;
        }
        const whole = hashing(["sha256"]);
        const blob = path.join(layout, "blobs/sha256", hexOf(layer.digest));
        for await (const entry of tarEntries(blob, (chunk) => whole.update(chunk))) {
          yield { ...entry, name: `${name}: ${entry.name}` };
        }
        if (whole.end().digests.sha256 !== diffs[index]) wrong.add(name);
      }
    }
  }
  const contents = await collect(entries, signal);
  return { ...contents, layers: await layersOf(layout), wrong };
}

async function imagesOf(layout: string): Promise<Image[]> {
  const images: Image[] = [];
  for (const entry of await listManifests(layout)) {
    const manifest = await readJson<ImageManifest>(layout, entry.digest);
    const config = await readJson<ImageConfig>(layout, manifest.config.digest);
    const { os, architecture, variant } = config;
    images.push({ platform: [os, architecture, variant].filter(Boolean).join("/"), manifest, config });
  }
  return images;
}

async function annotationsOf(layout: string): Promise<unknown> {
  const top = JSON.parse(await readFile(path.join(layout, "index.json"), "utf8")) as ImageIndex;
  const index = top.manifests.find((one) => one.mediaType === mediaTypes.index);
  return (index && (await readJson<ImageIndex>(layout, index.digest)).annotations) ?? {};
}

/** A JSON document a line a value, so that differences are told by line. */
function document(name: string, value: unknown): Streamed {
  return { name, facts: {}, body: of(`${JSON.stringify(value, null, 1)}\n`) };
}

async function* of(text: string): AsyncGenerator<Uint8Array> {
  if (text !== "") yield Buffer.from(text);
}
