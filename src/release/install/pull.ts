import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { asReleaseError } from "../../lib/errors.ts";
import { exec } from "../../lib/exec.ts";
import { hexOf } from "../../lib/hash.ts";
import { bounded } from "../../lib/http-answer.ts";
import { tarEntries } from "../../proof/archive.ts";
import type { Trial } from "./tools.ts";

/** An image of one platform, as it was pulled. */
export interface PulledImage {
  architecture: string;
  entry: string | undefined;
  labels: Record<string, string>;
  /** Tar archives, plain or compressed, the lowest first. */
  layers: string[];
}

interface ImageConfig {
  architecture?: string;
  config?: { Entrypoint?: string[] | null; Cmd?: string[] | null; Labels?: Record<string, string> | null };
}

/**
 * Pulls an image as users do: by skopeo, or by docker where only that is installed.
 *
 * @param reference `HOST:PORT/playground/control-plane:v0.1.19`
 * @param platform `linux/amd64`
 * @throws ReleaseError TOOL_MISSING without both
 */
export async function pull(trial: Trial, reference: string, platform: string, folder: string): Promise<PulledImage> {
  const content = path.join(folder, "content");
  try {
    return await pullBySkopeo(trial, reference, platform, content);
  } catch (thrown) {
    if (asReleaseError(thrown).code !== "TOOL_MISSING") throw thrown;
    return pullByDocker(trial, reference, platform, content).catch((other) => {
      // Who has neither is told of the one that needs no daemon.
      throw asReleaseError(other).code === "TOOL_MISSING" ? thrown : other;
    });
  }
}

async function pullBySkopeo({ env, signal }: Trial, reference: string, platform: string, content: string) {
  const plain = /^(localhost|127\.|\[::1\])/.test(reference) ? ["--src-tls-verify=false"] : [];
  const [os = "", arch = ""] = platform.split("/");
  const choose = ["--insecure-policy", `--override-os=${os}`, `--override-arch=${arch}`];
  const to = `dir:${content}`;
  await exec("skopeo", [...choose, "copy", "--quiet", ...plain, `docker://${reference}`, to], { env, signal });
  const read = async (name: string) => JSON.parse(await readFile(path.join(content, name), "utf8"));
  const manifest = (await read("manifest.json")) as { config: { digest: string }; layers: { digest: string }[] };
  const blob = (digest: string) => path.basename(hexOf(digest));
  const layers = manifest.layers.map(({ digest }) => path.join(content, blob(digest)));
  return described(await read(blob(manifest.config.digest)), layers);
}

/** `docker image save` writes a tar archive whose manifest.json names the configuration and the layers in it. */
async function pullByDocker({ env, signal }: Trial, reference: string, platform: string, content: string) {
  await mkdir(content, { recursive: true });
  const saved = path.join(content, "saved.tar");
  await exec("docker", ["pull", "--quiet", "--platform", platform, reference], { env, signal });
  await exec("docker", ["image", "save", "--output", saved, reference], { env, signal });
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  for await (const { name, facts, body } of tarEntries(saved)) {
    if (facts.type === "symlink") links.set(name, path.posix.join(path.posix.dirname(name), facts.link ?? ""));
    if (facts.type !== "file") continue;
    const to = path.join(content, createHash("sha256").update(name).digest("hex"));
    await pipeline(bounded(body, name, 2 ** 34), createWriteStream(to));
    files.set(name, to);
  }
  const at = (name: string) => {
    const found = files.get(links.get(name) ?? name);
    if (found === undefined) throw new Error(`docker image save left out ${name}`);
    return found;
  };
  const read = async (name: string) => JSON.parse(await readFile(at(name), "utf8"));
  const [manifest] = (await read("manifest.json")) as { Config: string; Layers: string[] }[];
  if (!manifest) throw new Error("docker image save wrote no image");
  return described(await read(manifest.Config), manifest.Layers.map(at));
}

function described({ architecture = "", config }: ImageConfig, layers: string[]): PulledImage {
  return { architecture, entry: config?.Entrypoint?.[0] ?? config?.Cmd?.[0], labels: config?.Labels ?? {}, layers };
}
