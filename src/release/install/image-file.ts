import { createWriteStream } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { bounded } from "../../lib/http-answer.ts";
import { tarEntries } from "../../proof/archive.ts";

/** Where a path of an image leads: a file of a layer, or another path. */
interface Node {
  layer: string;
  /** As the layer's archive has it. */
  name: string;
  link?: string;
}

const { posix } = path;
/** Of an image, before it counts as one that only fills the memory. */
const mostEntries = 1_000_000;
/** As Linux has it (path_resolution(7)). */
const mostLinks = 40;

/**
 * Copies one file out of an image, whose layers aren't unpacked: what an archive says about a path stays a text, so that no
 * link of one layer leads the files of the next out of the folder (CVE-2025-45582, GNU tar). Links are followed inside of
 * the image; a whiteout takes away what is below it (image-spec, layer.md, "Whiteouts").
 *
 * @param layers tar archives, plain or compressed, the lowest first
 * @param file its path in the image
 * @throws Error when the image holds no such file, or isn't one
 */
export async function copyFromImage(layers: readonly string[], file: string, to: string): Promise<void> {
  const nodes = new Map<string, Node>();
  for (const layer of layers) {
    const mine = new Map<string, Node>();
    for await (const { name, facts } of tarEntries(layer)) {
      if (nodes.size + mine.size > mostEntries) throw new Error(`the image holds more than ${mostEntries} entries`);
      const at = posix.normalize(`/${name}`).replace(/(?<=.)\/$/, "");
      const hidden = /^\.wh\.(.*)$/s.exec(posix.basename(at))?.[1];
      const folder = posix.dirname(at);
      if (hidden === ".wh..opq") remove(nodes, folder, false);
      else if (hidden !== undefined) remove(nodes, posix.join(folder, hidden), true);
      else if (facts.type === "symlink") mine.set(at, { layer, name, link: posix.resolve(folder, facts.link ?? "") });
      else if (facts.type === "link") mine.set(at, { layer, name, link: posix.normalize(`/${facts.link ?? ""}`) });
      else mine.set(at, { layer, name });
    }
    for (const [at, node] of mine) nodes.set(at, node);
  }
  const found = resolve(nodes, file);
  if (!found) throw new Error(`the image holds no file ${file}`);
  for await (const { name, facts, body } of tarEntries(found.layer)) {
    if (name !== found.name || facts.type !== "file") continue;
    // Awaited here: leaving the loop closes the archive.
    await pipeline(bounded(body, file, 2 ** 31), createWriteStream(to, { mode: 0o755 }));
    return;
  }
  throw new Error(`${file} isn't a file in the image`);
}

function remove(nodes: Map<string, Node>, at: string, itself: boolean): void {
  const below = at === "/" ? "/" : `${at}/`;
  for (const one of nodes.keys()) if ((itself && one === at) || one.startsWith(below)) nodes.delete(one);
}

/** The file that a path leads to, part by part. */
function resolve(nodes: ReadonlyMap<string, Node>, file: string): Node | undefined {
  let [at, links] = ["/", 0];
  const left = file.split("/").filter(Boolean);
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    at = posix.join(at, part);
    const link = nodes.get(at)?.link;
    if (link === undefined) continue;
    if (++links > mostLinks) throw new Error(`the links of ${file} in the image don't end`);
    left.unshift(...link.split("/").filter(Boolean));
    at = "/";
  }
  return nodes.get(at);
}
