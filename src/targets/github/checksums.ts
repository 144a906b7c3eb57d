import type { Io, Remark, Surroundings } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import type { Api } from "./api.ts";
import { downloadAsset, releaseByTag } from "./releases.ts";
import { orNull } from "./visible.ts";

const name = "checksums.txt";
/** Bytes of a checksums.txt: 1,000 assets are the most. */
const longest = 1 << 20;

/** Whether checksums.txt of the newest release says of each asset what GitHub says of its bytes. */
export async function compareChecksums(api: Api, { newest }: Surroundings, io: Io): Promise<Remark[]> {
  const release = newest === null ? null : await orNull(() => releaseByTag(api, newest, io));
  const assets = release?.assets.filter((one) => one.state === "uploaded") ?? [];
  // Another tool's release may have none.
  if (!assets.some((one) => one.name === "release.json")) return [];
  const file = assets.find((one) => one.name === name);
  if (file === undefined) return [remark(`${newest} has no ${name}: install.sh refuses to install it`, newest)];
  const chunks: Uint8Array[] = [];
  await downloadAsset(api, file, io, (chunk) => {
    chunks.push(Uint8Array.from(chunk));
    if (chunks.reduce((sum, one) => sum + one.length, 0) > longest) {
      throw new ReleaseError("REGISTRY", `${name} of ${newest} is longer than ${longest} bytes`);
    }
  });
  const listed = new Map(
    Buffer.concat(chunks)
      .toString("utf8")
      .split("\n")
      .flatMap((line) => {
        const [, hex, about] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
        return hex && about ? [[about, `sha256:${hex}`] as const] : [];
      }),
  );
  const others = assets.filter((one) => one.name !== name);
  const wrong = others.flatMap(({ name: asset, digest }) => {
    const sum = listed.get(asset);
    if (sum === undefined) return [`${asset} isn't in it`];
    return digest === null || digest === sum ? [] : [`${asset} has other bytes`];
  });
  const gone = [...listed.keys()].filter((one) => !others.some((asset) => asset.name === one));
  wrong.push(...gone.map((one) => `${one} isn't among the assets`));
  return wrong.length === 0 ? [] : [remark(`${name} of ${newest} doesn't match: ${few(wrong)}`, newest)];
}

function few(texts: readonly string[]): string {
  const more = texts.length > 3 ? ` and ${texts.length - 3} more` : "";
  return `${texts.slice(0, 3).join(", ")}${more}`;
}

function remark(message: string, tag: string | null): Remark {
  const hint = `look at each asset with \`twotier verify ${tag}\`; take the release back with \`twotier rollback ${tag}\`, and release again`;
  return { level: "error", code: "checksums", message, hint };
}
